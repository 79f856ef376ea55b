/* Parameters of a request, parsed by us from bounded input (64 KiB): URL query, form, multipart and JSON bodies.
 *
 * All four end in the same list, so that a dialect reads `user_name` the same way from each. JSON numbers are kept as
 * their digits, strings as they are, arrays and objects as their JSON text (jansson, compact). A repeated name, a NUL,
 * invalid UTF-8, a broken escape or broken JSON (or JSON deeper than 16 levels) is ERR_INVALID. At most 64 parameters.
 */
#ifndef HTTP_PARAMS_H
#define HTTP_PARAMS_H

#include <stddef.h>

#include "component/base/err.h"

struct arena;

enum param_kind { PARAM_TEXT, PARAM_NUMBER, PARAM_BOOL, PARAM_NULL, PARAM_JSON };

struct param {
    const char *name;
    const char *value;    /* NUL-terminated */
    size_t length;        /* of value */
    enum param_kind kind; /* PARAM_TEXT for everything that did not come as JSON */
};

enum { PARAMS_MAX = 64 };

struct params {
    struct param *list; /* the arena's; in the order of arrival */
    size_t count;
};

/* Each appends to `params`. `bytes` need not be NUL-terminated and is not kept. */
MUST_CHECK enum err params_add(struct params *params, struct arena *arena, const char *name, size_t name_length,
                               const char *value, size_t value_length);
MUST_CHECK enum err params_parse_form(struct params *params, struct arena *arena, const char *bytes, size_t length);
MUST_CHECK enum err params_parse_multipart(struct params *params, struct arena *arena, const char *content_type,
                                           const char *bytes, size_t length);
MUST_CHECK enum err params_parse_json(struct params *params, struct arena *arena, const char *bytes, size_t length);

/* What the four use: name and value are the arena's already, each followed by a NUL. */
MUST_CHECK enum err params_append(struct params *params, struct arena *arena, const char *name, size_t name_length,
                                  const char *value, size_t value_length, enum param_kind kind);

/* The parameter, or NULL when it was not sent. */
const struct param *params_find(const struct params *params, const char *name);
/* The value, or NULL when it is missing or empty (an empty required parameter counts as missing) or JSON null. */
const char *params_text(const struct params *params, const char *name);

#endif
