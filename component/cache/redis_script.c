/* Running Lua scripts.
 *
 * A script goes by its SHA-1. It is computed for each run: 2 µs beside a round trip of tens, and so a script is a
 * constant that threads share without a lock. Redis forgets scripts when it restarts: a run that it answers with
 * NOSCRIPT did nothing, so that it may be sent once more after the script was loaded. */
#include "component/cache/redis_script.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/cache/redis_exchange.h"

enum { SHA1_HEX_SIZE = 41, HEAD = 3 /* EVALSHA, the SHA-1, the number of keys */ };

/* A run's EVALSHA, as it goes over the wire. */
struct run {
    char sha1[SHA1_HEX_SIZE];
    char *command; /* hiredis's */
    int length;    /* < 0: formatting failed */
};

static enum err load(struct redis *redis, const struct redis_script *script, int64_t deadline_ms)
{
    char *command = NULL;
    const char *arguments[] = {"SCRIPT", "LOAD", script->source};
    int length = redisFormatCommandArgv(&command, 3, arguments, NULL);
    if (length < 0)
        return ERR_INTERNAL;
    redisReply *reply = NULL;
    enum err err = redis_exchange(redis, command, (size_t)length, deadline_ms, &reply);
    redisFreeCommand(command);
    if (err == OK)
        err = redis_judge(script->name, reply, &reply);
    if (err == OK)
        freeReplyObject(reply);
    return err;
}

static bool is_unknown_script(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOSCRIPT ", strlen("NOSCRIPT ")) == 0;
}

static enum err exchange(struct redis *redis, const struct redis_script *script, const struct run *run,
                         redisReply **reply_r)
{
    int64_t deadline_ms = redis_deadline(redis);
    redisReply *reply = NULL;
    enum err err = redis_exchange(redis, run->command, (size_t)run->length, deadline_ms, &reply);
    if (err == OK && is_unknown_script(reply)) {
        freeReplyObject(reply);
        err = load(redis, script, deadline_ms);
        if (err == OK)
            err = redis_exchange(redis, run->command, (size_t)run->length, deadline_ms, &reply);
    }
    return err == OK ? redis_judge(script->name, reply, reply_r) : err;
}

/* Frees the run's command. */
static enum err finish(struct redis *redis, const struct redis_script *script, struct run *run, redisReply **reply_r)
{
    if (run->length < 0) {
        log_error("redis_format", F("command", script->name));
        return ERR_INTERNAL;
    }
    enum err err = exchange(redis, script, run, reply_r);
    redisFreeCommand(run->command);
    return err;
}

enum err redis_script_run(struct redis *redis, const struct redis_script *script, size_t key_count, size_t count,
                          const char *const *keys_and_arguments, const size_t *lengths, redisReply **reply_r)
{
    struct run run = {0};
    sha1_hex(script->source, strlen(script->source), run.sha1);
    char keys[24];
    snprintf(keys, sizeof keys, "%zu", key_count);
    const char **arguments = xcalloc(HEAD + count, sizeof *arguments);
    size_t *sizes = xcalloc(HEAD + count, sizeof *sizes);
    arguments[0] = "EVALSHA";
    arguments[1] = run.sha1;
    arguments[2] = keys;
    for (size_t i = 0; i < HEAD + count; i++) {
        if (i >= HEAD)
            arguments[i] = keys_and_arguments[i - HEAD];
        sizes[i] = i >= HEAD && lengths ? lengths[i - HEAD] : strlen(arguments[i]);
    }
    run.length = redisFormatCommandArgv(&run.command, (int)(HEAD + count), arguments, sizes);
    free(sizes);
    free(arguments);
    return finish(redis, script, &run, reply_r);
}

enum err redis_script_do(struct redis *redis, const struct redis_script *script, size_t key_count, redisReply **reply_r,
                         const char *format, ...)
{
    struct run run = {0};
    sha1_hex(script->source, strlen(script->source), run.sha1);
    /* The head has nothing in it that the formatting would take for a conversion. */
    size_t size = sizeof "EVALSHA  18446744073709551615 " + SHA1_HEX_SIZE + strlen(format);
    char *whole = xmalloc(size);
    snprintf(whole, size, "EVALSHA %s %zu %s", run.sha1, key_count, format);
    va_list list;
    va_start(list, format);
    run.length = redisvFormatCommand(&run.command, whole, list);
    va_end(list);
    free(whole);
    return finish(redis, script, &run, reply_r);
}

enum err redis_take_integer(redisReply **reply, int64_t *value_r)
{
    bool is_integer = (*reply)->type == REDIS_REPLY_INTEGER;
    if (is_integer)
        *value_r = (*reply)->integer;
    else
        log_error("redis_reply", F("expected", "integer"), F("type", (*reply)->type));
    freeReplyObject(*reply);
    *reply = NULL;
    return is_integer ? OK : ERR_INTERNAL;
}
