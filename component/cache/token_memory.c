/* Checked tokens in memory. Direct-mapped: a token has one place, and a newer one there takes it. Places that were
 * never used cost nothing, since their pages were never touched. Each stripe of places has a lock.
 *
 * Three things keep old answers out, and token_memory_put reads all of them while it holds the lock:
 * - generation: raised by whatever makes answers that are under way doubtful: a revocation, clearing, opening.
 * - wave: raised by clearing. A place counts only with the wave it was filled in, so that clearing touches no place.
 * - is_open.
 * Order matters. put reads wave, is_open, generation; clearing raises generation, then wave; opening raises generation,
 * then sets is_open; closing clears is_open, then clears. So a put that finds the generation unchanged has read the
 * wave from before any clearing (what it writes is then void), and one that sees the memory open sees opening's
 * generation. A revocation raises the generation before it takes the lock: a put that came before it is wiped by it,
 * one after it sees the new generation. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/cache/token_cache.h"

enum { STRIPES = 64, CACHE_LINE = 64, MS_PER_S = 1000 };

struct place {
    struct token_key key;
    struct token_entry entry;
    int64_t until_ms; /* of clock_ms */
    uint64_t wave;    /* 0: empty */
};

union stripe {
    pthread_mutex_t lock;
    char padding[CACHE_LINE]; /* neighbours do not share a line */
};

struct token_memory {
    union stripe stripes[STRIPES];
    atomic_uint_fast64_t generation;
    atomic_uint_fast64_t wave; /* 1 or more */
    atomic_bool is_open;
    int64_t lifetime_ms;
    size_t count; /* 0: switched off */
    struct place *places;
};

struct token_memory *token_memory_new(size_t entries, int64_t lifetime_ms)
{
    struct token_memory *memory = xcalloc(1, sizeof *memory);
    for (size_t i = 0; i < STRIPES; i++)
        pthread_mutex_init(&memory->stripes[i].lock, NULL);
    atomic_init(&memory->generation, 1);
    atomic_init(&memory->wave, 1);
    atomic_init(&memory->is_open, false);
    memory->lifetime_ms = lifetime_ms;
    memory->count = entries;
    memory->places = xcalloc(entries, sizeof *memory->places);
    return memory;
}

void token_memory_free(struct token_memory **memory)
{
    if (!*memory)
        return;
    for (size_t i = 0; i < STRIPES; i++)
        pthread_mutex_destroy(&(*memory)->stripes[i].lock);
    free((*memory)->places);
    free(*memory);
    *memory = NULL;
}

/* A token's place, locked; NULL when the memory is switched off. */
static struct place *take_place(struct token_memory *memory, const struct token_key *key, pthread_mutex_t **lock_r)
{
    if (memory->count == 0)
        return NULL;
    uint64_t number;
    memcpy(&number, key->hash, sizeof number); /* SHA-256: as good as random */
    size_t index = number % memory->count;
    *lock_r = &memory->stripes[index % STRIPES].lock;
    pthread_mutex_lock(*lock_r);
    return &memory->places[index];
}

static bool holds(const struct place *place, const struct token_key *key)
{
    return place->wave != 0 && memcmp(&place->key, key, sizeof *key) == 0;
}

bool token_memory_get(struct token_memory *memory, const struct token_key *key, struct token_entry *entry_r)
{
    if (!atomic_load(&memory->is_open))
        return false;
    int64_t now_ms = clock_ms();
    pthread_mutex_t *lock;
    const struct place *place = take_place(memory, key, &lock);
    if (!place)
        return false;
    bool found = holds(place, key) && place->wave == atomic_load(&memory->wave) && now_ms < place->until_ms;
    if (found)
        *entry_r = place->entry;
    pthread_mutex_unlock(lock);
    return found;
}

uint64_t token_memory_generation(struct token_memory *memory)
{
    return atomic_load(&memory->generation);
}

/* A token is not kept through the last second of its life, which spares a clock in milliseconds and forgives ours being
 * that much late against Postgres's. */
static int64_t keep_until(const struct token_memory *memory, const struct token_entry *entry)
{
    int64_t left_ms = entry->expires_unix_ms - (clock_unix() + 1) * MS_PER_S;
    return clock_ms() + (left_ms < memory->lifetime_ms ? left_ms : memory->lifetime_ms);
}

void token_memory_put(struct token_memory *memory, uint64_t generation, const struct token_key *key,
                      const struct token_entry *entry)
{
    int64_t until_ms = keep_until(memory, entry);
    pthread_mutex_t *lock;
    struct place *place = take_place(memory, key, &lock);
    if (!place)
        return;
    uint64_t wave = atomic_load(&memory->wave);
    if (atomic_load(&memory->is_open) && atomic_load(&memory->generation) == generation)
        *place = (struct place){.key = *key, .entry = *entry, .until_ms = until_ms, .wave = wave};
    pthread_mutex_unlock(lock);
}

void token_memory_revoke(struct token_memory *memory, const struct token_key *key)
{
    atomic_fetch_add(&memory->generation, 1);
    pthread_mutex_t *lock;
    struct place *place = take_place(memory, key, &lock);
    if (!place)
        return;
    if (holds(place, key))
        *place = (struct place){0};
    pthread_mutex_unlock(lock);
}

void token_memory_clear(struct token_memory *memory)
{
    atomic_fetch_add(&memory->generation, 1);
    atomic_fetch_add(&memory->wave, 1);
}

void token_memory_open(struct token_memory *memory, bool open)
{
    if (open) {
        atomic_fetch_add(&memory->generation, 1);
        atomic_store(&memory->is_open, true);
    } else {
        atomic_store(&memory->is_open, false);
        token_memory_clear(memory);
    }
}
