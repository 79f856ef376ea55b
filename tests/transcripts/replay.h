/* A link to a played server, on which transcripts are played one after the other. Each call runs on a thread of its
 * own, the server's side on the thread of who asks. */
#ifndef TESTS_TRANSCRIPTS_REPLAY_H
#define TESTS_TRANSCRIPTS_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/transcripts/calls.h"
#include "tests/transcripts/player.h"

struct replay {
    struct player player;
    struct caller caller;
    const struct transcript *link; /* how a link is made */
    int done_fd;                   /* the call is over */
    unsigned plays;
};

/* False: no socket. After a while (0: as long as it takes) the link and each request give up. */
bool replay_open(struct replay *replay, const struct transcript *link, int64_t patience_ms);
void replay_close(struct replay *replay);
/* Makes a link, or another one when it was cut. */
bool replay_link(struct replay *replay);
/* False when there is a complaint, or when what was seen is not as kept; replay->player.complaint tells. With a fault
 * there are no complaints, and the result is for the caller to judge. */
bool replay_play(struct replay *replay, const struct transcript *transcript, const struct fault *fault,
                 int64_t timeout_ms, struct outcome *outcome_r);
bool replay_is_up(const struct replay *replay);

#endif
