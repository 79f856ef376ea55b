/* Dialect 004, `/client/...` (seed 004, dialects.md): decoders, what each call says, renderers, and last the table of
 * calls.
 *
 * Decoders answer the error whose message the call has for it: a step without a phone is a step out of order. */
#include "http/dialects/d004.h"

#include <string.h>

#include "component/base/arena.h"
#include "component/base/text.h"
#include "component/service/code_send.h"
#include "component/service/names.h"
#include "component/service/phone.h"
#include "component/service/steps.h"
#include "http/picture.h"
#include "http/session_cookie.h"

enum { CODE_DIGITS = 6, SHA256_HEX = 64, RANDOM_MAX = 256, TIMESTAMP_MAX = 20, EMAIL_MAX = 254, EMAIL_LOCAL_MAX = 64 };
#define DIGITS "0123456789"
#define HEX    DIGITS "abcdefABCDEF"

static const struct d004_settings *settings_of(const struct dialect *dialect)
{
    return dialect->config;
}

/* --- decoding */

/* A string, or an integer as its digits; NULL for what is missing, empty, or anything else. */
static const char *text(const struct request *request, const char *name)
{
    const struct param *param = params_find(&request->params, name);
    if (request->params_error != OK || param == NULL || param->length == 0)
        return NULL;
    if (param->kind == PARAM_TEXT || (param->kind == PARAM_NUMBER && text_only_of(param->value, DIGITS)))
        return param->value;
    return NULL;
}

static struct secret secret_text(const struct request *request, const char *name)
{
    return secret_of_cstr(text(request, name));
}

/* NULL when it is none. */
static const char *phone_of(const struct dialect *dialect, const struct request *request, const struct call *call)
{
    const char *given = text(request, "phone_number");
    return given != NULL ? phone_parse(call->arena, settings_of(dialect)->country, given) : NULL;
}

static struct secret cookie_of(const struct request *request)
{
    return secret_of_cstr(request->session_cookie);
}

/* As an integer a code has lost the zeros it began with. */
static const char *code_of(const struct request *request, struct arena *arena)
{
    const char *given = text(request, "validate_number");
    if (given == NULL || strlen(given) > CODE_DIGITS)
        return NULL;
    const bool is_number = params_find(&request->params, "validate_number")->kind == PARAM_NUMBER;
    return is_number ? arena_printf(arena, "%.*s%s", (int)(CODE_DIGITS - strlen(given)), "000000", given) : given;
}

/* Whether a mail server might be asked for it: RFC 5321's lengths, a domain with a dot in it, nothing invisible. */
static bool is_email(const char *given)
{
    const char *at = strrchr(given, '@');
    if (at == NULL || at == given || at - given > EMAIL_LOCAL_MAX || strlen(given) > EMAIL_MAX ||
        strchr(given, '@') != at || !text_is_xml(given, strlen(given)) || strpbrk(given, " \t\r\n\"(),:;<>[]\\\x7f"))
        return false;
    const char *domain = at + 1, *dot = strchr(domain, '.');
    return dot != NULL && domain[0] != '.' && domain[strlen(domain) - 1] != '.' && strstr(domain, "..") == NULL;
}

static enum err decode_step_1(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct send_code_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    *io = (struct send_code_io){
        .bond = steps_bond(phone_of(dialect, request, call)),
        .tells_existence = true,
        .digits = CODE_DIGITS,
        .tries = settings_of(dialect)->code_tries,
    };
    request_picture(request, &io->picture_id, &io->picture_answer);
    return io->bond.phone != NULL ? OK : ERR_INVALID;
}

static enum err decode_step_2(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct steps_verify_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    io->phone = phone_of(dialect, request, call);
    io->code = code_of(request, call->arena);
    return io->phone != NULL && io->code != NULL ? OK : ERR_CODE;
}

static enum err decode_step_3(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct steps_password_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    *io = (struct steps_password_io){
        .phone = phone_of(dialect, request, call),
        .cookie = cookie_of(request),
        .password = secret_text(request, "password"),
        .confirmation = secret_text(request, "password_confirm"),
        .least = settings_of(dialect)->password_min,
        .most = settings_of(dialect)->password_max,
    };
    return io->phone != NULL ? OK : ERR_CODE;
}

static enum err decode_step_4(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct steps_account_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    io->phone.bond = steps_bond(phone_of(dialect, request, call));
    io->phone.email = text(request, "email");
    io->cookie = cookie_of(request);
    if (io->phone.bond.phone == NULL)
        return ERR_CODE;
    return io->phone.email != NULL && is_email(io->phone.email) ? OK : ERR_INVALID;
}

static enum err decode_login(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct phone_login_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    const char *digest = text(request, "encryption_str");
    *io = (struct phone_login_io){
        .phone = phone_of(dialect, request, call),
        .proof = LOGIN_CHALLENGE,
        .password = {.text = secret_of_cstr(digest), .is_md5 = true},
        .nonce = text(request, "random_str"),
        .timestamp = text(request, "time_stamp"),
        .tells_existence = true,
        .session_dialect = SESSION_003,
    };
    if (io->phone == NULL)
        return ERR_NO_SUCH_NAME;
    if (digest == NULL || strlen(digest) != SHA256_HEX || !text_only_of(digest, HEX) || io->nonce == NULL ||
        strlen(io->nonce) > RANDOM_MAX || io->timestamp == NULL || strlen(io->timestamp) > TIMESTAMP_MAX)
        return ERR_PASSWORD;
    return OK;
}

