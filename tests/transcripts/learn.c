#include "tests/transcripts/learn.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "tests/transcripts/names.h"
#include "tests/transcripts/transcript.h"

enum { PIECES_MAX = 64 };

/* ---- what differs ---- */

/* Every value between `before` and `end`. */
static void learn_between(struct names *names, const char *kind, const char *text, const char *before, char end)
{
    for (const char *at = strstr(text, before); at != NULL; at = strstr(at, before)) {
        at += strlen(before);
        const char *stop = strchr(at, end);
        if (stop != NULL && stop > at)
            names_learn(names, kind, at, (size_t)(stop - at));
    }
}

static bool is_of_local(char c)
{
    return c != '\0' && strchr("abcdefghijklmnopqrstuvwxyz0123456789._-", c) != NULL;
}

static void learn_locals(struct names *names, const char *text, const char *domain)
{
    for (const char *at = strchr(text, '@'); at != NULL; at = strchr(at + 1, '@')) {
        const char *start = at;
        while (start > text && is_of_local(start[-1]))
            start--;
        if (start < at && strncmp(at + 1, domain, strlen(domain)) == 0)
            names_learn(names, "local", start, (size_t)(at - start));
    }
}

static void learn(struct names *names, const char *domain, const char *text)
{
    static const struct {
        const char *kind;
        const char *before;
        char end;
    } table[] = {{"id", " id=\"", '"'},
                 {"session", " sessionid=\"", '"'},
                 {"handshake", "<handshake>", '<'},
                 {"password", "<field var=\"password\"><value>", '<'},
                 {"password", "<field var=\"password-verify\"><value>", '<'},
                 {"os", "<os>", '<'}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        learn_between(names, table[i].kind, text, table[i].before, table[i].end);
    learn_locals(names, text, domain);
}

/* ---- what has no order ---- */

static bool is_reply(const char *line)
{
    return line[0] == '>' && transcript_is_iq(line + 2, "result", "error");
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Puts elements of the name that stand next to each other into one order. */
static char *sorted(struct arena *arena, const char *text, const char *open, const char *close)
{
    char *result = arena_strdup(arena, text);
    for (char *at = strstr(result, open); at != NULL; at = strstr(at, open)) {
        char *pieces[PIECES_MAX], *end = at;
        size_t count = 0;
        for (char *stop; count < PIECES_MAX && strncmp(end, open, strlen(open)) == 0; end = stop) {
            stop = strstr(end, close);
            if (stop == NULL)
                return result;
            stop += strlen(close);
            pieces[count++] = arena_copy(arena, end, (size_t)(stop - end));
        }
        qsort(pieces, count, sizeof *pieces, compare);
        for (size_t i = 0; i < count; at += strlen(pieces[i++]))
            memcpy(at, pieces[i], strlen(pieces[i]));
    }
    return result;
}

static void write_line(struct arena *arena, const struct names *names, const char *line, struct buf *out)
{
    struct buf named;
    buf_init(&named, 1024 * 1024);
    names_abstract(names, line, &named);
    const char *text = buf_cstr(&named);
    if (line[0] == '<')
        text = sorted(arena, sorted(arena, text, "<group>", "</group>"), "<item ", "</item>");
    buf_printf(out, "%s\n", text);
    buf_free(&named);
}

/* What we answer is independent of what else we say: it comes first. */
static size_t split(struct arena *arena, const char *heard, char *lines_r[TRANSCRIPT_LINES_MAX])
{
    size_t count = 0;
    for (char *rest = arena_strdup(arena, heard); rest != NULL && *rest != '\0' && count < TRANSCRIPT_LINES_MAX;) {
        char *line = strsep(&rest, "\n");
        size_t at = count++;
        for (; at > 0 && lines_r[at - 1][0] == '>' && is_reply(line) && !is_reply(lines_r[at - 1]); at--)
            lines_r[at] = lines_r[at - 1];
        lines_r[at] = line;
    }
    return count;
}

void learn_and_write(struct names *names, const char *domain, const char *heard, struct buf *out)
{
    struct arena *arena = arena_new();
    char *lines[TRANSCRIPT_LINES_MAX];
    const size_t count = split(arena, heard, lines);
    for (size_t i = 0; i < count; i++)
        learn(names, domain, lines[i]);
    for (size_t i = 0; i < count; i++)
        write_line(arena, names, lines[i], out);
    arena_free(&arena);
}
