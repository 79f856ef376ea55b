/* A session with Postgres (pg.h): connecting, running statements with deadlines, transactions.
 *
 * libpq's blocking calls have no deadline, so everything goes through its asynchronous half: send, then poll until the
 * answer is whole or time is up. A statement that is not answered in time costs the connection: nothing could be said
 * of what comes later. */
#include "sql/pg.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/log.h"
#include "component/base/metrics.h"

/* GRACE_MS: the server's own timeout comes first. */
enum { PREPARED_MAX = 256, RETRY_BASE_MS = 100, RETRY_CAP_MS = 1000, GRACE_MS = 500, SLICE_MS = 100 };

struct pg {
    const struct pg_config *config;
    PGconn *connection; /* NULL without one */
    const struct stmt *prepared[PREPARED_MAX];
    size_t prepared_count;
    bool relaxed;
    bool in_transaction;
    char transaction[24]; /* its id, while in_transaction */
    int64_t patience_ms;  /* of a statement */
    int64_t retry_at_ms;  /* no attempt before */
    unsigned failures;
};

struct pg *pg_new(const struct pg_config *config)
{
    struct pg *pg = xcalloc(1, sizeof *pg);
    pg->config = config;
    pg->patience_ms = config->statement_timeout_ms;
    return pg;
}

struct pg *pg_new_relaxed(const struct pg_config *config)
{
    struct pg *pg = pg_new(config);
    pg->relaxed = true;
    return pg;
}

static void disconnect(struct pg *pg)
{
    PQfinish(pg->connection);
    pg->connection = NULL;
    pg->prepared_count = 0;
}

void pg_free(struct pg **pg)
{
    if (*pg == NULL)
        return;
    disconnect(*pg);
    free(*pg);
    *pg = NULL;
}

/* --- waiting */

static bool is_over(const struct pg *pg, int64_t deadline_ms)
{
    const int64_t now = clock_ms();
    return now >= deadline_ms || (pg->config->latest_ms != NULL && now >= *pg->config->latest_ms);
}

/* In slices, because latest_ms may come nearer meanwhile. */
static enum err wait_socket(const struct pg *pg, short events, int64_t deadline_ms)
{
    for (;;) {
        struct pollfd p = {.fd = PQsocket(pg->connection), .events = events};
        if (p.fd < 0)
            return ERR_DB_DOWN;
        const int ready = poll(&p, 1, clock_left(deadline_ms, SLICE_MS));
        if (ready > 0)
            return OK;
        if (ready < 0 && errno != EINTR)
            return ERR_DB_DOWN;
        if (is_over(pg, deadline_ms))
            return ERR_TIMEOUT;
    }
}

static enum err flush_out(const struct pg *pg, int64_t deadline_ms)
{
    int pending;
    while ((pending = PQflush(pg->connection)) == 1) {
        const enum err err = wait_socket(pg, POLLIN | POLLOUT, deadline_ms);
        if (err != OK)
            return err;
        if (!PQconsumeInput(pg->connection))
            return ERR_DB_DOWN;
    }
    return pending == 0 ? OK : ERR_DB_DOWN;
}

/* The last result of what was sent, an earlier error winning over it. NULL never comes with OK. */
static enum err collect(const struct pg *pg, int64_t deadline_ms, PGresult **result_r)
{
    PGresult *last = NULL;
    enum err err = flush_out(pg, deadline_ms);
    while (err == OK) {
        if (PQisBusy(pg->connection)) {
            if ((err = wait_socket(pg, POLLIN, deadline_ms)) == OK && !PQconsumeInput(pg->connection))
                err = ERR_DB_DOWN;
            continue;
        }
        PGresult *next = PQgetResult(pg->connection);
        if (next == NULL)
            break;
        if (last != NULL && PQresultStatus(last) == PGRES_FATAL_ERROR) {
            PQclear(next);
            continue;
        }
        PQclear(last);
        last = next;
    }
    if (err == OK && last == NULL)
        err = ERR_DB_DOWN;
    if (err != OK) {
        PQclear(last);
        last = NULL;
    }
    *result_r = last;
    return err;
}

/* --- connecting */

