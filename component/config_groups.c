#include "component/config_groups.h"

#include <string.h>

#include "component/base/arena.h"

/* The name at the beginning of the text, up to the comma. */
static const char *take_name(struct arena *arena, const char *text, size_t length)
{
    while (length > 0 && text[0] == ' ') {
        text++;
        length--;
    }
    while (length > 0 && text[length - 1] == ' ')
        length--;
    return arena_copy(arena, text, length);
}

static bool is_among(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

enum err groups_parse(struct arena *arena, const char *text, struct roster_groups *groups_r)
{
    const char **names = arena_array(arena, ROSTER_GROUPS_MAX, sizeof *names);
    size_t count = 0;
    *groups_r = (struct roster_groups){.names = names};
    if (text[strspn(text, " ")] == '\0')
        return OK;
    for (bool more = true; more;) {
        const size_t length = strcspn(text, ",");
        const char *name = take_name(arena, text, length);
        if (count == ROSTER_GROUPS_MAX || !roster_group_fits(name) || is_among(names, count, name))
            return ERR_INVALID;
        names[count++] = name;
        more = text[length] == ',';
        text += length + more;
    }
    groups_r->count = count;
    return OK;
}
