/* The list of a request's parameters: what all four parsers append to, and how a dialect reads it.
 *
 * What is checked here is checked for every parser: a name that is not empty, valid UTF-8 without NUL in names and
 * values, no name twice, no more than PARAMS_MAX. Names are compared one with each other: 64 of them are too few for a
 * table to pay. */
#include "http/params.h"

#include <stdbool.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/text.h"

enum { FIRST_CAPACITY = 8 }; /* the list doubles from here, so its capacity follows from its count */

static void grow(struct params *params, struct arena *arena)
{
    size_t capacity = params->count == 0 ? FIRST_CAPACITY : params->count * 2;
    struct param *list = arena_array(arena, capacity, sizeof *list);
    if (params->count > 0)
        memcpy(list, params->list, params->count * sizeof *list);
    params->list = list;
}

static bool list_is_full(const struct params *params)
{
    size_t count = params->count;
    return count == 0 || (count >= FIRST_CAPACITY && (count & (count - 1)) == 0);
}

enum err params_append(struct params *params, struct arena *arena, const char *name, size_t name_length,
                       const char *value, size_t value_length, enum param_kind kind)
{
    if (params->count == PARAMS_MAX || name_length == 0)
        return ERR_INVALID;
    if (!text_is_utf8(name, name_length) || !text_is_utf8(value, value_length))
        return ERR_INVALID;
    if (params_find(params, name) != NULL)
        return ERR_INVALID;
    if (list_is_full(params))
        grow(params, arena);
    params->list[params->count++] = (struct param){.name = name, .value = value, .length = value_length, .kind = kind};
    return OK;
}

enum err params_add(struct params *params, struct arena *arena, const char *name, size_t name_length, const char *value,
                    size_t value_length)
{
    return params_append(params, arena, arena_copy(arena, name, name_length), name_length,
                         arena_copy(arena, value, value_length), value_length, PARAM_TEXT);
}

const struct param *params_find(const struct params *params, const char *name)
{
    for (size_t i = 0; i < params->count; i++) {
        if (strcmp(params->list[i].name, name) == 0)
            return &params->list[i];
    }
    return NULL;
}

const char *params_text(const struct params *params, const char *name)
{
    const struct param *param = params_find(params, name);
    if (param == NULL || param->length == 0 || param->kind == PARAM_NULL)
        return NULL;
    return param->value;
}