static enum err connect_step(const struct pg *pg, int64_t deadline_ms)
{
    for (;;) {
        enum err err;
        switch (PQconnectPoll(pg->connection)) {
        case PGRES_POLLING_OK:
            return OK;
        case PGRES_POLLING_READING:
            err = wait_socket(pg, POLLIN, deadline_ms);
            break;
        case PGRES_POLLING_WRITING:
            err = wait_socket(pg, POLLOUT, deadline_ms);
            break;
        default:
            return ERR_DB_DOWN;
        }
        if (err != OK)
            return err;
    }
}

/* Notices are the server's talk about what already has a result. */
static void ignore_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

/* Plans are made once a statement and connection, because every statement here is a look-up by key, whatever the
 * values: left to itself Postgres plans those with arrays anew each time, which costs it several times what running
 * them does. Such a plan outlives the moment: one made while a table was nearly empty must not read all of it when it
 * has grown. Hence no sequential scans where there is an index, and no compiling, which their pretended cost would set
 * off. */
static enum err settle(struct pg *pg, int64_t deadline_ms)
{
    char text[320];
    snprintf(text, sizeof text,
             "set statement_timeout = %lld; set idle_in_transaction_session_timeout = %lld; "
             "set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set jit = off%s",
             (long long)pg->patience_ms, (long long)(4 * pg->patience_ms),
             pg->relaxed ? "; set synchronous_commit = off" : "");
    PGresult *result = NULL;
    if (!PQsendQuery(pg->connection, text))
        return ERR_DB_DOWN;
    enum err err = collect(pg, deadline_ms, &result);
    if (err == OK && PQresultStatus(result) != PGRES_COMMAND_OK)
        err = ERR_DB_DOWN;
    PQclear(result);
    return err;
}

static enum err connect_now(struct pg *pg)
{
    const char *names[] = {"dbname", "application_name", "client_encoding", "tcp_user_timeout", NULL};
    char user_timeout[24];
    snprintf(user_timeout, sizeof user_timeout, "%lld", (long long)pg->config->statement_timeout_ms);
    const char *values[] = {secret_expose(pg->config->url), "registrard", "UTF8", user_timeout, NULL};
    const int64_t deadline_ms = clock_ms() + pg->config->connect_timeout_ms;
    pg->connection = PQconnectStartParams(names, values, 1);
    if (pg->connection == NULL || PQstatus(pg->connection) == CONNECTION_BAD)
        return ERR_DB_DOWN;
    PQsetNoticeReceiver(pg->connection, ignore_notice, NULL);
    enum err err = connect_step(pg, deadline_ms);
    if (err == OK && PQsetnonblocking(pg->connection, 1) != 0)
        err = ERR_DB_DOWN;
    return err == OK ? settle(pg, deadline_ms) : err;
}

/* An idle connection has nothing to say but its end, which is noticed here: a restart of Postgres costs no statement.
 */
static bool still_there(PGconn *connection)
{
    struct pollfd p = {.fd = PQsocket(connection), .events = POLLIN};
    while (PQstatus(connection) == CONNECTION_OK && poll(&p, 1, 0) > 0)
        if (!PQconsumeInput(connection))
            return false;
    return PQstatus(connection) == CONNECTION_OK;
}

/* libpq's text, in one line; not of a malformed URL, which it quotes with the password in it. */
static void log_reason(const struct pg *pg)
{
    char reason[256];
    PQconninfoOption *options = PQconninfoParse(secret_expose(pg->config->url), NULL);
    const char *text = options == NULL ? "postgres.url is malformed" : PQerrorMessage(pg->connection);
    snprintf(reason, sizeof reason, "%s", text);
    for (char *p = strchr(reason, '\n'); p != NULL; p = strchr(p, '\n'))
        *p = ' ';
    PQconninfoFree(options);
    log_warn("postgres_unreachable", F("reason", (const char *)(reason[0] != '\0' ? reason : "no answer in time")));
}

static enum err connected(struct pg *pg)
{
    if (pg->connection != NULL && still_there(pg->connection))
        return OK;
    disconnect(pg);
    /* The rest of a transaction must not run outside of it. */
    if (pg->in_transaction || clock_ms() < pg->retry_at_ms)
        return ERR_DB_DOWN;
    if (connect_now(pg) == OK) {
        if (pg->failures > 0)
            log_info("postgres_reconnected");
        pg->failures = 0;
        metric_set(M_POSTGRES_UP, "", 1);
        return OK;
    }
    if (pg->failures == 0)
        log_reason(pg);
    disconnect(pg);
    pg->retry_at_ms = clock_ms() + backoff_ms(pg->failures++, RETRY_BASE_MS, RETRY_CAP_MS);
    metric_set(M_POSTGRES_UP, "", 0);
    return ERR_DB_DOWN;
}

