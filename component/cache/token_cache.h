/* Where checked tokens are kept, so that a warm check costs no query: in memory (token_memory, a few seconds) and in
 * Redis (token_cache, minutes). Postgres is what is true. Both hold only hashes of tokens.
 *
 * Revoking. A check that began before a revocation must not put its old answer back after it. In memory: a generation
 * that every revocation raises; an answer is kept only if the generation is still the one from before the look-up. In
 * Redis: revoking writes a tombstone that outlives every look-up, and no answer is stored over one. Redis's entries
 * carry the epoch of Postgres (table meta): when Redis could not be told of a revocation, the epoch is raised in
 * Postgres and every entry of an older epoch counts as a miss; so does every entry that another run of Redis took,
 * since a Redis that died may have forgotten tombstones. Other instances hear of revocations by a channel;
 * token_listener empties this process's memory for as long as it is not subscribed. */
#ifndef CACHE_TOKEN_CACHE_H
#define CACHE_TOKEN_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/crypto.h"
#include "component/base/err.h"

struct redis;
struct redis_config;

struct token_key {
    uint8_t hash[SHA256_SIZE]; /* SHA-256 of the token's text */
};

/* What is known of a valid token. */
struct token_entry {
    int64_t account_id;
    int64_t expires_unix_ms; /* by Postgres's clock */
};

/* --- in memory: bounded, direct-mapped, a lock a stripe; any thread */
struct token_memory;
/* entries 0: keeps nothing. Entries are kept for lifetime_ms and not beyond the token's own end. */
struct token_memory *token_memory_new(size_t entries, int64_t lifetime_ms);
void token_memory_free(struct token_memory **memory);
bool token_memory_get(struct token_memory *memory, const struct token_key *key, struct token_entry *entry_r);
/* Taken before a look-up in Redis or Postgres, given back to token_memory_put. */
uint64_t token_memory_generation(struct token_memory *memory);
void token_memory_put(struct token_memory *memory, uint64_t generation, const struct token_key *key,
                      const struct token_entry *entry);
void token_memory_revoke(struct token_memory *memory, const struct token_key *key);
void token_memory_clear(struct token_memory *memory);
/* While closed (no live subscription) nothing is kept and nothing found. Starts closed. Closing clears; answers whose
 * look-up began before the opening are not kept. */
void token_memory_open(struct token_memory *memory, bool open);

/* --- in Redis */
/* ERR_NOT_FOUND: not there, or of another epoch or another run of Redis. ERR_TOKEN: a tombstone stands there. */
MUST_CHECK enum err token_cache_get(struct redis *redis, int64_t epoch, const struct token_key *key,
                                    struct token_entry *entry_r);
/* Kept for at most lifetime_ms and not beyond the token's own end; not over a tombstone, nor over an entry of the same
 * run and the same or a later epoch. OK says only that Redis was asked. */
MUST_CHECK enum err token_cache_put(struct redis *redis, int64_t epoch, const struct token_key *key,
                                    const struct token_entry *entry, int64_t lifetime_ms);
/* Tombstones for all of them, and a message to all instances; in one round trip, all or none. After an error it may
 * have happened. */
MUST_CHECK enum err token_cache_revoke(struct redis *redis, const struct token_key *keys, size_t count,
                                       int64_t lifetime_ms);

/* --- hearing of other instances: a thread that subscribes, with a ping every 250 ms that must be answered within
 * 500 ms; it opens the memory once subscribed, and closes it when the link is not known to live. It reconnects for ever
 * with backoff (at most 1 s). Config and memory must outlive it. */
struct token_listener;
MUST_CHECK enum err token_listener_start(const struct redis_config *config, struct token_memory *memory,
                                         struct token_listener **listener_r);
/* Joins the thread at once (only resolving a host's name may hold it up) and leaves the memory closed. */
void token_listener_stop(struct token_listener **listener);

#endif
