/* application/x-www-form-urlencoded, as a body and as the query of a URL (WHATWG URL, 5.1, but strict): pairs separated
 * by "&", "+" is a space, %XX a byte. Empty pairs ("a=1&&b=2") are skipped as browsers' servers do; a broken escape is
 * an error instead of being taken literally. Decoded in one copy of the input. */
#include <string.h>

#include "component/base/arena.h"
#include "component/base/text.h"
#include "http/params.h"

/* Decodes [start, start + length) in place and ends it with a NUL: the byte behind it is a separator or the copy's own
 * NUL. */
static enum err decode(char *start, size_t length, size_t *length_r)
{
    enum err err = percent_decode(start, length, true, length_r);
    if (err == OK)
        start[*length_r] = '\0';
    return err;
}

static enum err add_pair(struct params *params, struct arena *arena, char *pair, size_t length)
{
    char *equals = memchr(pair, '=', length);
    char *value = equals != NULL ? equals + 1 : pair + length;
    size_t name_length = equals != NULL ? (size_t)(equals - pair) : length;
    size_t value_length = (size_t)(pair + length - value);

    enum err err = decode(value, value_length, &value_length);
    if (err == OK)
        err = decode(pair, name_length, &name_length);
    if (err != OK)
        return err;
    return params_append(params, arena, pair, name_length, value, value_length, PARAM_TEXT);
}

enum err params_parse_form(struct params *params, struct arena *arena, const char *bytes, size_t length)
{
    char *at = arena_copy(arena, bytes, length);
    char *end = at + length;
    while (at < end) {
        char *separator = memchr(at, '&', (size_t)(end - at));
        char *pair_end = separator != NULL ? separator : end;
        if (pair_end > at) {
            enum err err = add_pair(params, arena, at, (size_t)(pair_end - at));
            if (err != OK)
                return err;
        }
        at = pair_end + 1;
    }
    return OK;
}
