/* Ad-hoc commands (XEP-0050) with one form (XEP-0004), as XEP-0133 has them: execute, fill in the form, complete.
 *
 * A server keeps a session for each command that was begun, and only so many: Openfire 100 a component, and one whose
 * id we never learn, because the link broke before the answer came, counts until Openfire is restarted. So every
 * session that we know of is completed or cancelled: also when the answer is nonsense, comes too late, or not at all,
 * and on the next link when there is none now. And at most ADHOC_OPENING_MAX are being opened at a time, whatever the
 * number in flight: that many can a broken link cost. (A server that handles our stanzas one after the other is kept
 * busy all the same.) Success and failure differ in the type of the note; its text is prose in some language and is
 * never looked at.
 */
#ifndef XMPP_ADHOC_H
#define XMPP_ADHOC_H

#include <stdbool.h>

#include "component/base/err.h"
#include "component/base/secret.h"
#include "xmpp/element.h"
#include "xmpp/task.h"

enum { ADHOC_FIELDS_MAX = 4, ADHOC_SESSION_MAX = 256, ADHOC_CALLS_MAX = 4, ADHOC_OPENING_MAX = 4 };

struct adhoc_field {
    const char *name; /* NULL: no more */
    struct secret value;
};

struct adhoc_call {
    const char *node;
    const char *form_type; /* the hidden FORM_TYPE that is sent back */
    struct adhoc_field fields[ADHOC_FIELDS_MAX];

    /* Out. OK: the command was completed, with success or without. ERR_FORBIDDEN: not for us. ERR_UNSUPPORTED: no such
     * command. ERR_BUSY: too many sessions. ERR_XMPP: another refusal, or an answer that is none. And what batch_send
     * returns. */
    enum err result;
    bool refused;        /* completed with a note of type error, or with a stanza error about the account */
    struct tree *answer; /* of the completion; the caller's: adhoc_call_free */

    char session_[ADHOC_SESSION_MAX + 1];
};

/* Runs the commands, on the server's domain, all at once as far as the task has slots. What stands in `before` already
 * (NULL: nothing) is sent in front of them in the same go; it may hold no requests. Returns the first result that is
 * not OK. */
MUST_CHECK enum err adhoc_run(struct task *task, struct batch *before, struct adhoc_call *calls, size_t count);
void adhoc_call_free(struct adhoc_call *call);

/* For answers that nobody waits for any more: when it is one from `domain` that opened a session, the session's
 * cancellation is appended to `reply`. True when it was. */
bool adhoc_cancel_late(const char *domain, const char *component, const struct element *iq, const char *id,
                       struct buf *reply);

#endif
