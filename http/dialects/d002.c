/* Dialect 002, `/user/...` (seed 002, dialects.md): what it adds to reg_user.h, the words it uses, and last the table
 * of calls. */
#include "http/dialects/d002.h"

#include "component/base/arena.h"
#include "component/base/text.h"
#include "component/service/identity.h"
#include "component/service/names.h"
#include "component/service/profile.h"

enum { URL_MAX = 1024, COMPANY_MAX = 128, ADDRESS_MAX = 255, NAME_MAX = 64, QQ_MAX = 32 }; /* characters */

/* --- decoding */

static enum err decode_register(const struct dialect *dialect, const struct request *request, struct call *call)
{
    const enum err err = reg_user_decode_with_code(dialect, request, call);
    struct phone_io *io = call->io;
    io->opens_session = true;
    return err;
}

static enum err decode_reset(const struct dialect *dialect, const struct request *request, struct call *call)
{
    const enum err err = reg_user_decode_with_code(dialect, request, call);
    struct phone_io *io = call->io;
    io->refuses_same = true;
    return err;
}

static enum err decode_own(const struct dialect *dialect, const struct request *request, struct call *call,
                           unsigned takes)
{
    struct profile_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    struct reg_user_given given;
    const enum err err = reg_user_read(dialect, request, call, takes, &given);
    io->account_id = given.account_id;
    io->sec = given.secret;
    return err;
}

static enum err decode_filled_in(const struct dialect *dialect, const struct request *request, struct call *call)
{
    return decode_own(dialect, request, call, TAKES_UID | TAKES_SECRET);
}

static enum err decode_get(const struct dialect *dialect, const struct request *request, struct call *call)
{
    return decode_own(dialect, request, call, TAKES_UID | TAKES_SECRET | TAKES_UTIME);
}

static enum err decode_text(const struct request *request, const char *name, bool required, size_t most,
                            const char **text_r)
{
    const char *given = reg_user_text(request, name);
    *text_r = given != NULL ? given : "";
    return (given == NULL && required) || text_characters(*text_r) > most ? ERR_INVALID : OK;
}

static enum err decode_profile(const struct request *request, struct profile *profile)
{
    enum err err = decode_text(request, "company_logo", false, URL_MAX, &profile->company_logo);
    if (err == OK && profile->company_logo[0] != '\0' && !url_is_web(profile->company_logo))
        err = ERR_INVALID;
    if (err == OK)
        err = decode_text(request, "company_name", true, COMPANY_MAX, &profile->company_name);
    if (err == OK)
        err = decode_text(request, "company_address", true, ADDRESS_MAX, &profile->company_address);
    if (err == OK)
        err = decode_text(request, "user_name", true, NAME_MAX, &profile->user_name);
    if (err == OK)
        err = decode_text(request, "qq_number", false, QQ_MAX, &profile->qq_number);
    const char *recommended_by = reg_user_text(request, "recommend_user_id");
    if (err == OK && recommended_by != NULL)
        err = parse_i64(recommended_by, 1, INT64_MAX, &profile->recommended_by);
    return err;
}

static enum err decode_put(const struct dialect *dialect, const struct request *request, struct call *call)
{
    const enum err err = decode_get(dialect, request, call);
    struct profile_io *io = call->io;
    const char *card = reg_user_text(request, "identity_card");
    if (err != OK || card == NULL || !identity_card_is_valid(card))
        return ERR_INVALID;
    io->identity_card = secret_of_cstr(card);
    return decode_profile(request, &io->profile);
}

/* --- rendering */

static void set_session(json_t *object, const struct account *account, struct secret sec)
{
    reg_user_set_number(object, "uid", account->id);
    reg_user_set(object, "sec", secret_expose(sec));
    reg_user_set_number(object, "user_role", account->role);
}

static void render_register(const struct dialect *dialect, const struct request *request, const struct call *call,
                            struct reply *reply)
{
    (void)request;
    const struct phone_io *io = call->io;
    json_t *object = reg_user_answer(dialect, call);
    if (call->result == OK)
        set_session(object, &io->account, io->session_secret);
    reply_json(reply, object);
}

