#include "tests/transcripts/tee.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "component/base/clock.h"
#include "component/base/lane.h"
#include "tests/transcripts/canonical.h"
#include "tests/transcripts/transcript.h"

enum {
    SILENCE_MS = 60,
    TURN_MS = 20,
    ANSWER_MS = 10000,
    LONGEST_MS = 2000,
    HELD_MAX = 4 * 1024 * 1024,
    READ_SIZE = 16 * 1024
};

struct side {
    bool ours;
    int fd; /* -1: gone */
    struct canonical *lines;
    struct buf held; /* lines with their NULs, not passed on yet */
    int64_t heard_ms;
    bool ended;
    struct tee *tee;
};

struct tee {
    const char *host, *domain, *component;
    uint16_t port;
    int listen_fd;
    pthread_t thread;
    unsigned asked;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    struct side us, server;
    bool stopping;
    void (*hear)(void *arg, bool ours, const char *text);
    void *arg;
    bool answered;
    struct buf answer;
};

/* ---- under the lock ---- */

static void on_line(void *arg, const char *text)
{
    struct side *side = arg;
    struct tee *tee = side->tee;
    char id[64];
    if (!side->ours && transcript_is(text, "iq") && transcript_attribute(text, "id", id, sizeof id) &&
        strncmp(id, TEE_ID, strlen(TEE_ID)) == 0) {
        buf_clear(&tee->answer);
        buf_puts(&tee->answer, text);
        tee->answered = true;
        pthread_cond_broadcast(&tee->changed);
        return;
    }
    buf_append(&side->held, text, strlen(text) + 1);
}

static void send_all(int fd, const char *text, size_t length)
{
    while (fd >= 0 && length > 0) {
        const ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* reading tells */
        text += sent;
        length -= (size_t)sent;
    }
}

static void end_side(struct side *side)
{
    if (side->fd >= 0)
        close(side->fd);
    side->fd = -1;
    side->ended = false;
    canonical_free(&side->lines);
    buf_clear(&side->held);
}

static void begin_side(struct tee *tee, struct side *side, int fd)
{
    side->tee = tee;
    side->fd = fd;
    side->lines = canonical_new(on_line, side);
}

/* Passes on what was held, and the end. */
static void pass_on(struct tee *tee, struct side *from, struct side *to)
{
    for (size_t at = 0; at < from->held.length;) {
        const char *text = from->held.data + at;
        if (tee->hear != NULL)
            tee->hear(tee->arg, from->ours, text);
        send_all(to->fd, text, strlen(text));
        at += strlen(text) + 1;
    }
    buf_clear(&from->held);
    if (!from->ended)
        return;
    if (!from->ours && tee->hear != NULL)
        tee->hear(tee->arg, false, "closed");
    end_side(from);
    end_side(to);
    pthread_cond_broadcast(&tee->changed);
}

static bool has_something(const struct side *side)
{
    return side->held.length > 0 || side->ended;
}

/* While nobody is told, nobody has to wait. */
static bool has_finished(const struct side *side, int64_t silence_ms)
{
    return has_something(side) && (side->tee->hear == NULL || clock_ms() >= side->heard_ms + silence_ms);
}

static void pass_on_in_turns(struct tee *tee)
{
    if (has_finished(&tee->us, TURN_MS))
        pass_on(tee, &tee->us, &tee->server);
    else if (has_finished(&tee->server, SILENCE_MS))
        pass_on(tee, &tee->server, &tee->us);
}

