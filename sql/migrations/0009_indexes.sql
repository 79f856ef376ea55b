-- Rows are found by what is asked of them, however many others there are.

-- Thousands of comparisons may wait, and nobody who takes other wishes is to read them. (An earlier version finds its way without.)
drop index outbox_due;
create index outbox_due on outbox (due_at) where kind <> 1 and kind <> 5;

-- Pairs that a client writes against are taken apart from the others: by how often they were tried, then by age.
create index outbox_contested on outbox (attempts, due_at) where kind = 3 and last_error = 'conflict';

-- A pair is found by either of its accounts. With both columns in both indexes it does not matter which of them Postgres takes: with
-- one alone, which it may take while the table is small, it would read all bindings of an account that has thousands.
drop index bindings_high;
create index bindings_high on bindings (high, low);
