/* Phone codes (codes.h).
 *
 * Asking for one: the resend window, the address (and its picture), existence where the dialect tells it, the limits of
 * what is sent, the code into Redis, the provider. Looking whether a phone is registered so counts for the address, but
 * not against the phone. A code is stored before it is sent, because it may be entered at once, and withdrawn when no
 * provider took it; when that is not known (a provider that was cut off) it stands, and so does the window.
 *
 * Without Redis nothing is sent and no code passes. */
#include "component/service/codes.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/cache/limits.h"
#include "component/cache/pictures.h"
#include "component/service/names.h"
#include "component/service/services.h"
#include "component/sms/sms.h"
#include "sql/accounts.h"

enum { MINUTE_MS = 60000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS, MS_PER_S = 1000, LIMITS_OF_HANDLE = 3 };

static const char *const purposes[] = {[CODE_ANY] = "any", [CODE_REGISTER] = "register", [CODE_RESET] = "reset"};

/* --- what a code is bound to */

static const char *slot_of(struct arena *arena, const struct code_bond *bond)
{
    if (bond->handle_is_ours)
        return arena_printf(arena, "%s\n%s", bond->dialect, bond->handle);
    return arena_printf(arena, "%s\n%s\n%s\n%s", bond->dialect, purposes[bond->purpose], bond->phone, bond->handle);
}

/* Where the handle alone names the slot, what else the code is bound to is kept beside it. */
static const char *note_of(const struct services *services, struct arena *arena, const struct code_bond *bond)
{
    if (!bond->handle_is_ours)
        return "";
    return arena_printf(arena, "%s:%s", purposes[bond->purpose], services_pseudonym(services, arena, bond->phone));
}

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

/* --- asking for one */

/* What an address asks for, whether it is sent or not. Over the soft limit a picture goes with it. */
static enum err limit_asking(struct call *call, struct worker *worker)
{
    const struct service_settings *settings = &call->services->settings;
    const struct send_code_io *io = call->io;
    const char *address = call->peer.text;
    const struct limit limits[] = {
        LIMIT("code.address", address, settings->codes_per_address_minute, MINUTE_MS),
        LIMIT("code.address", address, settings->codes_per_address_hour, HOUR_MS),
        LIMIT("code.address", address, settings->codes_per_address_day, DAY_MS),
    };
    const struct limit soft = LIMIT("code.soft", address, settings->codes_soft_per_address_minute, MINUTE_MS);
    enum err err = services_limit(call, worker, limits, sizeof limits / sizeof limits[0]);
    if (err != OK || settings->codes_soft_per_address_minute == 0)
        return err;
    if ((err = services_limit(call, worker, &soft, 1)) != ERR_LIMITED)
        return err;
    if (io->picture_id == NULL || io->picture_answer == NULL)
        return ERR_PICTURE;
    return pictures_take(worker->redis, call->services->keyring, io->picture_id, io->picture_answer);
}

