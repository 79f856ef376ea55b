/* Reading Content-Type and Content-Disposition: a token, then parameters `; name=value` with tokens or quoted strings
 * (RFC 9110, 5.6). Pure functions on bounded input. */
#include "http/content.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t");
}

static size_t token_length(const char *at)
{
    return strcspn(at, " \t;=\"");
}

/* Whether the media type itself, without parameters, is `type`. */
static bool is_type(const char *value, const char *type)
{
    value = skip_space(value);
    size_t length = strcspn(value, " \t;");
    return length == strlen(type) && strncasecmp(value, type, length) == 0;
}

/* Copies a token or quoted string from *at and moves behind it. False when it is malformed or does not fit. */
static bool read_value(const char **at, char *text_r, size_t size)
{
    size_t length = 0;
    const char *from = *at;
    bool quoted = *from == '"';
    if (quoted)
        from++;
    size_t token_end = quoted ? 0 : token_length(from);
    if (!quoted && token_end == 0)
        return false;
    for (const char *start = from; quoted ? *from != '"' : from < start + token_end; from++) {
        if (quoted && *from == '\\')
            from++;
        if (*from == '\0' || length + 1 >= size)
            return false;
        text_r[length++] = *from;
    }
    text_r[length] = '\0';
    *at = quoted ? from + 1 : from;
    return true;
}

enum err content_parameter(const char *value, const char *name, char *text_r, size_t size)
{
    char skipped[256];
    enum err found = ERR_NOT_FOUND;
    const char *at = value + strcspn(value, ";");
    while (*at == ';') {
        at = skip_space(at + 1);
        if (*at == ';' || *at == '\0') /* an empty parameter, as in a trailing ";" */
            continue;
        size_t length = token_length(at);
        bool wanted = length == strlen(name) && strncasecmp(at, name, length) == 0;
        at = skip_space(at + length);
        if (length == 0 || *at != '=' || (wanted && found == OK))
            return ERR_INVALID;
        at = skip_space(at + 1);
        if (!read_value(&at, wanted ? text_r : skipped, wanted ? size : sizeof skipped))
            return ERR_INVALID;
        if (wanted)
            found = OK;
        at = skip_space(at);
    }
    return *at == '\0' ? found : ERR_INVALID;
}

static bool charset_is_readable(const char *content_type)
{
    char charset[32];
    switch (content_parameter(content_type, "charset", charset, sizeof charset)) {
    case OK:
        return strcasecmp(charset, "utf-8") == 0 || strcasecmp(charset, "utf8") == 0 ||
               strcasecmp(charset, "us-ascii") == 0;
    case ERR_NOT_FOUND:
        return true;
    default:
        return false;
    }
}

enum content content_of(const char *content_type)
{
    if (content_type == NULL || !charset_is_readable(content_type))
        return CONTENT_UNREADABLE;
    if (is_type(content_type, "application/x-www-form-urlencoded"))
        return CONTENT_FORM;
    if (is_type(content_type, "application/json"))
        return CONTENT_JSON;
    if (is_type(content_type, "multipart/form-data"))
        return CONTENT_MULTIPART;
    return CONTENT_UNREADABLE;
}
