/* For the tests of the servers: a small dialect of two lanes' worth, a certificate made on the spot, and a client over
 * real sockets, plain or TLS. */
#ifndef TESTS_UNIT_HTTP_SERVER_FIXTURE_H
#define TESTS_UNIT_HTTP_SERVER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/base/metrics.h"
#include "component/base/text.h"
#include "component/service/services.h"
#include "http/http.h"

enum { CLIENT_PATIENCE_MS = 10 * 1000 };

/* ---- the dialect: "echo" answers on the transport's thread, "lane" on another one ---- */

struct echo_io {
    int64_t sleep_ms;
    enum err result;
    unsigned retry_after_s;
};

static atomic_int taken_in;  /* how many requests were read and understood */
static atomic_int lane_runs; /* how many steps ran on the lane */

static enum err echo_step(struct call *call, struct worker *worker)
{
    assert(worker == NULL);
    const struct echo_io *io = call->io;
    call->retry_after_s = io->retry_after_s;
    if (io->result == OK)
        call_done(call);
    return io->result;
}

static enum err lane_step(struct call *call, struct worker *worker)
{
    (void)worker;
    const struct echo_io *io = call->io;
    usleep((unsigned)io->sleep_ms * 1000);
    atomic_fetch_add(&lane_runs, 1);
    call->retry_after_s = io->retry_after_s;
    return io->result;
}

static const struct op echo_op = {"echo", {{ON_CALLER, echo_step}}};
static const struct op lane_op = {"lane", {{ON_DB, lane_step}}};

static enum err parameter_number(const struct request *request, const char *name, int64_t *number_r)
{
    const char *text = params_text(&request->params, name);
    *number_r = 0;
    return text == NULL ? OK : parse_i64(text, 0, 100000000, number_r);
}

static enum err test_decode(const struct dialect *dialect, const struct request *request, struct call *call)
{
    (void)dialect;
    if (request->params_error != OK)
        return request->params_error;
    struct echo_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    int64_t retry;
    if (parameter_number(request, "sleep_ms", &io->sleep_ms) != OK ||
        parameter_number(request, "retry_after", &retry) != OK)
        return ERR_INVALID;
    io->retry_after_s = (unsigned)retry;
    const char *result = params_text(&request->params, "result");
    for (int err = 0; result != NULL && err < ERR_COUNT; err++) {
        if (strcmp(err_name((enum err)err), result) == 0)
            io->result = (enum err)err;
    }
    atomic_fetch_add(&taken_in, 1);
    return OK;
}

/* The request as it was understood: its result, where it came from, its parameters. */
static void test_render(const struct dialect *dialect, const struct request *request, const struct call *call,
                        struct reply *reply)
{
    static const char *const transports[] = {"http", "https", "tcp"};
    (void)dialect;
    json_t *params = json_object();
    for (size_t i = 0; i < request->params.count; i++)
        json_object_set_new(params, request->params.list[i].name, json_string(request->params.list[i].value));
    reply_header(reply, "X-Test", "yes");
    reply_json(reply,
               json_pack("{s:s, s:s, s:s, s:s, s:s?, s:o}", "result", err_name(call->result), "transport",
                         transports[request->transport], "method", request->method == METHOD_GET ? "GET" : "POST",
                         "peer", call->peer.text, "cookie", request->verify_id_cookie, "params", params));
}

/* A reply of `size` bytes. */
static void big_render(const struct dialect *dialect, const struct request *request, const struct call *call,
                       struct reply *reply)
{
    (void)dialect;
    int64_t size;
    assert(parameter_number(request, "size", &size) == OK);
    char *body = arena_alloc(call->arena, (size_t)size);
    memset(body, 'x', (size_t)size);
    reply_body(reply, "text/plain", body, (size_t)size);
}

/* What the headers said. */
static void header_render(const struct dialect *dialect, const struct request *request, const struct call *call,
                          struct reply *reply)
{
    (void)dialect;
    (void)call;
    reply_json(reply, json_pack("{s:s, s:s?, s:i}", "bearer", secret_expose(request->bearer), "accept", request->accept,
                                "method", (int)request->method));
}

static void test_failure(const struct dialect *dialect, const struct route *route, enum err err, struct reply *reply)
{
    (void)dialect;
    reply_json(reply, json_pack("{s:s, s:s}", "failure", err_name(err), "route", route->path));
}