/* What is sent: to the phone, to the country, for the client's handle. */
static enum err limit_sending(struct call *call, struct worker *worker, const char *country)
{
    const struct service_settings *settings = &call->services->settings;
    const struct code_bond *bond = &((const struct send_code_io *)call->io)->bond;
    const char *phone = services_pseudonym(call->services, call->arena, bond->phone);
    const char *handle = bond->handle_is_ours ? "" : bond->handle;
    const char *who = services_pseudonym(call->services, call->arena, handle);
    const struct limit limits[] = {
        LIMIT("code.phone", phone, settings->codes_per_phone_minute, MINUTE_MS),
        LIMIT("code.phone", phone, settings->codes_per_phone_hour, HOUR_MS),
        LIMIT("code.phone", phone, settings->codes_per_phone_day, DAY_MS),
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

static const char *today(struct services *services, struct arena *arena)
{
    const time_t now = (time_t)(clock_unix() + services->settings.utc_offset_s);
    struct tm date;
    gmtime_r(&now, &date);
    return arena_printf(arena, "%04d-%02d-%02d", date.tm_year + 1900, date.tm_mon + 1, date.tm_mday);
}

static void make_ask(struct call *call, const char *country)
{
    struct send_code_io *io = call->io;
    struct services *services = call->services;
    char *code = arena_alloc(call->arena, io->digits + 1);
    random_text("0123456789", io->digits, code);
    io->code = code;
    if (io->bond.handle_is_ours)
        io->bond.handle = fresh_uuid(call->arena);
    io->ask = (struct code_ask){
        .slot = slot_of(call->arena, &io->bond),
        .window = arena_printf(call->arena, "%s\n%s\n%s\n%s", io->bond.dialect, purposes[io->bond.purpose],
                               io->bond.phone, io->bond.handle_is_ours ? "" : io->bond.handle),
        .country = country,
        .day = today(services, call->arena),
        .code = code,
        .note = note_of(services, call->arena, &io->bond),
        .lifetime_ms = services->settings.code_lifetime_ms,
        .window_ms = services->settings.code_window_ms,
        .tries = io->tries,
        .budget = services->settings.limits ? services->settings.codes_unverified_per_country_day : 0,
    };
}

/* ERR_CONFLICT: it runs, and the client is told that a code was sent. Where the handle is ours nobody but who asked
 * first has it, so that no code ever stands for who asks again. */
static enum err check_window(struct call *call, struct worker *worker)
{
    const struct send_code_io *io = call->io;
    int64_t left_ms = 0;
    if (io->ask.window_ms == 0)
        return OK;
    const enum err err = codes_window(worker->redis, call->services->keyring, &io->ask, &left_ms);
    if (err != ERR_CONFLICT && err != ERR_LIMITED)
        return err;
    call->retry_after_s = (unsigned)((left_ms + MS_PER_S - 1) / MS_PER_S);
    return err == ERR_CONFLICT && io->resends_quietly ? ERR_CONFLICT : ERR_LIMITED;
}

static enum err check(struct call *call, struct worker *worker, const char *country)
{
    const struct send_code_io *io = call->io;
    enum err err = check_window(call, worker);
    if (err == OK)
        err = limit_asking(call, worker);
    if (err == OK)
        err = check_existence(call, worker, io);
    if (err == OK)
        err = limit_sending(call, worker, country);
    return err;
}

static enum err admit(struct call *call, struct worker *worker)
{
    struct send_code_io *io = call->io;
    const struct services *services = call->services;
    if (lane_waiting(services->runtime.sms) >= services->runtime.sms_queue)
        return ERR_BUSY; /* before anything is stored that could not be sent */
    if (!phone_country_allowed(services->settings.code_countries, io->bond.phone))
        return ERR_NOT_SENT;
    const char *country = phone_country(call->arena, io->bond.phone);
    make_ask(call, country);
    enum err err = check(call, worker, country);
    if (err == OK && (err = codes_put(worker->redis, services->keyring, &io->ask)) == ERR_CONFLICT &&
        (err = check_window(call, worker)) == OK) /* somebody else has just asked */
        err = ERR_LIMITED;                        /* so just that it is over by now */
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
        .purpose = purposes[io->bond.purpose],
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

/* --- checking one */

static bool note_fits(struct services *services, struct arena *arena, const struct code_bond *bond, const char *note)
{
    return bond->phone == NULL || strcmp(note, note_of(services, arena, bond)) == 0;
}

enum err code_take(struct services *services, struct worker *worker, struct arena *arena, const struct code_bond *bond,
                   const char *code, struct code_claim *claim_r)
{
    *claim_r = (struct code_claim){.slot = slot_of(arena, bond), .code = code};
    const enum err err = codes_claim(worker->redis, services->keyring, claim_r);
    if (err == ERR_NOT_FOUND)
        return ERR_CODE;
    if (err == OK && !note_fits(services, arena, bond, claim_r->note)) {
        code_give_back(services, worker, claim_r);
        return ERR_CODE;
    }
    return err;
}

enum err code_look(struct services *services, struct worker *worker, struct arena *arena, const struct code_bond *bond,
                   const char *code)
{
    struct code_claim claim = {.slot = slot_of(arena, bond), .code = code};
    const enum err err = codes_look(worker->redis, services->keyring, &claim);
    return err == ERR_NOT_FOUND || (err == OK && !note_fits(services, arena, bond, claim.note)) ? ERR_CODE : err;
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

void code_spend(struct services *services, struct worker *worker, const struct code_claim *claim)
{
    const enum err err = settle(services, worker, claim, CODE_SPENT);
    if (err != OK) /* the code does */
        log_warn("code_not_spent", F_ERR(err));
}

static enum err verify(struct call *call, struct worker *worker)
{
    struct verify_code_io *io = call->io;
    struct code_claim claim;
    enum err err = code_take(call->services, worker, call->arena, &io->bond, io->code, &claim);
    if (err == OK && (err = settle(call->services, worker, &claim, CODE_VERIFIED)) == ERR_NOT_FOUND)
        err = ERR_CODE; /* it has just run out */
    return err;
}

const struct op op_verify_code = {"verify_code", {{ON_DB, verify}}};
