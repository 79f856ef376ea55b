/* Comparisons of an account with what the XMPP server shows of it: what is expected there, and what came of the last
 * one. */
#ifndef SQL_COMPARISONS_H
#define SQL_COMPARISONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "sql/accounts.h"
#include "sql/binding_names.h"

struct arena;
struct pg;

enum outcome {
    OUTCOME_NONE = 0, /* somebody is just mending it */
    OUTCOME_SAME = 1,
    OUTCOME_MENDED = 2, /* what differed is wished, or taken over */
    OUTCOME_HELD = 3,   /* it differs, and the brake is on */
    OUTCOME_UNREAD = 4, /* the server would not show it */
    OUTCOMES = 5
};

/* Somebody whom the account is bound to, or whose binding is just ending. */
struct expected_peer {
    struct account account; /* id, type, name, nickname, jid_local */
    struct shown_as shown;  /* what was said for the binding */
    struct shown_as seen;   /* how the roster was last seen to show it; nickname "" when it never was */
    int64_t version;        /* of the wish */
    bool wanted;
    bool settled; /* nobody works on it: both rosters were seen to show it so */
};
struct expectation {
    struct account account;
    bool forgotten;              /* the server may have forgotten what it acknowledged */
    bool over;                   /* cancelled more than remember_ms ago: nothing is expected of the server any more */
    struct expected_peer *peers; /* in the order of ids; of an active account */
    size_t count;
};
/* The account is in use: notes that, to the hour, and wishes that its JID be checked unless it was within
 * check_interval_ms; -1: no such wish. */
MUST_CHECK enum err comparisons_note_use(struct pg *pg, int64_t account_id, int64_t check_interval_ms);
/* What is expected of the server, in the arena. ERR_NOT_FOUND: the account is not made yet. */
MUST_CHECK enum err comparisons_load(struct pg *pg, struct arena *arena, int64_t account_id, int64_t remember_ms,
                                     struct expectation *expectation_r);
/* What came of it; OUTCOME_NONE: what came of it the last time. `version` is that of the wish it was compared for: a
 * later one is still to come. */
MUST_CHECK enum err comparisons_note(struct pg *pg, int64_t account_id, int64_t version, enum outcome outcome,
                                     int64_t drift);
/* The account is not compared any more. */
MUST_CHECK enum err comparisons_drop(struct pg *pg, int64_t account_id);
/* It is compared as soon as possible, and anew if that is under way. */
MUST_CHECK enum err comparisons_wish(struct pg *pg, int64_t account_id);
/* The same for all whose JIDs or rosters were made or looked at within window_ms, cancelled ones included: the server
 * may have forgotten what it acknowledged. Those that are put off are no more. */
MUST_CHECK enum err comparisons_wish_recent(struct pg *pg, int64_t window_ms, int64_t *count_r);
/* The same for one account, put off until delay_ms have passed, whoever is at it now. */
MUST_CHECK enum err comparisons_wish_later(struct pg *pg, int64_t account_id, int64_t delay_ms);
/* How long ago a JID or roster was made or looked at last; 0 when none was. */
MUST_CHECK enum err comparisons_latest_touch(struct pg *pg, int64_t *ms_r);
/* How many accounts there are by the outcome of their last comparison; 0: never compared. */
MUST_CHECK enum err comparisons_count(struct pg *pg, int64_t counts_r[OUTCOMES]);

#endif
