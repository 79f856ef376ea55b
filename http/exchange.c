/* One HTTP request, from its line to the end of its reply.
 *
 *     request line -> headers -> (body) -> dispatch -> [suspended while the call is elsewhere] -> reply
 *                             \-> refused: (body dropped) -> reply
 *
 * Threads: libmicrohttpd's thread of the connection, except exchange_finished. A call that leaves this thread is handed
 * over after the connection was suspended; from there until it is resumed, nobody touches the exchange but who holds
 * the call. libmicrohttpd's lock in suspend and resume orders the two.
 *
 * Memory: the exchange lies in its own arena, with the copy of the URI, the body, the parameters, the call and the
 * reply. libmicrohttpd sends the reply's body from there, and reports the request completed only afterwards. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "http/content.h"
#include "http/dispatch.h"
#include "http/headers.h"
#include "http/server.h"

enum { BODY_FIRST_CAPACITY = 16 * 1024 };

enum state {
    STATE_HEADERS,
    STATE_BODY,     /* collecting */
    STATE_DRAINING, /* dropping; the refusal is made */
    STATE_CALLING,  /* suspended, or resumed with the call finished */
    STATE_REPLIED,
};

struct exchange {
    struct arena *arena;
    struct http_server *server;
    struct MHD_Connection *mhd;
    struct connection *connection;
    enum state state;
    const char *uri_end; /* in libmicrohttpd's buffer; compared, never read */
    char *path;
    char *query;  /* NULL without one */
    bool has_nul; /* the URI was cut at a NUL */
    bool closing; /* what follows the request cannot be told from its body */
    char *body;
    size_t body_length, body_capacity;
    size_t received; /* of the body, kept or dropped */
    enum content content;
    struct dispatch dispatch;
    atomic_bool finished; /* the call; only so that a second time is noticed */
};

/* Splits the copy at the first "?", and empties the query in libmicrohttpd's buffer, which is still to be parsed there:
 * it would take a record for every "&" from the connection's memory and, that being used up, leave the connection
 * hanging without an answer (0.9.75). */
static void split_uri(struct exchange *exchange, const char *uri)
{
    exchange->path = arena_strdup(exchange->arena, uri);
    exchange->uri_end = uri + strlen(uri);
    char *mark = strchr(exchange->path, '?');
    if (mark == NULL)
        return;
    *mark = '\0';
    exchange->query = mark + 1;
    if (exchange->query[0] != '\0')
        *(char *)(uintptr_t)(uri + (exchange->query - exchange->path)) = '\0';
}

struct exchange *exchange_open(struct http_server *server, struct MHD_Connection *mhd, const char *uri)
{
    struct arena *arena = arena_new();
    struct exchange *exchange = arena_alloc(arena, sizeof *exchange);
    exchange->arena = arena;
    exchange->server = server;
    exchange->mhd = mhd;
    exchange->connection = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    split_uri(exchange, uri != NULL ? uri : "");
    atomic_fetch_add_explicit(&server->active, 1, memory_order_relaxed);
    connection_request_line(exchange->connection);
    return exchange;
}

void exchange_close(struct exchange **exchange)
{
    struct exchange *e = *exchange;
    struct arena *arena = e->arena;
    connection_enter(e->connection, PHASE_HEADERS);
    atomic_fetch_sub_explicit(&e->server->active, 1, memory_order_relaxed);
    arena_free(&arena);
    *exchange = NULL;
}

/* ---- the reply ---- */

static enum MHD_Result send_reply(struct exchange *exchange, const struct reply *reply)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->body_length, (void *)(uintptr_t)reply->body, MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    for (size_t i = 0; i < reply->header_count; i++)
        MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
    if (exchange->closing || atomic_load_explicit(&exchange->server->quiescing, memory_order_relaxed))
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    exchange->state = STATE_REPLIED;
    connection_enter(exchange->connection, PHASE_SEND);
    enum MHD_Result queued = MHD_queue_response(exchange->mhd, reply->status, response);
    MHD_destroy_response(response);
    return queued;
}

