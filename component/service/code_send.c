/* Asking for a code (code_send.h): the resend window, the address (and its picture), existence where the dialect tells
 * it, the budget of codes that nobody enters, the limits of what is sent, the code into Redis, the provider. Looking
 * whether a phone is registered so counts for the address, but not against the phone. A code is stored before it is
 * sent, because it may be entered at once, and withdrawn when no provider took it; when that is not known (a provider
 * that was cut off) it stands, and so does the window. */
#include "component/service/code_send.h"

#include <time.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/base/metrics.h"
#include "component/cache/limits.h"
#include "component/cache/pictures.h"
#include "component/service/known_caller.h"
#include "component/service/names.h"
#include "component/service/services.h"
#include "component/sms/sms.h"
#include "sql/accounts.h"

enum { MINUTE_MS = 60000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS, DAY_S = 24 * 3600, MS_PER_S = 1000 };
enum { LIMITS_OF_HANDLE = 3 };

/* --- what is asked for */

/* A UUID of version 4 (RFC 4122). */
static const char *fresh_uuid(struct arena *arena)
{
    uint8_t b[16];
    random_bytes(b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    return arena_printf(arena, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
                        b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

/* Seconds since 1970, as the days of limits have them. */
static int64_t local_time(const struct services *services)
{
    return clock_unix() + services->settings.utc_offset_s;
}

static const char *today(const struct services *services, struct arena *arena)
{
    const time_t now = (time_t)local_time(services);
    struct tm date;
    gmtime_r(&now, &date);
    return arena_printf(arena, "%04d-%02d-%02d", date.tm_year + 1900, date.tm_mon + 1, date.tm_mday);
}

static struct code_budget budget_of(struct call *call, const char *country)
{
    const struct service_settings *settings = &call->services->settings;
    return (struct code_budget){
        .country = country,
        .day = today(call->services, call->arena),
        .network = call->peer.network,
        .most = settings->limits ? settings->codes_unverified_per_country_day : 0,
        .network_most = settings->limits ? settings->codes_unverified_per_network_day : 0,
        .network_soft = settings->codes_soft_per_network_day,
    };
}

static void make_ask(struct call *call, const char *country)
{
    struct send_code_io *io = call->io;
    const struct services *services = call->services;
    char *code = arena_alloc(call->arena, io->digits + 1);
    random_text("0123456789", io->digits, code);
    io->code = code;
    if (io->bond.handle_is_ours)
        io->bond.handle = fresh_uuid(call->arena);
    io->ask = (struct code_ask){
        .slot = code_slot(call->arena, &io->bond),
        .phone = io->bond.phone,
        .window = code_window(call->arena, &io->bond),
        .source = code_source(&io->bond, call->peer.text),
        .code = code,
        .note = code_note(services, call->arena, &io->bond),
        .lifetime_ms = services->settings.code_lifetime_ms,
        .window_ms = services->settings.code_window_ms,
        .tries = io->tries,
        .budget = budget_of(call, country),
    };
}

/* --- the resend window */

/* ERR_CONFLICT: it runs, and the client is told that a code was sent. Where the handle is ours nobody but who asked
 * first has it, so that no code ever stands for who asks again. */
static enum err check_window(struct call *call, struct worker *worker)
{
    struct send_code_io *io = call->io;
    int64_t left_ms = 0;
    if (io->ask.window_ms == 0)
        return OK;
    const enum err err = codes_window(worker->redis, call->services->keyring, &io->ask, &left_ms);
    if (err != ERR_CONFLICT && err != ERR_LIMITED)
        return err;
    io->limited_by = "window";
    call->retry_after_s = (unsigned)((left_ms + MS_PER_S - 1) / MS_PER_S);
    return err == ERR_CONFLICT && io->resends_quietly ? ERR_CONFLICT : ERR_LIMITED;
}

/* --- who asks */

static enum err take_picture(struct call *call, struct worker *worker)
{
    struct send_code_io *io = call->io;
    if (io->picture_id == NULL || io->picture_answer == NULL)
        return ERR_PICTURE;
    const enum err err = pictures_take(worker->redis, call->services->keyring, io->picture_id, io->picture_answer);
    io->ask.budget.pictured = err == OK;
    return err;
}

/* What an address and its network ask for, whether it is sent or not. Over the soft limit a picture goes with it. */
static enum err limit_asking(struct call *call, struct worker *worker)
{
    const struct service_settings *settings = &call->services->settings;
    const char *address = call->peer.text;
    const struct limit limits[] = {
        LIMIT("code.address", address, settings->codes_per_address_minute, MINUTE_MS),
        LIMIT("code.address", address, settings->codes_per_address_hour, HOUR_MS),
        LIMIT("code.address", address, settings->codes_per_address_day, DAY_MS),
        LIMIT("code.network", call->peer.network, settings->codes_per_network_day, DAY_MS),
    };
    const struct limit soft = LIMIT("code.soft", address, settings->codes_soft_per_address_minute, MINUTE_MS);
    enum err err = services_limit(call, worker, limits, sizeof limits / sizeof limits[0]);
    if (err != OK || settings->codes_soft_per_address_minute == 0)
        return err;
    err = services_limit(call, worker, &soft, 1);
    return err == ERR_LIMITED ? take_picture(call, worker) : err;
}

/* --- existence */

static enum err check_existence(struct call *call, struct worker *worker, const struct send_code_io *io)
{
    struct account account;
    if (!io->tells_existence)
        return OK;
    const enum err err = accounts_find(worker->pg, call->arena, ACCOUNT_PHONE, io->bond.phone, &account);
    if (err != OK && err != ERR_NO_SUCH_NAME)
        return err;
    if (io->bond.purpose == CODE_RESET)
        return err;
    return err == OK && (account.proved || account.banned) ? ERR_NAME_TAKEN : OK; /* an unproved phone is free */
}

/* --- the budget of codes that nobody enters */

/* Says in the log and in the metrics what Redis answered. */
static void tell_budget(struct call *call, enum code_put what)
{
    struct send_code_io *io = call->io;
    const struct code_budget *budget = &io->ask.budget;
    switch (what) {
    case CODE_PUT_COUNTRY:
    case CODE_PUT_NETWORK:
        io->limited_by = what == CODE_PUT_COUNTRY ? "country_budget" : "network_budget";
        call->retry_after_s = (unsigned)(DAY_S - local_time(call->services) % DAY_S);
        break;
    case CODE_PUT_HALF:
    case CODE_PUT_ALL:
        log_warn(what == CODE_PUT_HALF ? "codes_budget_half_used" : "codes_budget_used", F("country", budget->country),
                 F("day", budget->day), F("budget", budget->most));
        metric_add(M_CODES_BUDGET_USED, what == CODE_PUT_HALF ? "half" : "all", 1);
        break;
    default:
        break;
    }
}

/* A picture that is needed is solved before anything is counted against the phone. */
static enum err check_budget(struct call *call, struct worker *worker)
{
    struct send_code_io *io = call->io;
    enum code_put what = CODE_PUT;
    if (io->ask.budget.most == 0 && io->ask.budget.network_most == 0)
        return OK;
    const enum err err = codes_may_put(worker->redis, call->services->keyring, &io->ask, &what);
    tell_budget(call, what);
    return err == ERR_PICTURE ? take_picture(call, worker) : err;
}

/* --- what is sent */

/* To the phone, to the country, for the client's handle. `what`: the phone's quota, and its day. */
static enum err limit_sending(struct call *call, struct worker *worker, const char *what, int64_t most_day)
{
    const struct service_settings *settings = &call->services->settings;
    const struct send_code_io *io = call->io;
    const char *country = io->ask.budget.country;
    const char *phone = services_pseudonym(call->services, call->arena, io->bond.phone);
    const char *handle = io->bond.handle_is_ours ? "" : io->bond.handle;
    const char *who = services_pseudonym(call->services, call->arena, handle);
    const struct limit limits[] = {
        LIMIT(what, phone, settings->codes_per_phone_minute, MINUTE_MS),
        LIMIT(what, phone, settings->codes_per_phone_hour, HOUR_MS),
        LIMIT(what, phone, most_day, DAY_MS),
        LIMIT("code.country", country, settings->codes_per_country_minute, MINUTE_MS),
        LIMIT("code.country", country, settings->codes_per_country_hour, HOUR_MS),
        LIMIT("code.country", country, settings->codes_per_country_day, DAY_MS),
        LIMIT("code.handle", who, settings->codes_per_handle_minute, MINUTE_MS),
        LIMIT("code.handle", who, settings->codes_per_handle_hour, HOUR_MS),
        LIMIT("code.handle", who, settings->codes_per_handle_day, DAY_MS),
    };
    const size_t count = sizeof limits / sizeof limits[0];
    return services_limit(call, worker, limits, handle[0] == '\0' ? count - LIMITS_OF_HANDLE : count);
}

/* What strangers ask for to somebody's phone leaves a quota for who opened its account before. */
static enum err limit_sending_to_phone(struct call *call, struct worker *worker)
{
    const struct service_settings *settings = &call->services->settings;
    const struct code_bond *bond = &((const struct send_code_io *)call->io)->bond;
    bool known = false;
    enum err err = limit_sending(call, worker, "code.phone", settings->codes_per_phone_day);
    if (err != ERR_LIMITED || settings->codes_reserved_per_phone_day == 0)
        return err;
    err = known_caller_is(call, worker, bond->phone, bond->handle_is_ours ? NULL : bond->handle, &known);
    if (err != OK)
        return err;
    return known ? limit_sending(call, worker, "code.reserve", settings->codes_reserved_per_phone_day) : ERR_LIMITED;
}

/* --- the steps */

static enum err check(struct call *call, struct worker *worker)
{
    enum err err = check_window(call, worker);
    if (err == OK)
        err = limit_asking(call, worker);
    if (err == OK)
        err = check_existence(call, worker, call->io);
    if (err == OK)
        err = check_budget(call, worker);
    return err == OK ? limit_sending_to_phone(call, worker) : err;
}

static enum err store(struct call *call, struct worker *worker)
{
    const struct send_code_io *io = call->io;
    enum code_put what = CODE_PUT;
    enum err err = codes_put(worker->redis, call->services->keyring, &io->ask, &what);
    call->must_finish = err == OK; /* what is not sent is withdrawn */
    tell_budget(call, what);
    if (err == ERR_CONFLICT && (err = check_window(call, worker)) == OK) /* somebody else has just asked */
        err = ERR_LIMITED;                                               /* so just that it is over by now */
    return err;
}

static void count_refusal(const struct call *call, enum err err)
{
    const struct send_code_io *io = call->io;
    if (err == ERR_PICTURE)
        metric_add(M_CODES_REFUSED, "picture", 1);
    else if (err == ERR_LIMITED)
        metric_add(M_CODES_REFUSED, io->limited_by != NULL ? io->limited_by : "limit", 1);
}

static enum err admit(struct call *call, struct worker *worker)
{
    const struct send_code_io *io = call->io;
    const struct services *services = call->services;
    if (lane_waiting(services->runtime.sms) >= services->runtime.sms_queue)
        return ERR_BUSY; /* before anything is stored that could not be sent */
    if (!phone_country_allowed(services->settings.code_countries, io->bond.phone))
        return ERR_NOT_SENT;
    make_ask(call, phone_country(call->arena, io->bond.phone));
    enum err err = check(call, worker);
    if (err == OK)
        err = store(call, worker);
    count_refusal(call, err);
    if (err != ERR_CONFLICT)
        return err;
    call_done(call);
    return OK;
}

static enum err send_code(struct call *call, struct worker *worker)
{
    struct send_code_io *io = call->io;
    const struct services *services = call->services;
    const struct sms_message message = {
        .phone = io->bond.phone,
        .national = phone_show(services->settings.country, io->bond.phone),
        .code = io->code,
        .lifetime_ms = services->settings.code_lifetime_ms,
        .purpose = code_purpose_name(io->bond.purpose),
    };
    io->sent = sms_send(services->sms, worker->sms, call->arena, &message, call->deadline_ms, &io->why);
    if (io->sent == OK)
        call_done(call);
    return io->sent == ERR_UNCERTAIN ? ERR_NOT_SENT : OK; /* what was not sent is withdrawn first */
}

static enum err withdraw(struct call *call, struct worker *worker)
{
    struct send_code_io *io = call->io;
    const enum err err = codes_withdraw(worker->redis, call->services->keyring, &io->ask);
    if (err != OK)
        log_warn("code_not_withdrawn", F_ERR(err));
    return io->sent;
}

const struct op op_send_code = {"send_code", {{ON_DB, admit}, {ON_SMS, send_code}, {ON_DB, withdraw}}};
