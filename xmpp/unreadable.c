#include "xmpp/unreadable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"

enum { LOCAL_SIZE = 256 };

struct unreadable {
    struct account {
        char local[LOCAL_SIZE]; /* "": nobody's place */
        int64_t ended_ms, took_ms;
    } accounts[UNREADABLE_MOST];
};

struct unreadable *unreadable_new(void)
{
    return xcalloc(1, sizeof(struct unreadable));
}

void unreadable_free(struct unreadable **unreadable)
{
    free(*unreadable);
    *unreadable = NULL;
}

/* UNREADABLE_MOST: it has none. */
static size_t place_of(const struct unreadable *unreadable, const char *local)
{
    size_t i = 0;
    while (i < UNREADABLE_MOST && strcmp(unreadable->accounts[i].local, local) != 0)
        i++;
    return i;
}

static int64_t rest_ms(const struct account *account, int parts)
{
    const int64_t most_ms = UNREADABLE_REST_MAX_MS;
    return account->took_ms < most_ms / parts ? account->took_ms * parts : most_ms;
}

static bool is_over(const struct account *account, int64_t now_ms)
{
    return account->local[0] == '\0' || now_ms >= account->ended_ms + rest_ms(account, UNREADABLE_AGAIN);
}

/* Its own place, or one whose rest is over, or that of the shortest. */
static struct account *place_for(struct unreadable *unreadable, const char *local, int64_t now_ms)
{
    const size_t own = place_of(unreadable, local);
    struct account *least = &unreadable->accounts[0];
    if (own < UNREADABLE_MOST)
        return &unreadable->accounts[own];
    for (size_t i = 1; i < UNREADABLE_MOST && !is_over(least, now_ms); i++)
        if (is_over(&unreadable->accounts[i], now_ms) || unreadable->accounts[i].took_ms < least->took_ms)
            least = &unreadable->accounts[i];
    return least;
}

void unreadable_note(struct unreadable *unreadable, const char *local, int64_t took_ms, int64_t now_ms)
{
    struct account *account = place_for(unreadable, local, now_ms);
    if (strlen(local) >= LOCAL_SIZE)
        return;
    snprintf(account->local, sizeof account->local, "%s", local);
    account->took_ms = took_ms;
    account->ended_ms = now_ms;
}

void unreadable_forget(struct unreadable *unreadable, const char *local)
{
    const size_t own = place_of(unreadable, local);
    if (own < UNREADABLE_MOST)
        unreadable->accounts[own] = (struct account){0};
}

bool unreadable_rests(const struct unreadable *unreadable, const char *local, int parts, int64_t now_ms)
{
    const size_t own = place_of(unreadable, local);
    if (own == UNREADABLE_MOST || local[0] == '\0')
        return false;
    const struct account *account = &unreadable->accounts[own];
    return now_ms < account->ended_ms + rest_ms(account, parts);
}
