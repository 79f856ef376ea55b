/* The schema's versions: numbered files in migrations/, each run once, in order, in a transaction, under a lock, and
 * remembered with its SHA-256, so that a file that was changed after it ran is noticed. Migrations add, and what
 * they replace goes in a later release: processes of the version before run on the new schema until they are replaced,
 * one by one. */
#ifndef SQL_MIGRATE_H
#define SQL_MIGRATE_H

#include <stdbool.h>

#include "component/base/err.h"

struct pg;

/* Runs what is lacking if `allowed`; otherwise only looks. ERR_CONFLICT: a migration that ran is not the file of this
 * program, or one is lacking and this program cannot do without (logged). ERR_DB_DOWN and the like as pg_run, also
 * while another process migrates for longer than a statement may take: to be tried again. Versions that this program
 * does not know are fine. */
MUST_CHECK enum err migrate(struct pg *pg, bool allowed);

#endif
