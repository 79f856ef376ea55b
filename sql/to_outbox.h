/* Wishes about pairs on their way to the outbox: part of the statements of sql/ that make them. */
#ifndef SQL_TO_OUTBOX_H
#define SQL_TO_OUTBOX_H

/* A common table expression behind one that is called wish and has low, high and version. A job that is under way keeps
 * its lease and finds a newer version when it is done. */
#define PAIRS_TO_OUTBOX                                                                                                \
    "job as (insert into outbox (kind, low, high, version) select 3, low, high, version from wish order by low, high " \
    "on conflict (kind, low, high) do update set version = excluded.version, attempts = 0, since = now(), "            \
    "last_error = null, due_at = case when outbox.lease is null then now() else outbox.due_at end) "

#endif
