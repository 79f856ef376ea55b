/* The far end of a Redis connection that misbehaves on purpose: what a real Redis cannot be made to do (to drip, to
 * answer late, to talk nonsense). What a real one does is tested in tests/live/. */
#ifndef TESTS_REDIS_PEER_H
#define TESTS_REDIS_PEER_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PEER_INFO "$64\r\n# Server\r\nrun_id:0123456789abcdef0123456789abcdef01234567\r\nx:1\r\n\r\n"

/* What is done when a command arrives that contains `on` (the first rule that fits). The greeting (INFO server, PING)
 * is answered unless a rule fits. */
struct peer_rule {
    const char *on;
    int delay_ms;
    const char *answer; /* NULL: none */
    bool close_after;
    bool drip; /* repeats the answer every 20 ms for as long as the other side is there */
    bool once;
};

struct peer {
    int listener;
    char address[32];
    const struct peer_rule *rules; /* ends with on == NULL */
    bool used[16];                 /* of the rules that are for once */
    pthread_t thread;
    atomic_bool stop;
    atomic_int connections, ended; /* so many, and so many of them closed */
    atomic_int drips;
    char heard[4096]; /* all commands but the greeting, read after peer_stop */
};

static inline bool peer_still_there(int fd, int wait_ms)
{
    char byte;
    struct pollfd socket = {.fd = fd, .events = POLLIN | POLLRDHUP};
    return poll(&socket, 1, wait_ms) == 0 || recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static inline void peer_say(int fd, const char *text)
{
    ssize_t sent = send(fd, text, strlen(text), MSG_NOSIGNAL);
    (void)sent; /* the other side may have gone: then the test looks at that side */
}

static inline const struct peer_rule *peer_find(struct peer *peer, const char *command)
{
    for (size_t i = 0; peer->rules[i].on; i++) {
        if (!strstr(command, peer->rules[i].on) || peer->used[i])
            continue;
        peer->used[i] = peer->rules[i].once;
        return &peer->rules[i];
    }
    return NULL;
}

/* False: the connection is to be closed. */
static inline bool peer_obey(struct peer *peer, int fd, const char *command)
{
    const struct peer_rule *rule = peer_find(peer, command);
    bool is_ping = strstr(command, "PING") != NULL, is_info = strstr(command, "server") != NULL;
    if (!is_ping && !is_info)
        strncat(peer->heard, command, sizeof peer->heard - strlen(peer->heard) - 1);
    if (!rule) {
        peer_say(fd, is_ping ? "+PONG\r\n" : is_info ? PEER_INFO : "+OK\r\n");
        return true;
    }
    usleep((useconds_t)rule->delay_ms * 1000);
    if (rule->answer)
        peer_say(fd, rule->answer);
    while (rule->drip && !atomic_load(&peer->stop) && peer_still_there(fd, 20)) {
        peer_say(fd, rule->answer);
        atomic_fetch_add(&peer->drips, 1);
    }
    return !rule->close_after;
}

static inline void peer_serve(struct peer *peer, int fd)
{
    char command[2048];
    while (!atomic_load(&peer->stop)) {
        struct pollfd socket = {.fd = fd, .events = POLLIN};
        if (poll(&socket, 1, 10) == 0)
            continue;
        ssize_t got = recv(fd, command, sizeof command - 1, 0); /* small commands arrive whole on loopback */
        if (got <= 0)
            return;
        for (ssize_t i = 0; i < got; i++)
            if (command[i] == '\0')
                command[i] = '~';
        command[got] = '\0';
        if (!peer_obey(peer, fd, command))
            return;
    }
}

static inline void *peer_run(void *arg)
{
    struct peer *peer = arg;
    while (!atomic_load(&peer->stop)) {
        struct pollfd socket = {.fd = peer->listener, .events = POLLIN};
        if (poll(&socket, 1, 10) == 0)
            continue;
        int fd = accept(peer->listener, NULL, NULL);
        if (fd < 0)
            continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* what is said is there */
        atomic_fetch_add(&peer->connections, 1);
        peer_serve(peer, fd);
        close(fd);
        atomic_fetch_add(&peer->ended, 1);
    }
    return NULL;
}

/* A bound socket whose address is known before it listens. */
static inline void peer_bind(struct peer *peer, const struct peer_rule *rules)
{
    memset(peer, 0, sizeof *peer);
    peer->rules = rules;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(peer->listener, (struct sockaddr *)&address, size) != 0 ||
        getsockname(peer->listener, (struct sockaddr *)&address, &size) != 0)
        perror("bind");
    snprintf(peer->address, sizeof peer->address, "127.0.0.1:%d", ntohs(address.sin_port));
}

static inline void peer_listen(struct peer *peer)
{
    if (listen(peer->listener, 16) != 0 || pthread_create(&peer->thread, NULL, peer_run, peer) != 0)
        perror("peer");
}

static inline void peer_start(struct peer *peer, const struct peer_rule *rules)
{
    peer_bind(peer, rules);
    peer_listen(peer);
}

static inline void peer_stop(struct peer *peer)
{
    atomic_store(&peer->stop, true);
    pthread_join(peer->thread, NULL);
    close(peer->listener);
}

#endif
