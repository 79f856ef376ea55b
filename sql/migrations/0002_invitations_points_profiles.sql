-- Dialects 001 and 002 over the same accounts: roles, invitations, points and money, profiles; and wrong passwords by source.

-- 8 of A-Z 2-9. A new account's collides with one in 1.8 * 10^12 others; then its registration fails and may be tried again.
create function fresh_invite_code() returns text language sql volatile as $$
    select string_agg(substr('ABCDEFGHIJKLMNOPQRSTUVWXYZ23456789', 1 + floor(random() * 34)::integer, 1), '')
    from generate_series(1, 8)
$$;

alter table accounts
    add column role smallint not null default 1 check (role between 1 and 3), -- user, service, superadmin
    -- stays when the account is cancelled, so that it never invites for somebody else
    add column invite_code text not null default fresh_invite_code() unique check (invite_code ~ '^[A-Z2-9]{8}$'),
    add column inviter bigint references accounts check (inviter <> id),
    -- SHA-256 in hex of the device that registered or logged in last through 001 or 002
    add column xid_hash text check (xid_hash ~ '^[0-9a-f]{64}$'),
    add check (state <> 2 or (inviter is null and xid_hash is null));

-- What an account has of a currency is the balance of its last entry. Entries form a chain: each names the one before with its
-- balance, which the foreign key finds only if it is so. So the sum of the entries is the balance, and never below zero, whatever
-- a program does; two entries made from the same balance at once meet in the primary key.
create table ledger (
    account_id       bigint      not null references accounts,
    currency         smallint    not null check (currency between 1 and 2), -- points, money in fen
    seq              bigint      not null check (seq >= 1),
    amount           bigint      not null check (amount <> 0),
    balance          bigint      not null check (balance >= 0),
    previous_seq     bigint,
    previous_balance bigint,
    reason           smallint    not null check (reason between 1 and 4), -- signing up, an invitation, a shake's cost, its prize
    at               timestamptz not null default now(),
    primary key (account_id, currency, seq),
    unique (account_id, currency, seq, balance),
    foreign key (account_id, currency, previous_seq, previous_balance) references ledger (account_id, currency, seq, balance),
    check (case when seq = 1 then previous_seq is null and previous_balance is null
                else previous_seq is not null and previous_balance is not null and previous_seq = seq - 1 end),
    check (balance = coalesce(previous_balance, 0) + amount)
);

-- What the shake may give away in a day, in fen.
create table prize_days (
    day    date   primary key,
    budget bigint not null check (budget >= 0),
    spent  bigint not null check (spent >= 0),
    check (spent <= budget)
);

-- 002's profile. The row goes when the account is cancelled.
create table profiles (
    account_id      bigint      primary key references accounts,
    company_logo    text        not null,
    company_name    text        not null,
    company_address text        not null,
    user_name       text        not null,
    identity_card   bytea       not null, -- sealed, context identity:<account_id>
    identity_key    integer     not null, -- the key it is sealed with
    qq_number       text        not null,
    recommended_by  bigint      references accounts check (recommended_by <> account_id),
    updated_at      timestamptz not null default now()
);

-- Wrong passwords in a row, by where they came from; the rows go when the account is cancelled.
create table wrong_passwords (
    account_id bigint      not null references accounts,
    source     text        not null,
    count      integer     not null,
    next_at    timestamptz not null,
    primary key (account_id, source)
);
