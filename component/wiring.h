/* From the configuration to what each part takes: one function a part, nothing but mapping. */
#ifndef COMPONENT_WIRING_H
#define COMPONENT_WIRING_H

#include "component/base/err.h"
#include "component/commands/commands.h"
#include "component/service/reconcile.h"
#include "component/service/services.h"
#include "component/sms/sms.h"
#include "http/route.h"
#include "xmpp/xmpp.h"

struct arena;
struct config;
struct instance;

/* Strings that are put together are the arena's, as below. */
struct service_settings wiring_services(const struct config *config, const struct instance *instance,
                                        struct arena *arena);
struct reconcile_settings wiring_reconcile(const struct config *config);
struct xmpp_config wiring_xmpp(const struct config *config, const char *version);
struct sms_config wiring_sms(const struct config *config, struct arena *arena);

struct commands_config wiring_commands(const struct config *config, struct services *services, struct xmpp *xmpp);

enum { WIRING_DIALECTS = 6 };
/* The dialects that are switched on, in the arena, NULL at the end. ERR_INVALID (logged): their secrets are malformed.
 */
MUST_CHECK enum err wiring_dialects(const struct config *config, struct arena *arena,
                                    const struct dialect *dialects_r[WIRING_DIALECTS + 1]);

#endif
