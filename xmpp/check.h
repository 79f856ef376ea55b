/* Checks of the XMPP configuration that need no connection. */
#ifndef XMPP_CHECK_H
#define XMPP_CHECK_H

#include "component/base/err.h"

struct xmpp_config;

/* ERR_INVALID after a log line that names the setting: a domain that is none, a pin that is no SHA-256, a plain link to
 * an address off loopback on a way that is not called protected (a host name is checked when it is resolved), and
 * numbers that cannot work. */
MUST_CHECK enum err xmpp_check_config(const struct xmpp_config *config);

#endif
