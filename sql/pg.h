/* A session with Postgres, for one thread: prepared statements with parameters, transactions, deadlines.
 *
 * It connects at first use and again after a break. While a recent attempt failed it answers ERR_DB_DOWN at once, so
 * that a dead database costs nobody a timeout a call. Nothing is ever re-run by itself.
 *
 * COMMIT: when the connection breaks at COMMIT, the outcome is looked up by the transaction's id over a new connection
 * (pg_xact_status), so that pg_commit says what is true; ERR_UNCERTAIN remains only when that cannot be asked either.
 */
#ifndef SQL_PG_H
#define SQL_PG_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "component/base/seal.h"
#include "component/base/secret.h"

struct arena;
struct pg;

struct pg_config {
    struct secret url;
    int64_t connect_timeout_ms;
    int64_t statement_timeout_ms;
    /* No wait goes beyond this time (clock_ms), also one that has begun; NULL: no such time. For who has to end soon.
     */
    const _Atomic int64_t *latest_ms;
};

/* The config must outlive it. Never fails: the first statement connects. */
struct pg *pg_new(const struct pg_config *config);
/* The same, but what a single statement did, outside a transaction, is not waited for to reach the disk: when Postgres
 * or its machine dies, the last of it may be forgotten, in the order in which it was done and never a part of a
 * statement. For what can be done again. Transactions are as everybody's. */
struct pg *pg_new_relaxed(const struct pg_config *config);
void pg_free(struct pg **pg);
/* Whether a connection can be had now: connects if there is none. */
MUST_CHECK enum err pg_ping(struct pg *pg);
/* The same, until connect_timeout_ms is over: for who has come too far to be turned away because a connection broke.
 * Not in a transaction. */
MUST_CHECK enum err pg_reconnect(struct pg *pg);

/* A statement is prepared once a connection. Static; told apart by address. */
struct stmt {
    const char *name; /* unique in the program: it is the prepared statement's name and appears in the log */
    const char *sql;
};

enum { PG_ARGS_MAX = 20 };

/* Parameters, in order. Values are not copied, save numbers. */
struct pg_args {
    int count;
    const char *values[PG_ARGS_MAX];
    int lengths[PG_ARGS_MAX];
    int formats[PG_ARGS_MAX];
    char numbers[PG_ARGS_MAX][24];
};
void pg_arg_text(struct pg_args *args, const char *text); /* NULL is SQL's null */
void pg_arg_i64(struct pg_args *args, int64_t value);
void pg_arg_bool(struct pg_args *args, bool value);
void pg_arg_bytes(struct pg_args *args, const void *bytes, size_t length);
/* Arrays as Postgres's text form, in the arena. A NULL text is a null element. */
void pg_arg_texts(struct pg_args *args, struct arena *arena, const char *const *texts, size_t count);
void pg_arg_i64s(struct pg_args *args, struct arena *arena, const int64_t *values, size_t count);

/* OK: *result_r holds the rows (text format) and is freed with PQclear. ERR_DB_DOWN: there is no connection, or it
 * broke (outside a transaction a write may have happened). ERR_CONFLICT: a unique constraint. ERR_BUSY: deadlock or
 * serialization failure, the transaction may be tried anew. ERR_DB: anything
 * else; logged with SQLSTATE, never with values. */
MUST_CHECK enum err pg_run(struct pg *pg, const struct stmt *stmt, const struct pg_args *args, PGresult **result_r);
/* The same where no rows are expected; the number of rows touched goes to rows_r unless it is NULL. */
MUST_CHECK enum err pg_do(struct pg *pg, const struct stmt *stmt, const struct pg_args *args, int64_t *rows_r);
/* The same of a statement with one column and at most one row, whose value comes out; 0 or false without a row. Unless
 * it is OK, the value stays as it was. */
MUST_CHECK enum err pg_one_i64(struct pg *pg, const struct stmt *stmt, const struct pg_args *args, int64_t *value_r);
MUST_CHECK enum err pg_one_bool(struct pg *pg, const struct stmt *stmt, const struct pg_args *args, bool *value_r);
/* Text of several statements without parameters, such as a migration. */
MUST_CHECK enum err pg_script(struct pg *pg, const char *sql);

/* From now on a statement may take that long; 0: what the config says. */
MUST_CHECK enum err pg_set_patience(struct pg *pg, int64_t statement_ms);

MUST_CHECK enum err pg_begin(struct pg *pg);
/* OK: committed. Otherwise it is rolled back, save for ERR_UNCERTAIN. */
MUST_CHECK enum err pg_commit(struct pg *pg);
/* Fine without a transaction. */
void pg_rollback(struct pg *pg);

/* Values of a row. SQL's null reads as 0, false, and NULL or the empty slice. */
int64_t pg_i64(const PGresult *result, int row, int column);
bool pg_bool(const PGresult *result, int row, int column);
/* A copy in the arena, or NULL. */
const char *pg_text(struct arena *arena, const PGresult *result, int row, int column);
/* Texts that array_to_string(..., E'\x1f') has joined: U+001F stands in no XML text, and so in nothing that a roster
 * holds. Both ways in the arena; no texts for null. */
const char *const *pg_joined(struct arena *arena, const PGresult *result, int row, int column, size_t *count_r);
const char *pg_join(struct arena *arena, const char *const *texts, size_t count);
/* bytea; a copy in the arena. */
const uint8_t *pg_bytes(struct arena *arena, const PGresult *result, int row, int column, size_t *length_r);

#endif
