/* An errand: one row of the outbox being made true on the XMPP server. It is loaded and recorded by the dispatcher's
 * thread (Postgres) and run by a worker of the XMPP lane (the server) in between; it has one holder at a time. */
#ifndef REGISTRAR_JOBS_ERRAND_H
#define REGISTRAR_JOBS_ERRAND_H

#include "component/base/lane.h"
#include "component/jobs/jobs.h"
#include "sql/asks.h"
#include "sql/brake.h"
#include "sql/doors.h"
#include "sql/outbox.h"
#include "sql/pairs.h"
#include "xmpp/xmpp.h"

struct arena;
struct comparison;
struct pg;

struct errand {
    struct lane_job job; /* first */
    struct errand *next;
    const struct jobs_config *config;
    void (*ran)(struct errand *errand, void *arg); /* on the worker's thread, as its last act */
    void *ran_arg;
    struct arena *arena; /* of all that follows; the errand itself, too */
    struct outbox_item item;
    struct account account; /* kinds other than OUTBOX_PAIR */
    struct pair pair;       /* OUTBOX_PAIR */
    struct roster_side sides[2];
    bool may_come_late;            /* OUTBOX_PAIR: it was given up, and may yet be done */
    enum jid_state jid_state;      /* OUTBOX_CHECK_JID, OUTBOX_DOOR: what was found */
    enum brake brake;              /* OUTBOX_CHECK_JID: whether a JID that vanished may be made again */
    bool password_set;             /* OUTBOX_CHECK_JID: the JID was made, or got its password again */
    struct comparison *comparison; /* OUTBOX_COMPARE */
    struct door door;              /* OUTBOX_CHECK_JID, OUTBOX_DOOR */
    enum { NEXT_WAITS, NEXT_TAKEN, NEXT_FORBIDDEN } outcome; /* OUTBOX_DOOR: of the next password */
    struct ask_with ask;                                     /* OUTBOX_ASK */
    const char *asked_jid;                                   /* likewise: the local part */
    enum err result;
    bool recorded; /* written down in Postgres */
};

/* Reads what the errands of the list are about, each one's outcome into its result. ERR_NOT_FOUND: there is nothing to
 * do any more; ERR_CONFLICT: a registration that nobody waits for any more, to be undone. */
void errands_load(struct pg *pg, struct errand *list);
/* On a worker: does it. The result is in errand->result. */
void errand_run(struct errand *errand);
/* For recording.h. Before the transaction: weighs what was found wrong on the server, and has it mended. Doing it twice
 * is harmless. */
MUST_CHECK enum err errand_mend(struct pg *pg, struct errand *errand);
/* For recording.h. In a transaction: writes down what came of it. */
MUST_CHECK enum err errand_record(struct pg *pg, struct errand *errand);
/* For recording.h. One statement: of the list's pairs those that were done, and whose lease has not run out. */
MUST_CHECK enum err errand_record_pairs(struct pg *pg, struct errand *list);
/* After the commit: wakes who waits for it, counts, and says what failed. */
void errand_tell(struct errand *errand);
void errand_free(struct errand *errand);
const char *errand_kind_name(enum outbox_kind kind);

#endif