static void read_side(struct side *side)
{
    char bytes[READ_SIZE];
    const ssize_t got = recv(side->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    side->heard_ms = clock_ms();
    if (got <= 0 || !canonical_feed(side->lines, bytes, (size_t)got))
        side->ended = true;
}

static int dial(const struct tee *tee)
{
    char port[8];
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    snprintf(port, sizeof port, "%u", tee->port);
    if (getaddrinfo(tee->host, port, &hints, &found) != 0)
        return -1;
    int fd = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static void accept_one(struct tee *tee)
{
    const int ours = accept4(tee->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    const int theirs = ours >= 0 ? dial(tee) : -1;
    if (theirs < 0) {
        if (ours >= 0)
            close(ours);
        return;
    }
    begin_side(tee, &tee->us, ours);
    begin_side(tee, &tee->server, theirs);
}

/* ---- the thread ---- */

static void *run(void *arg)
{
    struct tee *tee = arg;
    pthread_mutex_lock(&tee->lock);
    while (!tee->stopping) {
        const bool connected = tee->us.fd >= 0;
        struct pollfd fds[2] = {
            {.fd = connected ? (tee->us.ended ? -1 : tee->us.fd) : tee->listen_fd, .events = POLLIN},
            {.fd = tee->server.ended ? -1 : tee->server.fd, .events = POLLIN}};
        pthread_mutex_unlock(&tee->lock);
        (void)poll(fds, 2, 5);
        pthread_mutex_lock(&tee->lock);
        if (fds[0].revents != 0 && connected)
            read_side(&tee->us);
        else if (fds[0].revents != 0)
            accept_one(tee);
        if (fds[1].revents != 0)
            read_side(&tee->server);
        pass_on_in_turns(tee);
    }
    end_side(&tee->us);
    end_side(&tee->server);
    pthread_mutex_unlock(&tee->lock);
    return NULL;
}

/* ---- for others ---- */

struct tee *tee_open(const char *host, uint16_t port, const char *domain, const char *component)
{
    struct tee *tee = xcalloc(1, sizeof *tee);
    tee->host = host;
    tee->port = port;
    tee->domain = domain;
    tee->component = component;
    tee->us = (struct side){.ours = true, .fd = -1};
    tee->server = (struct side){.fd = -1};
    buf_init(&tee->us.held, HELD_MAX);
    buf_init(&tee->server.held, HELD_MAX);
    buf_init(&tee->answer, HELD_MAX);
    pthread_mutex_init(&tee->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&tee->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    tee->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(tee->listen_fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(tee->listen_fd, 8) != 0 || thread_start("tee", 0, run, tee, &tee->thread) != OK) {
        close(tee->listen_fd);
        free(tee);
        return NULL;
    }
    return tee;
}

void tee_close(struct tee **tee)
{
    if (*tee == NULL)
        return;
    pthread_mutex_lock(&(*tee)->lock);
    (*tee)->stopping = true;
    pthread_mutex_unlock(&(*tee)->lock);
    pthread_join((*tee)->thread, NULL);
    close((*tee)->listen_fd);
    buf_free(&(*tee)->us.held);
    buf_free(&(*tee)->server.held);
    buf_free(&(*tee)->answer);
    pthread_cond_destroy(&(*tee)->changed);
    pthread_mutex_destroy(&(*tee)->lock);
    free(*tee);
    *tee = NULL;
}

uint16_t tee_port(const struct tee *tee)
{
    struct sockaddr_in address = {0};
    socklen_t size = sizeof address;
    (void)getsockname(tee->listen_fd, (struct sockaddr *)&address, &size);
    return ntohs(address.sin_port);
}

void tee_listen(struct tee *tee, void (*hear)(void *arg, bool ours, const char *text), void *arg)
{
    pthread_mutex_lock(&tee->lock);
    tee->hear = hear;
    tee->arg = arg;
    pthread_mutex_unlock(&tee->lock);
}

bool tee_say(struct tee *tee, const char *stanza, struct buf *answer_r)
{
    const int64_t until = clock_ms() + ANSWER_MS;
    const struct timespec deadline = {.tv_sec = until / 1000, .tv_nsec = (long)(until % 1000) * 1000000};
    const bool is_request = strstr(stanza, " id=\"" TEE_ID) != NULL;
    pthread_mutex_lock(&tee->lock);
    tee->answered = false;
    send_all(tee->server.fd, stanza, strlen(stanza));
    int failed = 0;
    while (is_request && !tee->answered && tee->server.fd >= 0 && failed == 0)
        failed = pthread_cond_timedwait(&tee->changed, &tee->lock, &deadline);
    const bool good = tee->server.fd >= 0 && (tee->answered || !is_request);
    if (good && answer_r != NULL)
        buf_puts(answer_r, buf_cstr(&tee->answer));
    pthread_mutex_unlock(&tee->lock);
    return good;
}

static bool is_quiet(struct tee *tee)
{
    const int64_t now = clock_ms();
    pthread_mutex_lock(&tee->lock);
    const bool quiet = !has_something(&tee->us) && !has_something(&tee->server) &&
                       now > tee->us.heard_ms + 2 * (int64_t)SILENCE_MS &&
                       now > tee->server.heard_ms + 2 * (int64_t)SILENCE_MS;
    pthread_mutex_unlock(&tee->lock);
    return quiet;
}

/* A link that is not let in is never silent for long. */
static void wait_for_silence(struct tee *tee)
{
    const int64_t latest = clock_ms() + LONGEST_MS;
    while (!is_quiet(tee) && clock_ms() < latest)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

bool tee_settle(struct tee *tee)
{
    char ping[512];
    wait_for_silence(tee);
    snprintf(ping, sizeof ping,
             "<iq from=\"%s\" id=\"" TEE_ID "settle-%u\" to=\"%s\" type=\"get\"><ping xmlns=\"urn:xmpp:ping\"/></iq>",
             tee->component, ++tee->asked, tee->domain);
    const bool up = tee_say(tee, ping, NULL);
    wait_for_silence(tee);
    return up;
}
