/* What a phone code is bound to, and what that is called where codes are kept (component/cache/codes.h). Pure. */
#ifndef REGISTRAR_SERVICE_CODE_BOND_H
#define REGISTRAR_SERVICE_CODE_BOND_H

#include <stdbool.h>

struct arena;
struct services;

enum code_purpose { CODE_ANY, CODE_REGISTER, CODE_RESET };

struct code_bond {
    const char *dialect;       /* "001" */
    enum code_purpose purpose; /* CODE_ANY where the dialect does not say one when it asks */
    const char *phone;         /* E.164 */
    const char *handle;        /* the client's xid, or ""; or one of ours (000's temp_id), which names the code alone */
    bool handle_is_ours;
};

/* "register"; static. */
const char *code_purpose_name(enum code_purpose purpose);
/* The code's slot, the resend window it is sent in, and what is kept beside it; the arena's. */
const char *code_slot(struct arena *arena, const struct code_bond *bond);
const char *code_window(struct arena *arena, const struct code_bond *bond);
const char *code_note(const struct services *services, struct arena *arena, const struct code_bond *bond);
/* Who asks for a code or enters one, at the address given, as far as the bond does not say so itself: without a handle
 * anybody could use up a stranger's tries. */
const char *code_source(const struct code_bond *bond, const char *address);

#endif
