/* Makes a transcript anew on a real server: what stands before the call is done, the call is made while a tee listens,
 * and all that differs from one time to the next gets a name. Before a call there may stand, besides calls:
 *
 *     stanza XML        said as it stands
 *     sessions COUNT    so many commands are begun and not ended
 *     taken             another link has our domain
 */
#ifndef TESTS_TRANSCRIPTS_STUDIO_H
#define TESTS_TRANSCRIPTS_STUDIO_H

#include <stdbool.h>
#include <stdint.h>

#include "xmpp/xmpp.h"

struct buf;
struct transcript;

/* A server, and what it says of itself. */
struct studio {
    const char *host;
    uint16_t port;
    const char *domain, *component, *secret;
    bool authorized;  /* the component may do all that an administrator may */
    char server[256]; /* "Openfire 5.2.0" */
    char proof[XMPP_PROOF_SIZE];
};

/* As the environment has it: REGISTRARD_XMPP_HOST, _PORT, _DOMAIN, _COMPONENT, _SECRET; TRANSCRIPT_AUTHORIZED is set
 * when it is. Connects and runs the self-test. False: no host is named, or no link comes up; `reason` says which. */
bool studio_open(struct studio *studio, const char **reason_r);
/* Whether the transcript can be made here. */
bool studio_suits(const struct studio *studio, const struct transcript *transcript);
/* Appends the transcript made anew. False when something that stands before the call could not be done (a line on
 * standard error says what). */
bool studio_record(const struct studio *studio, const struct transcript *transcript, struct buf *text_r);

#endif
