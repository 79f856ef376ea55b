/* Access tokens: opaque, 256 random bits, known to us only as SHA-256. Where a check is answered from: memory, Redis,
 * Postgres (token_cache.h). */
#ifndef REGISTRAR_SERVICE_TOKENS_H
#define REGISTRAR_SERVICE_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "component/base/secret.h"
#include "component/service/call.h"

struct session_hash;

/* Who acts: the owner of a token, the owner of a JID that the XMPP server vouches for, or a backend of ours whose
 * signature was checked by the dialect. */
struct credential {
    struct secret token;   /* empty without one */
    const char *jid_local; /* the local part of the JID; NULL without one */
    bool backend;
    const char *nonce;  /* a backend's, which may be used once; NULL when it sent none */
    int64_t account_id; /* out: the token's or JID's owner; 0 for a backend */
};

/* On the transport's thread: answers from memory. True when the credential is settled, with *err_r OK or why not; false
 * when tokens_check must be asked. */
MUST_CHECK bool tokens_check_here(struct services *services, struct credential *credential, enum err *err_r);
/* On a database worker. OK: account_id is set. ERR_TOKEN, ERR_TOKEN_EXPIRED, ERR_JID_NONE; ERR_TOKEN also for a banned
 * account's. By JID: ERR_UNAUTHORIZED (nobody's here), ERR_BANNED, ERR_JID_PENDING. */
MUST_CHECK enum err tokens_check(struct services *services, struct worker *worker, struct credential *credential);

/* For what outlives the session: a token that passed tokens_check is asked after once more, in Postgres, because a
 * cache may answer for one for a moment after it was revoked. */
MUST_CHECK enum err tokens_check_again(struct worker *worker, const struct credential *credential);

/* Opens a session of an active account (else ERR_NOT_FOUND). The token is the arena's. */
MUST_CHECK enum err tokens_issue(struct services *services, struct worker *worker, struct arena *arena,
                                 int64_t account_id, struct secret *token_r);
/* After sessions were ended in Postgres: no cache answers for them any more when this returns. */
void tokens_revoke(struct services *services, struct worker *worker, const struct session_hash *ended, size_t count);
/* When it is not known whether sessions were ended: what the caches hold counts for nothing from now on. */
void tokens_doubt(struct services *services, struct worker *worker);
/* For the job that ticks: tells Postgres what Redis missed, and learns the epoch that others raised. */
MUST_CHECK enum err tokens_follow_epoch(struct services *services, struct worker *worker);

/* Checking a token alone (003 /verify_access_token). io: struct credential. */
extern const struct op op_verify_token;

#endif
