/* Dialect 003, the register server (seed 003, dialects.md): decoders, renderers, the table of codes, and last the table
 * of calls. */
#include "http/dialects/d003.h"

#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/text.h"
#include "component/service/bind.h"
#include "component/service/login.h"
#include "component/service/names.h"
#include "component/service/register.h"
#include "component/service/users.h"
#include "http/signature.h"

enum { NAMES_MAX = 100, TEXT_MAX = 256, NONCE_MAX = 64, FRESH_S = 300 };

struct d003 {
    struct d003_settings settings;
    struct app_secrets applications, backends;
};

static const struct d003 *d003_of(const struct dialect *dialect)
{
    return dialect->config;
}

/* --- decoding */

/* What every call begins with: readable parameters, and a right signature if there is one (or must be). */
static enum err decode_signature(const struct dialect *dialect, const struct request *request, struct call *call,
                                 struct signature *signature_r)
{
    const struct d003 *d003 = d003_of(dialect);
    *signature_r = (struct signature){0};
    if (request->params_error != OK)
        return ERR_INVALID;
    const enum err err = signature_check(call->arena, &d003->applications, &d003->backends, request->path,
                                         &request->params, signature_r);
    return err == OK && d003->settings.sign_required && signature_r->id == NULL ? ERR_SIGN : err;
}

/* A text of 1 to `most` characters that a stanza could carry. */
static enum err decode_text(const struct request *request, const char *name, size_t most, const char **text_r)
{
    const struct param *param = params_find(&request->params, name);
    if (params_text(&request->params, name) == NULL || param->kind == PARAM_JSON || param->kind == PARAM_BOOL ||
        !text_is_xml(param->value, param->length) || text_characters(param->value) > most)
        return ERR_INVALID;
    *text_r = param->value;
    return OK;
}

static enum err decode_optional(const struct request *request, const char *name, size_t most, const char **text_r)
{
    *text_r = "";
    return params_text(&request->params, name) == NULL ? OK : decode_text(request, name, most, text_r);
}

static enum err decode_type(const struct request *request, bool required, enum account_type *type_r)
{
    const char *text = params_text(&request->params, "type");
    int64_t type = ACCOUNT_ANY;
    *type_r = ACCOUNT_ANY;
    if (text == NULL)
        return required ? ERR_INVALID : OK;
    const enum err err = parse_i64(text, ACCOUNT_PHONE, ACCOUNT_WECHAT, &type);
    *type_r = (enum account_type)type;
    return err;
}

/* A password may hold any character of UTF-8. */
static enum err decode_password(const struct dialect *dialect, const struct request *request, struct secret *password_r)
{
    const struct param *param = params_find(&request->params, "password");
    if (params_text(&request->params, "password") == NULL || param->kind == PARAM_JSON || param->kind == PARAM_BOOL ||
        (int64_t)text_characters(param->value) > d003_of(dialect)->settings.password_max)
        return ERR_INVALID;
    *password_r = secret_of(param->value, param->length);
    return OK;
}

static bool fresh(const struct request *request)
{
    const char *text = params_text(&request->params, "timestamp");
    int64_t timestamp;
    return text != NULL && parse_i64(text, 0, INT64_MAX / 2, &timestamp) == OK &&
           llabs(timestamp - clock_unix()) <= FRESH_S;
}

/* The signature's nonce, with the id of who signed; NULL without a usable one. */
static const char *decode_nonce(const struct request *request, struct call *call, const struct signature *signature)
{
    const char *nonce = params_text(&request->params, "nonce");
    if (signature->id == NULL || nonce == NULL || strlen(nonce) > NONCE_MAX)
        return NULL;
    return arena_printf(call->arena, "%s:%s", signature->id, nonce);
}

static struct proof decode_proof(const struct request *request, struct call *call, const struct signature *signature)
{
    const char *id = params_text(&request->params, "verify_id");
    return (struct proof){
        .picture_id = id != NULL ? id : request->verify_id_cookie,
        .picture_answer = params_text(&request->params, "verify_code"),
        .signed_fresh = signature->id != NULL && fresh(request),
        .nonce = decode_nonce(request, call, signature),
    };
}

static enum err decode_name_and_password(const struct dialect *dialect, const struct request *request,
                                         struct call *call, enum account_type *type_r, const char **name_r,
                                         struct secret *password_r)
{
    const char *name = NULL;
    enum err err = decode_type(request, true, type_r);
    if (err == OK)
        err = decode_text(request, "user_name", TEXT_MAX, &name);
    if (err == OK)
        err = name_parse(call->arena, d003_of(dialect)->settings.country, *type_r, name, name_r);
    return err == OK ? decode_password(dialect, request, password_r) : err;
}

