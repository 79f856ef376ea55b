/* What a kind of errand is made of (errand.h): one of these for each, in errand.c's table. */
#ifndef REGISTRAR_JOBS_ERRAND_KIND_H
#define REGISTRAR_JOBS_ERRAND_KIND_H

#include "component/jobs/errand.h"

struct errand_kind {
    const char *name;
    /* As errands_load; NULL for pairs, which are loaded together. */
    enum err (*load)(struct pg *pg, struct errand *errand);
    /* On a worker. ERR_NOT_FOUND: on the server, which is recorded as ERR_JID_NONE. */
    enum err (*run)(struct errand *errand, int64_t deadline_ms);
    /* As errand_mend, after it was done; NULL: it finds nothing that could be wrong. */
    enum err (*mend)(struct pg *pg, struct errand *errand);
    /* In a transaction: it was done. The outbox's row is taken care of afterwards. */
    enum err (*done)(struct pg *pg, struct errand *errand);
    /* In a transaction: it failed; takes care of the outbox's row. NULL: errand_retry. */
    enum err (*failed)(struct pg *pg, struct errand *errand);
    /* After the commit, whatever came of it; NULL: nobody waits for it. */
    void (*tell)(struct errand *errand);
};

extern const struct errand_kind errand_create_jid, errand_delete_jid, errand_check_jid, errand_pair, errand_compare,
    errand_door, errand_ask;

/* The list's pairs, as errands_load. */
void errand_load_pairs(struct pg *pg, struct errand *list);
/* The same of one whose pair is known. */
void errand_set_pair(struct errand *errand, const struct pair *pair);
/* What the errands about one JID share: errand->account; a call with its password, or with another sealed one of it
 * (ERR_INTERNAL, logged: its key is lost). */
MUST_CHECK enum err errand_load_account(struct pg *pg, struct errand *errand);
typedef enum err (*jid_call)(struct xmpp *xmpp, const char *local, struct secret password, int64_t deadline_ms);
MUST_CHECK enum err errand_with_password(const struct errand *errand, struct sealed password, int64_t deadline_ms,
                                         jid_call call);
/* The server was not told, nor is to be told, anything but the account's password. errand->door is loaded. */
bool errand_door_is_usual(const struct errand *errand);
/* In a transaction: it comes up again after a backoff. */
MUST_CHECK enum err errand_retry(struct pg *pg, const struct errand *errand);

#endif
