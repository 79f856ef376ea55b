-- More than one process on the database, and what an administrator changes of an account's way in.

-- The processes, each by its name (server.instance). One that stopped as it should has no row.
create table instances (
    name       text        primary key,
    process    text        not null, -- random: which run has the name
    component  text        not null, -- its domain on the XMPP server
    version    text        not null,
    started_at timestamptz not null default now(),
    seen_at    timestamptz not null default now() -- its latest sign of life
);

-- JIDs that the XMPP server is to treat otherwise than by letting in who has accounts.jid_password.
create table doors (
    account_id    bigint  primary key references accounts,
    locked        boolean not null default false, -- it was told, or is to be told, to let nobody in
    next_password bytea,                          -- the password that it is to take; sealed, context jid:<jid_local>
    next_key      integer,                        -- the key that is sealed with
    check ((next_password is null) = (next_key is null)),
    check (locked or next_password is not null)
);
