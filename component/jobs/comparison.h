/* A comparison of an account with what the server shows of it, on its way from errand_compare.c, which makes it, to
 * mending.c, which has done what is to be done about it. Private to both. */
#ifndef REGISTRAR_JOBS_COMPARISON_H
#define REGISTRAR_JOBS_COMPARISON_H

#include "component/jobs/compare.h"
#include "component/jobs/errand.h"
#include "sql/comparisons.h"
#include "sql/drift.h"

/* Whether the peer of a pair that somebody may have ended has a JID at all. */
enum peer_sight { PEER_NOT_LOOKED_FOR, PEER_THERE, PEER_GONE };

/* A pair that is not in the roster as it should be. */
struct drifted_pair {
    size_t index; /* among the peers */
    enum difference_kind kind;
    const struct roster_item *seen; /* NULL: it is not there */
};

/* Arrays are the errand's arena's. */
struct comparison {
    struct expectation expectation;
    struct expected_item *items; /* of its peers */
    bool there, read;            /* the JID; its roster */
    struct roster roster;
    struct difference *differences; /* as compared */
    size_t difference_count;
    enum peer_sight *peer_sights; /* of its peers; those whose pairs drifted may have been looked for */
    /* what of that still holds (mending.c) */
    int64_t counts[DIFFERENCE_KINDS];
    int64_t drift; /* their sum */
    struct drifted_pair *pairs;
    size_t pair_count;
    int64_t *left_overs; /* peers; first those that are not there as `both` */
    size_t left_over_count, one_sided_count;
    enum brake brake;
    enum outcome outcome;
};

/* The user removed the contact, perhaps. */
bool comparison_is_removal(enum difference_kind kind);
/* Whether what differs may be its user's wish. */
bool comparison_may_follow(const struct errand *errand);
/* As errand_mend. */
MUST_CHECK enum err comparison_mend(struct pg *pg, struct errand *errand);

#endif
