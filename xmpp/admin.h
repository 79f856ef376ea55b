/* Service administration (XEP-0133) as far as we use it: commands about one account each, sent to the server's domain.
 * `local` is the account's local part. done_r: the command succeeded; false: it was completed, but refused (the account
 * exists already, or does not; servers say which in prose only). Errors as in adhoc.h. */
#ifndef XMPP_ADMIN_H
#define XMPP_ADMIN_H

#include <stdbool.h>

#include "component/base/err.h"
#include "component/base/secret.h"
#include "xmpp/adhoc.h"
#include "xmpp/task.h"

MUST_CHECK enum err admin_add_user(struct task *task, const char *local, struct secret password, bool *done_r);
MUST_CHECK enum err admin_change_password(struct task *task, const char *local, struct secret password, bool *done_r);
MUST_CHECK enum err admin_delete_user(struct task *task, const char *local, bool *done_r);
/* The same, and then, in the same go, closes the connections that the account's clients still have. */
MUST_CHECK enum err admin_delete_user_and_sessions(struct task *task, const char *local, bool *done_r);
/* Openfire alone has these two. The first also closes the connections that the account's clients have. */
MUST_CHECK enum err admin_disable_user(struct task *task, const char *local, bool *done_r);
MUST_CHECK enum err admin_reenable_user(struct task *task, const char *local, bool *done_r);
/* Closes the connections that the account's clients have. ejabberd's field is accountjid, against XEP-0133. */
MUST_CHECK enum err admin_end_sessions(struct task *task, const char *field, const char *local, bool *done_r);
/* Openfire alone has it. Not done: no such account, disabled, or another password. */
MUST_CHECK enum err admin_authenticate_user(struct task *task, const char *local, struct secret password, bool *done_r);

/* Not done: no such account. Prosody and XEP-0133 have it; what it tells of the account is not kept. */
MUST_CHECK enum err admin_get_statistics(struct task *task, const char *local, bool *done_r);

/* Which field of get-user-roster names the account: XEP-0133 says accountjids, Prosody's is accountjid. */
struct admin_roster_form {
    const char *field;
};

/* The rosters of `count` accounts (at most 2), all at once. What stands in `before` (NULL: nothing) is sent in front in
 * the same go. rosters_r[i] is the caller's, or NULL when the command was refused: no such account (Openfire shows an
 * empty roster instead). Inside is the roster's query, see admin_roster_query. On an error nothing is returned but
 * results_r (NULL: not wanted), why each of them was not shown. */
MUST_CHECK enum err admin_get_rosters(struct task *task, struct batch *before, const struct admin_roster_form *form,
                                      const char *const *locals, size_t count, struct tree **rosters_r,
                                      enum err *results_r);
/* NULL when the answer holds none. */
const struct element *admin_roster_query(const struct tree *answer);

#endif
