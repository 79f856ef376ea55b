/* Parameters and results of statements (pg.h). */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "sql/pg.h"

static const char separators[] = "\x1f";
enum { SEPARATOR = '\x1f' };

static void push(struct pg_args *args, const char *value, int length, int format)
{
    assert(args->count < PG_ARGS_MAX);
    args->values[args->count] = value;
    args->lengths[args->count] = length;
    args->formats[args->count] = format;
    args->count++;
}

void pg_arg_text(struct pg_args *args, const char *text)
{
    push(args, text, 0, 0);
}

void pg_arg_i64(struct pg_args *args, int64_t value)
{
    char *number = args->numbers[args->count];
    snprintf(number, sizeof args->numbers[0], "%" PRId64, value);
    push(args, number, 0, 0);
}

void pg_arg_bool(struct pg_args *args, bool value)
{
    push(args, value ? "t" : "f", 0, 0);
}

void pg_arg_bytes(struct pg_args *args, const void *bytes, size_t length)
{
    push(args, bytes, (int)length, 1);
}

static void put_quoted(struct buf *buf, const char *text)
{
    buf_putc(buf, '"');
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            buf_putc(buf, '\\');
        buf_putc(buf, *p);
    }
    buf_putc(buf, '"');
}

static void push_array(struct pg_args *args, struct arena *arena, struct buf *buf)
{
    buf_putc(buf, '}');
    assert(!buf->overflowed);
    pg_arg_text(args, arena_copy(arena, buf->data, buf->length));
    buf_free(buf);
}

void pg_arg_texts(struct pg_args *args, struct arena *arena, const char *const *texts, size_t count)
{
    struct buf buf;
    buf_init(&buf, SIZE_MAX);
    buf_putc(&buf, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_putc(&buf, ',');
        if (texts[i] == NULL)
            buf_puts(&buf, "NULL");
        else
            put_quoted(&buf, texts[i]);
    }
    push_array(args, arena, &buf);
}

void pg_arg_i64s(struct pg_args *args, struct arena *arena, const int64_t *values, size_t count)
{
    struct buf buf;
    buf_init(&buf, SIZE_MAX);
    buf_putc(&buf, '{');
    for (size_t i = 0; i < count; i++)
        buf_printf(&buf, i > 0 ? ",%" PRId64 : "%" PRId64, values[i]);
    push_array(args, arena, &buf);
}

int64_t pg_i64(const PGresult *result, int row, int column)
{
    return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

bool pg_bool(const PGresult *result, int row, int column)
{
    return PQgetvalue(result, row, column)[0] == 't';
}

enum err pg_one_i64(struct pg *pg, const struct stmt *stmt, const struct pg_args *args, int64_t *value_r)
{
    PGresult *result = NULL;
    const enum err err = pg_run(pg, stmt, args, &result);
    if (err == OK)
        *value_r = PQntuples(result) > 0 ? pg_i64(result, 0, 0) : 0;
    PQclear(result);
    return err;
}

enum err pg_one_bool(struct pg *pg, const struct stmt *stmt, const struct pg_args *args, bool *value_r)
{
    PGresult *result = NULL;
    const enum err err = pg_run(pg, stmt, args, &result);
    if (err == OK)
        *value_r = PQntuples(result) > 0 && pg_bool(result, 0, 0);
    PQclear(result);
    return err;
}

const char *pg_text(struct arena *arena, const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column))
        return NULL;
    return arena_copy(arena, PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column));
}

const char *const *pg_joined(struct arena *arena, const PGresult *result, int row, int column, size_t *count_r)
{
    *count_r = 0;
    const char *joined = PQgetvalue(result, row, column); /* "" for null */
    if (joined[0] == '\0')
        return NULL;
    size_t count = 1;
    for (const char *p = joined; *p != '\0'; p++)
        count += *p == SEPARATOR;
    const char **texts = arena_array(arena, count, sizeof *texts);
    for (const char *p = joined; *count_r < count; p += strcspn(p, separators) + 1)
        texts[(*count_r)++] = arena_copy(arena, p, strcspn(p, separators));
    return texts;
}

const char *pg_join(struct arena *arena, const char *const *texts, size_t count)
{
    size_t length = 1;
    for (size_t i = 0; i < count; i++)
        length += strlen(texts[i]) + 1;
    char *joined = arena_alloc(arena, length), *end = joined;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *end++ = SEPARATOR;
        end = stpcpy(end, texts[i]);
    }
    return joined;
}

const uint8_t *pg_bytes(struct arena *arena, const PGresult *result, int row, int column, size_t *length_r)
{
    *length_r = 0;
    if (PQgetisnull(result, row, column))
        return NULL;
    unsigned char *bytes = PQunescapeBytea((const unsigned char *)PQgetvalue(result, row, column), length_r);
    if (bytes == NULL)
        abort(); /* out of memory, as xmalloc */
    const uint8_t *copy = (const uint8_t *)arena_copy(arena, (const char *)bytes, *length_r);
    PQfreemem(bytes);
    return copy;
}
