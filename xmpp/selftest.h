/* Proves a driver on the real server: two throw-away accounts are made, bound, unbound and removed, each step read
 * back. */
#ifndef XMPP_SELFTEST_H
#define XMPP_SELFTEST_H

#include "component/base/err.h"
#include "xmpp/server.h"

/* On an error *step_r names the step that failed (static). The accounts' names are fixed for a component, so that what
 * a crash left behind is found and removed by the next run; they are removed also on failure, as far as possible. */
MUST_CHECK enum err selftest_run(const struct xmpp_server *server, struct task *task, const char **step_r);

#endif
