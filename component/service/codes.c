#include "component/service/codes.h"

#include <string.h>

#include "component/base/log.h"
#include "component/cache/limits.h"
#include "component/service/services.h"

enum { HOUR_MS = 3600000 };

enum err code_limit_checks(struct call *call, struct worker *worker)
{
    const struct limit limit =
        LIMIT("code.check", call->peer.text, call->services->settings.codes_tried_per_address_hour, HOUR_MS);
    return services_limit(call, worker, &limit, 1);
}

static bool note_fits(struct call *call, const struct code_bond *bond, const char *note)
{
    return bond->phone == NULL || strcmp(note, code_note(call->services, call->arena, bond)) == 0;
}

static struct code_claim claim_of(struct call *call, const struct code_bond *bond, const char *code)
{
    return (struct code_claim){.slot = code_slot(call->arena, bond),
                               .phone = bond->phone,
                               .code = code,
                               .source = code_source(bond, call->peer.text)};
}

enum err code_take(struct call *call, struct worker *worker, const struct code_bond *bond, const char *code,
                   struct code_claim *claim_r)
{
    *claim_r = claim_of(call, bond, code);
    const enum err err = codes_claim(worker->redis, call->services->keyring, claim_r);
    if (err == ERR_NOT_FOUND)
        return ERR_CODE;
    if (err == OK && !note_fits(call, bond, claim_r->note)) {
        code_give_back(call->services, worker, claim_r);
        return ERR_CODE;
    }
    return err;
}

enum err code_look(struct call *call, struct worker *worker, const struct code_bond *bond, const char *code)
{
    struct code_claim claim = claim_of(call, bond, code);
    const enum err err = codes_look(worker->redis, call->services->keyring, &claim);
    return err == ERR_NOT_FOUND || (err == OK && !note_fits(call, bond, claim.note)) ? ERR_CODE : err;
}

static enum err settle(struct services *services, struct worker *worker, const struct code_claim *claim,
                       enum code_outcome outcome)
{
    return codes_settle(worker->redis, services->keyring, claim, outcome, services->settings.code_verified_ms);
}

void code_give_back(struct services *services, struct worker *worker, const struct code_claim *claim)
{
    const enum err err = settle(services, worker, claim, CODE_RELEASED);
    if (err != OK) /* the claim runs out by itself */
        log_warn("code_not_given_back", F_ERR(err));
}

void code_pass(struct services *services, struct worker *worker, const struct code_claim *claim)
{
    const enum err err = settle(services, worker, claim, CODE_ENTERED);
    if (err != OK) /* the code does */
        log_warn("code_not_passed", F_ERR(err));
}

void code_spend(struct services *services, struct worker *worker, const struct code_claim *claim)
{
    const enum err err = settle(services, worker, claim, CODE_SPENT);
    if (err != OK) /* likewise */
        log_warn("code_not_spent", F_ERR(err));
}

void code_void(struct services *services, struct worker *worker, const char *phone)
{
    const enum err err = codes_void(worker->redis, services->keyring, phone);
    if (err != OK) /* they run out by themselves */
        log_warn("codes_not_void", F_ERR(err));
}

static enum err verify(struct call *call, struct worker *worker)
{
    struct verify_code_io *io = call->io;
    struct code_claim claim;
    enum err err = code_limit_checks(call, worker);
    if (err == OK)
        err = code_take(call, worker, &io->bond, io->code, &claim);
    if (err == OK && (err = settle(call->services, worker, &claim, CODE_VERIFIED)) == ERR_NOT_FOUND)
        err = ERR_CODE; /* it has just run out, or is void */
    return err;
}

const struct op op_verify_code = {"verify_code", {{ON_DB, verify}}};
