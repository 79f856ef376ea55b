/* Wishes about pairs on their way to the outbox: part of the statements of sql/ that make them. */
#ifndef SQL_TO_OUTBOX_H
#define SQL_TO_OUTBOX_H

/* A common table expression behind one that is called wish and has low, high and version; it is called job. A job that
 * is under way keeps its lease and finds a newer version when it is done; any other gets the lease, by its owner and
 * for so many milliseconds, or is due where that is null. */
#define PAIRS_TO_OUTBOX_LEASED(lease, owner, lease_ms)                                                                 \
    "job as (insert into outbox (kind, low, high, version, lease, lease_owner, attempts, due_at) "                     \
    "select 3, low, high, version, " lease "::bigint, " owner "::text, (" lease " is not null)::integer, "             \
    "now() + " lease_ms "::bigint * interval '1 millisecond' from wish order by low, high "                            \
    "on conflict (kind, low, high) do update set version = excluded.version, since = now(), last_error = null, "       \
    "lease = coalesce(outbox.lease, excluded.lease), "                                                                 \
    "lease_owner = case when outbox.lease is null then excluded.lease_owner else outbox.lease_owner end, "             \
    "attempts = case when outbox.lease is null then excluded.attempts else 0 end, "                                    \
    "due_at = case when outbox.lease is null then excluded.due_at else outbox.due_at end "                             \
    "returning id, low, high, version, lease) "
#define PAIRS_TO_OUTBOX PAIRS_TO_OUTBOX_LEASED("null", "null", "0")

#endif