enum err pg_ping(struct pg *pg)
{
    static const struct stmt ping = {"ping", "select 1"};
    return pg_do(pg, &ping, &(struct pg_args){0}, NULL);
}

/* --- statements */

static enum err broken(struct pg *pg, const char *name, enum err err)
{
    log_warn("postgres_link_lost", F("statement", name), F_ERR(err));
    metric_add(M_POSTGRES_ERRORS, "", 1);
    metric_set(M_POSTGRES_UP, "", 0);
    disconnect(pg);
    return ERR_DB_DOWN;
}

static enum err meaning_of(const char *state)
{
    if (strcmp(state, "23505") == 0)
        return ERR_CONFLICT;
    if (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0)
        return ERR_BUSY;
    /* its statement_timeout, connection exceptions, shutting down or starting, no resources, read-only: not there for
     * us now */
    if (strcmp(state, "57014") == 0 || strncmp(state, "08", 2) == 0 || strncmp(state, "57P", 3) == 0 ||
        strncmp(state, "53", 2) == 0 || strcmp(state, "25006") == 0)
        return ERR_DB_DOWN;
    return ERR_DB;
}

static enum err outcome(struct pg *pg, const char *name, const PGresult *result)
{
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return OK;
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (state == NULL || PQstatus(pg->connection) != CONNECTION_OK)
        return broken(pg, name, ERR_DB_DOWN);
    const enum err err = meaning_of(state);
    if (err != ERR_CONFLICT) {
        log_warn("postgres_refused", F("statement", name), F("sqlstate", state));
        metric_add(M_POSTGRES_ERRORS, "", 1);
    }
    if (err == ERR_DB_DOWN)
        disconnect(pg);
    return err;
}

/* Waits for the answer to what was sent just now. */
static enum err answer(struct pg *pg, const char *name, int sent, PGresult **result_r)
{
    PGresult *result = NULL;
    const int64_t deadline_ms = clock_ms() + pg->patience_ms + GRACE_MS;
    enum err err = sent ? collect(pg, deadline_ms, &result) : ERR_DB_DOWN;
    if (err != OK)
        return broken(pg, name, err);
    if ((err = outcome(pg, name, result)) == OK)
        *result_r = result;
    else
        PQclear(result);
    return err;
}

static enum err prepare(struct pg *pg, const struct stmt *stmt)
{
    for (size_t i = 0; i < pg->prepared_count; i++)
        if (pg->prepared[i] == stmt)
            return OK;
    if (pg->prepared_count == PREPARED_MAX)
        return ERR_INTERNAL;
    PGresult *result = NULL;
    const int sent = PQsendPrepare(pg->connection, stmt->name, stmt->sql, 0, NULL);
    const enum err err = answer(pg, stmt->name, sent, &result);
    PQclear(result);
    if (err == OK)
        pg->prepared[pg->prepared_count++] = stmt;
    return err;
}

enum err pg_set_patience(struct pg *pg, int64_t statement_ms)
{
    pg->patience_ms = statement_ms > 0 ? statement_ms : pg->config->statement_timeout_ms;
    if (pg->connection == NULL)
        return OK; /* the next one has it from the start */
    const enum err err = settle(pg, clock_ms() + pg->config->statement_timeout_ms + GRACE_MS);
    return err == OK ? OK : broken(pg, "settle", err);
}

enum err pg_run(struct pg *pg, const struct stmt *stmt, const struct pg_args *args, PGresult **result_r)
{
    *result_r = NULL;
    enum err err = connected(pg);
    if (err == OK)
        err = prepare(pg, stmt);
    if (err != OK)
        return err;
    const int sent =
        PQsendQueryPrepared(pg->connection, stmt->name, args->count, args->values, args->lengths, args->formats, 0);
    return answer(pg, stmt->name, sent, result_r);
}

