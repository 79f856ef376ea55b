/* expat without namespaces: prefixes stay as they are. The default namespace is kept for each open element; of prefixes
 * stanzas have none but the header's "stream". */
#include "tests/transcripts/canonical.h"

#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/buf.h"

/* Weak, because not every expat has it, nor holds back what it has read (xmpp/parser.c). */
XMLPARSEAPI(XML_Bool) XML_SetReparseDeferralEnabled(XML_Parser parser, XML_Bool enabled) __attribute__((weak));

enum { DEPTH_MAX = 32, NS_SIZE = 128, ATTRIBUTES_MAX = 32, LINE_MAX_BYTES = 1024 * 1024 };

struct canonical {
    XML_Parser parser;
    void (*line)(void *arg, const char *text);
    void *arg;
    struct buf text; /* of the line that is being read */
    unsigned depth;
    char ns[DEPTH_MAX + 1][NS_SIZE];
    char stream_ns[NS_SIZE];
};

struct attribute {
    const char *name;
    const char *value;
};

static void finish_line(struct canonical *canonical)
{
    canonical->line(canonical->arg, buf_cstr(&canonical->text));
    buf_clear(&canonical->text);
}

/* NULL: it stands for itself. */
static const char *reference_of(char character, bool in_attribute)
{
    switch (character) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '\r':
        return "&#xD;";
    case '>':
        return in_attribute ? NULL : "&gt;";
    case '"':
        return in_attribute ? "&quot;" : NULL;
    case '\t':
        return in_attribute ? "&#x9;" : NULL;
    case '\n':
        return in_attribute ? "&#xA;" : NULL;
    default:
        return NULL;
    }
}

static void put_escaped(struct buf *out, const char *text, size_t length, bool in_attribute)
{
    size_t written = 0;
    for (size_t at = 0; at < length; at++) {
        const char *reference = reference_of(text[at], in_attribute);
        if (reference == NULL)
            continue;
        buf_append(out, text + written, at - written);
        buf_puts(out, reference);
        written = at + 1;
    }
    buf_append(out, text + written, length - written);
}

/* C14N 1.0, 2.2: namespaces first, then attributes without a prefix, then those with one. */
static int rank(const struct attribute *attribute)
{
    if (strcmp(attribute->name, "xmlns") == 0)
        return 0;
    if (strncmp(attribute->name, "xmlns:", 6) == 0)
        return 1;
    return strchr(attribute->name, ':') == NULL ? 2 : 3;
}

static int compare(const void *a, const void *b)
{
    const struct attribute *left = a, *right = b;
    const int difference = rank(left) - rank(right);
    return difference != 0 ? difference : strcmp(left->name, right->name);
}

static size_t collect(const char **pairs, struct attribute attributes_r[ATTRIBUTES_MAX])
{
    size_t count = 0;
    for (; pairs[0] != NULL && count < ATTRIBUTES_MAX; pairs += 2)
        attributes_r[count++] = (struct attribute){pairs[0], pairs[1]};
    qsort(attributes_r, count, sizeof *attributes_r, compare);
    return count;
}

/* Notes what a namespace declaration declares, in `declared_r`; true when that was declared already. */
static bool is_superfluous(const struct attribute *attribute, const char *before, char declared_r[NS_SIZE])
{
    const bool same = strcmp(attribute->value, before) == 0;
    snprintf(declared_r, NS_SIZE, "%s", attribute->value);
    return same;
}

static void put_attribute(struct canonical *canonical, const struct attribute *attribute)
{
    char *own = canonical->ns[canonical->depth];
    const char *outer = canonical->ns[canonical->depth - 1];
    if (strcmp(attribute->name, "xmlns") == 0 && is_superfluous(attribute, outer, own))
        return;
    if (strcmp(attribute->name, "xmlns:stream") == 0 &&
        is_superfluous(attribute, canonical->stream_ns, canonical->stream_ns))
        return;
    buf_printf(&canonical->text, " %s=\"", attribute->name);
    put_escaped(&canonical->text, attribute->value, strlen(attribute->value), true);
    buf_putc(&canonical->text, '"');
}

static void on_start(void *arg, const char *name, const char **pairs)
{
    struct canonical *canonical = arg;
    if (canonical->depth == DEPTH_MAX) {
        XML_StopParser(canonical->parser, XML_FALSE);
        return;
    }
    canonical->depth++;
    memcpy(canonical->ns[canonical->depth], canonical->ns[canonical->depth - 1], NS_SIZE);
    struct attribute attributes[ATTRIBUTES_MAX];
    const size_t count = collect(pairs, attributes);
    buf_printf(&canonical->text, "<%s", name);
    for (size_t i = 0; i < count; i++)
        put_attribute(canonical, &attributes[i]);
    buf_putc(&canonical->text, '>');
    if (canonical->depth == 1)
        finish_line(canonical);
}

static void on_end(void *arg, const char *name)
{
    struct canonical *canonical = arg;
    canonical->depth--;
    buf_printf(&canonical->text, "</%s>", name);
    if (canonical->depth <= 1)
        finish_line(canonical);
}

/* Between stanzas there is white space only. */
static void on_text(void *arg, const char *text, int length)
{
    struct canonical *canonical = arg;
    if (canonical->depth > 1)
        put_escaped(&canonical->text, text, (size_t)length, false);
}

struct canonical *canonical_new(void (*line)(void *arg, const char *text), void *arg)
{
    struct canonical *canonical = xcalloc(1, sizeof *canonical);
    canonical->line = line;
    canonical->arg = arg;
    buf_init(&canonical->text, LINE_MAX_BYTES);
    canonical->parser = XML_ParserCreate(NULL);
    if (XML_SetReparseDeferralEnabled != NULL)
        (void)XML_SetReparseDeferralEnabled(canonical->parser, XML_FALSE);
    XML_SetUserData(canonical->parser, canonical);
    XML_SetElementHandler(canonical->parser, on_start, on_end);
    XML_SetCharacterDataHandler(canonical->parser, on_text);
    return canonical;
}

void canonical_free(struct canonical **canonical)
{
    if (*canonical == NULL)
        return;
    XML_ParserFree((*canonical)->parser);
    buf_free(&(*canonical)->text);
    free(*canonical);
    *canonical = NULL;
}

bool canonical_feed(struct canonical *canonical, const char *bytes, size_t length)
{
    return XML_Parse(canonical->parser, bytes, (int)length, 0) == XML_STATUS_OK;
}
