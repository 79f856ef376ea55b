/* One connection to Redis, without reconnecting: what redis.c and subscription.c have in common. Internal to this
 * folder.
 *
 * hiredis 0.14 connects, formats and parses; the waiting is ours, because its own has traps: its timeouts are a read's,
 * not a reply's, so that a server which drips bytes is waited for without end; it writes with write(2), so that a
 * broken link raises SIGPIPE; after a timeout the late answer would be taken for that of the next command. Here the
 * socket never blocks, each call has one deadline for all it does, and after any error the link must be closed: its
 * place in the conversation is lost. Only resolving a host's name keeps to the resolver's time instead of ours. */
#ifndef CACHE_REDIS_LINK_H
#define CACHE_REDIS_LINK_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"

struct redis_config;

enum { REDIS_RUN_SIZE = 17 };

struct redis_link {
    redisContext *context;    /* NULL: closed */
    char run[REDIS_RUN_SIZE]; /* which run of which Redis this is, or was: the first half of its run_id */
    int wake_fd;              /* readable: whoever waits stops waiting (ERR_SHUTDOWN); -1: none */
    char trouble[160];        /* what went wrong last, for the log; holds no argument of a command */
};

void redis_link_init(struct redis_link *link, int wake_fd);
/* Connects, authenticates, selects the database, learns the run, and has a ping answered. The link is closed unless OK.
 * ERR_CACHE_DOWN, ERR_TIMEOUT, ERR_SHUTDOWN. */
MUST_CHECK enum err redis_link_open(struct redis_link *link, const struct redis_config *config, int64_t deadline_ms);
void redis_link_close(struct redis_link *link);
bool redis_link_is_open(const struct redis_link *link);
/* Whether the link is as it must be between two commands: not hung up, and nothing to read. */
bool redis_link_is_quiet(const struct redis_link *link);
/* A whole command as redisFormatCommand makes it. Errors as redis_link_open. */
MUST_CHECK enum err redis_link_send(struct redis_link *link, const char *command, size_t length, int64_t deadline_ms);
/* The next reply, of any type; freed with freeReplyObject. After ERR_TIMEOUT it may still come: who does not call this
 * again for it must close the link. */
MUST_CHECK enum err redis_link_receive(struct redis_link *link, int64_t deadline_ms, redisReply **reply_r);

#endif
