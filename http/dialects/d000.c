/* Dialect 000, `/android/...` (seed 000, dialects.md): decoders, the words it uses, renderers, and last the table of
 * calls. */
#include "http/dialects/d000.h"

#include <ctype.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/text.h"
#include "component/service/code_send.h"
#include "component/service/names.h"
#include "component/service/phone.h"
#include "http/picture.h"
#include "http/session_cookie.h"

enum { ACCOUNT_MAX = 32, NICKNAME_MAX = 64, SALT_LENGTH = 8, MD5_LENGTH = 32, UUID_LENGTH = 36, CODE_MAX = 8 };
#define HEX "0123456789abcdefABCDEF"

static const struct d000_settings *settings_of(const struct dialect *dialect)
{
    return dialect->config;
}

/* --- decoding */

static const char *text(const struct request *request, const char *name)
{
    return params_text(&request->params, name);
}

/* 11 digits and nothing else. */
static enum err decode_phone(const struct dialect *dialect, const struct request *request, struct call *call,
                             const char **phone_r)
{
    const char *given = text(request, "phone");
    if (given == NULL || strlen(given) != 11 || !text_only_of(given, "0123456789") || strncmp(given, "00", 2) == 0)
        return ERR_INVALID;
    *phone_r = phone_parse(call->arena, settings_of(dialect)->country, given);
    return *phone_r != NULL ? OK : ERR_INVALID;
}

static enum err decode_text(const struct request *request, const char *name, size_t most, const char **text_r)
{
    const char *given = text(request, name);
    if (given == NULL || !text_is_xml(given, strlen(given)) || text_characters(given) > most)
        return ERR_INVALID;
    *text_r = given;
    return OK;
}

static enum err decode_password(const struct dialect *dialect, const struct request *request,
                                struct given_password *password_r)
{
    const struct param *param = params_find(&request->params, "password");
    if (text(request, "password") == NULL ||
        (int64_t)text_characters(param->value) > settings_of(dialect)->password_max)
        return ERR_INVALID;
    *password_r = (struct given_password){.text = secret_of(param->value, param->length)};
    return OK;
}

