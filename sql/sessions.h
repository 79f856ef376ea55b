/* Sessions: tokens as SHA-256, opened, checked, ended. */
#ifndef SQL_SESSIONS_H
#define SQL_SESSIONS_H

#include <stddef.h>
#include <stdint.h>

#include "component/base/crypto.h"
#include "component/base/err.h"

struct arena;
struct pg;

/* 003's tokens, which are 004's as well; 000's cookies; the secs of 001 and 002. */
enum session_dialect { SESSION_000 = 0, SESSION_001 = 1, SESSION_002 = 2, SESSION_003 = 3 };

struct session_hash {
    uint8_t bytes[SHA256_SIZE];
};

/* Opens a session of an active account that is not banned (else ERR_NOT_FOUND). When the account has `most` already,
 * the oldest end: their hashes go to ended_r, in the arena, to be revoked in the caches. */
MUST_CHECK enum err sessions_open(struct pg *pg, struct arena *arena, int64_t account_id, enum session_dialect dialect,
                                  const struct session_hash *hash, int64_t lifetime_ms, int64_t most,
                                  struct session_hash **ended_r, size_t *ended_count_r);

/* OK: valid; the account and what is left of its life go out. ERR_TOKEN: unknown or ended. ERR_TOKEN_EXPIRED,
 * ERR_JID_NONE (the account has no JID any more), ERR_BANNED. */
MUST_CHECK enum err sessions_check(struct pg *pg, const struct session_hash *hash, int64_t *account_id_r,
                                   int64_t *left_ms_r);

/* Ends one. */
MUST_CHECK enum err sessions_end(struct pg *pg, const struct session_hash *hash);
/* Ends all of an account's, and with them what claim codes it made; their hashes go out, in the arena. Who must not
 * miss one that is just being opened holds the account, in a transaction. */
MUST_CHECK enum err sessions_end_all(struct pg *pg, struct arena *arena, int64_t account_id,
                                     struct session_hash **ended_r, size_t *ended_count_r);

/* Ends any of anybody, at most `most`; how many goes to count_r. The caller raises the epoch of the caches. */
MUST_CHECK enum err sessions_end_some(struct pg *pg, int64_t most, int64_t *count_r);
/* Forgets those that expired more than 30 days ago, at most `most`; how many goes to count_r. */
MUST_CHECK enum err sessions_purge(struct pg *pg, int64_t most, int64_t *count_r);

#endif
