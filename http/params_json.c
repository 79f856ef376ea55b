/* A JSON object (RFC 8259) as parameters: one per member.
 *
 * The outermost object is read here, because numbers must keep their digits (a phone number does not fit a double) and
 * because this is the way of every token check. What is inside an array or an object is jansson's: it checks it and
 * writes it again compactly. Depth is counted before jansson sees anything, so that its recursion is bounded.
 *
 * Strings are unescaped in one copy of the input. A \u0000, half a surrogate pair, a control character in a string: all
 * are broken JSON. */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/text.h"
#include "http/params.h"

enum { DEPTH_MAX = 16 };

struct scan {
    char *at;
    char *end; /* a NUL stands here */
    struct arena *arena;
};

struct value {
    const char *text;
    size_t length;
    enum param_kind kind;
};

static void skip_space(struct scan *scan)
{
    while (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r')
        scan->at++;
}

/* Takes `c` and the space before it, if it comes next. */
static bool take(struct scan *scan, char c)
{
    skip_space(scan);
    if (*scan->at != c)
        return false;
    scan->at++;
    return true;
}

/* Four hex digits at `at`; false when they are not. The NUL at the end is no digit, so this does not read past it. */
static bool read_unit(const char *at, uint32_t *unit_r)
{
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(at[i]);
        if (digit < 0)
            return false;
        unit = unit << 4 | (uint32_t)digit;
    }
    *unit_r = unit;
    return true;
}

