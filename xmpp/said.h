/* What the log was told, so that trouble which goes on is said once and not with every attempt. Pure: who calls writes
 * the line when he is told to. Not thread-safe. */
#ifndef XMPP_SAID_H
#define XMPP_SAID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SAID_MAX = 8, SAID_SIZE = 96 };

/* Texts that stand in the log. A server that invents ever new ones (names of stream errors) is heard eight times. */
struct said {
    char texts[SAID_MAX][SAID_SIZE];
    size_t count;
};

/* True when the text is to be said: it is new, and there is room for it. */
bool said_first(struct said *said, const char *text);
void said_forget(struct said *said);

/* The trouble of a link. It begins when the link is lost or cannot be made, and ends when one has lasted: so that links
 * which come and go, because two programs fight for one name, are one trouble. What was said last is true: of such
 * links it is said once that they are unsteady, then nothing until one lasts. */
struct trouble {
    struct said reasons;
    bool unsteady;     /* and that was said */
    uint64_t failures; /* attempts and links that ended since it began */
};

enum trouble_line { TROUBLE_NOTHING, TROUBLE_UP, TROUBLE_DOWN, TROUBLE_UNSTEADY };

/* Each returns what is to be said. */
enum trouble_line trouble_down(struct trouble *trouble, bool was_up, const char *reason);
enum trouble_line trouble_up(const struct trouble *trouble);
enum trouble_line trouble_lasted(struct trouble *trouble);

/* A kind of line that others can cause in any number: said at once, and while it goes on after pauses that double from
 * ten seconds to an hour. Begins as {0}. */
struct repeated {
    int64_t next_ms;
    int64_t pause_ms;
    uint64_t unsaid;
};

/* True when it is to be said now; times_r is then how often it happened since it was said before. */
bool repeated_say(struct repeated *repeated, int64_t now_ms, uint64_t *times_r);

#endif
