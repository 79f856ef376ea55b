#include "component/service/code_bond.h"

#include "component/base/arena.h"
#include "component/service/services.h"

static const char *const purposes[] = {[CODE_ANY] = "any", [CODE_REGISTER] = "register", [CODE_RESET] = "reset"};

const char *code_purpose_name(enum code_purpose purpose)
{
    return purposes[purpose];
}

const char *code_slot(struct arena *arena, const struct code_bond *bond)
{
    if (bond->handle_is_ours)
        return arena_printf(arena, "%s\n%s", bond->dialect, bond->handle);
    return arena_printf(arena, "%s\n%s\n%s\n%s", bond->dialect, purposes[bond->purpose], bond->phone, bond->handle);
}

const char *code_window(struct arena *arena, const struct code_bond *bond)
{
    return arena_printf(arena, "%s\n%s\n%s\n%s", bond->dialect, purposes[bond->purpose], bond->phone,
                        bond->handle_is_ours ? "" : bond->handle);
}

/* Where the handle alone names the slot, what else the code is bound to is kept beside it. */
const char *code_note(const struct services *services, struct arena *arena, const struct code_bond *bond)
{
    if (!bond->handle_is_ours)
        return "";
    return arena_printf(arena, "%s:%s", purposes[bond->purpose], services_pseudonym(services, arena, bond->phone));
}

const char *code_source(const struct code_bond *bond, const char *address)
{
    return bond->handle_is_ours || bond->handle[0] != '\0' ? "" : address;
}
