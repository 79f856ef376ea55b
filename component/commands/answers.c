/* What the commands' own files share (command_kind.h). */
#include <string.h>

#include "component/base/arena.h"
#include "component/commands/command_kind.h"
#include "component/service/names.h"

enum { LOCAL_MAX = 64 };

void answer_note(struct command_answer *answer, const char *text)
{
    answer->note = text;
    answer->note_type = "info";
}

const char *answer_name_of(const struct commands_config *config, const struct call *call, const struct account *account)
{
    const char *name = name_in_rosters(config->country, account), *user_name = name_show(config->country, account);
    return strcmp(name, user_name) == 0 ? name : arena_printf(call->arena, "%s (%s)", name, user_name);
}

const char *answer_jid_of(const struct commands_config *config, const struct call *call, const struct account *account)
{
    return arena_printf(call->arena, "%s@%s", account->jid_local, config->domain);
}

enum err command_local(const struct commands_config *config, const struct command_request *request, const char *field,
                       struct arena *arena, const char **local_r)
{
    const char *jid = command_value(request, field);
    const char *at = jid != NULL ? strchr(jid, '@') : NULL;
    if (at == NULL || at == jid || at - jid > LOCAL_MAX || strcmp(at + 1, config->domain) != 0)
        return ERR_INVALID;
    *local_r = arena_copy(arena, jid, (size_t)(at - jid));
    return OK;
}
