/* Ad-hoc commands that we offer (XEP-0050) with their forms (XEP-0004): what somebody asked and what we answer, as
 * plain structs. (Those that we use are adhoc.h's.) Pure: no state, any thread. */
#ifndef XMPP_COMMAND_H
#define XMPP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "component/base/err.h"
#include "xmpp/element.h"

struct arena;
struct buf;

enum command_action {
    COMMAND_EXECUTE, /* or none said */
    COMMAND_NEXT,
    COMMAND_PREV,
    COMMAND_COMPLETE,
    COMMAND_CANCEL,
    COMMAND_UNKNOWN,
};

enum { COMMAND_FIELDS_MAX = 16, COMMAND_VALUE_MAX = 1024 /* bytes of a name, a value, an id */ };

struct command_field {
    const char *name, *value; /* the first value; "" without one */
};

struct command_request {
    const char *from; /* the full JID, as the server vouches for it */
    const char *id;
    const char *node;
    const char *session; /* "" without one */
    enum command_action action;
    bool has_form; /* of type submit */
    const struct command_field *fields;
    size_t field_count;
};

/* Whether an iq is of this protocol, whoever it is for. */
bool command_is(const struct element *iq);
/* Reads one of type set, all strings the arena's. ERR_TOO_LARGE: over one of the limits above; what can be answered is
 * there. */
MUST_CHECK enum err command_read(struct arena *arena, const struct element *iq, struct command_request *request_r);
/* The first value of the field; NULL without one, or with an empty one. */
const char *command_value(const struct command_request *request, const char *name);

struct form_option {
    const char *label, *value;
};
struct form_field {
    const char *name, *type, *label;
    const char *value; /* NULL without one */
    bool required;
    const struct form_option *options;
    size_t option_count;
};
struct form_column {
    const char *name, *type, *label;
};
struct form {
    const char *type;                 /* "form" or "result" */
    const char *title, *instructions; /* NULL without */
    const struct form_field *fields;
    size_t field_count;
    const struct form_column *columns; /* of a table (XEP-0004, 3.4) */
    size_t column_count;
    const char *const *cells; /* row by row */
    size_t row_count;
};

struct command_answer {
    /* A stanza error, where `condition` is not NULL: its type, and XEP-0050's own condition or NULL. */
    const char *condition, *kind, *detail;
    /* Else: */
    const char *status;           /* "executing", "completed" or "canceled" */
    const char *session;          /* "" without one */
    const char *note, *note_type; /* NULL without one; "info", "warn" or "error" */
    const struct form *form;      /* NULL without one; when executing, it can be completed */
};

/* Appends the answer. ERR_INVALID when it holds what no stanza can carry, ERR_TOO_LARGE for the buffer: then nothing is
 * appended. */
MUST_CHECK enum err command_write(const char *component, const struct command_request *request,
                                  const struct command_answer *answer, struct buf *out);

#endif
