/* Lines in, lines out.
 *
 * One call is out at a time, which keeps the answers in order. While it is, nothing is read: what the client sends
 * ahead fills `in`, at most a line, and then its own socket. Calls that need no other thread are answered where they
 * stand, so that a batch of them flows through with one read and one write. A client that does not read its answers is
 * not served: above OUT_HIGH no line is taken, and after SEND_TIMEOUT it is cut. */
#include "http/tcp_connection.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "component/base/arena.h"
#include "component/base/clock.h"

enum {
    READ_SIZE = 16 * 1024,
    OUT_HIGH = 64 * 1024,
    OUT_LIMIT = 16 * 1024 * 1024, /* OUT_HIGH and one reply, which no dialect makes larger than this */
    BUFFER_KEPT = 4 * 1024,       /* of an idle connection */
    READS_MAX = 16,               /* then it is another connection's turn */
    SEND_TIMEOUT_MS = 30 * 1000,
};

struct tcp_connection *tcp_connection_new(struct tcp_port *port, struct stream *stream, int fd, struct peer_key peer)
{
    struct tcp_connection *connection = xcalloc(1, sizeof *connection);
    connection->port = port;
    connection->stream = stream;
    connection->fd = fd;
    connection->peer = peer;
    connection->deadline_ms = clock_ms() + port->idle_timeout_ms;
    buf_init(&connection->in, port->line_limit + 1);
    buf_init(&connection->out, OUT_LIMIT);
    return connection;
}

void tcp_connection_free(struct tcp_connection **connection)
{
    struct tcp_connection *c = *connection;
    tcp_stream_free(&c->stream);
    buf_free(&c->in);
    buf_free(&c->out);
    free(c);
    *connection = NULL;
}

static size_t unsent(const struct tcp_connection *connection)
{
    return connection->out.length - connection->sent;
}

/* ---- one line ---- */

static void answer(struct tcp_connection *connection, const struct reply *reply)
{
    buf_append(&connection->out, reply->body, reply->body_length);
    buf_putc(&connection->out, '\n');
    if (connection->out.overflowed)
        connection->broken = true;
}

static void answer_failure(struct tcp_connection *connection, struct arena *arena, enum err err)
{
    struct reply reply;
    dispatch_fail(&connection->port->fallback, 200, err, arena, &reply);
    answer(connection, &reply);
}

/* Takes the member `path` out of the parameters; NULL when it is missing or no string. */
static const char *take_path(struct params *params)
{
    for (size_t i = 0; i < params->count; i++) {
        struct param path = params->list[i];
        if (strcmp(path.name, "path") != 0)
            continue;
        params->count--;
        memmove(&params->list[i], &params->list[i + 1], (params->count - i) * sizeof path);
        return path.kind == PARAM_TEXT ? path.value : NULL;
    }
    return NULL;
}

/* Whether a line that cannot be read as parameters is JSON all the same: then only it is refused. */
static bool is_json(const char *line, size_t length)
{
    json_t *json = json_loadb(line, length, 0, NULL);
    json_decref(json);
    return json != NULL;
}

/* Fills the request and finds its route. */
static enum err read_line(struct tcp_connection *connection, struct arena *arena, const char *line, size_t length,
                          struct dispatch *dispatch)
{
    struct request *request = &dispatch->request;
    unsigned allowed;
    request->transport = TRANSPORT_TCP;
    request->method = METHOD_POST;
    request->params_error = params_parse_json(&request->params, arena, line, length);
    if (request->params_error != OK && !is_json(line, length)) {
        connection->refused = true;
        return ERR_INVALID;
    }
    request->path = take_path(&request->params);
    if (request->path == NULL)
        return ERR_INVALID;
    return router_find(connection->port->router, request->path, 0, &dispatch->match, &allowed) == ERR_NOT_FOUND
               ? ERR_INVALID
               : OK;
}

/* Answers the line, or leaves its call out. */
static void serve_line(struct tcp_connection *connection, const char *line, size_t length)
{
    struct tcp_port *port = connection->port;
    struct arena *arena = arena_new();
    struct dispatch *dispatch = arena_alloc(arena, sizeof *dispatch);
    struct peer_address peer = peer_address(connection->peer);
    struct dispatch_way way = {
        .services = port->services,
        .arena = arena,
        .peer = &peer,
        .deadline_ms = clock_ms() + port->call_timeout_ms,
        .finished = port->finished,
        .owner = connection,
    };
    enum err err = read_line(connection, arena, line, length, dispatch);
    if (err != OK) {
        answer_failure(connection, arena, err);
    } else if (dispatch_begin(dispatch, &way)) {
        dispatch_render(dispatch);
        answer(connection, &dispatch->reply);
    } else {
        connection->dispatch = dispatch;
        connection->arena = arena;
        call_submit(&dispatch->call);
        return;
    }
    arena_free(&arena);
}