static enum err decode_login(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct signature signature;
    struct login_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    enum err err = decode_signature(dialect, request, call, &signature);
    if (err == OK)
        err = decode_name_and_password(dialect, request, call, &io->type, &io->name, &io->password);
    io->proof = decode_proof(request, call, &signature);
    return err;
}

static enum err decode_register(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct signature signature;
    struct register_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    enum err err = decode_signature(dialect, request, call, &signature);
    if (err == OK)
        err = decode_name_and_password(dialect, request, call, &io->type, &io->name, &io->password);
    if (err == OK)
        err = decode_optional(request, "des", TEXT_MAX, &io->des);
    if (err == OK && io->type == ACCOUNT_DEVICE)
        err = decode_text(request, "device_type", TEXT_MAX, &io->device_type);
    else if (err == OK)
        err = decode_optional(request, "device_type", TEXT_MAX, &io->device_type);
    io->proof = decode_proof(request, call, &signature);
    return err;
}

static enum err decode_picture(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct signature signature;
    call->io = arena_alloc(call->arena, sizeof(struct picture_io));
    return decode_signature(dialect, request, call, &signature);
}

/* A backend's signature needs no time and no nonce, but where it has them they count: a time that is not near makes it
 * void. */
static struct credential decode_credential(const struct request *request, struct call *call,
                                           const struct signature *signature)
{
    const bool stale = params_text(&request->params, "timestamp") != NULL && !fresh(request);
    return (struct credential){.token = secret_of_cstr(params_text(&request->params, "access_token")),
                               .backend = signature->backend && !stale,
                               .nonce = signature->backend ? decode_nonce(request, call, signature) : NULL};
}

static enum err decode_token(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct credential *credential = call->io = arena_alloc(call->arena, sizeof *credential);
    struct signature signature;
    const enum err err = decode_signature(dialect, request, call, &signature);
    credential->token = secret_of_cstr(params_text(&request->params, "access_token"));
    return err;
}

/* user_name_ls: a JSON array, or a string that holds one. A name that nobody can have is unknown, not malformed. */
static enum err decode_names(const struct dialect *dialect, const struct request *request, struct call *call,
                             struct name_list *list_r)
{
    const char *text = params_text(&request->params, "user_name_ls");
    if (text == NULL)
        return ERR_INVALID;
    json_t *array = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const size_t count = json_array_size(array); /* 0 when it is none */
    enum err err = count > 0 && count <= NAMES_MAX ? OK : ERR_INVALID;
    struct account_name *names = arena_array(call->arena, count, sizeof *names);
    const char **wire = arena_array(call->arena, count, sizeof *wire);
    for (size_t i = 0; err == OK && i < count; i++) {
        const char *name = json_string_value(json_array_get(array, i));
        if (name == NULL || name[0] == '\0') {
            err = ERR_INVALID;
            break;
        }
        wire[i] = name = arena_strdup(call->arena, name);
        if (name_parse_any(call->arena, d003_of(dialect)->settings.country, list_r->type, name, &names[i]) != OK)
            names[i] = (struct account_name){0};
    }
    json_decref(array);
    list_r->names = names;
    list_r->wire = wire;
    list_r->count = count;
    return err;
}

static enum err decode_get_users(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct signature signature;
    struct users_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    enum err err = decode_signature(dialect, request, call, &signature);
    io->credential = decode_credential(request, call, &signature);
    if (err == OK)
        err = decode_type(request, false, &io->list.type);
    return err == OK ? decode_names(dialect, request, call, &io->list) : err;
}

/* The account that acts. A token knows its type; for a backend the name must be one type's alone, because `type` is
 * that of those it names. */
static enum err decode_asker(const struct dialect *dialect, const struct request *request, struct call *call,
                             struct name_list *list_r)
{
    const char *text = NULL;
    struct account_name *name = arena_alloc(call->arena, sizeof *name);
    *list_r = (struct name_list){.names = name, .count = 1};
    const enum err err = decode_text(request, "user_name", TEXT_MAX, &text);
    return err == OK ? name_parse_any(call->arena, d003_of(dialect)->settings.country, ACCOUNT_ANY, text, name) : err;
}

static enum err decode_bind(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct signature signature;
    struct bind_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    enum err err = decode_signature(dialect, request, call, &signature);
    io->credential = decode_credential(request, call, &signature);
    if (err == OK)
        err = decode_asker(dialect, request, call, &io->asker);
    if (err == OK)
        err = decode_type(request, false, &io->list.type);
    return err == OK ? decode_names(dialect, request, call, &io->list) : err;
}