static const struct {
    const char *name;
    enum method method;
} methods[] = {
    {MHD_HTTP_METHOD_GET, METHOD_GET}, {MHD_HTTP_METHOD_POST, METHOD_POST}, {MHD_HTTP_METHOD_PUT, METHOD_PUT}};

/* 0: one that nobody has. */
static unsigned method_of(const char *name)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (strcmp(name, methods[i].name) == 0)
            return methods[i].method;
    return 0;
}

/* A refusal that belongs to no dialect. */
static void refuse_plainly(struct exchange *exchange, unsigned status, const char *text)
{
    struct reply *reply = &exchange->dispatch.reply;
    reply_init(reply, exchange->arena);
    reply->status = status;
    reply_body(reply, "text/plain; charset=utf-8", text, strlen(text));
}

static void refuse_method(struct exchange *exchange, unsigned allowed)
{
    const char *list = "";
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (methods[i].method & allowed)
            list = arena_printf(exchange->arena, "%s%s%s", list, list[0] != '\0' ? ", " : "", methods[i].name);
    refuse_plainly(exchange, MHD_HTTP_METHOD_NOT_ALLOWED, "method not allowed\n");
    reply_header(&exchange->dispatch.reply, MHD_HTTP_HEADER_ALLOW, list);
}

static void refuse(struct exchange *exchange, unsigned status, enum err err)
{
    dispatch_fail(&exchange->dispatch.match, status, err, exchange->arena, &exchange->dispatch.reply);
}

/* ---- the call ---- */

/* On any thread. */
static void exchange_finished(struct call *call)
{
    struct exchange *exchange = call->owner;
    bool twice = atomic_exchange(&exchange->finished, true);
    assert(!twice);
    MHD_resume_connection(exchange->mhd);
}

static enum MHD_Result send_result(struct exchange *exchange)
{
    dispatch_render(&exchange->dispatch);
    return send_reply(exchange, &exchange->dispatch.reply);
}

static const char *header(const struct exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->mhd, MHD_HEADER_KIND, name);
}

static enum err read_body(struct exchange *exchange, struct params *params)
{
    switch (exchange->content) {
    case CONTENT_FORM:
        return params_parse_form(params, exchange->arena, exchange->body, exchange->body_length);
    case CONTENT_JSON:
        return params_parse_json(params, exchange->arena, exchange->body, exchange->body_length);
    default:
        return params_parse_multipart(params, exchange->arena, header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE),
                                      exchange->body, exchange->body_length);
    }
}

static void read_params(struct exchange *exchange)
{
    struct request *request = &exchange->dispatch.request;
    if (exchange->has_nul) {
        request->params_error = ERR_INVALID;
        return;
    }
    if (exchange->query != NULL)
        request->params_error =
            params_parse_form(&request->params, exchange->arena, exchange->query, strlen(exchange->query));
    request->query_params = request->params.count;
    if (request->params_error == OK && exchange->body_length > 0)
        request->params_error = read_body(exchange, &request->params);
}

static void read_headers(const struct exchange *exchange, struct request *request)
{
    static const char scheme[] = "Bearer ";
    const char *authorization = header(exchange, MHD_HTTP_HEADER_AUTHORIZATION);
    request->verify_id_cookie = MHD_lookup_connection_value(exchange->mhd, MHD_COOKIE_KIND, REQUEST_VERIFY_ID_COOKIE);
    request->session_cookie = MHD_lookup_connection_value(exchange->mhd, MHD_COOKIE_KIND, REQUEST_SESSION_COOKIE);
    request->accept = header(exchange, MHD_HTTP_HEADER_ACCEPT);
    if (authorization != NULL && strncasecmp(authorization, scheme, strlen(scheme)) == 0)
        request->bearer = secret_of_cstr(authorization + strlen(scheme));
}

/* The values of X-Forwarded-For and X-Forwarded-Proto, each list joined by commas; NULL without one. */
struct forwarded {
    struct arena *arena;
    const char *clients, *schemes;
};

