/* The ops port, for balancers and Prometheus: /livez, /readyz, /readyz/login, /metrics.
 *
 * A libmicrohttpd of its own with one thread, so that it answers while the others are busy, and `ready` may take its
 * second. Plain HTTP, meant for loopback or an inner network; few connections, silent ones are dropped. */
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "component/base/log.h"
#include "component/base/metrics.h"
#include "http/http.h"
#include "http/listen.h"

enum { CONNECTIONS = 64, SILENCE_S = 10, CONNECTION_MEMORY = 16 * 1024, ANSWER_LIMIT = 1024 * 1024 };

struct ops_server {
    struct ops_config config;
    struct MHD_Daemon *daemon;
    uint16_t port;
};

static unsigned live(const struct ops_server *server, struct buf *out)
{
    (void)server;
    buf_puts(out, "ok\n");
    return MHD_HTTP_OK;
}

static unsigned readiness(const struct ops_server *server, bool login_only, struct buf *out)
{
    struct buf why;
    buf_init(&why, ANSWER_LIMIT);
    const bool ready = server->config.ready(server->config.arg, login_only, &why);
    if (ready)
        buf_puts(out, "ok\n");
    buf_puts(out, buf_cstr(&why));
    buf_free(&why);
    return ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static unsigned ready(const struct ops_server *server, struct buf *out)
{
    return readiness(server, false, out);
}

static unsigned ready_for_login(const struct ops_server *server, struct buf *out)
{
    return readiness(server, true, out);
}

static unsigned metrics(const struct ops_server *server, struct buf *out)
{
    (void)server;
    metrics_render(out);
    return MHD_HTTP_OK;
}

static const char text_type[] = "text/plain; charset=utf-8";
static const char metrics_type[] = "text/plain; version=0.0.4; charset=utf-8";

static const struct page {
    const char *path;
    const char *content_type;
    unsigned (*write)(const struct ops_server *server, struct buf *out);
} pages[] = {
    {"/livez", text_type, live},
    {"/readyz", text_type, ready},
    {"/readyz/login", text_type, ready_for_login},
    {"/metrics", metrics_type, metrics},
};

static const struct page *find_page(const char *path)
{
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (strcmp(pages[i].path, path) == 0)
            return &pages[i];
    }
    return NULL;
}

static enum MHD_Result answer(struct MHD_Connection *mhd, unsigned status, const char *content_type,
                              const struct buf *body, const char *allow)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->length, (void *)(uintptr_t)buf_cstr(body), MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (allow != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
    enum MHD_Result queued = MHD_queue_response(mhd, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *mhd, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **context)
{
    (void)version, (void)data, (void)size, (void)context;
    const struct ops_server *server = arg;
    const struct page *page = find_page(url);
    struct buf body;
    buf_init(&body, ANSWER_LIMIT);
    enum MHD_Result result;
    if (page == NULL) {
        buf_puts(&body, "not found\n");
        result = answer(mhd, MHD_HTTP_NOT_FOUND, text_type, &body, NULL);
    } else if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        buf_puts(&body, "method not allowed\n");
        result = answer(mhd, MHD_HTTP_METHOD_NOT_ALLOWED, text_type, &body, "GET, HEAD");
    } else {
        unsigned status = page->write(server, &body);
        result = answer(mhd, status, page->content_type, &body, NULL);
    }
    buf_free(&body);
    return result;
}

enum err ops_start(const struct ops_config *config, struct ops_server **server_r)
{
    int fd;
    enum err err = listen_open(config->address, config->port, &fd);
    if (err != OK)
        return err;
    struct ops_server *server = xcalloc(1, sizeof *server);
    server->config = *config;
    server->port = listen_port(fd);
    server->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, on_request, server,
                                      MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
                                      MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENCE_S,
                                      MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
    if (server->daemon == NULL) {
        log_error("ops_start_failed", F("reason", "no resources"));
        close(fd);
        free(server);
        return ERR_INTERNAL;
    }
    log_info("ops_listening", F("address", config->address), F("port", server->port));
    *server_r = server;
    return OK;
}

uint16_t ops_port(const struct ops_server *server)
{
    return server->port;
}

void ops_stop(struct ops_server **server)
{
    if (*server == NULL)
        return;
    MHD_stop_daemon((*server)->daemon);
    free(*server);
    *server = NULL;
}
