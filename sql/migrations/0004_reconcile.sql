-- Reconciling: what Postgres wants is compared with what the XMPP server shows, account by account (docs/reconcile.md).

-- More kinds of wishes: 5 that an account be compared; 6 that a banned account's JID be shut or opened, 7 that somebody be asked for
-- his consent.
alter table outbox drop constraint outbox_kind_check;
alter table outbox add constraint outbox_kind_check check (kind between 1 and 7);
create index outbox_compares on outbox (due_at) where kind = 5;

-- What was made or looked at lately, for what is compared at once after the server was gone.
create index roster_seen_at on roster_seen (seen_at);
create index accounts_jid_checked on accounts (jid_checked_at) where jid_checked_at is not null;

-- Pairs that were bound once. What a roster shows of them is a left-over; what it shows of others the user added himself.
create table bindings_ended (
    low      bigint      not null references accounts,
    high     bigint      not null references accounts,
    ended_at timestamptz not null default now(),
    primary key (low, high),
    check (low < high)
);
create index bindings_ended_at on bindings_ended (ended_at);

-- An account's last comparison, and its place among those to come.
create table comparisons (
    account_id  bigint      primary key references accounts,
    used_at     timestamptz not null default 'epoch', -- latest login, to the hour
    round       bigint      not null default 0,       -- the latest round in which it was its turn
    forgotten   boolean     not null default false,   -- the server may have forgotten what it acknowledged: no user did it
    compared_at timestamptz,
    outcome     smallint    check (outcome between 1 and 4), -- same, mended, held, unread
    drift       integer     not null default 0,       -- differences that were found then
    drifted_at  timestamptz                           -- latest difference that counts for the brake
);
create index comparisons_turn on comparisons (round, used_at desc);
create index comparisons_held on comparisons (round, used_at desc) where outcome = 3;
create index comparisons_drifted on comparisons (drifted_at) where drifted_at is not null;

-- The round that all processes share: one row.
create table reconcile_rounds (
    one      boolean     primary key default true check (one),
    round    bigint      not null default 0,
    begun_at timestamptz not null default 'epoch',
    size     bigint      not null default 0,     -- accounts in it
    taken    bigint      not null default 0,     -- of them, those that had their turn
    taken_at timestamptz not null default now(), -- when the latest had it
    enrolled bigint                              -- accounts above this id may be missing from comparisons; null: none is
);
insert into reconcile_rounds default values;

-- The brake: one row. On: braked_at is set, and let_go_until is not in the future.
create table reconcile_brake (
    one          boolean     primary key default true check (one),
    active       bigint      not null default 0,      -- active accounts, counted now and then
    drift_since  timestamptz not null default 'epoch', -- what was found before does not count
    braked_at    timestamptz,
    let_go_at    timestamptz,
    let_go_until timestamptz
);
insert into reconcile_brake default values;
