/* Wrong passwords in a row, an account and a source. The clock is Postgres's. What is written here is not waited for on
 * the disk: a crash of Postgres forgets the tries of its last second. */
#ifndef SQL_WRONG_PASSWORDS_H
#define SQL_WRONG_PASSWORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "component/base/err.h"

struct pg;

/* From the `slow_after`th wrong one on, the next try must wait: delay_ms, twice that after the next one, and so on up
 * to delay_max_ms. After stop_after of them no try is let through any more; 0: never so. */
struct wrong_passwords_rules {
    int64_t slow_after, delay_ms, delay_max_ms, stop_after;
};

/* Whether a try may not be made now. Account 0 is nobody, costs the same, and never is. */
MUST_CHECK enum err wrong_passwords_shut(struct pg *pg, const struct wrong_passwords_rules *rules, int64_t account_id,
                                         const char *source, bool *shut_r);
/* Counts one, unless tries are shut out now; the new count goes to count_r, 0 when it was not counted. */
MUST_CHECK enum err wrong_passwords_count(struct pg *pg, const struct wrong_passwords_rules *rules, int64_t account_id,
                                          const char *source, int64_t *count_r);
/* A right one: the source's count ends, unless tries are shut out now (shut_r). */
MUST_CHECK enum err wrong_passwords_end(struct pg *pg, const struct wrong_passwords_rules *rules, int64_t account_id,
                                        const char *source, bool *shut_r);
/* A new password: all counts of the account end. */
MUST_CHECK enum err wrong_passwords_end_all(struct pg *pg, int64_t account_id);
/* Forgets counts by address of which nothing was heard for a day, at most `most`; how many goes to count_r. */
MUST_CHECK enum err wrong_passwords_purge(struct pg *pg, int64_t most, int64_t *count_r);

#endif
