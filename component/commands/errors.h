/* Errors as XMPP has them: stanza errors where the command could not be run (RFC 6120, 8.3; XEP-0050, 4.4), a note of a
 * completed one where it was, and somebody has to read why it came to nothing. */
#ifndef REGISTRAR_COMMANDS_ERRORS_H
#define REGISTRAR_COMMANDS_ERRORS_H

#include "component/base/err.h"
#include "xmpp/command.h"

/* Fills in a stanza error; gives `err` back. */
enum err error_answer(enum err err, struct command_answer *answer);
/* Of XEP-0050's own conditions ("bad-action", "malformed-action", "bad-payload", "bad-sessionid", "session-expired");
 * gives an error back. */
enum err error_of_protocol(const char *detail, struct command_answer *answer);
/* Of an operation. `text`: what it means for this command, or NULL. */
void error_of_run(enum err err, const char *text, struct command_answer *answer);

#endif
