/* What an administrator does to an account's way in: bans (dialects.md, Bans), ending sessions, another JID password.
 * Each is one transaction; tokens end in all processes before it returns, or within a second when Redis is away; the
 * XMPP server follows by the outbox. Straight-line code for who has a worker of his own. */
#ifndef REGISTRAR_SERVICE_BANS_H
#define REGISTRAR_SERVICE_BANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"

struct arena;
struct services;
struct worker;

/* An active account (else ERR_NOT_FOUND) is banned: its sessions end, its JID is disabled. Again: the same. How many
 * sessions ended goes out. */
MUST_CHECK enum err account_ban(struct services *services, struct worker *worker, struct arena *arena, int64_t id,
                                size_t *ended_r);
MUST_CHECK enum err account_unban(struct worker *worker, int64_t id);
/* ERR_NOT_FOUND: not an active account. */
MUST_CHECK enum err account_end_sessions(struct services *services, struct worker *worker, struct arena *arena,
                                         int64_t id, size_t *ended_r);

/* JIDs are to get other passwords, random and sealed, each of which takes the old one's place once the server has it.
 * An account for which that is under way keeps the one that is to come, unless it is sealed by a lost key. In one
 * transaction; the outbox begins with the first after `delay_ms`, and with each further one `step_ms` later. Accounts
 * that are not active are passed over; how many are left goes out. */
MUST_CHECK enum err accounts_rotate(const struct services *services, struct worker *worker, struct arena *arena,
                                    const int64_t *ids, size_t count, int64_t delay_ms, int64_t step_ms,
                                    size_t *rotated_r);

#endif
