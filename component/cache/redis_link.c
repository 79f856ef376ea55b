/* One connection to Redis (redis_link.h). Not thread-safe: one holder at a time. */
#include "component/cache/redis_link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "component/base/clock.h"
#include "component/base/secret.h"
#include "component/base/text.h"
#include "component/cache/redis.h"

enum { DEFAULT_PORT = 6379, HOST_SIZE = 256, POLL_CAP_MS = 60000 };

static enum err down(struct redis_link *link, const char *trouble)
{
    snprintf(link->trouble, sizeof link->trouble, "%s", trouble);
    return ERR_CACHE_DOWN;
}

void redis_link_init(struct redis_link *link, int wake_fd)
{
    *link = (struct redis_link){.wake_fd = wake_fd, .run = "-"};
}

void redis_link_close(struct redis_link *link)
{
    if (link->context)
        redisFree(link->context);
    link->context = NULL;
}

bool redis_link_is_open(const struct redis_link *link)
{
    return link->context != NULL;
}

bool redis_link_is_quiet(const struct redis_link *link)
{
    const redisReader *reader = link->context->reader;
    struct pollfd socket = {.fd = link->context->fd, .events = POLLIN | POLLRDHUP};
    return reader->pos == reader->len && poll(&socket, 1, 0) == 0;
}

/* Until the socket is ready for `events`. What is there already when the deadline passes is still taken. */
static enum err wait_ready(struct redis_link *link, short events, int64_t deadline_ms)
{
    for (;;) {
        struct pollfd fds[2] = {{.fd = link->context->fd, .events = events}, {.fd = link->wake_fd, .events = POLLIN}};
        int ready = poll(fds, 2, clock_left(deadline_ms, POLL_CAP_MS));
        if (ready < 0 && errno != EINTR)
            return down(link, strerror(errno));
        if (ready > 0 && fds[1].revents)
            return ERR_SHUTDOWN;
        if (ready > 0)
            return OK;
        if (clock_ms() >= deadline_ms) {
            snprintf(link->trouble, sizeof link->trouble, "no answer in time");
            return ERR_TIMEOUT;
        }
    }
}

