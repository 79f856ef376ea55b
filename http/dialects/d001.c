/* Dialect 001, `/reg/...` (seed 001, dialects.md): what it adds to reg_user.h, the words it uses, and last the table of
 * calls. */
#include "http/dialects/d001.h"

#include <string.h>

#include "component/base/arena.h"
#include "component/service/points.h"
#include "component/service/prizes.h"

enum { INVITATION_MAX = 64 }; /* what is too long to be one is none; what is longer is no parameter */

/* --- decoding */

static enum err decode_register(const struct dialect *dialect, const struct request *request, struct call *call)
{
    const enum err err = reg_user_decode_with_code(dialect, request, call);
    struct phone_io *io = call->io;
    io->invitation = reg_user_text(request, "yaoqing");
    if (err == OK && io->invitation != NULL && strlen(io->invitation) > INVITATION_MAX)
        return ERR_INVALID;
    return err;
}

static enum err decode_shake(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct shake_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    struct reg_user_given given;
    const enum err err =
        reg_user_read(dialect, request, call, TAKES_UID | TAKES_XID | TAKES_UTIME | TAKES_CHECK, &given);
    *io = (struct shake_io){.account_id = given.account_id, .xid = given.xid, .utime = given.utime, .sec = given.check};
    return err;
}

/* --- rendering */

static void render_login(const struct dialect *dialect, const struct request *request, const struct call *call,
                         struct reply *reply)
{
    (void)request;
    const struct phone_login_io *io = call->io;
    json_t *object = reg_user_answer(dialect, call);
    if (call->result == OK) {
        reg_user_set_number(object, "uid", io->account.id);
        reg_user_set(object, "sec", secret_expose(io->session_secret));
        reg_user_set_number(object, "pid", io->account.inviter);
        reg_user_set(object, "yaoqing", io->account.invite_code); /* ours: the seed names no way to learn one's own */
    }
    reply_json(reply, object);
}

static void render_shake(const struct dialect *dialect, const struct request *request, const struct call *call,
                         struct reply *reply)
{
    (void)request;
    const struct shake_io *io = call->io;
    json_t *object = reg_user_answer(dialect, call);
    if (call->result == OK && io->won_fen == 0) {
        reg_user_set(object, "code", "2001");
    } else if (call->result == OK) {
        reg_user_set_number(object, "uid", io->account_id);
        reg_user_set(object, "money", money_show(call->arena, io->won_fen));
    }
    reply_json(reply, object);
}

/* --- words */

static const struct reg_user_word words[] = {
    {OK, NULL, "200"},
    {ERR_TOKEN, NULL, "4000"},
    {ERR_PASSWORD, NULL, "4001"},
    {ERR_NO_SUCH_NAME, &op_phone_login, "4002"},
    {ERR_CODE, NULL, "4003"},
    {ERR_NAME_TAKEN, NULL, "4004"},
    {ERR_NO_SUCH_NAME, &op_phone_reset, "4005"},
    {ERR_BANNED, NULL, "4007"},
    {ERR_INVITATION, NULL, "4010"},
    {ERR_BALANCE, NULL, "4040"},
    {REG_USER_ANY, NULL, "400"},
};

/* --- the calls */

static const struct route routes[] = {
    {"/reg/sms", METHOD_POST, OVER_HTTP, &op_send_code, reg_user_decode_sms, reg_user_render},
    {"/reg/login", METHOD_POST, OVER_HTTP, &op_phone_login, reg_user_decode_login, render_login},
    {"/reg/loginout", METHOD_POST, OVER_HTTP, &op_logout, reg_user_decode_logout, reg_user_render},
    {"/reg/reg", METHOD_POST, OVER_HTTP, &op_phone_register, decode_register, reg_user_render},
    {"/reg/pwd", METHOD_POST, OVER_HTTP, &op_phone_reset, reg_user_decode_with_code, reg_user_render},
    {"/reg/yaoyiyao", METHOD_POST, OVER_HTTP, &op_shake, decode_shake, render_shake},
};

static const struct reg_user table = {
    .name = "001",
    .session = SESSION_001,
    .words = words,
    .routes = routes,
    .route_count = sizeof routes / sizeof routes[0],
};

const struct dialect *d001_new(struct arena *arena, const struct reg_user_settings *settings)
{
    return reg_user_new(arena, &table, settings);
}
