/* A reply being made: status, headers, body. It belongs to its request and goes with its arena. */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include <jansson.h>
#include <stddef.h>

struct arena;

enum { REPLY_HEADERS_MAX = 6 };

struct reply {
    struct arena *arena;
    unsigned status;          /* 200 unless set */
    const char *content_type; /* application/json; charset=utf-8 unless set */
    const char *body;         /* the arena's, or static */
    size_t body_length;
    struct {
        const char *name, *value;
    } headers[REPLY_HEADERS_MAX];
    size_t header_count;
};

void reply_init(struct reply *reply, struct arena *arena);
/* Name and value must be the arena's or static. */
void reply_header(struct reply *reply, const char *name, const char *value);
void reply_body(struct reply *reply, const char *content_type, const void *bytes, size_t length);
/* Takes the object (decref'd here); written compactly, members in order of insertion. */
void reply_json(struct reply *reply, json_t *object);
/* Retry-After: seconds. */
void reply_retry_after(struct reply *reply, unsigned seconds);

#endif
