/* Migrations (migrate.h). The lock is a row lock on a one-row table, held by the transaction that migrates: unlike an
 * advisory lock of the session it needs nothing special of the engine or of a pooler in between. */
#include "sql/migrate.h"

#include <string.h>

#include "component/base/crypto.h"
#include "component/base/embed.h"
#include "component/base/log.h"
#include "component/base/text.h"
#include "sql/pg.h"

EMBED_TEXT(migration_0001, "sql/migrations/0001_accounts_and_wishes.sql");
EMBED_TEXT(migration_0002, "sql/migrations/0002_invitations_points_profiles.sql");
EMBED_TEXT(migration_0003, "sql/migrations/0003_welcome_once.sql");
EMBED_TEXT(migration_0004, "sql/migrations/0004_reconcile.sql");
EMBED_TEXT(migration_0005, "sql/migrations/0005_binding_names.sql");
EMBED_TEXT(migration_0006, "sql/migrations/0006_consent.sql");
EMBED_TEXT(migration_0007, "sql/migrations/0007_instances_and_doors.sql");
EMBED_TEXT(migration_0008, "sql/migrations/0008_claims_since.sql");
EMBED_TEXT(migration_0009, "sql/migrations/0009_indexes.sql");

static const struct migration {
    const char *sql;
    int version;
    bool optional; /* this program runs without it, too */
} migrations[] = {
    {migration_0001, 1, false}, {migration_0002, 2, false}, {migration_0003, 3, false},
    {migration_0004, 4, false}, {migration_0005, 5, false}, {migration_0006, 6, false},
    {migration_0007, 7, false}, {migration_0008, 8, false}, {migration_0009, 9, false},
};
enum { MIGRATION_COUNT = sizeof migrations / sizeof migrations[0], MIGRATION_MS = 3600000 };

static const char lock_table[] =
    "create table if not exists schema_lock (one boolean primary key check (one));"
    "insert into schema_lock values (true) on conflict do nothing;"
    "create table if not exists schema_versions ("
    "version integer primary key, checksum text not null, at timestamptz not null default now())";

static void checksum_of(const struct migration *migration, char hex_r[2 * SHA256_SIZE + 1])
{
    uint8_t digest[SHA256_SIZE];
    sha256(migration->sql, strlen(migration->sql), digest);
    hex_encode(digest, sizeof digest, hex_r);
}

/* ERR_NOT_FOUND: it has not run. ERR_CONFLICT: something else ran under its number. */
static enum err state_of(struct pg *pg, const struct migration *migration)
{
    static const struct stmt find = {"migration_find", "select checksum from schema_versions where version = $1"};
    struct pg_args args = {0};
    pg_arg_i64(&args, migration->version);
    PGresult *result = NULL;
    enum err err = pg_run(pg, &find, &args, &result);
    if (err != OK)
        return err;
    char checksum[2 * SHA256_SIZE + 1];
    checksum_of(migration, checksum);
    if (PQntuples(result) == 0)
        err = ERR_NOT_FOUND;
    else if (strcmp(PQgetvalue(result, 0, 0), checksum) != 0)
        err = ERR_CONFLICT;
    PQclear(result);
    if (err == ERR_CONFLICT)
        log_error("migration_changed", F("version", migration->version));
    return err;
}

static enum err run(struct pg *pg, const struct migration *migration)
{
    static const struct stmt remember = {"migration_remember",
                                         "insert into schema_versions (version, checksum) values ($1, $2)"};
    enum err err = pg_script(pg, migration->sql);
    if (err != OK)
        return err;
    char checksum[2 * SHA256_SIZE + 1];
    checksum_of(migration, checksum);
    struct pg_args args = {0};
    pg_arg_i64(&args, migration->version);
    pg_arg_text(&args, checksum);
    if ((err = pg_do(pg, &remember, &args, NULL)) == OK)
        log_info("migrated", F("version", migration->version));
    return err;
}

/* Who finds the lock held gives up as on any statement; a migration itself may take its time. */
static enum err run_lacking(struct pg *pg)
{
    static const struct stmt lock = {"migration_lock", "select one from schema_lock for update"};
    enum err err = pg_do(pg, &lock, &(struct pg_args){0}, NULL);
    if (err == OK)
        err = pg_set_patience(pg, MIGRATION_MS);
    for (size_t i = 0; i < MIGRATION_COUNT && err == OK; i++)
        if ((err = state_of(pg, &migrations[i])) == ERR_NOT_FOUND)
            err = run(pg, &migrations[i]);
    return err;
}

/* Of two processes that make the tables at once one may be refused: then the other one did. */
static enum err make_tables(struct pg *pg)
{
    const enum err err = pg_script(pg, lock_table);
    return err == ERR_CONFLICT || err == ERR_DB ? pg_script(pg, lock_table) : err;
}

static enum err migrate_in_transaction(struct pg *pg)
{
    enum err err = pg_begin(pg);
    if (err != OK)
        return err;
    if ((err = run_lacking(pg)) == OK)
        return pg_commit(pg);
    pg_rollback(pg);
    return err;
}

static enum err migrate_now(struct pg *pg)
{
    enum err err = make_tables(pg);
    if (err != OK)
        return err;
    err = migrate_in_transaction(pg);
    const enum err reset = pg_set_patience(pg, 0);
    return err == OK ? reset : err;
}

static enum err look(struct pg *pg)
{
    static const struct stmt known = {"migration_table", "select to_regclass('schema_versions') is not null"};
    PGresult *result = NULL;
    enum err err = pg_run(pg, &known, &(struct pg_args){0}, &result);
    if (err != OK)
        return err;
    const bool exists = pg_bool(result, 0, 0);
    PQclear(result);
    for (size_t i = 0; i < MIGRATION_COUNT && err == OK; i++) {
        err = exists ? state_of(pg, &migrations[i]) : ERR_NOT_FOUND;
        if (err == ERR_NOT_FOUND && migrations[i].optional)
            err = OK;
    }
    if (err == ERR_NOT_FOUND) {
        log_error("schema_too_old", F("hint", "run registrard --migrate, or set server.migrate"));
        err = ERR_CONFLICT;
    }
    return err;
}

enum err migrate(struct pg *pg, bool allowed)
{
    return allowed ? migrate_now(pg) : look(pg);
}