/* A UUID, its digits in either case. */
static enum err decode_temp_id(const struct request *request, struct call *call, struct code_bond *bond)
{
    const char *given = text(request, "temp_id");
    bond->dialect = "000";
    bond->handle_is_ours = true;
    if (given == NULL || strlen(given) != UUID_LENGTH || !text_only_of(given, HEX "-"))
        return ERR_INVALID;
    char *handle = arena_strdup(call->arena, given);
    for (char *p = handle; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    bond->handle = handle;
    return OK;
}

static enum err decode_get_mes(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct send_code_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    const char *type = text(request, "type");
    *io = (struct send_code_io){
        .bond = {.dialect = "000", .purpose = CODE_REGISTER, .handle_is_ours = true},
        .tells_existence = true,
        .digits = (unsigned)settings_of(dialect)->code_digits,
        .tries = settings_of(dialect)->code_tries,
    };
    request_picture(request, &io->picture_id, &io->picture_answer);
    if (request->params_error != OK)
        return ERR_INVALID;
    if (type != NULL && (strcmp(type, "1") == 0 || strcmp(type, "reset") == 0))
        io->bond.purpose = CODE_RESET;
    else if (type != NULL && strcmp(type, "0") != 0 && strcmp(type, "register") != 0)
        return ERR_INVALID;
    return decode_phone(dialect, request, call, &io->bond.phone);
}

static enum err decode_verify_mes(const struct dialect *dialect, const struct request *request, struct call *call)
{
    (void)dialect;
    struct verify_code_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    if (request->params_error != OK)
        return ERR_INVALID;
    io->code = text(request, "sms_code");
    if (io->code == NULL || strlen(io->code) > CODE_MAX)
        return ERR_INVALID;
    return decode_temp_id(request, call, &io->bond);
}

static enum err decode_with_code(const struct dialect *dialect, const struct request *request, struct call *call,
                                 enum code_purpose purpose)
{
    struct phone_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    if (request->params_error != OK)
        return ERR_INVALID;
    *io =
        (struct phone_io){.makes_v0 = true, .opens_session = purpose == CODE_REGISTER, .session_dialect = SESSION_000};
    enum err err = decode_temp_id(request, call, &io->bond);
    io->bond.purpose = purpose;
    if (err == OK)
        err = decode_phone(dialect, request, call, &io->bond.phone);
    return err == OK ? decode_password(dialect, request, &io->password) : err;
}

static enum err decode_register(const struct dialect *dialect, const struct request *request, struct call *call)
{
    const enum err err = decode_with_code(dialect, request, call, CODE_REGISTER);
    struct phone_io *io = call->io;
    return err == OK ? decode_text(request, "account", ACCOUNT_MAX, &io->display_name) : err;
}

static enum err decode_reset(const struct dialect *dialect, const struct request *request, struct call *call)
{
    return decode_with_code(dialect, request, call, CODE_RESET);
}

static enum err decode_get_salt(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct salt_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    return request->params_error == OK ? decode_phone(dialect, request, call, &io->phone) : ERR_INVALID;
}

static enum err decode_login(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct phone_login_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    const char *password = text(request, "password");
    *io = (struct phone_login_io){.proof = LOGIN_V0, .session_dialect = SESSION_000, .salt = text(request, "salt")};
    if (request->params_error != OK || io->salt == NULL || password == NULL || strlen(password) != MD5_LENGTH ||
        !text_only_of(password, HEX))
        return ERR_INVALID;
    io->password = (struct given_password){.text = secret_of_cstr(password), .is_md5 = true};
    return decode_phone(dialect, request, call, &io->phone);
}

static enum err decode_nickname(const struct dialect *dialect, const struct request *request, struct call *call)
{
    (void)dialect;
    struct nickname_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    const char *id = text(request, "id"), *token = text(request, "token");
    if (request->params_error != OK || id == NULL)
        return ERR_INVALID;
    io->session = secret_of_cstr(token != NULL ? token : request->session_cookie);
    const enum err err = parse_i64(id, 1, INT64_MAX, &io->account_id);
    return err == OK ? decode_text(request, "nickname", NICKNAME_MAX, &io->nickname) : err;
}

/* --- what each call says */

static int get_mes_status(enum err err)
{
    return err == OK ? 200 : err == ERR_NAME_TAKEN ? 300 : err == ERR_NO_SUCH_NAME ? 400 : 250;
}

static int register_status(enum err err)
{
    switch (err) {
    case OK:
        return 200;
    case ERR_INVALID:
        return 300;
    case ERR_CODE:
    case ERR_NAME_TAKEN:
        return 270;
    default:
        return 250;
    }
}

static int plain_status(enum err err)
{
    return err == OK ? 200 : 500;
}

/* --- rendering */

static json_t *status_of(int status)
{
    json_t *object = json_object();
    json_object_set_new(object, "status", json_integer(status));
    return object;
}

static void set_text(json_t *object, const char *name, const char *value)
{
    json_object_set_new(object, name, json_string(value));
}

static void render_get_mes(const struct dialect *dialect, const struct request *request, const struct call *call,
                           struct reply *reply)
{
    (void)dialect;
    (void)request;
    const struct send_code_io *io = call->io;
    json_t *object = status_of(get_mes_status(call->result));
    set_text(object, "temp_id", call->result == OK ? io->bond.handle : "");
    reply_json(reply, object);
}

static void render_plain(const struct dialect *dialect, const struct request *request, const struct call *call,
                         struct reply *reply)
{
    (void)dialect;
    (void)request;
    reply_json(reply, status_of(plain_status(call->result)));
}

/* What register and login add to the seed's members: the JID, and the session as a cookie and as `token`. */
static void add_session(const struct dialect *dialect, const struct request *request, const struct call *call,
                        json_t *object, const struct account *account, struct secret session, struct reply *reply)
{
    const struct d000_settings *settings = settings_of(dialect);
    set_text(object, "jid", arena_printf(call->arena, "%s@%s", account->jid_local, settings->xmpp_domain));
    set_text(object, "token", secret_expose(session));
    session_cookie_set(reply, request, "/android", session, settings->session_lifetime_ms);
}

static const char *account_name(const struct dialect *dialect, const struct account *account)
{
    return account->display_name[0] != '\0' ? account->display_name : name_show(settings_of(dialect)->country, account);
}

static void render_register(const struct dialect *dialect, const struct request *request, const struct call *call,
                            struct reply *reply)
{
    const struct phone_io *io = call->io;
    json_t *object = status_of(register_status(call->result));
    if (call->result == OK) {
        set_text(object, "account", account_name(dialect, &io->account));
        json_object_set_new(object, "id", json_integer(io->account.id));
        set_text(object, "salt", io->account.salt);
        set_text(object, "chat_token", secret_expose(io->jid_password));
        add_session(dialect, request, call, object, &io->account, io->session_secret, reply);
    }
    reply_json(reply, object);
}

static void render_get_salt(const struct dialect *dialect, const struct request *request, const struct call *call,
                            struct reply *reply)
{
    (void)dialect;
    (void)request;
    const struct salt_io *io = call->io;
    json_t *object = status_of(plain_status(call->result));
    if (call->result == OK)
        set_text(object, "salt", io->salt);
    reply_json(reply, object);
}

static void render_login(const struct dialect *dialect, const struct request *request, const struct call *call,
                         struct reply *reply)
{
    const struct phone_login_io *io = call->io;
    json_t *object = status_of(plain_status(call->result));
    if (call->result == OK) {
        json_object_set_new(object, "id", json_integer(io->account.id));
        set_text(object, "account", account_name(dialect, &io->account));
        set_text(object, "chat_token", secret_expose(io->jid_password));
        add_session(dialect, request, call, object, &io->account, io->session_secret, reply);
    }
    reply_json(reply, object);
}

static void render_reset(const struct dialect *dialect, const struct request *request, const struct call *call,
                         struct reply *reply)
{
    (void)dialect;
    (void)request;
    const struct phone_io *io = call->io;
    json_t *object = status_of(plain_status(call->result));
    if (call->result == OK)
        set_text(object, "salt", io->account.salt);
    reply_json(reply, object);
}

static void render_failure(const struct dialect *dialect, const struct route *route, enum err err, struct reply *reply)
{
    (void)dialect;
    (void)err;
    if (route->op == &op_send_code || route->op == &op_phone_register) {
        json_t *object = status_of(250);
        if (route->op == &op_send_code)
            set_text(object, "temp_id", "");
        reply_json(reply, object);
        return;
    }
    reply_json(reply, status_of(500));
}

/* --- the calls */

static const struct route routes[] = {
    {"/android/getMes", METHOD_POST, OVER_HTTP, &op_send_code, decode_get_mes, render_get_mes},
    {"/android/verifyMes", METHOD_POST, OVER_HTTP, &op_verify_code, decode_verify_mes, render_plain},
    {"/android/register", METHOD_POST, OVER_HTTP, &op_phone_register, decode_register, render_register},
    {"/android/getSalt", METHOD_POST, OVER_HTTP, &op_get_salt, decode_get_salt, render_get_salt},
    {"/android/login", METHOD_POST, OVER_HTTP, &op_phone_login, decode_login, render_login},
    {"/android/resetPassword", METHOD_POST, OVER_HTTP, &op_phone_reset, decode_reset, render_reset},
    {"/android/user/modify_information", METHOD_POST, OVER_HTTP, &op_set_nickname, decode_nickname, render_plain},
};

const struct dialect *d000_new(struct arena *arena, const struct d000_settings *settings)
{
    struct d000_settings *own = arena_alloc(arena, sizeof *own);
    struct dialect *dialect = arena_alloc(arena, sizeof *dialect);
    *own = *settings;
    *dialect = (struct dialect){.name = "000",
                                .routes = routes,
                                .route_count = sizeof routes / sizeof routes[0],
                                .bodies = TAKES_FORMS,
                                .config = own,
                                .render_failure = render_failure};
    return dialect;
}
