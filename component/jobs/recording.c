#include "component/jobs/recording.h"

#include "component/base/failpoint.h"
#include "component/base/log.h"
#include "sql/pg.h"

enum { TRIES = 3 };

static bool all_recorded(const struct errand *list)
{
    while (list != NULL && list->recorded)
        list = list->next;
    return list == NULL;
}

static enum err record_in_transaction(struct pg *pg, struct errand *list)
{
    enum err err = pg_begin(pg);
    for (struct errand *errand = list; errand != NULL && err == OK; errand = errand->next)
        if (!errand->recorded)
            err = errand_record(pg, errand);
    FAILPOINT("record.before_commit");
    if (err == OK)
        err = pg_commit(pg);
    else
        pg_rollback(pg);
    FAILPOINT("record.committed");
    for (struct errand *errand = list; errand != NULL && err == OK; errand = errand->next)
        errand->recorded = true;
    return err;
}

/* Each in transactions of its own, so that who holds the brake waits for nobody. */
static enum err mend(struct pg *pg, struct errand *list)
{
    enum err err = OK;
    for (struct errand *errand = list; errand != NULL && err == OK; errand = errand->next)
        if (!errand->recorded)
            err = errand_mend(pg, errand);
    return err;
}

enum err errands_record(struct pg *pg, struct errand *list)
{
    enum err err = errand_record_pairs(pg, list);
    if (err == OK)
        err = mend(pg, list);
    return err != OK || all_recorded(list) ? err : record_in_transaction(pg, list);
}

static enum err record_one(struct pg *pg, struct errand *errand)
{
    enum err err = ERR_BUSY;
    for (int try = 0; err == ERR_BUSY && try < TRIES; try++)
        err = errands_record(pg, errand);
    return err;
}

/* Each for itself, because together they were refused. What is refused alone, too, comes up again when its lease has
 * run out. */
static void record_singly(struct pg *pg, struct errand *list)
{
    while (list != NULL) {
        struct errand *next = list->next;
        list->next = NULL;
        const enum err err = list->recorded ? OK : record_one(pg, list);
        if (err == OK)
            errand_tell(list);
        else
            log_error("wish_not_recorded", F("kind", errand_kind_name(list->item.kind)), F("low", list->item.low),
                      F_ERR(err));
        errand_free(list);
        list = next;
    }
}

/* Takes those that are recorded out of the list. */
static struct errand *tell_recorded(struct errand *list)
{
    struct errand *rest = NULL, **end = &rest;
    while (list != NULL) {
        struct errand *next = list->next;
        list->next = NULL;
        if (list->recorded) {
            errand_tell(list);
            errand_free(list);
        } else {
            *end = list;
            end = &list->next;
        }
        list = next;
    }
    return rest;
}

struct errand *errands_conclude(struct pg *pg, struct errand *list)
{
    if (list == NULL)
        return NULL;
    const enum err err = errands_record(pg, list);
    if (err == OK || err == ERR_DB_DOWN || err == ERR_UNCERTAIN)
        return tell_recorded(list);
    record_singly(pg, list);
    return NULL;
}
