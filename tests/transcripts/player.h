/* The server's side of a transcript, played over a real socket to a real link. One thread plays; nothing here fails a
 * test by itself: what does not fit is told in `complaint`.
 *
 * A line of the server's is said when the request that it answers has come; one that answers none, when all that stands
 * before it in the transcript has. Of what we send, iqs of the component's own that stand next to each other may come
 * in any order; what is sent in users' names may not. */
#ifndef TESTS_TRANSCRIPTS_PLAYER_H
#define TESTS_TRANSCRIPTS_PLAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "component/base/buf.h"
#include "tests/transcripts/sessions.h"
#include "tests/transcripts/transcript.h"

struct canonical;
struct fault;
struct names;

struct player {
    int listen_fd;
    uint16_t port;
    int fd; /* -1: nobody is connected */
    struct canonical *heard;
    struct buf complaint; /* empty: all is as kept */
    struct sessions sessions;
    char asked[32]; /* the id of a question of the player's own; "" when it is answered */

    /* the play */
    const struct transcript *transcript;
    struct names *names;
    const struct fault *fault; /* NULL: what does not fit is a complaint */
    bool done[TRANSCRIPT_LINES_MAX];
    struct buf saying, late; /* now, and when the call is over */
    bool hang_up;            /* when that is said */
};

/* False: no socket. */
bool player_open(struct player *player);
void player_close(struct player *player);

/* Begins a transcript; one that begins with a stream's header is played on a new connection. All of it must stay until
 * the next one. */
void player_begin(struct player *player, const struct transcript *transcript, struct names *names,
                  const struct fault *fault);
/* Plays until `wake_fd` is readable or so much time is over. */
void player_turn(struct player *player, int wake_fd, int timeout_ms);
/* Complains of what was not sent. */
void player_expect_done(struct player *player);
/* Complains of commands, in all plays, that were begun and neither completed nor cancelled. */
void player_expect_no_sessions(struct player *player);
/* Says what is late. */
void player_say_late(struct player *player);
/* Asks our domain something and waits for the answer: what was to be sent before is heard then. */
void player_catch_up(struct player *player, int64_t deadline_ms);

#endif
