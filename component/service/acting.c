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

/* What one statement finds: the rows that answer the asker's name, if he gave one, then those of the targets, then the
 * credential's owner. */
struct found {
    struct account *accounts;
    size_t *position;
    size_t count;       /* of the rows */
    size_t asker, rest; /* names before the targets, and in all */
};

static enum err look_up(struct call *call, struct worker *worker, int64_t owner, const struct name_list *name,
                        const struct name_list *targets, struct found *found_r)
{
    const size_t by_name = targets->jids == NULL ? targets->count : 0;
    *found_r = (struct found){.asker = name->count, .rest = name->count + by_name};
    struct account_name *all = arena_array(call->arena, found_r->rest, sizeof *all);
    for (size_t i = 0; i < name->count; i++)
        all[i] = name->names[i];
    if (by_name > 0)
        memcpy(all + name->count, names_typed(call->arena, targets), by_name * sizeof *all);
    return accounts_find_all(worker->pg, call->arena, all, found_r->rest, owner, &found_r->accounts, &found_r->position,
                             &found_r->count);
}

/* The account of the type that the name stands for; NULL for none. ERR_INVALID: two types share it. */
static enum err take(const struct found *found, size_t position, enum account_type type, struct account **account_r)
{
    *account_r = NULL;
    for (size_t i = 0; i < found->count; i++) {
        if (found->position[i] != position || (type != ACCOUNT_ANY && found->accounts[i].type != type))
            continue;
        if (*account_r != NULL)
            return ERR_INVALID;
        *account_r = &found->accounts[i];
    }
    return OK;
}

static bool is_called(const struct account *account, const struct name_list *list)
{
    const struct account_name *name = &list->names[0];
    const char *own = account->type == ACCOUNT_PHONE ? name->phone : name->plain;
    return (list->type == ACCOUNT_ANY || list->type == account->type) && own != NULL && account->name != NULL &&
           strcmp(own, account->name) == 0;
}

/* The credential's owner, provided that he acts under his own name. */
static enum err take_owner(const struct found *found, const struct name_list *name, struct account **asker_r)
{
    struct account *named = NULL;
    enum err err = take(found, found->rest, ACCOUNT_ANY, asker_r);
    if (err != OK || *asker_r == NULL)
        return err == OK ? ERR_NO_SUCH_NAME : err;
    if (name->count == 0 || is_called(*asker_r, name))
        return OK;
    err = take(found, 0, name->type, &named);
    return err == OK && named == NULL ? ERR_NO_SUCH_NAME : ERR_FORBIDDEN;
}

/* The type that is given is that of the targets; it decides about the asker, too, where two types share his name. */
static enum err take_for_backend(const struct found *found, const struct name_list *name, enum account_type type,
                                 struct account **asker_r)
{
    enum err err = take(found, 0, name->type, asker_r);
    if (err == ERR_INVALID && type != ACCOUNT_ANY)
        err = take(found, 0, type, asker_r);
    return err == OK && *asker_r == NULL ? ERR_NO_SUCH_NAME : err;
}

static enum err take_targets(struct call *call, struct worker *worker, const struct found *found,
                             const struct name_list *targets, struct account ***targets_r)
{
    if (targets->jids != NULL)
        return names_find(worker, call->arena, targets, targets_r);
    enum err err = OK;
    *targets_r = arena_array(call->arena, targets->count, sizeof **targets_r);
    for (size_t i = 0; i < targets->count && err == OK; i++)
        err = take(found, found->asker + i, ACCOUNT_ANY, &(*targets_r)[i]);
    return err;
}

static enum err take_asker(const struct found *found, const struct credential *credential, const struct name_list *name,
                           enum account_type type, struct account **asker_r)
{
    const enum err err =
        credential->account_id != 0 ? take_owner(found, name, asker_r) : take_for_backend(found, name, type, asker_r);
    if (err != OK)
        return err;
    if ((*asker_r)->banned)
        return ERR_FORBIDDEN;
    return (*asker_r)->state == ACCOUNT_ACTIVE ? OK : ERR_JID_PENDING;
}

/* The credential, and what it may ask now. */
static enum err check(struct call *call, struct worker *worker, struct credential *credential, size_t looked_up)
{
    enum err err = limit_commands(call, worker, credential);
    if (err == OK)
        err = tokens_check(call->services, worker, credential);
    if (err != OK || looked_up == 0)
        return err;
    err = lookups_limit(call, worker, credential, looked_up);
    return err == ERR_CACHE_DOWN ? OK : err; /* without Redis bindings go on, uncounted */
}

enum err acting_find_with(struct call *call, struct worker *worker, struct credential *credential,
                          const struct name_list *name, const struct name_list *targets, struct account **asker_r,
                          struct account ***targets_r)
{
    struct found found;
    name = name != NULL ? name : &nobody;
    enum err err = check(call, worker, credential, name->count + targets->count);
    if (err == OK && credential->account_id == 0 && name->count == 0)
        err = ERR_UNAUTHORIZED; /* nobody that a backend could be taken for */
    if (err == OK)
        err = look_up(call, worker, credential->account_id, name, targets, &found);
    if (err == OK)
        err = take_asker(&found, credential, name, targets->type, asker_r);
    return err == OK ? take_targets(call, worker, &found, targets, targets_r) : err;
}

enum err acting_find(struct call *call, struct worker *worker, struct credential *credential,
                     const struct name_list *name, struct account **asker_r)
{
    struct account **none;
    return acting_find_with(call, worker, credential, name, &nobody, asker_r, &none);
}
