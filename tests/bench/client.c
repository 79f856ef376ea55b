/* What is unanswered on a connection is a few kilobytes, which a socket's buffer always takes: a short write would be a
 * fault here. */
#include "tests/bench/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "tests/bench/die.h"

enum { IN_SIZE = 16 * 1024, OUT_SIZE = 32 * 1024 };

struct client {
    const struct client_config *config;
    int fd;
    SSL *ssl; /* NULL: plain */
    int64_t sent_us[CLIENT_DEPTH_MAX];
    unsigned first, unanswered; /* a ring in sent_us */
    size_t in_length, out_length;
    char in[IN_SIZE + 1]; /* a NUL behind what came */
    char out[OUT_SIZE];
};

static void connect_unix(struct client *client)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(client->config->path) >= sizeof address.sun_path)
        die("too long a path: %s", client->config->path);
    memcpy(address.sun_path, client->config->path, strlen(client->config->path));
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || connect(client->fd, (const struct sockaddr *)&address, sizeof address) != 0)
        die("cannot connect to %s: %s", client->config->path, strerror(errno));
}

static void connect_plain(struct client *client)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(client->config->port), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    const int on = 1;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || connect(client->fd, (const struct sockaddr *)&address, sizeof address) != 0)
        die("cannot connect to port %u: %s", client->config->port, strerror(errno));
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void connect_tls(struct client *client)
{
    client->ssl = SSL_new(client->config->tls);
    if (client->ssl == NULL || SSL_set_fd(client->ssl, client->fd) != 1 || SSL_connect(client->ssl) != 1)
        die("no TLS on port %u", client->config->port);
}

struct client *client_open(const struct client_config *config)
{
    struct client *client = xcalloc(1, sizeof *client);
    client->config = config;
    if (config->path != NULL)
        connect_unix(client);
    else
        connect_plain(client);
    if (config->tls != NULL)
        connect_tls(client);
    if (fcntl(client->fd, F_SETFL, O_NONBLOCK) != 0)
        die("fcntl: %s", strerror(errno));
    return client;
}

void client_close(struct client **client)
{
    SSL_free((*client)->ssl);
    close((*client)->fd);
    free(*client);
    *client = NULL;
}

int client_fd(const struct client *client)
{
    return client->fd;
}

unsigned client_unanswered(const struct client *client)
{
    return client->unanswered;
}

/* ---- out ---- */

void client_send(struct client *client, const char *bytes, size_t length)
{
    if (client->unanswered == CLIENT_DEPTH_MAX || length > OUT_SIZE - client->out_length)
        die("a request too many, or too long");
    memcpy(client->out + client->out_length, bytes, length);
    client->out_length += length;
    client->sent_us[(client->first + client->unanswered++) % CLIENT_DEPTH_MAX] = clock_us();
}

void client_flush(struct client *client)
{
    size_t written = 0;
    if (client->out_length == 0)
        return;
    if (client->ssl != NULL) {
        if (SSL_write_ex(client->ssl, client->out, client->out_length, &written) != 1)
            written = 0;
    } else {
        const ssize_t result = send(client->fd, client->out, client->out_length, MSG_NOSIGNAL);
        written = result > 0 ? (size_t)result : 0;
    }
    if (written != client->out_length)
        die("short write to port %u", client->config->port);
    client->out_length = 0;
}

/* ---- in ---- */

/* The length of the answer that `text` begins with; 0 when it is not whole. */
static size_t http_length(const char *text, size_t length)
{
    static const char field[] = "\r\nContent-Length: ";
    const char *end = memmem(text, length, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    const char *value = memmem(text, (size_t)(end - text), field, sizeof field - 1);
    if (value == NULL)
        die("an answer without Content-Length: %.200s", text);
    const size_t whole = (size_t)(end + 4 - text) + strtoul(value + sizeof field - 1, NULL, 10);
    return whole <= length ? whole : 0;
}

static size_t line_length(const char *text, size_t length)
{
    const char *end = memchr(text, '\n', length);
    return end == NULL ? 0 : (size_t)(end + 1 - text);
}

static void take_answers(struct client *client)
{
    const struct client_config *config = client->config;
    size_t at = 0;
    for (;;) {
        const char *text = client->in + at;
        const size_t left = client->in_length - at;
        const size_t length = config->protocol == CLIENT_HTTP ? http_length(text, left) : line_length(text, left);
        if (length == 0)
            break;
        if (client->unanswered == 0)
            die("an answer that nobody asked for: %.200s", text);
        const int64_t sent_us = client->sent_us[client->first];
        client->first = (client->first + 1) % CLIENT_DEPTH_MAX;
        client->unanswered--;
        config->answered(config->arg, text, length, clock_us() - sent_us);
        at += length;
    }
    client->in_length -= at;
    memmove(client->in, client->in + at, client->in_length + 1);
}

/* How much came; 0 when there is nothing now. */
static size_t receive(struct client *client)
{
    size_t length = 0;
    char *free_space = client->in + client->in_length;
    const size_t room = IN_SIZE - client->in_length;
    if (client->ssl != NULL) {
        const int result = SSL_read_ex(client->ssl, free_space, room, &length);
        if (result != 1 && SSL_get_error(client->ssl, result) != SSL_ERROR_WANT_READ)
            die("port %u closed a connection", client->config->port);
        return result == 1 ? length : 0;
    }
    const ssize_t result = recv(client->fd, free_space, room, 0);
    if (result == 0 || (result < 0 && errno != EAGAIN))
        die("port %u closed a connection", client->config->port);
    return result > 0 ? (size_t)result : 0;
}

void client_read(struct client *client)
{
    do {
        const size_t length = receive(client);
        if (length == 0)
            return;
        client->in_length += length;
        client->in[client->in_length] = '\0';
        take_answers(client);
        if (client->in_length == IN_SIZE)
            die("an answer over %d bytes", IN_SIZE);
    } while (client->ssl != NULL && SSL_has_pending(client->ssl));
}