static void refuse_long_line(struct tcp_connection *connection)
{
    struct arena *arena = arena_new();
    answer_failure(connection, arena, ERR_TOO_LARGE);
    arena_free(&arena);
    connection->refused = true;
}

/* ---- many lines ---- */

static bool may_serve(const struct tcp_connection *connection)
{
    return connection->dispatch == NULL && !connection->refused && !connection->broken &&
           !connection->port->quiescing && unsent(connection) < OUT_HIGH;
}

static bool may_read(const struct tcp_connection *connection)
{
    return may_serve(connection) && !connection->ended;
}

static void take_lines(struct tcp_connection *connection)
{
    struct buf *in = &connection->in;
    size_t at = 0;
    while (may_serve(connection)) {
        const char *newline = in->length > at ? memchr(in->data + at, '\n', in->length - at) : NULL;
        if (newline == NULL)
            break;
        size_t length = (size_t)(newline - (in->data + at));
        serve_line(connection, in->data + at, length);
        at += length + 1;
        connection->deadline_ms = clock_ms() + connection->port->idle_timeout_ms;
    }
    buf_consume(in, at);
    if (may_serve(connection) && in->length > connection->port->line_limit)
        refuse_long_line(connection);
    if (connection->refused)
        buf_clear(in);
}

static void send_out(struct tcp_connection *connection)
{
    while (unsent(connection) > 0 && !connection->broken) {
        size_t length = 0;
        enum io io =
            tcp_stream_write(connection->stream, connection->out.data + connection->sent, unsent(connection), &length);
        if (io == IO_WAIT)
            return;
        if (io != IO_OK)
            connection->broken = true;
        connection->sent += length;
    }
    connection->sent = 0;
    buf_clear(&connection->out);
}

/* Reads once; may_read said that there is room. True when there may be more. */
static bool read_in(struct tcp_connection *connection)
{
    char bytes[READ_SIZE];
    size_t room = connection->in.limit - connection->in.length;
    size_t length = 0, wanted = room < sizeof bytes ? room : sizeof bytes;
    switch (tcp_stream_read(connection->stream, bytes, wanted, &length)) {
    case IO_OK:
        buf_append(&connection->in, bytes, length);
        return length == wanted || tcp_stream_has_pending(connection->stream);
    case IO_WAIT:
        return false;
    case IO_CLOSED:
        connection->ended = true;
        return false;
    default:
        connection->broken = true;
        return false;
    }
}

static void set_deadline(struct tcp_connection *connection, bool was_sending)
{
    if (unsent(connection) > 0) {
        if (!was_sending)
            connection->deadline_ms = clock_ms() + SEND_TIMEOUT_MS;
    } else if (connection->dispatch != NULL) {
        connection->deadline_ms = INT64_MAX; /* the call has one of its own */
    } else if (was_sending || connection->deadline_ms == INT64_MAX) {
        connection->deadline_ms = clock_ms() + connection->port->idle_timeout_ms;
    }
}

static void release_idle_buffers(struct tcp_connection *connection)
{
    if (connection->in.length == 0 && connection->in.capacity > BUFFER_KEPT)
        buf_free(&connection->in);
    if (connection->out.length == 0 && connection->out.capacity > BUFFER_KEPT)
        buf_free(&connection->out);
}

void tcp_connection_progress(struct tcp_connection *connection)
{
    bool was_sending = unsent(connection) > 0;
    bool readable = true;
    for (int reads = 0;;) {
        take_lines(connection);
        bool stalled = unsent(connection) >= OUT_HIGH;
        send_out(connection);
        if (stalled && unsent(connection) < OUT_HIGH)
            continue;
        if (!readable || !may_read(connection))
            break;
        if (++reads > READS_MAX && !tcp_stream_has_pending(connection->stream))
            break;
        readable = read_in(connection);
    }
    set_deadline(connection, was_sending);
    release_idle_buffers(connection);
    connection->active = connection->dispatch != NULL || unsent(connection) > 0;
}

void tcp_connection_resume(struct tcp_connection *connection)
{
    dispatch_render(connection->dispatch);
    answer(connection, &connection->dispatch->reply);
    connection->dispatch = NULL;
    arena_free(&connection->arena);
    tcp_connection_progress(connection);
}

bool tcp_connection_done(const struct tcp_connection *connection)
{
    if (connection->broken)
        return true;
    return (connection->ended || connection->refused) && connection->dispatch == NULL && unsent(connection) == 0;
}

uint32_t tcp_connection_events(const struct tcp_connection *connection)
{
    uint32_t events = 0;
    if (may_read(connection))
        events |= EPOLLIN;
    if (unsent(connection) > 0 || tcp_stream_wants_write(connection->stream))
        events |= EPOLLOUT;
    return events;
}
