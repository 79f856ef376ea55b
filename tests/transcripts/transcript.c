#include "tests/transcripts/transcript.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/buf.h"

enum { ID_SIZE = 128 };

bool transcript_attribute(const char *text, const char *name, char *value_r, size_t size)
{
    char needle[64];
    snprintf(needle, sizeof needle, " %s=\"", name);
    const char *start = strstr(text, needle);
    if (start == NULL)
        return false;
    start += strlen(needle);
    const char *end = strchr(start, '"');
    if (end == NULL || (size_t)(end - start) >= size)
        return false;
    snprintf(value_r, size, "%.*s", (int)(end - start), start);
    return true;
}

bool transcript_is(const char *text, const char *element)
{
    const size_t length = strlen(element);
    return text[0] == '<' && strncmp(text + 1, element, length) == 0 && strchr(" >", text[1 + length]) != NULL;
}

/* The value of an attribute of the line's own tag. */
static bool own_attribute(const char *text, const char *name, char value_r[ID_SIZE])
{
    char tag[512];
    const char *end = strchr(text, '>');
    snprintf(tag, sizeof tag, "%.*s", (int)(end != NULL ? end - text + 1 : 0), text);
    return transcript_attribute(tag, name, value_r, ID_SIZE);
}

bool transcript_is_iq(const char *text, const char *one, const char *other)
{
    char type[ID_SIZE];
    return transcript_is(text, "iq") && own_attribute(text, "type", type) &&
           (strcmp(type, one) == 0 || strcmp(type, other) == 0);
}

/* Which of our requests an answer of the server's belongs to. */
static void relate(struct transcript *transcript, struct transcript_line *line)
{
    char id[ID_SIZE], asked[ID_SIZE];
    line->answers = -1;
    line->awaited = !line->ours && !transcript_is(line->text, "iq") && !transcript_is(line->text, "message") &&
                    !transcript_is(line->text, "presence");
    if (line->ours || !transcript_is_iq(line->text, "result", "error") || !own_attribute(line->text, "id", id))
        return;
    for (size_t i = 0; i < transcript->count && line->answers < 0; i++) {
        const struct transcript_line *request = &transcript->lines[i];
        if (request->ours && transcript_is_iq(request->text, "get", "set") &&
            own_attribute(request->text, "id", asked) && strcmp(asked, id) == 0) {
            line->answers = (int)i;
            line->awaited = strstr(request->text, " action=\"cancel\"") == NULL;
        }
    }
}

static bool take_line(struct transcript *transcript, const char *text, unsigned number)
{
    if ((text[0] != '>' && text[0] != '<') || text[1] != ' ' || transcript->count == TRANSCRIPT_LINES_MAX)
        return false;
    struct transcript_line *line = &transcript->lines[transcript->count];
    *line = (struct transcript_line){.ours = text[0] == '>', .text = text + 2, .number = number};
    relate(transcript, line);
    transcript->count++;
    return true;
}

static bool is_key(const char *text, size_t length, const char *key)
{
    return strlen(key) == length && strncmp(text, key, length) == 0;
}

static bool take_head(struct transcript *transcript, const char *text)
{
    const struct {
        const char *name;
        const char **value;
    } table[] = {{"about", &transcript->about},   {"needs", &transcript->needs},   {"call", &transcript->call},
                 {"server", &transcript->server}, {"result", &transcript->result}, {"recorded", &transcript->recorded}};
    const char *value = strstr(text, ": ");
    if (value == NULL)
        return false;
    const size_t length = (size_t)(value - text);
    value += 2;
    if (is_key(text, length, "before") && transcript->before_count < TRANSCRIPT_BEFORE_MAX) {
        transcript->before[transcript->before_count++] = value;
        return true;
    }
    if (is_key(text, length, "shows")) {
        transcript->shows = arena_printf(transcript->arena, "%sshows: %s\n", transcript->shows, value);
        return true;
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (is_key(text, length, table[i].name)) {
            *table[i].value = value;
            return true;
        }
    return false;
}

struct transcript *transcript_parse(const char *path, const char *text)
{
    struct transcript *transcript = xcalloc(1, sizeof *transcript);
    transcript->arena = arena_new();
    transcript->path = arena_strdup(transcript->arena, path);
    transcript->about = transcript->needs = transcript->call = "";
    transcript->server = transcript->recorded = transcript->result = transcript->shows = "";
    char *rest = arena_strdup(transcript->arena, text);
    bool in_head = true, good = true;
    for (unsigned number = 1; good && rest != NULL && *rest != '\0'; number++) {
        char *line = strsep(&rest, "\n");
        if (line[0] == '\0')
            in_head = false;
        else
            good = in_head ? take_head(transcript, line) : take_line(transcript, line, number);
        if (!good)
            fprintf(stderr, "%s:%u: this is no line of a transcript: %.60s\n", path, number, line);
    }
    if (!good || transcript->call[0] == '\0')
        transcript_free(&transcript);
    return transcript;
}

struct transcript *transcript_read(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        perror(path);
        return NULL;
    }
    char *text = xcalloc(1, TRANSCRIPT_SIZE_MAX);
    const size_t length = fread(text, 1, TRANSCRIPT_SIZE_MAX - 1, file);
    text[length] = '\0';
    fclose(file);
    struct transcript *transcript = transcript_parse(path, text);
    free(text);
    return transcript;
}

void transcript_free(struct transcript **transcript)
{
    if (*transcript == NULL)
        return;
    arena_free(&(*transcript)->arena);
    free(*transcript);
    *transcript = NULL;
}

bool transcript_is_call(const struct transcript *transcript, const char *name)
{
    const size_t length = strlen(name);
    return strncmp(transcript->call, name, length) == 0 && strchr(" ", transcript->call[length]) != NULL;
}

void transcript_write_head(const struct transcript *transcript, struct buf *out)
{
    buf_printf(out, "about: %s\n", transcript->about);
    if (transcript->needs[0] != '\0')
        buf_printf(out, "needs: %s\n", transcript->needs);
    for (size_t i = 0; i < transcript->before_count; i++)
        buf_printf(out, "before: %s\n", transcript->before[i]);
    buf_printf(out, "call: %s\n", transcript->call);
}
