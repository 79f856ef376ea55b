/* Accounts whose rosters cannot be read, because their users made them larger than we take, or that are nearly as
 * large. The server works on such a roster longer than on any other, all of it comes over the link, and there may be
 * hundreds of bindings that want to see it. So after such a reading the account rests for a multiple of the time that
 * it took: whatever its user does, the others have the rest of the link. Not thread-safe. */
#ifndef XMPP_UNREADABLE_H
#define XMPP_UNREADABLE_H

#include <stdbool.h>
#include <stdint.h>

struct unreadable;

struct unreadable *unreadable_new(void);
/* Nulls the pointer; a null pointer in it is fine. */
void unreadable_free(struct unreadable **unreadable);

enum {
    UNREADABLE_MOST = 256, /* accounts that are remembered: those whose readings took longest */
    UNREADABLE_FIRST = 3,  /* how often as long what is tried for the first time waits: it may be that he made room */
    UNREADABLE_AGAIN = 19, /* likewise what failed before */
    UNREADABLE_REST_MAX_MS = 120000,
};
/* A reading of the account ended at now_ms (clock_ms), without a roster or with such a one, and had taken so long.
 * `local` is the local part of its JID. */
void unreadable_note(struct unreadable *unreadable, const char *local, int64_t took_ms, int64_t now_ms);
/* It could be read, and was as others are. */
void unreadable_forget(struct unreadable *unreadable, const char *local);
/* Whether the account rests; `parts` is UNREADABLE_FIRST or UNREADABLE_AGAIN. */
bool unreadable_rests(const struct unreadable *unreadable, const char *local, int parts, int64_t now_ms);

#endif