static char *write_utf8(char *to, uint32_t point)
{
    if (point < 0x80) {
        *to++ = (char)point;
    } else if (point < 0x800) {
        *to++ = (char)(0xC0 | point >> 6);
        *to++ = (char)(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
        *to++ = (char)(0xE0 | point >> 12);
        *to++ = (char)(0x80 | (point >> 6 & 0x3F));
        *to++ = (char)(0x80 | (point & 0x3F));
    } else {
        *to++ = (char)(0xF0 | point >> 18);
        *to++ = (char)(0x80 | (point >> 12 & 0x3F));
        *to++ = (char)(0x80 | (point >> 6 & 0x3F));
        *to++ = (char)(0x80 | (point & 0x3F));
    }
    return to;
}

/* At the first digit behind \u. Writes the character, which is never longer than its escape. */
static enum err unescape_unicode(struct scan *scan, char **to)
{
    uint32_t point, low;
    if (!read_unit(scan->at, &point) || point == 0 || (point >= 0xDC00 && point < 0xE000))
        return ERR_INVALID;
    scan->at += 4;
    if (point >= 0xD800 && point < 0xDC00) {
        if (scan->at[0] != '\\' || scan->at[1] != 'u' || !read_unit(scan->at + 2, &low) || low < 0xDC00 || low > 0xDFFF)
            return ERR_INVALID;
        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
        scan->at += 6;
    }
    *to = write_utf8(*to, point);
    return OK;
}

/* At the character behind a backslash. */
static enum err unescape(struct scan *scan, char **to)
{
    static const char escapes[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    char c = *scan->at++;
    if (c == 'u')
        return unescape_unicode(scan, to);
    const char *found = c != '\0' ? strchr(escapes, c) : NULL;
    if (found == NULL)
        return ERR_INVALID;
    *(*to)++ = meanings[found - escapes];
    return OK;
}

/* Behind the opening quote. The text stays where it is, unescaped, with a NUL over its closing quote or before. */
static enum err scan_string(struct scan *scan, struct value *value_r)
{
    char *start = scan->at, *to = scan->at;
    for (;;) {
        char c = *scan->at++;
        if (c == '"')
            break;
        if ((unsigned char)c < 0x20) /* also the NUL at the end */
            return ERR_INVALID;
        if (c != '\\') {
            *to++ = c;
        } else {
            enum err err = unescape(scan, &to);
            if (err != OK)
                return err;
        }
    }
    *to = '\0';
    *value_r = (struct value){start, (size_t)(to - start), PARAM_TEXT};
    return OK;
}

static size_t skip_digits(const char *at)
{
    return strspn(at, "0123456789");
}

static enum err scan_number(struct scan *scan, struct value *value_r)
{
    const char *at = scan->at;
    if (*at == '-')
        at++;
    size_t whole = skip_digits(at);
    if (whole == 0 || (whole > 1 && *at == '0'))
        return ERR_INVALID;
    at += whole;
    if (*at == '.') {
        size_t fraction = skip_digits(at + 1);
        if (fraction == 0)
            return ERR_INVALID;
        at += 1 + fraction;
    }
    if (*at == 'e' || *at == 'E') {
        at++;
        if (*at == '+' || *at == '-')
            at++;
        size_t exponent = skip_digits(at);
        if (exponent == 0)
            return ERR_INVALID;
        at += exponent;
    }
    size_t length = (size_t)(at - scan->at);
    *value_r = (struct value){arena_copy(scan->arena, scan->at, length), length, PARAM_NUMBER};
    scan->at += length;
    return OK;
}

static enum err scan_literal(struct scan *scan, struct value *value_r)
{
    static const struct value literals[] = {{"true", 4, PARAM_BOOL}, {"false", 5, PARAM_BOOL}, {"null", 4, PARAM_NULL}};
    for (size_t i = 0; i < sizeof literals / sizeof literals[0]; i++) {
        if (strncmp(scan->at, literals[i].text, literals[i].length) == 0) {
            scan->at += literals[i].length;
            *value_r = literals[i];
            return OK;
        }
    }
    return ERR_INVALID;
}

/* Where the array or object that starts at `at` ends, brackets counted and strings skipped; NULL when it does not end
 * or is too deep. Whether the brackets match is for jansson to say. */
static const char *end_of_nested(const char *at, const char *end)
{
    int depth = 1; /* the outermost object */
    bool in_string = false;
    for (; at < end; at++) {
        if (in_string) {
            if (*at == '\\' && at + 1 < end)
                at++;
            else if (*at == '"')
                in_string = false;
        } else if (*at == '"') {
            in_string = true;
        } else if (*at == '[' || *at == '{') {
            if (++depth > DEPTH_MAX)
                return NULL;
        } else if ((*at == ']' || *at == '}') && --depth == 1) {
            return at + 1;
        }
    }
    return NULL;
}

static enum err scan_nested(struct scan *scan, struct value *value_r)
{
    const char *end = end_of_nested(scan->at, scan->end);
    if (end == NULL)
        return ERR_INVALID;
    size_t length = (size_t)(end - scan->at);
    json_t *json = json_loadb(scan->at, length, JSON_REJECT_DUPLICATES, NULL);
    if (json == NULL)
        return ERR_INVALID;
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (text == NULL)
        return ERR_INVALID;
    *value_r = (struct value){arena_strdup(scan->arena, text), strlen(text), PARAM_JSON};
    free(text);
    scan->at += length;
    return OK;
}

static enum err scan_value(struct scan *scan, struct value *value_r)
{
    skip_space(scan);
    switch (*scan->at) {
    case '"':
        scan->at++;
        return scan_string(scan, value_r);
    case '[':
    case '{':
        return scan_nested(scan, value_r);
    case 't':
    case 'f':
    case 'n':
        return scan_literal(scan, value_r);
    default:
        return scan_number(scan, value_r);
    }
}

static enum err scan_member(struct scan *scan, struct params *params)
{
    struct value name, value;
    if (!take(scan, '"'))
        return ERR_INVALID;
    enum err err = scan_string(scan, &name);
    if (err != OK)
        return err;
    if (!take(scan, ':'))
        return ERR_INVALID;
    err = scan_value(scan, &value);
    if (err != OK)
        return err;
    return params_append(params, scan->arena, name.text, name.length, value.text, value.length, value.kind);
}

enum err params_parse_json(struct params *params, struct arena *arena, const char *bytes, size_t length)
{
    struct scan scan = {.at = arena_copy(arena, bytes, length), .arena = arena};
    scan.end = scan.at + length;
    if (memchr(bytes, '\0', length) != NULL) /* jansson takes one behind a number */
        return ERR_INVALID;
    if (!take(&scan, '{'))
        return ERR_INVALID;
    if (!take(&scan, '}')) {
        do {
            enum err err = scan_member(&scan, params);
            if (err != OK)
                return err;
        } while (take(&scan, ','));
        if (!take(&scan, '}'))
            return ERR_INVALID;
    }
    skip_space(&scan);
    return scan.at == scan.end ? OK : ERR_INVALID;
}