enum err pg_do(struct pg *pg, const struct stmt *stmt, const struct pg_args *args, int64_t *rows_r)
{
    PGresult *result = NULL;
    const enum err err = pg_run(pg, stmt, args, &result);
    if (err == OK && rows_r != NULL)
        *rows_r = strtoll(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    return err;
}

static enum err run_text(struct pg *pg, const char *name, const char *sql, PGresult **result_r)
{
    const enum err err = connected(pg);
    return err == OK ? answer(pg, name, PQsendQuery(pg->connection, sql), result_r) : err;
}

enum err pg_script(struct pg *pg, const char *sql)
{
    PGresult *result = NULL;
    const enum err err = run_text(pg, "script", sql, &result);
    PQclear(result);
    return err;
}

/* --- transactions */

enum err pg_begin(struct pg *pg)
{
    PGresult *result = NULL;
    pg_rollback(pg);
    /* The id is asked for in the same round trip, because it is needed when COMMIT is not answered. */
    const char *begin = pg->relaxed ? "begin; set local synchronous_commit to default; select pg_current_xact_id()"
                                    : "begin; select pg_current_xact_id()";
    const enum err err = run_text(pg, "begin", begin, &result);
    pg->in_transaction = true;
    if (err != OK) {
        pg_rollback(pg); /* "begin" may have passed */
        return err;
    }
    snprintf(pg->transaction, sizeof pg->transaction, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return OK;
}

/* A server that did not notice that we left would keep the transaction open. One that is committing finishes that. */
static void end_session_of(struct pg *pg, const char *transaction)
{
    static const struct stmt end = {"xact_end", "select pg_terminate_backend(pid) from pg_stat_activity "
                                                "where backend_xid = $1::text::xid8::xid"};
    struct pg_args args = {0};
    pg_arg_text(&args, transaction);
    if (pg_do(pg, &end, &args, NULL) != OK)
        log_warn("postgres_session_not_ended");
}

/* Before the next of several attempts, which are not kept from connecting by those that failed. */
static void pause_before(struct pg *pg, unsigned attempt)
{
    if (attempt > 0)
        poll(NULL, 0, (int)backoff_ms(attempt, 20, 200));
    pg->retry_at_ms = 0;
}

enum err pg_reconnect(struct pg *pg)
{
    const int64_t deadline_ms = clock_ms() + pg->config->connect_timeout_ms;
    enum err err = ERR_DB_DOWN;
    for (unsigned attempt = 0; err == ERR_DB_DOWN && !is_over(pg, deadline_ms); attempt++) {
        pause_before(pg, attempt);
        err = pg_ping(pg);
    }
    return err;
}

/* What became of a transaction whose COMMIT was not answered. */
static enum err look_up(struct pg *pg, const char *transaction)
{
    static const struct stmt status = {"xact_status", "select coalesce(pg_xact_status($1::text::xid8), '')"};
    const int64_t deadline_ms = clock_ms() + pg->config->connect_timeout_ms;
    enum err err = ERR_UNCERTAIN;
    for (unsigned attempt = 0; err == ERR_UNCERTAIN && !is_over(pg, deadline_ms); attempt++) {
        struct pg_args args = {0};
        pg_arg_text(&args, transaction);
        PGresult *result = NULL;
        pause_before(pg, attempt);
        if (pg_run(pg, &status, &args, &result) != OK)
            continue;
        if (strcmp(PQgetvalue(result, 0, 0), "committed") == 0)
            err = OK;
        else if (strcmp(PQgetvalue(result, 0, 0), "aborted") == 0)
            err = ERR_DB_DOWN;
        else if (strcmp(PQgetvalue(result, 0, 0), "in progress") == 0)
            end_session_of(pg, transaction);
        PQclear(result);
    }
    log_warn("commit_looked_up", F_ERR(err));
    return err;
}

enum err pg_commit(struct pg *pg)
{
    if (!pg->in_transaction || pg->connection == NULL) {
        pg->in_transaction = false;
        return ERR_DB_DOWN;
    }
    char transaction[sizeof pg->transaction];
    memcpy(transaction, pg->transaction, sizeof transaction);
    PGresult *result = NULL;
    enum err err = run_text(pg, "commit", "commit", &result);
    pg->in_transaction = false;
    if (err == OK && strcmp(PQcmdStatus(result), "COMMIT") != 0)
        err = ERR_DB; /* a failed transaction answers COMMIT with ROLLBACK */
    else if (err == ERR_DB_DOWN)
        err = look_up(pg, transaction);
    PQclear(result);
    return err;
}

void pg_rollback(struct pg *pg)
{
    if (!pg->in_transaction)
        return;
    pg->in_transaction = false;
    PGresult *result = NULL;
    if (pg->connection != NULL && run_text(pg, "rollback", "rollback", &result) != OK)
        disconnect(pg);
    PQclear(result);
}
