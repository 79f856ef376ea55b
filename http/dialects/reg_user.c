#include "http/dialects/reg_user.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/text.h"
#include "component/service/handset.h"
#include "component/service/names.h"
#include "http/picture.h"

enum {
    PHONE_LENGTH = 11,
    XID_LENGTH = 32,
    UTIME_MAX = 13,
    SECRET_BYTES = 8,
    MD5_LENGTH = 32,
    CODE_LENGTH = 6,
    CHECK_MOST = 1000000
};
#define DIGITS  "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define HEX     DIGITS "abcdefABCDEF"

/* A dialect's configuration, as `struct dialect` keeps it. */
struct config {
    const struct reg_user *table;
    struct reg_user_settings settings;
};

static const struct reg_user *table_of(const struct dialect *dialect)
{
    return ((const struct config *)dialect->config)->table;
}

const struct reg_user_settings *reg_user_settings_of(const struct dialect *dialect)
{
    return &((const struct config *)dialect->config)->settings;
}

/* --- parameters */

const char *reg_user_text(const struct request *request, const char *name)
{
    return params_text(&request->params, name);
}

/* The value if it is of that length and made of nothing but `set`; else NULL. */
static const char *made_of(const struct request *request, const char *name, size_t least, size_t most, const char *set)
{
    const char *text = reg_user_text(request, name);
    return text != NULL && strlen(text) >= least && strlen(text) <= most && text_only_of(text, set) ? text : NULL;
}

static enum err read_phone(const struct dialect *dialect, const struct request *request, struct call *call,
                           struct reg_user_given *given)
{
    given->phone_digits = made_of(request, "phone", PHONE_LENGTH, PHONE_LENGTH, DIGITS);
    if (given->phone_digits == NULL || strncmp(given->phone_digits, "00", 2) == 0) /* another country's */
        return ERR_INVALID;
    given->phone = phone_parse(call->arena, reg_user_settings_of(dialect)->country, given->phone_digits);
    return given->phone != NULL ? OK : ERR_INVALID;
}

static enum err read_password(const struct dialect *dialect, const struct request *request,
                              struct reg_user_given *given)
{
    const char *text = reg_user_text(request, "pwd");
    if (text == NULL || (int64_t)text_characters(text) > reg_user_settings_of(dialect)->password_max)
        return ERR_INVALID;
    given->password = (struct given_password){
        .text = secret_of_cstr(text),
        .is_md5 = strlen(text) == MD5_LENGTH && text_only_of(text, HEX),
    };
    return OK;
}

static enum err read_number(const struct request *request, const char *name, int64_t least, int64_t most,
                            int64_t *number_r)
{
    const char *text = reg_user_text(request, name);
    return text != NULL ? parse_i64(text, least, most, number_r) : ERR_INVALID;
}

static enum err read_secret(const struct request *request, struct call *call, struct reg_user_given *given)
{
    uint8_t bytes[SECRET_BYTES];
    const char *text = reg_user_text(request, "sec");
    if (text == NULL || strlen(text) != (size_t)2 * SECRET_BYTES || hex_decode(text, SECRET_BYTES, bytes) != OK)
        return ERR_INVALID;
    char *lower = arena_alloc(call->arena, (size_t)2 * SECRET_BYTES + 1);
    hex_encode(bytes, SECRET_BYTES, lower);
    secret_wipe(bytes, sizeof bytes);
    given->secret = secret_of_cstr(lower);
    return OK;
}

static enum err read_utime(const struct request *request, struct reg_user_given *given)
{
    const char *text = made_of(request, "utime", 1, UTIME_MAX, DIGITS);
    return text != NULL ? parse_i64(text, 0, INT64_MAX, &given->utime) : ERR_INVALID;
}

enum err reg_user_read(const struct dialect *dialect, const struct request *request, struct call *call, unsigned takes,
                       struct reg_user_given *given_r)
{
    *given_r = (struct reg_user_given){0};
    enum err err = request->params_error != OK ? ERR_INVALID : OK;
    if (err == OK && takes & TAKES_PHONE)
        err = read_phone(dialect, request, call, given_r);
    if (err == OK && takes & TAKES_XID)
        err = (given_r->xid = made_of(request, "xid", XID_LENGTH, XID_LENGTH, DIGITS LETTERS)) ? OK : ERR_INVALID;
    if (err == OK && takes & TAKES_UTIME)
        err = read_utime(request, given_r);
    if (err == OK && takes & TAKES_UID)
        err = read_number(request, "uid", 1, INT64_MAX, &given_r->account_id);
    if (err == OK && takes & TAKES_SECRET)
        err = read_secret(request, call, given_r);
    if (err == OK && takes & TAKES_CHECK)
        err = read_number(request, "sec", -CHECK_MOST, CHECK_MOST, &given_r->check);
    if (err == OK && takes & TAKES_PASSWORD)
        err = read_password(dialect, request, given_r);
    if (err == OK && takes & TAKES_CODE)
        err = (given_r->code = made_of(request, "yzm", CODE_LENGTH, CODE_LENGTH, DIGITS)) ? OK : ERR_INVALID;
    return err;
}

