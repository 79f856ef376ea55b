/* The environment: every variable that begins with REGISTRARD_ is ours, so one that is no setting is a slip of the pen
 * that would otherwise go unnoticed. */
#include <string.h>

#include "component/base/arena.h"
#include "component/base/text.h"
#include "component/config_draft.h"

#define PREFIX "REGISTRARD_"

/* Whether the name may be printed: a log line must not be broken by what stands in an environment. */
static bool is_variable(const char *name)
{
    return strlen(name) < VARIABLE_SIZE && text_only_of(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
}

static void read_variable(struct draft *draft, const char *entry)
{
    const char *equals = strchr(entry, '=');
    size_t length = equals != NULL ? (size_t)(equals - entry) : strlen(entry);
    const char *variable = arena_copy(draft->arena, entry, length);
    struct setting_name name = setting_by_variable(variable);
    if (name.id == SETTING_COUNT) {
        mistake_in_variable(draft, is_variable(variable) ? variable : PREFIX "...", "unknown variable");
        return;
    }
    const char *text = arena_strdup(draft->arena, equals != NULL ? equals + 1 : "");
    if (!draft_give(draft, name, SOURCE_ENVIRONMENT, text, 0)) {
        mistake_in_variable(draft, variable, "given twice");
    }
}

void draft_read_environment(struct draft *draft, char *const *environment)
{
    for (; *environment != NULL; environment++) {
        if (strncmp(*environment, PREFIX, strlen(PREFIX)) == 0) {
            read_variable(draft, *environment);
        }
    }
}
