#include "tests/transcripts/replay.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "component/base/clock.h"
#include "component/base/lane.h"
#include "tests/transcripts/names.h"

#define DOMAIN    "replayed.example"
#define COMPONENT "registrar." DOMAIN

enum { PATIENCE_MS = 20000, LATEST_MS = 60000 };

/* A call on a thread of its own. */
struct running {
    struct replay *replay;
    const char *call;
    int64_t timeout_ms;
    struct outcome *outcome;
};

static void *run(void *arg)
{
    struct running *running = arg;
    caller_run(&running->replay->caller, running->call, running->timeout_ms, running->outcome);
    (void)eventfd_write(running->replay->done_fd, 1);
    return NULL;
}

/* "Openfire 5.2.0 Alpha": a name without spaces, and a version. */
static void split_server(const char *server, char name_r[64], const char **version_r)
{
    const char *space = strchr(server, ' ');
    *version_r = space != NULL ? space + 1 : "";
    snprintf(name_r, 64, "%.*s", space != NULL ? (int)(space - server) : (int)strlen(server), server);
}

bool replay_open(struct replay *replay, const struct transcript *link, int64_t patience_ms)
{
    memset(replay, 0, sizeof *replay);
    replay->link = link;
    replay->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    const bool open = replay->done_fd >= 0 && player_open(&replay->player);
    caller_init(&replay->caller, "127.0.0.1", replay->player.port, DOMAIN, COMPONENT, "a secret of ours");
    if (patience_ms > 0)
        replay->caller.config.request_timeout_ms = replay->caller.config.connect_timeout_ms = patience_ms;
    char name[64];
    const char *version;
    split_server(link->server, name, &version);
    caller_prove_by(&replay->caller, name, version);
    return open;
}

/* The player first: the link then has nobody to say good-bye to. */
void replay_close(struct replay *replay)
{
    player_close(&replay->player);
    caller_close(&replay->caller);
    close(replay->done_fd);
}

bool replay_is_up(const struct replay *replay)
{
    return replay->player.fd >= 0;
}

/* All values are new with each play: an answer from before fits nowhere. */
static struct names *new_names(struct replay *replay, const struct transcript *transcript)
{
    char tag[16], name[64];
    const char *version;
    snprintf(tag, sizeof tag, "play%u", ++replay->plays);
    struct names *names = names_new(tag);
    names_set(names, "component", COMPONENT);
    names_set(names, "domain", DOMAIN);
    split_server(transcript->server, name, &version);
    names_set(names, "version", version);
    return names;
}

static bool play_until_done(struct replay *replay)
{
    const bool faulty = replay->player.fault != NULL;
    const int64_t latest = clock_ms() + LATEST_MS;
    eventfd_t over = 0;
    while (eventfd_read(replay->done_fd, &over) != 0 && clock_ms() < latest)
        player_turn(&replay->player, replay->done_fd, 1000);
    player_say_late(&replay->player);
    if (replay_is_up(replay) && !(faulty && transcript_is_call(replay->player.transcript, "link")))
        player_catch_up(&replay->player, clock_ms() + PATIENCE_MS);
    return over != 0;
}

static void compare(struct replay *replay, const struct transcript *transcript, const char *what, const char *kept,
                    const char *seen)
{
    struct buf filled;
    buf_init(&filled, TRANSCRIPT_SIZE_MAX);
    names_fill(replay->player.names, kept, &filled);
    if (strcmp(buf_cstr(&filled), seen) != 0 && replay->player.complaint.length == 0)
        buf_printf(&replay->player.complaint, "%s: %s\n  kept: %s\n  seen: %s\n", transcript->path, what,
                   buf_cstr(&filled), seen);
    buf_free(&filled);
}

bool replay_play(struct replay *replay, const struct transcript *transcript, const struct fault *fault,
                 int64_t timeout_ms, struct outcome *outcome_r)
{
    struct names *names = new_names(replay, transcript);
    struct buf call;
    buf_init(&call, 1024);
    names_fill(names, transcript->call, &call);
    player_begin(&replay->player, transcript, names, fault);
    struct running running = {replay, buf_cstr(&call), timeout_ms > 0 ? timeout_ms : PATIENCE_MS, outcome_r};
    pthread_t thread;
    bool ended = false;
    if (thread_start("call", 0, run, &running, &thread) == OK) {
        ended = play_until_done(replay);
        if (!ended) { /* there is no going on after it, and no telling what the thread holds */
            fprintf(stderr, "%s: the call does not end\n", transcript->path);
            abort();
        }
        pthread_join(thread, NULL);
    }
    if (fault == NULL) {
        player_expect_done(&replay->player);
        compare(replay, transcript, "the call ends otherwise", transcript->result, outcome_r->result);
        compare(replay, transcript, "something else is seen", transcript->shows, buf_cstr(&outcome_r->shows));
    }
    replay->player.names = NULL;
    names_free(&names);
    buf_free(&call);
    return ended && replay->player.complaint.length == 0;
}

bool replay_link(struct replay *replay)
{
    struct outcome outcome;
    outcome_init(&outcome);
    const bool linked = replay_play(replay, replay->link, NULL, 0, &outcome);
    outcome_free(&outcome);
    return linked;
}
