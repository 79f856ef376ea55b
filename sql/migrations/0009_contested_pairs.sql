-- Pairs that a client writes against are taken apart from the others: by how often they were tried, then by age.

create index outbox_contested on outbox (attempts, due_at) where kind = 3 and last_error = 'conflict';