static enum err decode_bound(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct signature signature;
    struct bound_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    enum err err = decode_signature(dialect, request, call, &signature);
    io->credential = decode_credential(request, call, &signature);
    if (err == OK)
        err = decode_asker(dialect, request, call, &io->asker);
    return err == OK ? decode_type(request, false, &io->asker.type) : err;
}

/* --- codes */

static int code_of(enum err err)
{
    static const int codes[ERR_COUNT] = {
        [OK] = 0,
        [ERR_INVALID] = 2,
        [ERR_TOO_LARGE] = 2,
        [ERR_LIMITED] = 2,
        [ERR_FULL] = 2,
        [ERR_DB_DOWN] = 3,
        [ERR_DB] = 3,
        [ERR_UNCERTAIN] = 3,
        [ERR_CONFLICT] = 3,
        [ERR_UNAUTHORIZED] = 4,
        [ERR_TOKEN] = 4,
        [ERR_PICTURE] = 5,
        [ERR_SIGN] = 6,
        [ERR_FORBIDDEN] = 100,
        [ERR_BANNED] = 100,
        [ERR_JID_FAILED] = 101,
        [ERR_XMPP_DOWN] = 101,
        [ERR_PASSWORD] = 102,
        [ERR_NAME_TAKEN] = 103,
        [ERR_NO_SUCH_NAME] = 104,
        [ERR_JID_PASSWORD] = 105,
        [ERR_TOKEN_EXPIRED] = 106,
        [ERR_JID_NONE] = 106,
        [ERR_JID_PENDING] = 107,
        [ERR_REFUSED] = 108,
        [ERR_BOUND] = 109,
        [ERR_NOT_BOUND] = 110,
    };
    return err == OK || codes[err] != 0 ? codes[err] : 1;
}

/* --- rendering */

static json_t *result_of(enum err err)
{
    json_t *object = json_object();
    json_object_set_new(object, "result", json_integer(code_of(err)));
    return object;
}

static void send_signed(const struct dialect *dialect, const char *path, json_t *object, struct reply *reply)
{
    signature_add(reply->arena, &d003_of(dialect)->applications, path, object);
    reply_json(reply, object);
}

static json_t *user_info(const struct dialect *dialect, const struct call *call, const struct account *account,
                         struct secret jid_password)
{
    const struct d003_settings *settings = &d003_of(dialect)->settings;
    const char *jid = arena_printf(call->arena, "%s@%s", account->jid_local, settings->xmpp_domain);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i}", "user_name", name_show(settings->country, account), "password",
                     "", "des", account->des, "jid", jid, "jid_pwd", secret_expose(jid_password), "type",
                     (int)account->type);
}

static void render_login(const struct dialect *dialect, const struct request *request, const struct call *call,
                         struct reply *reply)
{
    const struct login_io *io = call->io;
    const bool ok = call->result == OK;
    json_t *object = result_of(call->result);
    json_object_set_new(object, "user_info",
                        ok ? user_info(dialect, call, &io->account, io->jid_password) : json_object());
    json_object_set_new(object, "access_token", json_string(ok ? secret_expose(io->token) : ""));
    send_signed(dialect, request->path, object, reply);
}

static void render_result(const struct dialect *dialect, const struct request *request, const struct call *call,
                          struct reply *reply)
{
    send_signed(dialect, request->path, result_of(call->result), reply);
}

static void render_picture(const struct dialect *dialect, const struct request *request, const struct call *call,
                           struct reply *reply)
{
    const struct picture_io *io = call->io;
    if (call->result != OK) {
        render_result(dialect, request, call, reply);
        return;
    }
    const long long seconds = (long long)d003_of(dialect)->settings.picture_lifetime_ms / 1000;
    const char *cookie = arena_printf(call->arena, "%s=%s; Max-Age=%lld; Path=/; HttpOnly; SameSite=Lax%s",
                                      REQUEST_VERIFY_ID_COOKIE, io->id, seconds, request->secure ? "; Secure" : "");
    reply_header(reply, "Set-Cookie", cookie);
    reply_header(reply, "X-Verify-Id", io->id);
    reply_body(reply, "image/png", io->png, io->length);
}

static void render_token(const struct dialect *dialect, const struct request *request, const struct call *call,
                         struct reply *reply)
{
    (void)dialect;
    (void)request;
    json_t *object = result_of(call->result);
    json_object_set_new(object, "validate", json_boolean(call->result == OK));
    reply_json(reply, object);
}

