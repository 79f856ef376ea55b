/* The lookup is shared by two: the thread that runs it, and the resolver. Whoever leaves last frees it. Its eventfd
 * becomes readable when it is done, so that poll can wait for it beside the wake descriptor. */
#include "xmpp/resolve.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/lane.h"

enum { STACK_SIZE = 512 * 1024, LONGEST_POLL_MS = 60 * 1000 };

struct lookup {
    atomic_int holders;
    int done_fd;
    char *host;
    char port[8];
    atomic_bool done; /* what follows may be read */
    int error;        /* EAI_* */
    struct addrinfo *addresses;
};

struct resolver {
    const char *host;
    uint16_t port;
    struct lookup *running; /* NULL: none */
};

static void leave(struct lookup *lookup)
{
    if (atomic_fetch_sub(&lookup->holders, 1) > 1)
        return;
    if (lookup->addresses != NULL)
        freeaddrinfo(lookup->addresses);
    close(lookup->done_fd);
    free(lookup->host);
    free(lookup);
}

static void *run(void *arg)
{
    struct lookup *lookup = arg;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    lookup->error = getaddrinfo(lookup->host, lookup->port, &hints, &lookup->addresses);
    if (lookup->error != 0)
        lookup->addresses = NULL;
    atomic_store(&lookup->done, true);
    eventfd_write(lookup->done_fd, 1);
    leave(lookup);
    return NULL;
}

struct resolver *resolver_new(const char *host, uint16_t port)
{
    struct resolver *resolver = xcalloc(1, sizeof *resolver);
    resolver->host = host;
    resolver->port = port;
    return resolver;
}

void resolver_free(struct resolver **resolver)
{
    if (*resolver == NULL)
        return;
    if ((*resolver)->running != NULL)
        leave((*resolver)->running);
    free(*resolver);
    *resolver = NULL;
}

static enum err begin(struct resolver *resolver)
{
    int done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (done_fd < 0)
        return ERR_INTERNAL;
    struct lookup *lookup = xcalloc(1, sizeof *lookup);
    atomic_init(&lookup->holders, 2);
    lookup->done_fd = done_fd;
    lookup->host = xstrdup(resolver->host);
    snprintf(lookup->port, sizeof lookup->port, "%u", (unsigned)resolver->port);
    pthread_t thread;
    if (thread_start("xmpp-resolve", STACK_SIZE, run, lookup, &thread) != OK) {
        atomic_store(&lookup->holders, 1);
        leave(lookup);
        return ERR_INTERNAL;
    }
    pthread_detach(thread);
    resolver->running = lookup;
    return OK;
}

static enum err wait_for(const struct lookup *lookup, int wake_fd, int64_t deadline_ms)
{
    struct pollfd fds[2] = {{.fd = lookup->done_fd, .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
    while (poll(fds, 2, clock_left(deadline_ms, LONGEST_POLL_MS)) <= 0)
        if (clock_ms() >= deadline_ms)
            return ERR_TIMEOUT;
    return atomic_load(&lookup->done) ? OK : ERR_SHUTDOWN;
}

enum err resolver_lookup(struct resolver *resolver, int wake_fd, int64_t deadline_ms, struct addrinfo **addresses_r,
                         const char **reason_r)
{
    *reason_r = "the host name was not resolved in time";
    if (resolver->running == NULL && begin(resolver) != OK) {
        *reason_r = "no thread for resolving";
        return ERR_XMPP_DOWN;
    }
    struct lookup *lookup = resolver->running;
    enum err err = wait_for(lookup, wake_fd, deadline_ms);
    if (err != OK)
        return err;
    resolver->running = NULL;
    *addresses_r = lookup->addresses;
    lookup->addresses = NULL;
    if (*addresses_r == NULL) {
        *reason_r = gai_strerror(lookup->error);
        err = ERR_XMPP_DOWN;
    }
    leave(lookup);
    return err;
}