static const struct route test_routes[] = {
    {"/echo", METHOD_GET | METHOD_POST, OVER_HTTP | OVER_TCP, &echo_op, test_decode, test_render},
    {"/lane", METHOD_GET | METHOD_POST, OVER_HTTP | OVER_TCP, &lane_op, test_decode, test_render},
    {"/big", METHOD_GET | METHOD_POST, OVER_HTTP | OVER_TCP, &echo_op, test_decode, big_render},
    {"/get", METHOD_GET, OVER_HTTP, &echo_op, test_decode, test_render},
    {"/post", METHOD_POST, OVER_HTTP, &echo_op, test_decode, test_render},
    {"/header", METHOD_GET | METHOD_PUT, OVER_HTTP, &echo_op, test_decode, header_render},
    {"/tcp", 0, OVER_TCP, &echo_op, test_decode, test_render},
};

static const struct dialect test_dialect = {
    .name = "test",
    .routes = test_routes,
    .route_count = sizeof test_routes / sizeof test_routes[0],
    .render_failure = test_failure,
};
static const struct dialect *const test_dialects[] = {&test_dialect, NULL};

/* ---- the lane ---- */

static struct services test_services;

static inline void lanes_start(unsigned threads, unsigned queue)
{
    signal(SIGPIPE, SIG_IGN);
    crypto_init();
    log_set_level(LOG_LEVEL_ERROR);
    struct lane_config config = {.name = "test-db", .threads = threads, .queue_limit = queue + 16};
    assert_int_equal(lane_start(&config, &test_services.runtime.db), OK);
    test_services.runtime.db_queue = queue;
    atomic_store(&taken_in, 0);
    atomic_store(&lane_runs, 0);
}

static inline void lanes_stop(void)
{
    lane_stop(&test_services.runtime.db, 5000);
}

/* ---- a certificate ---- */

static char cert_file[64], key_file[64];

