/* Phone codes (codes.h). A code is stored before it is sent, because it may be entered at once, and withdrawn when no
 * provider takes it. */
#include "component/service/codes.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/cache/limits.h"
#include "component/service/names.h"
#include "component/service/services.h"
#include "component/sms/sms.h"
#include "sql/accounts.h"

enum { MINUTE_MS = 60000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS };

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

static enum err limit_sending(struct call *call, struct worker *worker, const struct code_bond *bond,
                              const char *country)
{
    const struct service_settings *settings = &call->services->settings;
    const char *phone = services_pseudonym(call->services, call->arena, bond->phone);
    const struct limit limits[] = {
        {"code.phone", phone, settings->codes_per_phone_minute, MINUTE_MS},
        {"code.phone", phone, settings->codes_per_phone_hour, HOUR_MS},
        {"code.phone", phone, settings->codes_per_phone_day, DAY_MS},
        {"code.address", call->peer.text, settings->codes_per_address_minute, MINUTE_MS},
        {"code.address", call->peer.text, settings->codes_per_address_day, DAY_MS},
        {"code.country", country, settings->codes_per_country_minute, MINUTE_MS},
        {"code.country", country, settings->codes_per_country_day, DAY_MS},
        {"code.handle", services_pseudonym(call->services, call->arena, bond->handle),
         settings->codes_per_handle_minute, MINUTE_MS},
    };
    const size_t count = sizeof limits / sizeof limits[0] - (bond->handle[0] == '\0' || bond->handle_is_ours ? 1 : 0);
    return services_limit(call, worker, limits, count);
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
    return err == OK && account.proved ? ERR_NAME_TAKEN : OK; /* an unproved phone is free */
}

static const char *today(struct services *services, struct arena *arena)
{
    const time_t now = (time_t)(clock_unix() + services->settings.utc_offset_s);
    struct tm date;
    gmtime_r(&now, &date);
    return arena_printf(arena, "%04d-%02d-%02d", date.tm_year + 1900, date.tm_mon + 1, date.tm_mday);
}

static enum err store(struct call *call, struct worker *worker, const char *country)
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
    return codes_put(worker->redis, services->keyring, &io->ask);
}

static enum err admit(struct call *call, struct worker *worker)
{
    struct send_code_io *io = call->io;
    const char *country = phone_country(call->arena, call->services->settings.country, io->bond.phone);
    if (lane_waiting(call->services->runtime.sms) >= call->services->runtime.sms_queue)
        return ERR_BUSY; /* before anything is stored that could not be sent */
    if (!phone_country_allowed(call->services->settings.code_countries, io->bond.phone))
        return ERR_LIMITED;
    if (io->bond.handle_is_ours)
        io->bond.handle = "";
    enum err err = check_existence(call, worker, io);
    if (err != OK)
        return err;
    if ((err = store(call, worker, country)) == ERR_CONFLICT) {
        if (!io->resends_quietly)
            return ERR_LIMITED;
        call_done(call);
        return OK;
    }
    if (err == OK && (err = limit_sending(call, worker, &io->bond, country)) != OK &&
        codes_withdraw(worker->redis, call->services->keyring, &io->ask) != OK)
        log_warn("code_not_withdrawn");
    return err;
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
    return OK; /* what was not sent is withdrawn first */
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
    struct code_claim claim;
    const enum err err = code_take(services, worker, arena, bond, code, &claim);
    if (err == OK)
        code_give_back(services, worker, &claim);
    return err;
}

static void settle(struct services *services, struct worker *worker, const struct code_claim *claim,
                   enum code_outcome outcome)
{
    const enum err err =
        codes_settle(worker->redis, services->keyring, claim, outcome, services->settings.code_verified_ms);
    if (err != OK) /* the claim runs out by itself */
        log_warn("code_not_settled", F_ERR(err));
}

void code_give_back(struct services *services, struct worker *worker, const struct code_claim *claim)
{
    settle(services, worker, claim, CODE_RELEASED);
}

void code_spend(struct services *services, struct worker *worker, const struct code_claim *claim)
{
    settle(services, worker, claim, CODE_SPENT);
}

static enum err verify(struct call *call, struct worker *worker)
{
    struct verify_code_io *io = call->io;
    struct code_claim claim;
    const enum err err = code_take(call->services, worker, call->arena, &io->bond, io->code, &claim);
    if (err == OK)
        settle(call->services, worker, &claim, CODE_VERIFIED);
    return err;
}

const struct op op_verify_code = {"verify_code", {{ON_DB, verify}}};
