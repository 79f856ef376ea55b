/* The passwords of JIDs: random, ours, and sealed (dialects.md, Accounts). */
#ifndef REGISTRAR_SERVICE_JID_PASSWORD_H
#define REGISTRAR_SERVICE_JID_PASSWORD_H

#include "component/base/err.h"
#include "component/base/seal.h"

struct account;
struct arena;
struct services;

/* A new one for a JID with this local part, sealed; the bytes are the arena's. */
struct sealed jid_password_new(const struct services *services, struct arena *arena, const char *jid_local);
/* The context that one is sealed in; the arena's. */
const char *jid_password_context(struct arena *arena, const char *jid_local);
/* Opens one, in the arena. As unseal. */
MUST_CHECK enum err jid_password_open(const struct services *services, struct arena *arena, const char *jid_local,
                                      struct sealed sealed, struct secret *password_r);
/* An account's. ERR_INTERNAL (logged): its key is lost. */
MUST_CHECK enum err account_jid_password(const struct services *services, struct arena *arena,
                                         const struct account *account, struct secret *password_r);

#endif
