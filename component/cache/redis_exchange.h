/* Commands on a connection that heals itself, below redis.h: what redis.c lends to its neighbours. Internal to this
 * folder. */
#ifndef CACHE_REDIS_EXCHANGE_H
#define CACHE_REDIS_EXCHANGE_H

#include <hiredis/hiredis.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"

struct redis;

/* The deadline of a call that begins now. */
int64_t redis_deadline(const struct redis *redis);
/* Sends a formatted command and gives the reply, of any type, errors too. ERR_CACHE_DOWN. */
MUST_CHECK enum err redis_exchange(struct redis *redis, const char *command, size_t length, int64_t deadline_ms,
                                   redisReply **reply_r);
/* The run of Redis (see redis_link.h) that gave the last reply; "-" when there was none. It changes when Redis restarts
 * and when another takes its place: what the former was told last, the next may not know. */
const char *redis_run(const struct redis *redis);
/* Passes a reply on, unless it is an error: that is logged (with `what`, never an argument), counted, freed and turned
 * into a value. */
MUST_CHECK enum err redis_judge(const char *what, redisReply *reply, redisReply **reply_r);

#endif
