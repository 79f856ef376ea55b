#include "component/commands/errors.h"

#include <stdbool.h>
#include <string.h>

/* What is not here was the user's doing, and is told in a note. */
static const struct {
    const char *condition, *kind;
} stanza_errors[ERR_COUNT] = {
    [ERR_UNAUTHORIZED] = {"registration-required", "auth"},
    [ERR_JID_PENDING] = {"registration-required", "auth"},
    [ERR_FORBIDDEN] = {"forbidden", "auth"},
    [ERR_BANNED] = {"forbidden", "auth"},
    [ERR_NOT_FOUND] = {"item-not-found", "cancel"},
    [ERR_LIMITED] = {"policy-violation", "wait"},
    [ERR_BUSY] = {"resource-constraint", "wait"},
    [ERR_TIMEOUT] = {"resource-constraint", "wait"},
    [ERR_SHUTDOWN] = {"resource-constraint", "wait"},
    [ERR_DB_DOWN] = {"internal-server-error", "wait"},
    [ERR_CACHE_DOWN] = {"internal-server-error", "wait"},
    [ERR_UNCERTAIN] = {"internal-server-error", "wait"},
    [ERR_DB] = {"internal-server-error", "cancel"},
    [ERR_INTERNAL] = {"internal-server-error", "cancel"},
};

enum err error_answer(enum err err, struct command_answer *answer)
{
    const enum err known = stanza_errors[err].condition != NULL ? err : ERR_INTERNAL;
    answer->condition = stanza_errors[known].condition;
    answer->kind = stanza_errors[known].kind;
    return err;
}

enum err error_of_protocol(const char *detail, struct command_answer *answer)
{
    const bool expired = strcmp(detail, "session-expired") == 0;
    answer->condition = expired ? "not-allowed" : "bad-request";
    answer->kind = expired ? "cancel" : "modify";
    answer->detail = detail;
    return ERR_INVALID;
}

void error_of_run(enum err err, const char *text, struct command_answer *answer)
{
    if (text == NULL && stanza_errors[err].condition != NULL) {
        (void)error_answer(err, answer);
        return;
    }
    answer->status = "completed";
    answer->note_type = "error";
    answer->note = text != NULL ? text : err_text(err);
}
