/* What can go wrong with one of the server's lines in a transcript, and what may then become of the call. */
#ifndef TESTS_TRANSCRIPTS_FAULTS_H
#define TESTS_TRANSCRIPTS_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct transcript;

enum fault_kind {
    FAULT_OMIT,          /* it is never said */
    FAULT_LATE,          /* it is said when the call is over */
    FAULT_CUT_BEFORE,    /* the connection ends before it */
    FAULT_CUT_AFTER,     /* and after it */
    FAULT_CUT_WITHIN,    /* and in the middle of it */
    FAULT_TWICE,         /* it is said twice */
    FAULT_SWAP,          /* the answer behind it, to another request, comes first */
    FAULT_ERROR,         /* an error comes in its place */
    FAULT_FORGED_FIRST,  /* an error comes first, from somebody else under the same id */
    FAULT_FORGED_INSTEAD /* it comes from somebody else */
};
enum { FAULT_KINDS = FAULT_FORGED_INSTEAD + 1 };

struct fault {
    enum fault_kind kind;
    size_t line; /* of the transcript */
};

const char *fault_name(enum fault_kind kind);
bool fault_applies(const struct transcript *transcript, const struct fault *fault);
/* True when the call is in no position to notice other than by waiting. */
bool fault_takes_time(const struct transcript *transcript, const struct fault *fault);
/* Whether the call may end like this. It is "ok" only when all that it needed to know came. */
bool fault_allows(const struct transcript *transcript, const struct fault *fault, const char *result);

/* What is sent in the place of a line: the text with names replaced. FAULT_CUT_BEFORE, FAULT_OMIT and FAULT_LATE:
 * nothing. */
void fault_write(const struct fault *fault, const char *text, struct buf *out);

#endif
