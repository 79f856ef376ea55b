/* A list in the order of learning; a conversation has some tens of names. */
#include "tests/transcripts/names.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/buf.h"

enum { NAMES_MAX = 512, NAME_SIZE = 32, VALUE_SIZE = 256 };

struct name {
    char name[NAME_SIZE];
    char *value;
};

struct names {
    const char *tag;
    struct name list[NAMES_MAX];
    size_t count;
};

struct names *names_new(const char *tag)
{
    struct names *names = xcalloc(1, sizeof *names);
    names->tag = xstrdup(tag);
    return names;
}

static void forget_from(struct names *names, size_t count)
{
    while (names->count > count)
        free(names->list[--names->count].value);
}

void names_free(struct names **names)
{
    if (*names == NULL)
        return;
    forget_from(*names, 0);
    free((void *)(*names)->tag);
    free(*names);
    *names = NULL;
}

static const struct name *find(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->list[i].name, name) == 0)
            return &names->list[i];
    return NULL;
}

static const struct name *add(struct names *names, const char *name, const char *value, size_t length)
{
    assert(names->count < NAMES_MAX);
    struct name *added = &names->list[names->count++];
    snprintf(added->name, sizeof added->name, "%s", name);
    added->value = xmalloc(length + 1);
    memcpy(added->value, value, length);
    added->value[length] = '\0';
    return added;
}

void names_set(struct names *names, const char *name, const char *value)
{
    struct name *known = (struct name *)find(names, name);
    if (known == NULL) {
        add(names, name, value, strlen(value));
        return;
    }
    free(known->value);
    known->value = xstrdup(value);
}

/* The name behind the "$" that text begins with; how much of the text it is. */
static size_t read_name(const char *text, char name_r[NAME_SIZE])
{
    size_t length = 1;
    while (islower((unsigned char)text[length]))
        length++;
    while (isdigit((unsigned char)text[length]))
        length++;
    snprintf(name_r, NAME_SIZE, "%.*s", (int)length - 1, text + 1);
    return length;
}

static const struct name *make_up(struct names *names, const char *name)
{
    char value[VALUE_SIZE];
    const int length = snprintf(value, sizeof value, "%s-%s", name, names->tag);
    return add(names, name, value, (size_t)length);
}

void names_fill(struct names *names, const char *text, struct buf *out)
{
    for (const char *dollar; (dollar = strchr(text, '$')) != NULL;) {
        char name[NAME_SIZE];
        buf_append(out, text, (size_t)(dollar - text));
        text = dollar + read_name(dollar, name);
        const struct name *known = find(names, name);
        buf_puts(out, (known != NULL ? known : make_up(names, name))->value);
    }
    buf_puts(out, text);
}

void names_show(const struct names *names, const char *text, struct buf *out)
{
    for (const char *dollar; (dollar = strchr(text, '$')) != NULL;) {
        char name[NAME_SIZE];
        const size_t length = read_name(dollar, name);
        buf_append(out, text, (size_t)(dollar - text));
        text = dollar + length;
        const struct name *known = find(names, name);
        if (known != NULL)
            buf_puts(out, known->value);
        else
            buf_append(out, dollar, length);
    }
    buf_puts(out, text);
}

/* A name without a value takes all up to the character that follows it. */
static size_t take(struct names *names, const char *name, const char *actual, char end)
{
    const char *stop = strchr(actual, end);
    const size_t length = stop != NULL ? (size_t)(stop - actual) : 0;
    if (length > 0)
        add(names, name, actual, length);
    return length;
}

static bool match(struct names *names, const char *text, const char *actual)
{
    while (*text != '\0') {
        char name[NAME_SIZE];
        size_t length = *text == '$' ? read_name(text, name) : 0;
        if (length == 0) {
            if (*text++ != *actual++)
                return false;
            continue;
        }
        text += length;
        const struct name *known = find(names, name);
        length = known != NULL ? strlen(known->value) : take(names, name, actual, *text);
        if (length == 0 || (known != NULL && strncmp(actual, known->value, length) != 0))
            return false;
        actual += length;
    }
    return *actual == '\0';
}

bool names_match(struct names *names, const char *text, const char *actual)
{
    const size_t before = names->count;
    const bool same = match(names, text, actual);
    if (!same)
        forget_from(names, before);
    return same;
}

void names_guess(struct names *names, const char *text, const char *actual)
{
    (void)match(names, text, actual);
}

/* ---- recording ---- */

void names_learn(struct names *names, const char *kind, const char *value, size_t length)
{
    const size_t kind_length = strlen(kind);
    unsigned number = 1;
    for (size_t i = 0; i < names->count; i++) {
        const struct name *known = &names->list[i];
        if (strlen(known->value) == length && strncmp(known->value, value, length) == 0)
            return;
        number += strncmp(known->name, kind, kind_length) == 0 && isdigit((unsigned char)known->name[kind_length]);
    }
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%.16s%u", kind, number);
    add(names, name, value, length);
}

/* The longest value that the text begins with: a component's domain ends with the server's. */
static const struct name *longest(const struct names *names, const char *text)
{
    const struct name *best = NULL;
    for (size_t i = 0; i < names->count; i++) {
        const struct name *known = &names->list[i];
        if (strncmp(text, known->value, strlen(known->value)) == 0 &&
            (best == NULL || strlen(known->value) > strlen(best->value)))
            best = known;
    }
    return best;
}

void names_abstract(const struct names *names, const char *text, struct buf *out)
{
    while (*text != '\0') {
        const struct name *known = longest(names, text);
        if (known != NULL)
            buf_printf(out, "$%s", known->name);
        else
            buf_putc(out, *text);
        text += known != NULL ? strlen(known->value) : 1;
    }
}
