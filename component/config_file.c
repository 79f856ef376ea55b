/* The INI file. libinih takes lines apart; this file stands around it and makes it strict.
 *
 * Debian's libinih passes no line numbers, reports only the first broken line, cuts lines at 200 bytes, drops what
 * follows " ;", takes an indented line for more of the value above it, and is silent about sections without keys. So
 * the lines are handed to it one by one through its reader callback: the number of the line is then known when the
 * handler is called, a line that it makes nothing of is noticed at the next one, and what would be cut, dropped or
 * joined never gets there. Indentation is removed first: an indented key is a key.
 *
 * A line that cannot be understood is reported by its number alone: it may be a piece of a secret. */
#include <ini.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/text.h"
#include "component/config_draft.h"

enum { FILE_LIMIT = 256 * 1024, NAME_LIMIT = 40 };

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* What stands for a section header that is broken: the keys below it belong to no section that we know. */
#define NO_SECTION "[?]"

struct reader {
    struct draft *draft;
    const char *next;
    const char *end;
    unsigned line;
    bool pending; /* the line was passed on and the handler has not been called for it */
};

struct piece {
    const char *text;
    size_t length;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct piece trim(struct piece piece)
{
    while (piece.length > 0 && is_blank(piece.text[0])) {
        piece.text++;
        piece.length--;
    }
    while (piece.length > 0 && is_blank(piece.text[piece.length - 1])) {
        piece.length--;
    }
    return piece;
}

/* Whether it may be shown: it looks like one of our names, and so unlike a password or a key. */
static bool is_name(const char *text)
{
    return text_only_of(text, "abcdefghijklmnopqrstuvwxyz0123456789_") && strlen(text) <= NAME_LIMIT;
}

static bool next_line(struct reader *reader, struct piece *line_r)
{
    if (reader->next == reader->end) {
        return false;
    }
    const char *newline = memchr(reader->next, '\n', (size_t)(reader->end - reader->next));
    const char *stop = newline != NULL ? newline : reader->end;
    *line_r = trim((struct piece){.text = reader->next, .length = (size_t)(stop - reader->next)});
    reader->next = newline != NULL ? newline + 1 : stop;
    reader->line++;
    return true;
}

static bool has_control(struct piece line)
{
    for (size_t i = 0; i < line.length; i++) {
        unsigned char c = (unsigned char)line.text[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool has_comment_behind(struct piece line)
{
    for (size_t i = 1; i < line.length; i++) {
        if (line.text[i] == ';' && is_blank(line.text[i - 1])) {
            return true;
        }
    }
    return false;
}

/* What is wrong with a line before it is taken apart, or NULL. */
static const char *refuse(struct reader *reader, struct piece line, size_t limit)
{
    if (has_control(line)) {
        return "control character";
    }
    if (!text_is_utf8(line.text, line.length)) {
        return "not UTF-8";
    }
    if (line.text[0] == '#' || line.text[0] == ';' || line.text[0] == '[') {
        return NULL;
    }
    if (line.length > limit) {
        return arena_printf(reader->draft->arena,
                            "longer than %zu bytes; give the value through the environment, or a secret by <key>_file",
                            limit);
    }
    if (has_comment_behind(line)) {
        return "\" ;\" would begin a comment; comments stand on lines of their own, a secret that holds it in a file "
               "named by <key>_file";
    }
    return NULL;
}

/* Gives the header to pass on. */
static const char *read_header(struct reader *reader, struct piece line)
{
    struct draft *draft = reader->draft;
    char *name = arena_copy(draft->arena, line.text + 1, line.length - 1);
    char *bracket = strchr(name, ']');
    if (bracket == NULL || bracket[1] != '\0') {
        mistake_on_line(draft, reader->line, "syntax error: a section is written [name]");
        return NO_SECTION;
    }
    *bracket = '\0';
    if (!section_exists(name)) {
        mistake_on_line(draft, reader->line, "unknown section%s%s", is_name(name) ? " " : "",
                        is_name(name) ? name : "");
        return NO_SECTION;
    }
    return arena_copy(draft->arena, line.text, line.length);
}

static void settle(struct reader *reader)
{
    if (reader->pending) {
        mistake_on_line(reader->draft, reader->line, "syntax error: neither [section] nor key = value");
    }
    reader->pending = false;
}

/* libinih's reader, as fgets: the next header or key. */
static char *read_line(char *buffer, int size, void *reader_)
{
    struct reader *reader = reader_;
    size_t limit = (size_t)size - 1;
    struct piece line;
    settle(reader);
    while (next_line(reader, &line)) {
        const char *refusal = line.length > 0 ? refuse(reader, line, limit) : NULL;
        if (refusal != NULL) {
            mistake_on_line(reader->draft, reader->line, "%s", refusal);
            continue;
        }
        if (line.length == 0 || line.text[0] == '#' || line.text[0] == ';') {
            continue;
        }
        if (line.text[0] == '[') {
            const char *header = read_header(reader, line);
            line = (struct piece){.text = header, .length = strlen(header)};
        } else {
            reader->pending = true;
        }
        memcpy(buffer, line.text, line.length);
        buffer[line.length] = '\0';
        return buffer;
    }
    return NULL;
}

/* libinih's handler: a key with its value. */
static int take(void *reader_, const char *section, const char *key, const char *value)
{
    struct reader *reader = reader_;
    struct draft *draft = reader->draft;
    reader->pending = false;
    if (section[0] == '\0') {
        mistake_on_line(draft, reader->line, "a key before the first [section]");
        return 1;
    }
    if (!section_exists(section)) {
        return 1; /* said at its header */
    }
    struct setting_name name = setting_by_key(section, key);
    if (name.id == SETTING_COUNT) {
        mistake_on_line(draft, reader->line, "[%s] %s%sunknown key", section, is_name(key) ? key : "",
                        is_name(key) ? ": " : "");
        return 1;
    }
    if (!draft_give(draft, name, SOURCE_FILE, arena_strdup(draft->arena, value), reader->line)) {
        mistake_on_line(draft, reader->line, "[%s] %s: repeated key", section, key);
    }
    return 1;
}

void draft_read_file(struct draft *draft)
{
    struct content content;
    const char *complaint = content_read(draft->arena, draft->path, FILE_LIMIT, &content);
    if (complaint != NULL) {
        draft->mistake_count++;
        (void)fprintf(draft->mistakes, "%s: %s\n", draft->path, complaint);
        return;
    }
    draft->path_world_readable = content.world_readable;
    bool has_mark = strncmp(content.bytes, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0;
    struct reader reader = {.draft = draft,
                            .next = content.bytes + (has_mark ? strlen(BYTE_ORDER_MARK) : 0),
                            .end = content.bytes + content.length};
    (void)ini_parse_stream(read_line, &reader, take, &reader); /* its only errors are those that we look for above */
}