static void render_login(const struct dialect *dialect, const struct request *request, const struct call *call,
                         struct reply *reply)
{
    (void)request;
    const struct phone_login_io *io = call->io;
    json_t *object = reg_user_answer(dialect, call);
    if (call->result == OK)
        set_session(object, &io->account, io->session_secret);
    reply_json(reply, object);
}

static void set_filled_in(json_t *object, const struct profile_io *io)
{
    reg_user_set(object, "check_reg", io->filled_in ? "1" : "2");
}

static void render_filled_in(const struct dialect *dialect, const struct request *request, const struct call *call,
                             struct reply *reply)
{
    (void)request;
    json_t *object = reg_user_answer(dialect, call);
    if (call->result == OK)
        set_filled_in(object, call->io);
    reply_json(reply, object);
}

static void render_put(const struct dialect *dialect, const struct request *request, const struct call *call,
                       struct reply *reply)
{
    (void)request;
    const struct profile_io *io = call->io;
    json_t *object = reg_user_answer(dialect, call);
    if (call->result == OK) {
        reg_user_set_number(object, "uid", io->account_id);
        reg_user_set(object, "sec", secret_expose(io->sec));
        set_filled_in(object, io);
        reg_user_set_number(object, "user_role", io->role);
    }
    reply_json(reply, object);
}

static void render_get(const struct dialect *dialect, const struct request *request, const struct call *call,
                       struct reply *reply)
{
    (void)request;
    const struct profile_io *io = call->io;
    const struct profile *profile = &io->profile;
    json_t *object = reg_user_answer(dialect, call);
    if (call->result == OK) {
        reg_user_set(object, "company_logo", profile->company_logo);
        reg_user_set(object, "company_name", profile->company_name);
        reg_user_set(object, "company_address", profile->company_address);
        reg_user_set(object, "user_name", profile->user_name);
        reg_user_set(object, "identity_card", secret_expose(io->identity_card));
        reg_user_set(object, "qq_number", profile->qq_number);
        reg_user_set(object, "recommend_phone",
                     phone_show(reg_user_settings_of(dialect)->country, profile->recommended_phone));
    }
    reply_json(reply, object);
}

/* --- words: the same numbers mean other things than in 001 */

static const struct reg_user_word words[] = {
    {OK, NULL, "200"},
    {ERR_INVALID, NULL, "400"},
    {REG_USER_ANY, &op_send_code, "4021"},
    {ERR_TOKEN, NULL, "4000"},
    {ERR_CODE, NULL, "4001"},
    {ERR_NO_SUCH_NAME, NULL, "4002"},
    {ERR_PASSWORD, NULL, "4003"},
    {ERR_NAME_TAKEN, NULL, "4004"},
    {ERR_SAME_PASSWORD, NULL, "4006"},
    {ERR_BANNED, NULL, "4007"},
    {REG_USER_ANY, NULL, "400"},
};

/* --- the calls */

enum { EITHER = METHOD_GET | METHOD_POST };

static const struct route routes[] = {
    {"/user/sms", METHOD_POST, OVER_HTTP, &op_send_code, reg_user_decode_sms, reg_user_render},
    {"/user/reg", METHOD_POST, OVER_HTTP, &op_phone_register, decode_register, render_register},
    {"/user/checkFinishUserInfo", EITHER, OVER_HTTP, &op_profile_filled_in, decode_filled_in, render_filled_in},
    {"/user/regDetail", METHOD_POST, OVER_HTTP, &op_put_profile, decode_put, render_put},
    {"/user/login", METHOD_POST, OVER_HTTP, &op_phone_login, reg_user_decode_login, render_login},
    {"/user/pwd", METHOD_POST, OVER_HTTP, &op_phone_reset, decode_reset, reg_user_render},
    {"/user/loginout", METHOD_POST, OVER_HTTP, &op_logout, reg_user_decode_logout, reg_user_render},
    {"/user/getUserInfo", METHOD_POST, OVER_HTTP, &op_get_profile, decode_get, render_get},
};

static const struct reg_user table = {
    .name = "002",
    .session = SESSION_002,
    .words = words,
    .routes = routes,
    .route_count = sizeof routes / sizeof routes[0],
};

const struct dialect *d002_new(struct arena *arena, const struct reg_user_settings *settings)
{
    return reg_user_new(arena, &table, settings);
}
