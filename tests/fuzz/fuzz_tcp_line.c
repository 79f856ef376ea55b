/* A connection of the TCP port that is sent the input, over a socket pair: it answers every line it took, in lines, and
 * never more lines than it was sent (and one, for a line that has no end). */
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/service/services.h"
#include "http/tcp_connection.h"

enum { LINE_LIMIT = 512, INPUT_LIMIT = 16 * 1024 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static enum err run(struct call *call, struct worker *worker)
{
    (void)worker;
    call_done(call);
    return OK;
}

static enum err decode(const struct dialect *dialect, const struct request *request, struct call *call)
{
    (void)dialect, (void)call;
    require(params_find(&request->params, "path") == NULL);
    return request->params_error;
}

static void render(const struct dialect *dialect, const struct request *request, const struct call *call,
                   struct reply *reply)
{
    (void)dialect, (void)request;
    reply_json(reply, json_pack("{s:i}", "result", (int)call->result));
}

static void render_failure(const struct dialect *dialect, const struct route *route, enum err err, struct reply *reply)
{
    (void)dialect, (void)route;
    reply_json(reply, json_pack("{s:i}", "failure", (int)err));
}

static const struct op op = {"fuzz", {{ON_CALLER, run}}};
static const struct route routes[] = {{"/a", 0, OVER_TCP, &op, decode, render}};
static const struct dialect dialect = {
    .name = "fuzz", .routes = routes, .route_count = 1, .render_failure = render_failure};
static const struct dialect *const dialects[] = {&dialect, NULL};
static struct router *router;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    (void)signal(SIGPIPE, SIG_IGN);
    crypto_init();
    return router_new(dialects, OVER_TCP, &router) == OK ? 0 : 1;
}

static size_t count_lines(const char *bytes, size_t length)
{
    size_t lines = 0;
    for (size_t i = 0; i < length; i++)
        lines += bytes[i] == '\n';
    return lines;
}

/* What was answered: whole lines. */
static size_t read_answers(int fd)
{
    char bytes[64 * 1024];
    size_t lines = 0;
    ssize_t got;
    char last = '\n';
    while ((got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
        lines += count_lines(bytes, (size_t)got);
        last = bytes[got - 1];
    }
    require(last == '\n');
    return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct services services;
    struct tcp_port port = {.router = router,
                            .services = &services,
                            .line_limit = LINE_LIMIT,
                            .idle_timeout_ms = 1000,
                            .call_timeout_ms = 1000};
    int fds[2];
    if (size > INPUT_LIMIT)
        return 0;
    require(router_first(router, &port.fallback));
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    struct peer_key peer = {{0}};
    struct tcp_connection *connection = tcp_connection_new(&port, tcp_stream_new(NULL, fds[0]), fds[0], peer);
    size_t lines = 0;
    for (size_t sent = 0; sent < size && !tcp_connection_done(connection);) {
        size_t piece = data[sent] % 64 + 1u < size - sent ? data[sent] % 64 + 1u : size - sent;
        ssize_t written = send(fds[1], data + sent, piece, MSG_NOSIGNAL);
        require(written > 0);
        sent += (size_t)written;
        tcp_connection_progress(connection);
        require(connection->in.length <= LINE_LIMIT);
        lines += read_answers(fds[1]);
    }
    (void)shutdown(fds[1], SHUT_WR);
    tcp_connection_progress(connection);
    require(tcp_connection_done(connection));
    lines += read_answers(fds[1]);
    require(lines <= count_lines((const char *)data, size) + 1);
    tcp_connection_free(&connection);
    (void)close(fds[1]);
    return 0;
}