/* --- whole decoders */

/* When it is asked for, nobody says what a code is for: it works for all under the dialect's own paths. */
static struct code_bond bond_of(const struct dialect *dialect, const struct reg_user_given *given)
{
    return (struct code_bond){
        .dialect = dialect->name, .purpose = CODE_ANY, .phone = given->phone, .handle = given->xid};
}

enum err reg_user_decode_sms(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct send_code_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    struct reg_user_given given;
    const enum err err =
        reg_user_read(dialect, request, call, TAKES_PHONE | TAKES_XID | TAKES_UTIME | TAKES_CHECK, &given);
    *io = (struct send_code_io){
        .bond = bond_of(dialect, &given),
        .resends_quietly = true,
        .digits = CODE_LENGTH,
        .tries = reg_user_settings_of(dialect)->code_tries,
    };
    request_picture(request, &io->picture_id, &io->picture_answer);
    if (err != OK)
        return err;
    return handset_sec_fits(given.phone_digits, given.utime, given.check) ? OK : ERR_INVALID;
}

enum err reg_user_decode_login(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct phone_login_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    struct reg_user_given given;
    const enum err err =
        reg_user_read(dialect, request, call, TAKES_PHONE | TAKES_XID | TAKES_UTIME | TAKES_PASSWORD, &given);
    *io = (struct phone_login_io){
        .phone = given.phone,
        .proof = LOGIN_V1,
        .password = given.password,
        .xid = given.xid,
        .tells_existence = true,
        .session_dialect = table_of(dialect)->session,
    };
    return err;
}

enum err reg_user_decode_logout(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct logout_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    struct reg_user_given given;
    const enum err err = reg_user_read(dialect, request, call, TAKES_UID | TAKES_SECRET | TAKES_UTIME, &given);
    *io = (struct logout_io){
        .dialect = table_of(dialect)->session, .secret = given.secret, .account_id = given.account_id};
    return err;
}

enum err reg_user_decode_with_code(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct phone_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    struct reg_user_given given;
    const enum err err = reg_user_read(dialect, request, call,
                                       TAKES_PHONE | TAKES_XID | TAKES_CODE | TAKES_PASSWORD | TAKES_UTIME, &given);
    *io = (struct phone_io){
        .bond = bond_of(dialect, &given),
        .code = given.code,
        .password = given.password,
        .xid = given.xid,
        .session_dialect = table_of(dialect)->session,
    };
    return err;
}

/* --- replies */

static const char *word_for(const struct dialect *dialect, const struct op *op, enum err err)
{
    const struct reg_user_word *word = table_of(dialect)->words;
    while ((word->op != NULL && word->op != op) || (word->err != REG_USER_ANY && word->err != err))
        word++;
    return word->code;
}

void reg_user_set(json_t *object, const char *name, const char *value)
{
    json_object_set_new(object, name, json_string(value));
}

void reg_user_set_number(json_t *object, const char *name, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    reg_user_set(object, name, text);
}

json_t *reg_user_answer(const struct dialect *dialect, const struct call *call)
{
    json_t *object = json_object();
    reg_user_set(object, "code", word_for(dialect, call->op, call->result));
    return object;
}

void reg_user_render(const struct dialect *dialect, const struct request *request, const struct call *call,
                     struct reply *reply)
{
    (void)request;
    reply_json(reply, reg_user_answer(dialect, call));
}

/* What the server itself refuses is called "not sent" where a code was asked for, and 400 elsewhere. */
static void render_failure(const struct dialect *dialect, const struct route *route, enum err err, struct reply *reply)
{
    (void)err;
    json_t *object = json_object();
    reg_user_set(object, "code", word_for(dialect, route->op, ERR_BUSY));
    reply_json(reply, object);
}

const struct dialect *reg_user_new(struct arena *arena, const struct reg_user *table,
                                   const struct reg_user_settings *settings)
{
    struct config *config = arena_alloc(arena, sizeof *config);
    struct dialect *dialect = arena_alloc(arena, sizeof *dialect);
    *config = (struct config){.table = table, .settings = *settings};
    *dialect = (struct dialect){.name = table->name,
                                .routes = table->routes,
                                .route_count = table->route_count,
                                .bodies = TAKES_FORMS,
                                .config = config,
                                .render_failure = render_failure};
    return dialect;
}
