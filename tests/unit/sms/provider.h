/* For tests: an SMS provider on a real socket, in a thread of its own. It answers each request with what the test has
 * set, and keeps the last one. */
#ifndef TESTS_SMS_PROVIDER_H
#define TESTS_SMS_PROVIDER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PROVIDER_TEXT_MAX = 65536 };

/* Not an answer: the connection is closed at once, or held without one until the provider ends. */
#define PROVIDER_DROPS "drop"
#define PROVIDER_HANGS "hang"

struct provider {
    int fd;
    char url[64];
    pthread_t thread;
    atomic_bool stopping;
    _Atomic(const char *) answer; /* body of a 200; static */
    atomic_int status;
    atomic_int requests;
    char last[PROVIDER_TEXT_MAX]; /* head and body */
};

/* The last request, once it has been answered. */
static inline const char *provider_last(struct provider *provider)
{
    assert_true(atomic_load(&provider->requests) > 0); /* counted when it had been read */
    return provider->last;
}

/* Reads until the body that Content-Length announces is there. */
static inline void provider_read(struct provider *provider, int fd)
{
    size_t length = 0, wanted = 1;
    while (length < wanted && length + 1 < PROVIDER_TEXT_MAX) {
        const ssize_t count = recv(fd, provider->last + length, PROVIDER_TEXT_MAX - 1 - length, 0);
        if (count <= 0)
            break;
        length += (size_t)count;
        provider->last[length] = '\0';
        const char *end = strstr(provider->last, "\r\n\r\n"),
                   *announced = strcasestr(provider->last, "Content-Length:");
        size_t body = 0;
        if (announced != NULL && announced < end)
            sscanf(announced + strlen("Content-Length:"), "%zu", &body);
        wanted = end != NULL ? (size_t)(end + 4 - provider->last) + body : length + 1;
    }
}

static inline void provider_answer(struct provider *provider, int fd)
{
    const char *answer = provider->answer;
    provider_read(provider, fd);
    atomic_fetch_add(&provider->requests, 1);
    if (strcmp(answer, PROVIDER_DROPS) == 0)
        return;
    while (strcmp(answer, PROVIDER_HANGS) == 0 && !provider->stopping) {
        struct pollfd gone = {.fd = fd, .events = POLLRDHUP};
        if (poll(&gone, 1, 20) > 0)
            return;
    }
    dprintf(fd, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", provider->status, strlen(answer),
            answer);
}

static inline void *provider_run(void *arg)
{
    struct provider *provider = arg;
    while (!provider->stopping) {
        struct pollfd ready = {.fd = provider->fd, .events = POLLIN};
        if (poll(&ready, 1, 20) <= 0)
            continue;
        const int fd = accept(provider->fd, NULL, NULL);
        if (fd < 0)
            continue;
        provider_answer(provider, fd);
        close(fd);
    }
    return NULL;
}

static inline void provider_start(struct provider *provider, const char *answer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    memset(provider, 0, sizeof *provider);
    provider->answer = answer;
    provider->status = 200;
    provider->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(provider->fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(provider->fd, 16), 0);
    assert_int_equal(getsockname(provider->fd, (struct sockaddr *)&address, &length), 0);
    snprintf(provider->url, sizeof provider->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&provider->thread, NULL, provider_run, provider), 0);
}

static inline void provider_stop(struct provider *provider)
{
    provider->stopping = true;
    pthread_join(provider->thread, NULL);
    close(provider->fd);
}

#endif
