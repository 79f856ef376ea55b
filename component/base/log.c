/* The log: a line is put together on the stack and written at once.
 *
 * A line is at most 4096 bytes (what a pipe takes whole), its newline included: fields that do not fit are left out and
 * "cut=true" says so. There is no buffer, queue, thread or file of our own: standard error belongs to whoever started
 * us. A line that cannot be written is lost. The only state is the level. */
#include "component/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "component/base/text.h"

#define CUT_MARK " cut=true"

enum { LINE_SIZE = 4096, TEXT_LIMIT = 512, FIELDS_END = LINE_SIZE - (int)sizeof(CUT_MARK "\n") };

struct line {
    size_t length;
    bool full; /* something did not fit before FIELDS_END */
    char data[LINE_SIZE];
};

static enum log_level lowest_level = LOG_LEVEL_INFO;

static const char *const level_names[] = {
    [LOG_LEVEL_DEBUG] = "debug", [LOG_LEVEL_INFO] = "info", [LOG_LEVEL_WARN] = "warn", [LOG_LEVEL_ERROR] = "error"};

void log_set_level(enum log_level level)
{
    lowest_level = level;
}

bool log_level_parse(const char *name, enum log_level *level_r)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++)
        if (strcmp(name, level_names[i]) == 0) {
            *level_r = (enum log_level)i;
            return true;
        }
    return false;
}

struct log_field log_field_i64(const char *name, int64_t value)
{
    return (struct log_field){.name = name, .type = LOG_FIELD_I64, .value.i64 = value};
}

struct log_field log_field_u64(const char *name, uint64_t value)
{
    return (struct log_field){.name = name, .type = LOG_FIELD_U64, .value.u64 = value};
}

struct log_field log_field_f64(const char *name, double value)
{
    return (struct log_field){.name = name, .type = LOG_FIELD_F64, .value.f64 = value};
}

struct log_field log_field_bool(const char *name, bool value)
{
    return (struct log_field){.name = name, .type = LOG_FIELD_BOOL, .value.boolean = value};
}

struct log_field log_field_text(const char *name, const char *value)
{
    return (struct log_field){.name = name, .type = LOG_FIELD_TEXT, .value.text = value};
}

struct log_field log_field_err(const char *name, enum err value)
{
    return (struct log_field){.name = name, .type = LOG_FIELD_ERR, .value.err = value};
}

static void put(struct line *line, const char *bytes, size_t length)
{
    if (length > FIELDS_END - line->length) {
        line->full = true;
        return;
    }
    memcpy(line->data + line->length, bytes, length);
    line->length += length;
}

static void put_string(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* For numbers and times: 64 bytes hold each of them. */
static void PRINTF_LIKE(2, 3) put_number(struct line *line, const char *format, ...)
{
    char text[64];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_string(line, text);
}

static void put_escaped_bytes(struct line *line, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        put_number(line, "\\x%02x", (unsigned)(unsigned char)bytes[i]);
}

/* Control characters of ASCII and of Latin-1: they could forge lines or drive the reader's terminal. */
static bool is_control(const char *character, size_t size)
{
    unsigned char first = (unsigned char)character[0];
    if (size == 1)
        return first < 0x20 || first == 0x7f;
    return size == 2 && first == 0xc2 && (unsigned char)character[1] < 0xa0;
}

/* One character, or one byte that is none; returns how many bytes were used. */
static size_t put_character(struct line *line, const char *text, size_t left)
{
    size_t size = text_character_size(text, left);
    if (size == 0) {
        put_escaped_bytes(line, text, 1);
        return 1;
    }
    if (*text == '"' || *text == '\\')
        put(line, "\\", 1);
    if (*text == '\n')
        put(line, "\\n", 2);
    else if (is_control(text, size))
        put_escaped_bytes(line, text, size);
    else
        put(line, text, size);
    return size;
}

/* The length up to which `text` is shown: at most TEXT_LIMIT, no character halved. */
static size_t shown_length(const char *text, bool *cut_r)
{
    size_t length = strnlen(text, TEXT_LIMIT + 1);
    *cut_r = length > TEXT_LIMIT;
    if (!*cut_r)
        return length;
    for (length = TEXT_LIMIT; length > TEXT_LIMIT - 3 && (text[length] & 0xc0) == 0x80; length--)
        ;
    return length;
}

static void put_text(struct line *line, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/@+";
    if (text_only_of(text, plain) && strlen(text) <= TEXT_LIMIT) {
        put_string(line, text);
        return;
    }
    bool cut;
    size_t length = shown_length(text, &cut);
    put(line, "\"", 1);
    for (size_t i = 0; i < length;)
        i += put_character(line, text + i, length - i);
    put_string(line, cut ? "...\"" : "\"");
}

static void put_value(struct line *line, const struct log_field *field)
{
    switch (field->type) {
    case LOG_FIELD_I64:
        put_number(line, "%" PRId64, field->value.i64);
        break;
    case LOG_FIELD_U64:
        put_number(line, "%" PRIu64, field->value.u64);
        break;
    case LOG_FIELD_F64:
        put_number(line, "%.6g", field->value.f64);
        break;
    case LOG_FIELD_BOOL:
        put_string(line, field->value.boolean ? "true" : "false");
        break;
    case LOG_FIELD_TEXT:
        put_text(line, field->value.text ? field->value.text : "");
        break;
    case LOG_FIELD_ERR:
        put_string(line, err_name(field->value.err));
        break;
    }
}

/* False when the field did not fit; the line is then as before. */
static bool put_field(struct line *line, const struct log_field *field)
{
    size_t before = line->length;
    put(line, " ", 1);
    put_string(line, field->name);
    put(line, "=", 1);
    put_value(line, field);
    if (line->full)
        line->length = before;
    return !line->full;
}

static void put_start(struct line *line, enum log_level level, const char *event)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    put_number(line, "ts=%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
               utc.tm_hour, utc.tm_min, utc.tm_sec, (int)(now.tv_nsec / 1000000));
    put_string(line, " level=");
    put_string(line, level_names[level]);
    put_string(line, " event=");
    put_string(line, event);
}

/* Past FIELDS_END there is room for exactly this. */
static void put_end(struct line *line)
{
    const char *end = line->full ? CUT_MARK "\n" : "\n";
    memcpy(line->data + line->length, end, strlen(end));
    line->length += strlen(end);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
    if (level < lowest_level)
        return;
    int saved = errno;
    struct line line;
    line.length = 0;
    line.full = false;
    put_start(&line, level, event);
    for (size_t i = 0; i < count && put_field(&line, fields + i); i++)
        ;
    put_end(&line);
    while (write(STDERR_FILENO, line.data, line.length) < 0 && errno == EINTR)
        ;
    errno = saved;
}
