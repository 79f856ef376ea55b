/* Adding a script: put it in scripts/, and in the C file that runs it write
 *
 *     REDIS_SCRIPT(code_check, "code_check.lua");
 *     ...
 *     err = redis_script_do(redis, &code_check, 1, &reply, REDIS_PREFIX "c:%s %b %" PRId64, phone, mac, size, tries);
 *     if (err == OK)
 *         err = redis_take_integer(&reply, &outcome);
 *
 * A script runs alone, so that what it reads still holds when it writes. It gets the names of all keys that it touches
 * in KEYS, takes the time from redis.call('TIME'), and gives every key an expiry. */
#ifndef CACHE_REDIS_SCRIPT_H
#define CACHE_REDIS_SCRIPT_H

#include "component/base/embed.h"
#include "component/cache/redis.h"

/* What every name in Redis starts with; a letter for the kind and a colon follow. */
#define REDIS_PREFIX "registrar:"

#define REDIS_SCRIPT(symbol, file)                                                                                     \
    EMBED_TEXT(redis_script_##symbol, "component/cache/scripts/" file);                                                \
    static const struct redis_script symbol = {.name = file, .source = redis_script_##symbol}

#endif
