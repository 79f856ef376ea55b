-- Points for signing up and for inviting are given once a name: what an ended account leaves of its own is a MAC.

-- A name that was welcomed before, as MACs of its type, whether it was proved, and itself: one under each key of the ring that was
-- in use when its account ended (component/service/points.c). Without the key they say nothing of the name.
create table welcomed (
    mac    bytea   primary key check (length(mac) = 32),
    key_id integer not null -- whose MAC it is: of no use once that key is in no ring any more
);