static inline void certificate_make(void)
{
    snprintf(cert_file, sizeof cert_file, "/tmp/registrar-test-cert-%d.pem", (int)getpid());
    snprintf(key_file, sizeof key_file, "/tmp/registrar-test-key-%d.pem", (int)getpid());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1,
                               -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    FILE *file = fopen(cert_file, "w");
    assert_non_null(file);
    PEM_write_X509(file, cert);
    fclose(file);
    file = fopen(key_file, "w");
    assert_non_null(file);
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static inline void certificate_remove(void)
{
    unlink(cert_file);
    unlink(key_file);
}

/* ---- the servers ---- */

static inline struct http_config http_test_config(bool tls)
{
    return (struct http_config){.address = "::",
                                .tls = tls,
                                .tls_cert_file = cert_file,
                                .tls_key_file = key_file,
                                .threads = 2,
                                .connection_limit = 1000,
                                .headers_timeout_ms = 10000,
                                .body_timeout_ms = 10000,
                                .call_timeout_ms = 10000,
                                .send_timeout_ms = 10000,
                                .dialects = test_dialects,
                                .services = &test_services};
}

static inline struct tcp_config tcp_test_config(bool tls)
{
    return (struct tcp_config){.address = "127.0.0.1",
                               .tls = tls,
                               .tls_cert_file = cert_file,
                               .tls_key_file = key_file,
                               .connection_limit = 100,
                               .line_limit = 1024,
                               .idle_timeout_ms = 10000,
                               .call_timeout_ms = 10000,
                               .dialects = test_dialects,
                               .services = &test_services};
}

/* ---- the client ---- */

struct client {
    int fd;
    SSL_CTX *context;
    SSL *ssl;
    char *got; /* what was read and not yet taken; malloc'ed, followed by a NUL */
    size_t length;
    bool ended; /* by the other side, in whichever way */
};

static inline int connect_to(const char *address, uint16_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    bool is_v6 = inet_pton(AF_INET, address, &v4.sin_addr) != 1;
    if (is_v6)
        assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
    int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed =
        is_v6 ? connect(fd, (struct sockaddr *)&v6, sizeof v6) : connect(fd, (struct sockaddr *)&v4, sizeof v4);
    assert_int_equal(failed, 0);
    return fd;
}

static inline struct client client_open_at(const char *address, uint16_t port, bool tls)
{
    struct client client = {.fd = connect_to(address, port)};
    if (!tls)
        return client;
    client.context = SSL_CTX_new(TLS_client_method());
    client.ssl = SSL_new(client.context);
    SSL_set_fd(client.ssl, client.fd);
    struct timeval patience = {.tv_sec = CLIENT_PATIENCE_MS / 1000};
    setsockopt(client.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(SSL_connect(client.ssl), 1);
    return client;
}

static inline struct client client_open(uint16_t port, bool tls)
{
    return client_open_at("127.0.0.1", port, tls);
}

static inline void client_close(struct client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    close(client->fd);
    free(client->got);
    *client = (struct client){.fd = -1};
}

static inline void client_send_bytes(struct client *client, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = client->ssl != NULL ? SSL_write(client->ssl, bytes, (int)length)
                                           : send(client->fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the other side closed: the test looks at what it answered */
        bytes += sent;
        length -= (size_t)sent;
    }
}

static inline void client_send(struct client *client, const char *text)
{
    client_send_bytes(client, text, strlen(text));
}

/* Reads once, waiting at most `patience_ms`. False when nothing came or the other side ended. */
static inline bool client_read(struct client *client, int patience_ms)
{
    char bytes[16 * 1024];
    struct pollfd pollfd = {.fd = client->fd, .events = POLLIN};
    bool pending = client->ssl != NULL && SSL_pending(client->ssl) > 0;
    if (!pending && poll(&pollfd, 1, patience_ms) <= 0)
        return false;
    ssize_t got =
        client->ssl != NULL ? SSL_read(client->ssl, bytes, sizeof bytes) : recv(client->fd, bytes, sizeof bytes, 0);
    if (got <= 0) {
        client->ended = true;
        return false;
    }
    client->got = realloc(client->got, client->length + (size_t)got + 1);
    memcpy(client->got + client->length, bytes, (size_t)got);
    client->length += (size_t)got;
    client->got[client->length] = '\0';
    return true;
}

static inline void client_take(struct client *client, size_t length)
{
    memmove(client->got, client->got + length, client->length - length + 1);
    client->length -= length;
}

/* Waits until the other side closes; false when it did not within `patience_ms`. */
static inline bool client_sees_end(struct client *client, int patience_ms)
{
    int64_t deadline = clock_ms() + patience_ms;
    while (!client->ended && clock_left(deadline, patience_ms) > 0)
        client_read(client, clock_left(deadline, patience_ms));
    return client->ended;
}

struct answer {
    int status; /* 0: there was none */
    char head[4096];
    char *body; /* the test's to free */
    size_t body_length;
};

/* The next HTTP answer, by its Content-Length. */
static inline struct answer client_answer(struct client *client)
{
    struct answer answer = {.body = NULL};
    char *end = NULL;
    while (client->got == NULL || (end = strstr(client->got, "\r\n\r\n")) == NULL) {
        if (!client_read(client, CLIENT_PATIENCE_MS))
            return answer;
    }
    size_t head_length = (size_t)(end - client->got) + 4;
    assert_true(head_length < sizeof answer.head);
    memcpy(answer.head, client->got, head_length);
    client_take(client, head_length);
    const char *length = strcasestr(answer.head, "\r\nContent-Length: ");
    answer.body_length = length != NULL ? strtoul(length + 18, NULL, 10) : 0;
    while (client->length < answer.body_length) {
        if (!client_read(client, CLIENT_PATIENCE_MS))
            return answer;
    }
    answer.body = calloc(1, answer.body_length + 1);
    memcpy(answer.body, client->got, answer.body_length);
    client_take(client, answer.body_length);
    answer.status = (int)strtol(answer.head + 9, NULL, 10);
    return answer;
}

/* The next line of the TCP port, without its end; NULL when there was none. The test's to free. */
static inline char *client_line(struct client *client)
{
    char *end;
    while (client->got == NULL || (end = strchr(client->got, '\n')) == NULL) {
        if (!client_read(client, CLIENT_PATIENCE_MS))
            return NULL;
    }
    char *line = strndup(client->got, (size_t)(end - client->got));
    client_take(client, strlen(line) + 1);
    return line;
}

#endif
