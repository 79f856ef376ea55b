/* Registering in steps (steps.h). The account is made as op_phone_register makes it, with the registration in Redis
 * standing in for the code. Only success ends the registration: what failed may be tried again. */
#include "component/service/steps.h"

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/base/seal.h"
#include "component/base/text.h"
#include "component/service/services.h"

enum { COOKIE_BYTES = 32 };

struct code_bond steps_bond(const char *phone)
{
    return (struct code_bond){.dialect = "004", .purpose = CODE_REGISTER, .phone = phone, .handle = ""};
}

/* --- step 2 */

static struct secret fresh_cookie(struct arena *arena)
{
    uint8_t bytes[COOKIE_BYTES];
    random_bytes(bytes, sizeof bytes);
    char *hex = arena_alloc(arena, 2 * sizeof bytes + 1);
    hex_encode(bytes, sizeof bytes, hex);
    secret_wipe(bytes, sizeof bytes);
    return secret_of(hex, 2 * sizeof bytes);
}

static enum err verify(struct call *call, struct worker *worker)
{
    struct steps_verify_io *io = call->io;
    const struct code_bond bond = steps_bond(io->phone);
    struct code_claim claim;
    enum err err = code_limit_checks(call, worker);
    if (err == OK)
        err = code_take(call, worker, &bond, io->code, &claim);
    if (err != OK)
        return err;
    io->cookie = fresh_cookie(call->arena);
    const struct steps_owner owner = {.phone = io->phone, .cookie = io->cookie, .peer = call->peer.text};
    err = steps_begin(worker->redis, call->services->keyring, &owner, call->services->settings.steps_lifetime_ms);
    if (err == OK)
        code_pass(call->services, worker, &claim);
    else
        code_give_back(call->services, worker, &claim);
    return err;
}

const struct op op_steps_verify = {"steps_verify", {{ON_DB, verify}}};

/* --- what the later steps begin with */

static enum err find(struct call *call, struct worker *worker, const char *phone, struct secret cookie,
                     struct steps *steps_r)
{
    const struct steps_owner owner = {.phone = phone, .cookie = cookie, .peer = call->peer.text};
    const enum err err = steps_find(worker->redis, call->services->keyring, call->arena, &owner, steps_r);
    return err == ERR_NOT_FOUND ? ERR_CODE : err;
}

static const char *seal_context(struct arena *arena, const char *phone)
{
    return arena_printf(arena, "steps:%s", phone);
}

/* --- step 3 */

static enum err check_password(const struct steps_password_io *io)
{
    const int64_t length = (int64_t)text_characters(secret_expose(io->password));
    if (length < io->least || length > io->most)
        return ERR_INVALID;
    return secret_equal(io->password, io->confirmation) ? OK : ERR_CONFLICT;
}

static enum err keep_password(struct call *call, struct worker *worker)
{
    const struct steps_password_io *io = call->io;
    const struct keyring *ring = call->services->keyring;
    struct steps steps;
    enum err err = find(call, worker, io->phone, io->cookie, &steps);
    if (err == OK)
        err = check_password(io);
    if (err != OK)
        return err;
    const struct sealed password = seal(ring, call->arena, seal_context(call->arena, io->phone), io->password);
    err = steps_set_password(worker->redis, ring, io->phone, &steps, &password);
    return err == ERR_NOT_FOUND ? ERR_CODE : err;
}

const struct op op_steps_password = {"steps_password", {{ON_DB, keep_password}}};

/* --- step 4 */

static enum err recall(struct call *call, struct worker *worker)
{
    struct steps_account_io *io = call->io;
    struct phone_io *phone = &io->phone;
    enum err err = find(call, worker, phone->bond.phone, io->cookie, &io->steps);
    if (err == OK && io->steps.password.bytes == NULL)
        err = ERR_CODE;
    if (err != OK)
        return err;
    phone->vouched = true;
    phone->keeps_secret = true;
    if (unseal(call->services->keyring, call->arena, seal_context(call->arena, phone->bond.phone), io->steps.password,
               &phone->password.text) != OK) {
        log_error("steps_sealed_by_lost_key", F("key", io->steps.password.key_id));
        return ERR_INTERNAL;
    }
    return phone_admit_registration(call, worker);
}

static enum err finish(struct call *call, struct worker *worker)
{
    const struct steps_account_io *io = call->io;
    const enum err err = phone_finish(call, worker);
    if (err != OK)
        return err;
    const enum err ended = steps_end(worker->redis, call->services->keyring, io->phone.bond.phone, &io->steps);
    if (ended != OK && ended != ERR_NOT_FOUND) /* it expires by itself, and its phone is taken now */
        log_warn("steps_not_ended", F_ERR(ended));
    return OK;
}

const struct op op_steps_account = {
    "steps_account",
    {{ON_DB, recall}, {ON_HASH, phone_hash_password}, {ON_DB, phone_commit}, {ON_WAIT, NULL}, {ON_DB, finish}}};
