#include "component/service/users.h"

#include "component/base/arena.h"
#include "component/base/log.h"
#include "component/cache/limits.h"
#include "component/service/services.h"
#include "sql/jids.h"

enum { MINUTE_MS = 60000 };

struct account_name *names_typed(struct arena *arena, const struct name_list *list)
{
    struct account_name *names = arena_array(arena, list->count, sizeof *names);
    for (size_t i = 0; i < list->count; i++) {
        names[i] = list->names[i];
        names[i].type = list->type;
    }
    return names;
}

enum err names_find(struct worker *worker, struct arena *arena, const struct name_list *list,
                    struct account ***accounts_r)
{
    struct account *found = NULL;
    size_t *position = NULL, count = 0;
    const enum err err =
        list->jids != NULL
            ? jids_find_all(worker->pg, arena, list->jids, list->count, &found, &position, &count)
            : accounts_find_all(worker->pg, arena, names_typed(arena, list), list->count, 0, &found, &position, &count);
    if (err != OK)
        return err;
    *accounts_r = arena_array(arena, list->count, sizeof **accounts_r);
    for (size_t i = 0; i < count; i++) {
        struct account **slot = &(*accounts_r)[position[i]];
        if (*slot != NULL)
            return ERR_INVALID; /* two types share the name */
        *slot = &found[i];
    }
    return OK;
}

static enum err here(struct call *call, struct worker *worker)
{
    (void)worker;
    struct users_io *io = call->io;
    enum err err;
    return tokens_check_here(call->services, &io->credential, &err) ? err : OK;
}

enum err lookups_limit(struct call *call, struct worker *worker, const struct credential *credential, size_t names)
{
    if (credential->account_id == 0)
        return OK;
    const struct limit limit = {.what = "lookup.account",
                                .who = arena_printf(call->arena, "%lld", (long long)credential->account_id),
                                .most = call->services->settings.lookups_per_minute,
                                .period_ms = MINUTE_MS,
                                .cost = (int64_t)names};
    return services_limit(call, worker, &limit, 1);
}

static enum err open_own(struct call *call, struct users_io *io)
{
    for (size_t i = 0; i < io->list.count; i++) {
        const struct account *account = io->found[i];
        if (account == NULL || account->id != io->credential.account_id || account->jid_password.bytes == NULL)
            continue;
        const char *context = arena_printf(call->arena, "jid:%s", account->jid_local);
        if (unseal(call->services->keyring, call->arena, context, account->jid_password, &io->own_jid_password) != OK) {
            log_error("jid_password_sealed_by_lost_key", F("account", account->id));
            return ERR_INTERNAL;
        }
    }
    return OK;
}

static enum err find(struct call *call, struct worker *worker)
{
    struct users_io *io = call->io;
    enum err err = tokens_check(call->services, worker, &io->credential);
    if (err == OK)
        err = lookups_limit(call, worker, &io->credential, io->list.count);
    if (err == OK)
        err = names_find(worker, call->arena, &io->list, &io->found);
    if (err == OK)
        err = open_own(call, io);
    for (size_t i = 0; err == OK && i < io->list.count; i++)
        if (io->found[i] == NULL)
            err = ERR_NO_SUCH_NAME;
    return err;
}

const struct op op_get_users = {"get_users", {{ON_CALLER, here}, {ON_DB, find}}};
