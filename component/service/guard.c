#include "component/service/guard.h"

#include "component/base/log.h"
#include "component/service/hasher.h"
#include "component/service/services.h"
#include "sql/accounts.h"
#include "sql/wrong_passwords.h"

static struct wrong_passwords_rules rules_of(const struct call *call, const struct guard *guard)
{
    const struct service_settings *settings = &call->services->settings;
    return (struct wrong_passwords_rules){
        .slow_after = settings->password_slow_after,
        .delay_ms = settings->password_slow_delay_ms,
        .delay_max_ms = settings->password_slow_delay_max_ms,
        .stop_after = guard->has_phone ? settings->password_stop_after : 0,
    };
}

enum err guard_open(struct call *call, struct worker *worker, const struct account *account, struct guard *guard_r)
{
    const bool has_phone = account != NULL && account->type == ACCOUNT_PHONE;
    *guard_r = (struct guard){
        .account_id = account != NULL ? account->id : 0,
        .source = has_phone ? "" : call->peer.text,
        .has_phone = has_phone,
        .found = ERR_PASSWORD,
    };
    const struct wrong_passwords_rules rules = rules_of(call, guard_r);
    return wrong_passwords_shut(worker->pg, &rules, guard_r->account_id, guard_r->source, &guard_r->shut);
}

enum err guard_check(struct call *call, struct worker *worker, struct guard *guard, const char *verifier,
                     struct secret input)
{
    const bool looked_at = guard->account_id != 0 && verifier != NULL && !guard->shut;
    bool stale = false;
    const enum err err =
        hasher_check(worker->hasher, looked_at ? verifier : call->services->no_verifier, input, &stale);
    if (err != OK)
        return err == ERR_PASSWORD ? OK : err;
    if (!looked_at)
        return OK;
    guard->found = OK;
    return stale ? hasher_make(worker->hasher, call->arena, input, &guard->renewed) : OK;
}

/* An operator sees who is attacked, once. */
static void tell(const struct guard *guard, const struct wrong_passwords_rules *rules, int64_t count)
{
    if (count == rules->slow_after)
        log_warn("wrong_passwords_slow_down", F("account", guard->account_id), F("count", count));
    if (rules->stop_after > 0 && count == rules->stop_after)
        log_warn("wrong_passwords_stop_login", F("account", guard->account_id), F("count", count));
}

static enum err count_wrong(struct worker *worker, const struct guard *guard, const struct wrong_passwords_rules *rules)
{
    int64_t count = 0;
    const enum err err = wrong_passwords_count(worker->pg, rules, guard->account_id, guard->source, &count);
    if (err == OK)
        tell(guard, rules, count);
    return err == OK ? ERR_PASSWORD : err;
}

enum err guard_close(struct call *call, struct worker *worker, const struct guard *guard)
{
    const struct wrong_passwords_rules rules = rules_of(call, guard);
    bool shut = false;
    if (guard->found != OK)
        return count_wrong(worker, guard, &rules);
    const enum err err = wrong_passwords_end(worker->pg, &rules, guard->account_id, guard->source, &shut);
    return err == OK && shut ? ERR_PASSWORD : err;
}