static enum MHD_Result add_forwarded(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct forwarded *forwarded = arg;
    const bool is_client = strcasecmp(name, "X-Forwarded-For") == 0;
    const char **list = is_client ? &forwarded->clients : &forwarded->schemes;
    (void)kind;
    if (value != NULL && (is_client || strcasecmp(name, "X-Forwarded-Proto") == 0))
        *list = *list == NULL ? value : arena_printf(forwarded->arena, "%s,%s", *list, value);
    return MHD_YES;
}

/* Who sent the request, and how: every header of a name counts, because a proxy may append one of its own behind the
 * client's. */
static struct peer_address client_of(struct exchange *exchange, bool *secure_r)
{
    const struct http_server *server = exchange->server;
    const struct sockaddr *address =
        MHD_get_connection_info(exchange->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    struct forwarded forwarded = {.arena = exchange->arena};
    if (proxies_hold(server->proxies, address))
        MHD_get_connection_values(exchange->mhd, MHD_HEADER_KIND, add_forwarded, &forwarded);
    *secure_r = server->config.tls || proxies_say_https(server->proxies, address, forwarded.schemes);
    return peer_address(proxies_client(server->proxies, address, forwarded.clients));
}

static enum MHD_Result run(struct exchange *exchange)
{
    struct http_server *server = exchange->server;
    struct dispatch *dispatch = &exchange->dispatch;
    struct peer_address peer = client_of(exchange, &dispatch->request.secure);
    struct dispatch_way way = {
        .services = server->config.services,
        .arena = exchange->arena,
        .peer = &peer,
        .deadline_ms = clock_ms() + server->config.call_timeout_ms,
        .finished = exchange_finished,
        .owner = exchange,
    };
    read_params(exchange);
    read_headers(exchange, &dispatch->request);
    dispatch->request.transport = server->config.tls ? TRANSPORT_HTTPS : TRANSPORT_HTTP;
    dispatch->request.path = exchange->path;
    if (dispatch_begin(dispatch, &way))
        return send_result(exchange);
    exchange->state = STATE_CALLING;
    connection_enter(exchange->connection, PHASE_CALL);
    MHD_suspend_connection(exchange->mhd);
    call_submit(&dispatch->call);
    return MHD_YES;
}

/* ---- the request ---- */

/* What the headers say of a body. libmicrohttpd has checked Content-Length; a body without one is chunked. */
struct announced {
    bool any;
    bool chunked;
    uint64_t length;
};

static struct announced announced_body(const struct exchange *exchange)
{
    struct announced announced = {.chunked = header(exchange, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL};
    const char *length = header(exchange, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (!announced.chunked && length != NULL)
        announced.length = strtoull(length, NULL, 10);
    announced.any = announced.chunked || announced.length > 0;
    return announced;
}

static bool is_encoded(const struct exchange *exchange)
{
    const char *encoding = header(exchange, MHD_HTTP_HEADER_CONTENT_ENCODING);
    return encoding != NULL && strcasecmp(encoding, "identity") != 0;
}

static bool is_taken(const struct dialect *dialect, enum content content)
{
    const unsigned bodies = dialect->bodies != 0 ? dialect->bodies : TAKES_FORMS | TAKES_JSON;
    return content != CONTENT_UNREADABLE && (bodies & (content == CONTENT_JSON ? TAKES_JSON : TAKES_FORMS)) != 0;
}

/* Looks at everything that can be told from the headers. False: the request is refused, the reply is made. */
static bool accept_headers(struct exchange *exchange, unsigned method, const struct announced *announced)
{
    struct match *match = &exchange->dispatch.match;
    unsigned allowed;
    size_t size = MHD_get_connection_info(exchange->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
    if (size > HEADERS_LIMIT) {
        refuse_plainly(exchange, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "headers too large\n");
        return false;
    }
    const char *fault = headers_fault(exchange->mhd);
    if (fault != NULL) {
        refuse_plainly(exchange, MHD_HTTP_BAD_REQUEST, fault);
        exchange->closing = true;
        return false;
    }
    switch (router_find(exchange->server->router, exchange->path, method, match, &allowed)) {
    case OK:
        break;
    case ERR_UNSUPPORTED:
        refuse_method(exchange, allowed);
        return false;
    default:
        refuse_plainly(exchange, MHD_HTTP_NOT_FOUND, "not found\n");
        return false;
    }
    if (announced->length > BODY_LIMIT) {
        refuse(exchange, MHD_HTTP_CONTENT_TOO_LARGE, ERR_TOO_LARGE);
        return false;
    }
    exchange->content = content_of(header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE));
    if (announced->any && (!is_taken(match->dialect, exchange->content) || is_encoded(exchange))) {
        refuse(exchange, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, ERR_INVALID);
        return false;
    }
    return true;
}

/* Whether a refused request is answered before its body came: when that is too long to be read for nothing, or when the
 * client waits to be asked for it, or when nobody knows where it ends. libmicrohttpd closes the connection then. */
static bool is_answered_at_once(const struct exchange *exchange, const struct announced *announced)
{
    if (exchange->closing)
        return true;
    return announced->any && (announced->length > DRAIN_LIMIT || header(exchange, MHD_HTTP_HEADER_EXPECT) != NULL);
}

static enum MHD_Result on_headers(struct exchange *exchange, const char *method, const char *version)
{
    struct announced announced = announced_body(exchange);
    /* The version lies behind the URI's NUL, unless the URI held a NUL itself and was cut there. */
    exchange->has_nul = version > exchange->uri_end + 1;
    exchange->dispatch.request.method = method_of(method);
    connection_enter(exchange->connection, PHASE_BODY);
    exchange->state = STATE_BODY;
    if (!accept_headers(exchange, method_of(method), &announced)) {
        exchange->state = STATE_DRAINING;
        if (is_answered_at_once(exchange, &announced))
            return send_reply(exchange, &exchange->dispatch.reply);
    }
    return MHD_YES; /* the next call brings the body, or says that there is none */
}

static void collect(struct exchange *exchange, const char *data, size_t size)
{
    if (exchange->body_length + size > exchange->body_capacity) {
        size_t capacity = exchange->body_capacity == 0 ? BODY_FIRST_CAPACITY : exchange->body_capacity * 2;
        while (capacity < exchange->body_length + size)
            capacity *= 2;
        char *body = arena_alloc(exchange->arena, capacity);
        if (exchange->body_length > 0)
            memcpy(body, exchange->body, exchange->body_length);
        exchange->body = body;
        exchange->body_capacity = capacity;
    }
    memcpy(exchange->body + exchange->body_length, data, size);
    exchange->body_length += size;
}

/* libmicrohttpd takes no reply in the middle of a body: what is too long without having been announced so is dropped up
 * to DRAIN_LIMIT, and then the connection with it. */
static enum MHD_Result on_body(struct exchange *exchange, const char *data, size_t size)
{
    exchange->received += size;
    if (exchange->received > DRAIN_LIMIT) {
        connection_cut(exchange->connection, "too_large");
        return MHD_NO;
    }
    if (exchange->state == STATE_BODY && exchange->received > BODY_LIMIT) {
        refuse(exchange, MHD_HTTP_CONTENT_TOO_LARGE, ERR_TOO_LARGE);
        exchange->state = STATE_DRAINING;
    }
    if (exchange->state == STATE_BODY)
        collect(exchange, data, size);
    return MHD_YES;
}

enum MHD_Result exchange_step(struct exchange *exchange, const char *method, const char *version, const char *data,
                              size_t *size)
{
    if (*size > 0) {
        size_t piece = *size;
        *size = 0;
        return on_body(exchange, data, piece);
    }
    switch (exchange->state) {
    case STATE_HEADERS:
        return on_headers(exchange, method, version);
    case STATE_BODY:
        return run(exchange);
    case STATE_DRAINING:
        return send_reply(exchange, &exchange->dispatch.reply);
    case STATE_CALLING:
        return send_result(exchange);
    default:
        return MHD_NO;
    }
}
