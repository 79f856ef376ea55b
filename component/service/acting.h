/* Who acts in an operation about the account's own matters: the account that a token, the XMPP server or a backend
 * speaks for. */
#ifndef REGISTRAR_SERVICE_ACTING_H
#define REGISTRAR_SERVICE_ACTING_H

#include "component/service/call.h"
#include "component/service/tokens.h"
#include "component/service/users.h"

/* On the transport's thread: OK unless the credential is known to be bad. */
MUST_CHECK enum err acting_check_here(struct call *call, struct credential *credential);

/* On a database worker: the account that acts, active and not banned; the arena's. `name` (NULL or empty: the
 * credential's own) must be the credential's own unless a backend asks. What comes by JID counts against the limit of
 * commands. Errors of tokens_check; ERR_NO_SUCH_NAME, ERR_FORBIDDEN (another's name, or banned), ERR_JID_PENDING,
 * ERR_LIMITED. */
MUST_CHECK enum err acting_find(struct call *call, struct worker *worker, struct credential *credential,
                                const struct name_list *name, struct account **asker_r);
/* The same with those on whom it acts, as names_find: both at once, as far as that can be. They count against the limit
 * of look-ups. */
MUST_CHECK enum err acting_find_with(struct call *call, struct worker *worker, struct credential *credential,
                                     const struct name_list *name, const struct name_list *targets,
                                     struct account **asker_r, struct account ***targets_r);

#endif
