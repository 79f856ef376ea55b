/* Proves a driver on the real server: two throw-away accounts are made, bound, unbound and removed, each step read
 * back. */
#ifndef XMPP_SELFTEST_H
#define XMPP_SELFTEST_H

#include "component/base/err.h"
#include "xmpp/server.h"

enum { SELFTEST_LOCAL_SIZE = 48 };
/* The local part of the one or the other account's JID. It is the same for each run of a component, so that what a
 * crash left behind is found and removed by the next one; and it takes the component's secret to find it out, because
 * where users may register themselves, somebody who takes the name each time that it was removed keeps us from working.
 */
void selftest_local(const struct xmpp_config *config, unsigned which, char local_r[SELFTEST_LOCAL_SIZE]);

/* On an error *step_r names the step that failed (static). The accounts are removed also then, as far as possible. */
MUST_CHECK enum err selftest_run(const struct xmpp_server *server, struct task *task, const char **step_r);

#endif
