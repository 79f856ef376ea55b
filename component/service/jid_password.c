#include "component/service/jid_password.h"

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/service/services.h"
#include "sql/accounts.h"

enum { LENGTH = 32 };

static const char alphanumeric[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

const char *jid_password_context(struct arena *arena, const char *jid_local)
{
    return arena_printf(arena, "jid:%s", jid_local);
}

struct sealed jid_password_new(const struct services *services, struct arena *arena, const char *jid_local)
{
    char *password = arena_alloc(arena, LENGTH + 1);
    random_text(alphanumeric, LENGTH, password);
    return seal(services->keyring, arena, jid_password_context(arena, jid_local), secret_of(password, LENGTH));
}

enum err jid_password_open(const struct services *services, struct arena *arena, const char *jid_local,
                           struct sealed sealed, struct secret *password_r)
{
    return unseal(services->keyring, arena, jid_password_context(arena, jid_local), sealed, password_r);
}

enum err account_jid_password(const struct services *services, struct arena *arena, const struct account *account,
                              struct secret *password_r)
{
    if (jid_password_open(services, arena, account->jid_local, account->jid_password, password_r) == OK)
        return OK;
    log_error("jid_password_sealed_by_lost_key", F("account", account->id), F("key", account->jid_password.key_id));
    return ERR_INTERNAL;
}