/* --- what each call says: the first line on success, the last for everything that has none of its own */

struct word {
    enum err err;
    const char *message;
};

static const struct word step_1_words[] = {
    {OK, "发送成功"},
    {ERR_NAME_TAKEN, "该用户已经存在,注册失败"},
    {ERR_INVALID, "短信发送失败"},
};
static const struct word step_2_words[] = {
    {OK, "短信验证通过"},
    {ERR_CODE, "验证没有通过"},
};
static const struct word step_3_words[] = {
    {OK, "提交密码成功"},
    {ERR_INVALID, "密码长度不符合要求"},
    {ERR_CONFLICT, "密码和密码确认不一致"},
    {ERR_CODE, "验证码没有通过"},
};
static const struct word step_4_words[] = {
    {OK, "注册成功"},
    {ERR_CODE, "验证码没有通过"},
    {ERR_INVALID, "注册失败"},
};
static const struct word login_words[] = {
    {OK, "成功登录"},
    {ERR_NO_SUCH_NAME, "没有此用户"},
    {ERR_BANNED, "没有此用户"},
    {ERR_PASSWORD, "密码错误"},
};

#define SAY(words, err) message_of(words, sizeof(words) / sizeof(words)[0], err)

static const char *message_of(const struct word *words, size_t count, enum err err)
{
    size_t i = 0;
    while (i < count - 1 && words[i].err != err)
        i++;
    return words[i].message;
}

/* --- rendering */

static json_t *answer(enum err err, const char *message)
{
    return json_pack("{s:i, s:s}", "code", err == OK ? 1 : 0, "message", message);
}

static void render_step_1(const struct dialect *dialect, const struct request *request, const struct call *call,
                          struct reply *reply)
{
    (void)dialect;
    (void)request;
    const struct send_code_io *io = call->io;
    const bool provider_says = call->result == ERR_NOT_SENT && io->why != NULL && io->why[0] != '\0';
    reply_json(reply, answer(call->result, provider_says ? io->why : SAY(step_1_words, call->result)));
}

static void render_step_2(const struct dialect *dialect, const struct request *request, const struct call *call,
                          struct reply *reply)
{
    const struct steps_verify_io *io = call->io;
    if (call->result == OK)
        session_cookie_set(reply, request, "/client", io->cookie, settings_of(dialect)->steps_lifetime_ms);
    reply_json(reply, answer(call->result, SAY(step_2_words, call->result)));
}

static void render_step_3(const struct dialect *dialect, const struct request *request, const struct call *call,
                          struct reply *reply)
{
    (void)dialect;
    (void)request;
    reply_json(reply, answer(call->result, SAY(step_3_words, call->result)));
}

static void render_step_4(const struct dialect *dialect, const struct request *request, const struct call *call,
                          struct reply *reply)
{
    (void)dialect;
    (void)request;
    reply_json(reply, answer(call->result, SAY(step_4_words, call->result)));
}

static void render_login(const struct dialect *dialect, const struct request *request, const struct call *call,
                         struct reply *reply)
{
    (void)dialect;
    (void)request;
    const struct phone_login_io *io = call->io;
    json_t *object = answer(call->result, SAY(login_words, call->result));
    if (call->result == OK) {
        json_object_set_new(object, "email", json_string(io->account.email));
        json_object_set_new(object, "token", json_string(secret_expose(io->session_secret)));
    }
    reply_json(reply, object);
}

/* What could not be served is told in the call's own last words. */
static void render_failure(const struct dialect *dialect, const struct route *route, enum err err, struct reply *reply)
{
    (void)err;
    const struct call call = {.result = ERR_INTERNAL};
    route->render(dialect, NULL, &call, reply);
}

/* --- the calls */

static const struct route routes[] = {
    {"/client/register-step-1", METHOD_POST, OVER_HTTP, &op_send_code, decode_step_1, render_step_1},
    {"/client/register-step-2", METHOD_POST, OVER_HTTP, &op_steps_verify, decode_step_2, render_step_2},
    {"/client/register-step-3", METHOD_POST, OVER_HTTP, &op_steps_password, decode_step_3, render_step_3},
    {"/client/register-step-4", METHOD_POST, OVER_HTTP, &op_steps_account, decode_step_4, render_step_4},
    {"/client/login", METHOD_POST, OVER_HTTP, &op_phone_challenge, decode_login, render_login},
};

const struct dialect *d004_new(struct arena *arena, const struct d004_settings *settings)
{
    struct d004_settings *own = arena_alloc(arena, sizeof *own);
    struct dialect *dialect = arena_alloc(arena, sizeof *dialect);
    *own = *settings;
    *dialect = (struct dialect){.name = "004",
                                .routes = routes,
                                .route_count = sizeof routes / sizeof routes[0],
                                .bodies = TAKES_JSON,
                                .config = own,
                                .render_failure = render_failure};
    return dialect;
}
