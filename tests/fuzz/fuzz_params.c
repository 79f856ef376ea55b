/* The four parsers of parameters. The first line of the input says which: "form", "json", or the Content-Type of a
 * multipart body. What they make must hold what http/params.h promises, and reading it again must not change it. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/text.h"
#include "http/content.h"
#include "http/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check(const struct params *params)
{
    require(params->count <= PARAMS_MAX);
    for (size_t i = 0; i < params->count; i++) {
        const struct param *param = &params->list[i];
        require(param->name[0] != '\0' && text_is_utf8(param->name, strlen(param->name)));
        require(strlen(param->value) == param->length && text_is_utf8(param->value, param->length));
        require(params_find(params, param->name) == param);
    }
}

/* An array or object was written by us: it is read again as itself. */
static void check_nested(struct arena *arena, const struct params *params)
{
    for (size_t i = 0; i < params->count; i++) {
        if (params->list[i].kind != PARAM_JSON)
            continue;
        struct params again = {0};
        const char *object = arena_printf(arena, "{\"x\":%s}", params->list[i].value);
        require(params_parse_json(&again, arena, object, strlen(object)) == OK);
        require(strcmp(again.list[0].value, params->list[i].value) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *line_end = size > 0 ? memchr(text, '\n', size) : NULL;
    if (line_end == NULL)
        return 0;
    struct arena *arena = arena_new();
    struct params params = {0};
    const char *first = arena_copy(arena, text, (size_t)(line_end - text));
    const char *body = line_end + 1;
    size_t length = size - (size_t)(body - text);
    enum err err;
    if (strcmp(first, "form") == 0)
        err = params_parse_form(&params, arena, body, length);
    else if (strcmp(first, "json") == 0)
        err = params_parse_json(&params, arena, body, length);
    else
        err = params_parse_multipart(&params, arena, first, body, length);
    require(err == OK || err == ERR_INVALID);
    require(content_of(first) <= CONTENT_UNREADABLE);
    check(&params);
    check_nested(arena, &params);
    arena_free(&arena);
    return 0;
}
