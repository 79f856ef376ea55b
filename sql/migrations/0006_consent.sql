-- Accounts that wish to be asked before they are bound: who asked, and who was refused.

-- One row a pair. Its id is drawn anew when somebody asks anew, and is the version of the outbox's row that has the message sent.
create table asks (
    low        bigint      not null references accounts,
    high       bigint      not null references accounts,
    id         bigint      not null unique default nextval('wish_version'),
    asked_by   bigint      not null,
    state      smallint    not null default 1 check (state between 1 and 2), -- asked; refused, which is remembered
    made_at    timestamptz not null default now(),
    expires_at timestamptz not null, -- what is older counts for nothing
    primary key (low, high),
    check (low < high and asked_by in (low, high))
);
create index asks_high on asks (high);
create index asks_expiry on asks (expires_at);
