#include "component/service/own_account.h"

#include "component/base/log.h"
#include "component/service/acting.h"
#include "sql/bindings.h"

static enum err show_here(struct call *call, struct worker *worker)
{
    (void)worker;
    struct own_account_io *io = call->io;
    return acting_check_here(call, &io->credential);
}

static enum err show(struct call *call, struct worker *worker)
{
    struct own_account_io *io = call->io;
    const enum err err = acting_find(call, worker, &io->credential, NULL, &io->account);
    return err == OK ? bindings_count(worker->pg, io->account->id, &io->bindings) : err;
}

const struct op op_own_account = {"own_account", {{ON_CALLER, show_here}, {ON_DB, show}}};

static enum err set_here(struct call *call, struct worker *worker)
{
    (void)worker;
    struct set_consent_io *io = call->io;
    return acting_check_here(call, &io->credential);
}

static enum err set(struct call *call, struct worker *worker)
{
    struct set_consent_io *io = call->io;
    struct account *account = NULL;
    enum err err = acting_find(call, worker, &io->credential, NULL, &account);
    if (err == OK)
        err = accounts_set_consent(worker->pg, account->id, io->consent);
    if (err == OK)
        log_info("consent_set", F("account", account->id), F("consent", (int)io->consent));
    return err == ERR_NOT_FOUND ? ERR_TOKEN : err; /* cancelled meanwhile */
}

const struct op op_set_consent = {"set_consent", {{ON_CALLER, set_here}, {ON_DB, set}}};
