/* Logging: one logfmt line an event on standard error, with typed fields:
 *
 *     log_info("account_registered", F("uid", id), F("dialect", "003"), F("took_ms", took));
 *
 * F picks the field's type with _Generic: integers, bool, double, const char *. There is no
 * association for struct secret, so a secret does not compile. Text is quoted and escaped (control characters, quotes,
 * non-UTF-8), cut at 512 bytes. Logging keeps errno, never blocks for longer than write(2) does, never fails. A line is
 * one write(2). Thread-safe. */
#ifndef REGISTRAR_BASE_LOG_H
#define REGISTRAR_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "component/base/err.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

struct log_field {
    const char *name;
    enum { LOG_FIELD_I64, LOG_FIELD_U64, LOG_FIELD_F64, LOG_FIELD_BOOL, LOG_FIELD_TEXT, LOG_FIELD_ERR } type;
    union {
        int64_t i64;
        uint64_t u64;
        double f64;
        bool boolean;
        const char *text; /* NULL is written as "" */
        enum err err;
    } value;
};

/* Lines below `level` are dropped. Set once in main before threads start. */
void log_set_level(enum log_level level);
/* "debug", "info", "warn", "error"; false when it is none of them. */
bool log_level_parse(const char *name, enum log_level *level_r);

struct log_field log_field_i64(const char *name, int64_t value);
struct log_field log_field_u64(const char *name, uint64_t value);
struct log_field log_field_f64(const char *name, double value);
struct log_field log_field_bool(const char *name, bool value);
struct log_field log_field_text(const char *name, const char *value);
struct log_field log_field_err(const char *name, enum err value);

/* enum err has an integer type to _Generic, so errors have a macro of their own: F_ERR(err) writes error=<name>. */
/* clang-format off */
#define F(name, value)                                                                             \
    _Generic((value),                                                                              \
        bool: log_field_bool,                                                                      \
        signed char: log_field_i64, short: log_field_i64, int: log_field_i64, long: log_field_i64, \
        long long: log_field_i64,                                                                  \
        unsigned char: log_field_u64, unsigned short: log_field_u64, unsigned: log_field_u64,      \
        unsigned long: log_field_u64, unsigned long long: log_field_u64,                           \
        double: log_field_f64,                                                                     \
        char *: log_field_text, const char *: log_field_text)(name, value)
/* clang-format on */
#define F_ERR(value) log_field_err("error", value)

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count);

#define LOG_FIELDS_(...) ((const struct log_field[]){{0}, ##__VA_ARGS__})
#define LOG_(level, event, ...)                                                                                        \
    log_write(level, event, LOG_FIELDS_(__VA_ARGS__) + 1,                                                              \
              sizeof LOG_FIELDS_(__VA_ARGS__) / sizeof(struct log_field) - 1)
#define log_debug(event, ...) LOG_(LOG_LEVEL_DEBUG, event, ##__VA_ARGS__)
#define log_info(event, ...)  LOG_(LOG_LEVEL_INFO, event, ##__VA_ARGS__)
#define log_warn(event, ...)  LOG_(LOG_LEVEL_WARN, event, ##__VA_ARGS__)
#define log_error(event, ...) LOG_(LOG_LEVEL_ERROR, event, ##__VA_ARGS__)
/* For what a daemon cannot go on after (no memory, no random numbers, a broken invariant): logs an error and aborts. */
#define log_fatal(event, ...) (log_error(event, ##__VA_ARGS__), abort())

#endif
