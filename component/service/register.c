#include "component/service/register.h"

#include "component/cache/limits.h"
#include "component/service/hasher.h"
#include "component/service/login.h"
#include "component/service/services.h"

enum { HOUR_MS = 3600000 };

static enum err admit(struct call *call, struct worker *worker)
{
    const struct services *services = call->services;
    const struct register_io *io = call->io;
    const struct limit limit = {.what = "register.address",
                                .who = call->peer.text,
                                .most = services->settings.registrations_per_hour,
                                .period_ms = HOUR_MS};
    struct account there;
    enum err err = services_limit(call, worker, &limit, 1);
    if (err == OK)
        err = proof_check(call, worker, &io->proof, io->type, false);
    if (err != OK)
        return err;
    /* looked up before the hash, so that a taken name costs none */
    err = accounts_find(worker->pg, call->arena, io->type, io->name, &there);
    if (err == OK)
        return ERR_NAME_TAKEN;
    if (err == ERR_NO_SUCH_NAME)
        err = services->xmpp_ready(services->xmpp_arg) ? OK : ERR_JID_FAILED;
    return err;
}

static enum err hash(struct call *call, struct worker *worker)
{
    struct register_io *io = call->io;
    return hasher_make(worker->hasher, call->arena, password_v1(call->arena, io->password), &io->verifier);
}

static enum err commit_pending(struct call *call, struct worker *worker)
{
    struct register_io *io = call->io;
    io->registration.fresh = (struct new_account){.type = io->type,
                                                  .name = io->name,
                                                  .des = io->des,
                                                  .device_type = io->device_type,
                                                  .salt = registration_salt(call->arena),
                                                  .verifier_v1 = io->verifier};
    return registration_commit(call, worker, &io->registration);
}

static enum err look(struct call *call, struct worker *worker)
{
    const struct register_io *io = call->io;
    struct account account;
    return registration_look(call, worker, &io->registration, &account);
}

const struct op op_register = {
    "register", {{ON_DB, admit}, {ON_HASH, hash}, {ON_DB, commit_pending}, {ON_WAIT, NULL}, {ON_DB, look}}};
