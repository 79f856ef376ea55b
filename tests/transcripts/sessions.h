/* The command sessions that a played server has open. Openfire has room for 100 of a component, and those that were
 * forgotten stay until it is restarted: so each one that we were told of must be completed or cancelled. */
#ifndef TESTS_TRANSCRIPTS_SESSIONS_H
#define TESTS_TRANSCRIPTS_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>

enum { SESSIONS_MAX = 128, SESSION_SIZE = 64 };

struct sessions {
    struct {
        char id[SESSION_SIZE];
        bool old;   /* of an earlier play */
        bool ended; /* or not known to us for sure; it may be cancelled all the same */
    } open[SESSIONS_MAX];
    size_t count;
};

/* A new play begins. */
void sessions_age(struct sessions *sessions);
/* What the server says may open one; when the link is cut behind it, we may know of it or not. */
void sessions_see_said(struct sessions *sessions, const char *text, bool cut);
/* What it hears may end one. True: it cancels an old one. */
bool sessions_see_heard(struct sessions *sessions, const char *text);

#endif
