/* A reply being made: status, headers, body, all of them the arena's. */
#include "http/reply.h"

#include <string.h>

#include "component/base/arena.h"
#include "component/base/log.h"

enum { FIRST_BODY_SIZE = 1024 }; /* most replies fit and are written once */

void reply_init(struct reply *reply, struct arena *arena)
{
    *reply =
        (struct reply){.arena = arena, .status = 200, .content_type = "application/json; charset=utf-8", .body = ""};
}

void reply_header(struct reply *reply, const char *name, const char *value)
{
    if (reply->header_count == REPLY_HEADERS_MAX) {
        log_error("reply_header_dropped", F("name", name));
        return;
    }
    reply->headers[reply->header_count].name = name;
    reply->headers[reply->header_count].value = value;
    reply->header_count++;
}

void reply_body(struct reply *reply, const char *content_type, const void *bytes, size_t length)
{
    reply->content_type = content_type;
    reply->body = bytes;
    reply->body_length = length;
}

void reply_json(struct reply *reply, json_t *object)
{
    size_t size = FIRST_BODY_SIZE;
    char *body = arena_alloc(reply->arena, size);
    size_t length = json_dumpb(object, body, size, JSON_COMPACT);
    if (length > size) {
        size = length;
        body = arena_alloc(reply->arena, size);
        length = json_dumpb(object, body, size, JSON_COMPACT);
    }
    if (length == 0)
        log_error("reply_json_failed");
    json_decref(object);
    reply->body = body;
    reply->body_length = length;
}

void reply_retry_after(struct reply *reply, unsigned seconds)
{
    reply_header(reply, "Retry-After", arena_printf(reply->arena, "%u", seconds));
}
