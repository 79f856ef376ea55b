/* Commands for XMPP clients (XEP-0050): one more dialect over the services. Who asks is the JID that the server vouches
 * for; a command is an operation or two, and a form in between. Rendering and threads are here, stanzas are
 * xmpp/command.h's. */
#ifndef REGISTRAR_COMMANDS_COMMANDS_H
#define REGISTRAR_COMMANDS_COMMANDS_H

#include <stdint.h>

#include "component/base/err.h"

struct commands;
struct keyring;
struct services;
struct xmpp;

struct commands_config {
    struct services *services;
    struct xmpp *xmpp;
    const struct keyring *keyring;
    const char *domain;                       /* of the JIDs that may ask */
    const char *component;                    /* our own */
    unsigned country;                         /* calling code of numbers shown without one */
    unsigned in_flight;                       /* commands at once; more are told to wait */
    int64_t timeout_ms;                       /* of one */
    int64_t session_ms;                       /* how long a form may be filled in */
    const char *register_text, *register_url; /* what who wishes to register is told */
};

/* Offers the commands on the link. The config's strings must outlive it. */
struct commands *commands_start(const struct commands_config *config);
/* No new ones; what is under way goes on. */
void commands_quiesce(struct commands *commands);
/* Under way now. */
unsigned commands_active(struct commands *commands);
/* After commands_quiesce, when none is under way any more. */
void commands_free(struct commands **commands);

#endif