static void render_users(const struct dialect *dialect, const struct request *request, const struct call *call,
                         struct reply *reply)
{
    const struct users_io *io = call->io;
    json_t *users = json_array();
    const bool some = call->result == OK || call->result == ERR_NO_SUCH_NAME;
    for (size_t i = 0; some && i < io->list.count; i++) {
        const struct account *account = io->found[i];
        const bool own = account != NULL && account->id == io->credential.account_id;
        if (account != NULL)
            json_array_append_new(users,
                                  user_info(dialect, call, account, own ? io->own_jid_password : secret_of_cstr("")));
    }
    json_t *object = json_object();
    json_object_set_new(object, "user_info_ls", users);
    json_object_set_new(object, "result", json_integer(code_of(call->result)));
    send_signed(dialect, request->path, object, reply);
}

static void render_bind(const struct dialect *dialect, const struct request *request, const struct call *call,
                        struct reply *reply)
{
    const struct bind_io *io = call->io;
    json_t *object = result_of(call->result);
    json_t *failed = json_array();
    for (size_t i = 0; i < io->failed_count && call->result != OK; i++)
        json_array_append_new(failed, json_string(io->list.wire[io->failed[i]]));
    json_object_set_new(object, "failed", failed);
    if (call->result == OK) {
        const char *done = call->op == &op_bind ? "bound" : "unbound";
        json_object_set_new(object, "state", json_string(io->wishes.seen ? done : "pending"));
    }
    send_signed(dialect, request->path, object, reply);
}

static json_t *roster_item(const struct dialect *dialect, const struct call *call, const struct bound_peer *bound)
{
    static const char *const subscriptions[] = {"none", "to", "from", "both"};
    const struct d003_settings *settings = &d003_of(dialect)->settings;
    json_t *groups = json_object();
    for (size_t i = 0; i < bound->group_count; i++)
        json_object_set_new(groups, bound->groups[i], json_true());
    return json_pack("{s:s, s:s, s:s, s:o, s:s, s:i}", "jid",
                     arena_printf(call->arena, "%s@%s", bound->peer.jid_local, settings->xmpp_domain),
                     "subscriptionType", subscriptions[bound->subscription], "nickname", bound->nickname, "groups",
                     groups, "user_name", name_show(settings->country, &bound->peer), "type", (int)bound->peer.type);
}

static void render_bound(const struct dialect *dialect, const struct request *request, const struct call *call,
                         struct reply *reply)
{
    const struct bound_io *io = call->io;
    json_t *items = json_array();
    for (size_t i = 0; call->result == OK && i < io->count; i++)
        json_array_append_new(items, roster_item(dialect, call, &io->peers[i]));
    json_t *object = json_object();
    json_object_set_new(object, "roster_item", items);
    json_object_set_new(object, "result", json_integer(code_of(call->result)));
    send_signed(dialect, request->path, object, reply);
}

static void render_failure(const struct dialect *dialect, const struct route *route, enum err err, struct reply *reply)
{
    json_t *object = result_of(err);
    if (route->op == &op_verify_token) {
        json_object_set_new(object, "validate", json_false());
        reply_json(reply, object);
        return;
    }
    send_signed(dialect, route->path, object, reply);
}

/* --- the calls */

#define BOTH (METHOD_GET | METHOD_POST)

static const struct route routes[] = {
    {"/verify_code", BOTH, OVER_HTTP, &op_picture, decode_picture, render_picture},
    {"/login", BOTH, OVER_HTTP, &op_login, decode_login, render_login},
    {"/register", BOTH, OVER_HTTP, &op_register, decode_register, render_result},
    {"/cancel", BOTH, OVER_HTTP, &op_cancel, decode_login, render_result},
    {"/get_users", BOTH, OVER_HTTP | OVER_TCP, &op_get_users, decode_get_users, render_users},
    {"/verify_access_token", BOTH, OVER_HTTP | OVER_TCP, &op_verify_token, decode_token, render_token},
    {"/set_user_banding", BOTH, OVER_HTTP, &op_bind, decode_bind, render_bind},
    {"/set_user_unbanding", BOTH, OVER_HTTP, &op_unbind, decode_bind, render_bind},
    {"/get_user_banding", BOTH, OVER_HTTP, &op_list_bound, decode_bound, render_bound},
};

enum err d003_new(struct arena *arena, const struct d003_settings *settings, const struct dialect **dialect_r)
{
    struct d003 *d003 = arena_alloc(arena, sizeof *d003);
    d003->settings = *settings;
    enum err err = app_secrets_parse(arena, settings->app_secrets, &d003->applications);
    if (err == OK)
        err = app_secrets_parse(arena, settings->backend_secrets, &d003->backends);
    struct dialect *dialect = arena_alloc(arena, sizeof *dialect);
    *dialect = (struct dialect){.name = "003",
                                .routes = routes,
                                .route_count = sizeof routes / sizeof routes[0],
                                .config = d003,
                                .render_failure = render_failure};
    *dialect_r = dialect;
    return err;
}
