#include "component/service/acting.h"

#include <string.h>

#include "component/base/arena.h"
#include "component/cache/limits.h"
#include "component/service/services.h"

enum { MINUTE_MS = 60000 };

static const struct name_list nobody;

enum err acting_check_here(struct call *call, struct credential *credential)
{
    enum err err;
    return tokens_check_here(call->services, credential, &err) ? err : OK;
}

/* Before anything is asked of Postgres: a client can send commands as fast as the server lets it. */
static enum err limit_commands(struct call *call, struct worker *worker, const struct credential *credential)
{
    if (credential->jid_local == NULL)
        return OK;
    const struct limit limit =
        LIMIT("command.jid", services_pseudonym(call->services, call->arena, credential->jid_local),
              call->services->settings.commands_per_minute, MINUTE_MS);
    return services_limit(call, worker, &limit, 1);
}

static bool is_called(const struct account *account, const struct name_list *list)
{
    const struct account_name *name = &list->names[0];
    const char *own = account->type == ACCOUNT_PHONE ? name->phone : name->plain;
    return (list->type == ACCOUNT_ANY || list->type == account->type) && own != NULL && account->name != NULL &&
           strcmp(own, account->name) == 0;
}

/* The credential's owner, provided that he acts under his own name. */
static enum err find_owner(struct call *call, struct worker *worker, int64_t account_id, const struct name_list *name,
                           struct account **asker_r)
{
    struct account **found, *own = arena_alloc(call->arena, sizeof *own);
    enum err err = accounts_get(worker->pg, call->arena, account_id, own);
    if (err != OK)
        return err;
    *asker_r = own;
    if (name->count == 0 || is_called(own, name))
        return OK;
    err = names_find(worker, call->arena, name, &found);
    if (err != OK && err != ERR_INVALID)
        return err;
    return err == OK && found[0] == NULL ? ERR_NO_SUCH_NAME : ERR_FORBIDDEN;
}

/* The type that is given is that of the targets; it decides about the asker, too, where two types share his name. */
static enum err find_for_backend(struct call *call, struct worker *worker, const struct name_list *name,
                                 enum account_type type, struct account **asker_r)
{
    struct account **found;
    struct name_list typed = *name;
    if (name->count == 0)
        return ERR_UNAUTHORIZED; /* nobody that a backend could be taken for */
    enum err err = names_find(worker, call->arena, name, &found);
    typed.type = type;
    if (err == ERR_INVALID && type != ACCOUNT_ANY)
        err = names_find(worker, call->arena, &typed, &found);
    if (err != OK)
        return err;
    *asker_r = found[0];
    return found[0] != NULL ? OK : ERR_NO_SUCH_NAME;
}

enum err acting_find(struct call *call, struct worker *worker, struct credential *credential,
                     const struct name_list *name, const struct name_list *targets, struct account **asker_r)
{
    name = name != NULL ? name : &nobody;
    targets = targets != NULL ? targets : &nobody;
    enum err err = limit_commands(call, worker, credential);
    if (err == OK)
        err = tokens_check(call->services, worker, credential);
    if (err != OK)
        return err;
    const size_t looked_up = name->count + targets->count;
    err = looked_up > 0 ? lookups_limit(call, worker, credential, looked_up) : OK;
    if (err != OK && err != ERR_CACHE_DOWN) /* without Redis bindings go on, uncounted */
        return err;
    if (credential->account_id != 0)
        err = find_owner(call, worker, credential->account_id, name, asker_r);
    else
        err = find_for_backend(call, worker, name, targets->type, asker_r);
    if (err == OK && (*asker_r)->banned)
        err = ERR_FORBIDDEN;
    if (err == OK && (*asker_r)->state != ACCOUNT_ACTIVE)
        err = ERR_JID_PENDING;
    return err;
}
