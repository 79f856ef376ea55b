/* Making, mending and removing an account by XEP-0133, as all servers have it: a command says yes or no, and what a no
 * means is found out by whatever else the server offers. What that is, and which command deletes, is all that a driver
 * says. Results are those of struct xmpp_server (server.h). */
#ifndef XMPP_ACCOUNTS_H
#define XMPP_ACCOUNTS_H

#include <stdbool.h>

#include "component/base/err.h"
#include "component/base/secret.h"
#include "xmpp/task.h"

struct account_ways {
    /* OK, or ERR_NOT_FOUND: there is no such account. */
    enum err (*exists)(struct task *task, const char *local);
    /* NULL: no command tells whether an account has a password. */
    enum err (*check)(struct task *task, const char *local, struct secret password);
    enum err (*set_password)(struct task *task, const char *local, struct secret password);
    enum err (*delete_user)(struct task *task, const char *local, bool *done_r); /* as in admin.h */
};

/* An account that exists gets the password again, or is seen to have it. */
MUST_CHECK enum err accounts_create(struct task *task, const struct account_ways *ways, const char *local,
                                    struct secret password);
/* For `set_password`: by change-user-password. */
MUST_CHECK enum err accounts_set_password(struct task *task, const struct account_ways *ways, const char *local,
                                          struct secret password);
/* OK when it is seen to be gone, whatever the command said. */
MUST_CHECK enum err accounts_remove(struct task *task, const struct account_ways *ways, const char *local);

/* For `disable` where no command does that: nobody knows the password any more. */
MUST_CHECK enum err accounts_disable(struct task *task, const struct account_ways *ways, const char *local);

#endif
