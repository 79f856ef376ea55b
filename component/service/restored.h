/* A database that was set back to an older state: a dump was restored, or a standby took over that lacked the latest
 * commits. Sessions that were ended since are there again, and nothing in Postgres says so; but Redis remembers how far
 * the database had come. */
#ifndef REGISTRAR_SERVICE_RESTORED_H
#define REGISTRAR_SERVICE_RESTORED_H

#include <stdint.h>

#include "component/base/err.h"

struct pg;
struct redis;

/* At start, and every few seconds. When Redis knows of a state that is later than the database's by half a minute, all
 * sessions end (logged), because nobody can tell which of them had ended. Then it is noted in both how far the database
 * has come. ERR_CACHE_DOWN: Redis cannot be asked; nothing was done. */
MUST_CHECK enum err restored_check(struct pg *pg, struct redis *redis);
/* Ends every session there is, a batch a transaction, and has all processes forget what their caches hold. How many
 * goes to count_r, after an error too. */
MUST_CHECK enum err sessions_end_everywhere(struct pg *pg, int64_t *count_r);

#endif
