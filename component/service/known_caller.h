/* Who opened an account before, as far as the network and the handset tell (component/cache/callers.h): what an owner
 * may do while strangers use up what goes to his phone. */
#ifndef REGISTRAR_SERVICE_KNOWN_CALLER_H
#define REGISTRAR_SERVICE_KNOWN_CALLER_H

#include <stdbool.h>

#include "component/service/call.h"

/* The caller has just opened the account of a phone that was proved, with its password or with a code; xid NULL: no
 * handset. after_reset: nobody else is known any more. Without Redis nothing is noted. */
void known_caller_note(struct call *call, struct worker *worker, const char *phone, const char *xid, bool after_reset);
/* ERR_CACHE_DOWN. xid NULL or "": no handset. */
MUST_CHECK enum err known_caller_is(struct call *call, struct worker *worker, const char *phone, const char *xid,
                                    bool *known_r);

#endif
