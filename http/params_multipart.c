/* multipart/form-data (RFC 7578 on RFC 2046): one parameter per part; a file's content is a value like any other.
 *
 * Strict where leniency would make two readers see two things: lines end in CRLF, part headers are not folded, the
 * closing delimiter must be there, a Content-Transfer-Encoding must be an identity. What is before the first delimiter
 * and behind the closing one is ignored, as RFC 2046 says. */
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "component/base/arena.h"
#include "http/content.h"
#include "http/params.h"

enum { BOUNDARY_MAX = 70, NAME_MAX_BYTES = 256, PART_HEADERS_MAX = 8 };

struct cursor {
    char *at, *end;       /* of the arena's copy of the body; a NUL stands at the end */
    const char *boundary; /* "\r\n--" and the boundary */
    size_t boundary_length;
};

static char *find(char *at, const char *end, const char *what, size_t length)
{
    return memmem(at, (size_t)(end - at), what, length);
}

/* Cuts the next line off, without its CRLF; NULL when there is none. */
static char *next_line(struct cursor *cursor)
{
    char *line = cursor->at;
    char *line_end = find(line, cursor->end, "\r\n", 2);
    if (line_end == NULL || memchr(line, '\0', (size_t)(line_end - line)) != NULL)
        return NULL;
    *line_end = '\0';
    cursor->at = line_end + 2;
    return line;
}

/* Behind a delimiter comes "--" (the last one), or padding and a line's end. */
static enum err end_delimiter(struct cursor *cursor, bool *last_r)
{
    *last_r = strncmp(cursor->at, "--", 2) == 0;
    if (*last_r)
        return OK;
    char *rest = next_line(cursor);
    return rest != NULL && rest[strspn(rest, " \t")] == '\0' ? OK : ERR_INVALID;
}

/* Moves behind the first delimiter, which may stand at the very beginning. */
static enum err skip_preamble(struct cursor *cursor)
{
    const char *bare = cursor->boundary + 2;
    size_t bare_length = cursor->boundary_length - 2;
    if ((size_t)(cursor->end - cursor->at) >= bare_length && memcmp(cursor->at, bare, bare_length) == 0) {
        cursor->at += bare_length;
        return OK;
    }
    char *found = find(cursor->at, cursor->end, cursor->boundary, cursor->boundary_length);
    if (found == NULL)
        return ERR_INVALID;
    cursor->at = found + cursor->boundary_length;
    return OK;
}

/* The value of header `name` when `line` is that header; NULL otherwise. */
static const char *header_value(const char *line, const char *name)
{
    size_t length = strlen(name);
    if (strncasecmp(line, name, length) != 0 || line[length] != ':')
        return NULL;
    line += length + 1;
    return line + strspn(line, " \t");
}

static enum err read_disposition(const char *value, char *name_r)
{
    if (strncasecmp(value, "form-data", 9) != 0 || (value[9] != ';' && value[9] != ' '))
        return ERR_INVALID;
    return content_parameter(value, "name", name_r, NAME_MAX_BYTES);
}

static bool is_identity(const char *encoding)
{
    return strcasecmp(encoding, "7bit") == 0 || strcasecmp(encoding, "8bit") == 0 ||
           strcasecmp(encoding, "binary") == 0;
}

/* Reads a part's headers up to and with the empty line. */
static enum err read_headers(struct cursor *cursor, char *name_r)
{
    bool named = false;
    for (int i = 0; i < PART_HEADERS_MAX; i++) {
        const char *line = next_line(cursor);
        if (line == NULL)
            return ERR_INVALID;
        if (*line == '\0')
            return named ? OK : ERR_INVALID;
        const char *disposition = header_value(line, "content-disposition");
        const char *encoding = header_value(line, "content-transfer-encoding");
        if (strchr(line, ':') == NULL || *line == ' ' || *line == '\t')
            return ERR_INVALID;
        if (encoding != NULL && !is_identity(encoding))
            return ERR_INVALID;
        if (disposition != NULL) {
            if (named || read_disposition(disposition, name_r) != OK)
                return ERR_INVALID;
            named = true;
        }
    }
    return ERR_INVALID;
}

static enum err read_part(struct cursor *cursor, struct params *params, struct arena *arena)
{
    char name[NAME_MAX_BYTES];
    enum err err = read_headers(cursor, name);
    if (err != OK)
        return err;
    char *value = cursor->at;
    char *value_end = find(value, cursor->end, cursor->boundary, cursor->boundary_length);
    if (value_end == NULL)
        return ERR_INVALID;
    cursor->at = value_end + cursor->boundary_length;
    *value_end = '\0';
    return params_append(params, arena, arena_strdup(arena, name), strlen(name), value, (size_t)(value_end - value),
                         PARAM_TEXT);
}

static enum err read_boundary(struct cursor *cursor, struct arena *arena, const char *content_type)
{
    char boundary[BOUNDARY_MAX + 1];
    enum err err = content_parameter(content_type, "boundary", boundary, sizeof boundary);
    if (err != OK || boundary[0] == '\0')
        return ERR_INVALID;
    cursor->boundary = arena_printf(arena, "\r\n--%s", boundary);
    cursor->boundary_length = strlen(cursor->boundary);
    return OK;
}

enum err params_parse_multipart(struct params *params, struct arena *arena, const char *content_type, const char *bytes,
                                size_t length)
{
    struct cursor cursor = {.at = arena_copy(arena, bytes, length)};
    cursor.end = cursor.at + length;
    enum err err = read_boundary(&cursor, arena, content_type);
    if (err == OK)
        err = skip_preamble(&cursor);
    while (err == OK) {
        bool last;
        err = end_delimiter(&cursor, &last);
        if (err == OK && last)
            return OK;
        if (err == OK)
            err = read_part(&cursor, params, arena);
    }
    return err;
}