enum err redis_link_send(struct redis_link *link, const char *command, size_t length, int64_t deadline_ms)
{
    while (length > 0) {
        ssize_t sent = send(link->context->fd, command, length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return down(link, strerror(errno));
        if (sent > 0) {
            command += sent;
            length -= (size_t)sent;
            continue;
        }
        enum err err = wait_ready(link, POLLOUT, deadline_ms);
        if (err != OK)
            return err;
    }
    return OK;
}

enum err redis_link_receive(struct redis_link *link, int64_t deadline_ms, redisReply **reply_r)
{
    for (;;) {
        void *reply = NULL;
        if (redisGetReplyFromReader(link->context, &reply) != REDIS_OK)
            return down(link, link->context->errstr);
        if (reply) {
            *reply_r = reply;
            return OK;
        }
        enum err err = wait_ready(link, POLLIN, deadline_ms);
        if (err != OK)
            return err;
        if (redisBufferRead(link->context) != REDIS_OK)
            return down(link, link->context->errstr);
    }
}

/* "host:port", "host", "[IPv6]:port". */
static enum err parse_address(const char *address, char host_r[HOST_SIZE], int *port_r)
{
    const char *host = address, *port = strrchr(address, ':');
    size_t length = port ? (size_t)(port - address) : strlen(address);
    if (address[0] == '[') {
        const char *end = strchr(address, ']');
        if (!end || (end[1] != ':' && end[1] != '\0'))
            return ERR_INVALID;
        host = address + 1;
        length = (size_t)(end - host);
        port = end[1] ? end + 1 : NULL;
    }
    int64_t number = DEFAULT_PORT;
    if (length == 0 || length >= HOST_SIZE || (port && parse_i64(port + 1, 1, 65535, &number) != OK))
        return ERR_INVALID;
    memcpy(host_r, host, length);
    host_r[length] = '\0';
    *port_r = (int)number;
    return OK;
}

static enum err begin_connecting(struct redis_link *link, const char *address)
{
    if (strchr(address, '/')) {
        /* hiredis cuts a longer path without saying so, and leaves no NUL behind it. */
        if (strlen(address) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
            return down(link, "the socket's path is too long");
        link->context = redisConnectUnixNonBlock(address);
    } else {
        char host[HOST_SIZE];
        int port = 0;
        if (parse_address(address, host, &port) != OK)
            return down(link, "the address is neither host:port nor a path");
        link->context = redisConnectNonBlock(host, port);
    }
    if (!link->context)
        return down(link, "out of memory");
    if (link->context->err)
        return down(link, link->context->errstr);
    fcntl(link->context->fd, F_SETFD, FD_CLOEXEC);
    return OK;
}

static enum err finish_connecting(struct redis_link *link, int64_t deadline_ms)
{
    enum err err = wait_ready(link, POLLOUT, deadline_ms);
    if (err != OK)
        return err;
    int failure = 0;
    socklen_t size = sizeof failure;
    if (getsockopt(link->context->fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0)
        failure = errno;
    if (failure)
        return down(link, strerror(failure));
    /* So that a peer that vanished is noticed between commands too. */
    if (link->context->connection_type == REDIS_CONN_TCP && redisEnableKeepAlive(link->context) != REDIS_OK)
        return down(link, link->context->errstr);
    return OK;
}

/* A command of the greeting. `type` is the reply's that Redis must give. */
static enum err ask(struct redis_link *link, int64_t deadline_ms, int count, const char **arguments,
                    const size_t *lengths, int type, redisReply **reply_r)
{
    char *command = NULL;
    int length = redisFormatCommandArgv(&command, count, arguments, lengths);
    if (length < 0)
        return down(link, "out of memory");
    enum err err = redis_link_send(link, command, (size_t)length, deadline_ms);
    secret_wipe(command, (size_t)length);
    redisFreeCommand(command);
    redisReply *reply = NULL;
    if (err == OK)
        err = redis_link_receive(link, deadline_ms, &reply);
    if (err != OK)
        return err;
    if (reply->type != type) {
        err = down(link, reply->type == REDIS_REPLY_ERROR ? reply->str : "not an answer of Redis");
        freeReplyObject(reply);
        return err;
    }
    *reply_r = reply;
    return OK;
}

static enum err greet(struct redis_link *link, int64_t deadline_ms, int count, const char **arguments,
                      const size_t *lengths)
{
    redisReply *reply = NULL;
    enum err err = ask(link, deadline_ms, count, arguments, lengths, REDIS_REPLY_STATUS, &reply);
    if (err == OK)
        freeReplyObject(reply);
    return err;
}

static enum err learn_run(struct redis_link *link, int64_t deadline_ms)
{
    static const char label[] = "\nrun_id:";
    redisReply *reply = NULL;
    enum err err = ask(link, deadline_ms, 2, (const char *[]){"INFO", "server"}, NULL, REDIS_REPLY_STRING, &reply);
    if (err != OK)
        return err;
    const char *line = strstr(reply->str, label);
    const char *run = line ? line + strlen(label) : "";
    if (strspn(run, "0123456789abcdef") < REDIS_RUN_SIZE - 1)
        err = down(link, "INFO tells no run_id");
    else
        snprintf(link->run, sizeof link->run, "%s", run);
    freeReplyObject(reply);
    return err;
}

static enum err greet_all(struct redis_link *link, const struct redis_config *config, int64_t deadline_ms)
{
    enum err err = OK;
    if (!secret_is_empty(config->password)) {
        const char *auth[] = {"AUTH", secret_expose(config->password)};
        err = greet(link, deadline_ms, 2, auth, (const size_t[]){strlen("AUTH"), config->password.length});
    }
    if (err == OK && config->database != 0) {
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)config->database);
        err = greet(link, deadline_ms, 2, (const char *[]){"SELECT", number}, NULL);
    }
    if (err == OK)
        err = learn_run(link, deadline_ms);
    /* A stopped Redis still accepts connections, and one that loads its data answers the commands above: only a ping
     * shows that it serves. */
    return err == OK ? greet(link, deadline_ms, 1, (const char *[]){"PING"}, NULL) : err;
}

enum err redis_link_open(struct redis_link *link, const struct redis_config *config, int64_t deadline_ms)
{
    redis_link_close(link);
    enum err err = begin_connecting(link, config->address);
    if (err == OK)
        err = finish_connecting(link, deadline_ms);
    if (err == OK)
        err = greet_all(link, config, deadline_ms);
    if (err != OK)
        redis_link_close(link);
    return err;
}
