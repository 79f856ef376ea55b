/* What 001 (`/reg/...`) and 002 (`/user/...`) share: the parameters they are sent, the calls that differ in nothing but
 * their words, and replies in which every value is a string. */
#ifndef HTTP_DIALECTS_REG_USER_H
#define HTTP_DIALECTS_REG_USER_H

#include <stdint.h>

#include "component/base/secret.h"
#include "component/service/app_session.h"
#include "component/service/code_send.h"
#include "component/service/phone.h"
#include "http/route.h"

struct arena;

struct reg_user_settings {
    unsigned country;     /* calling code of its 11-digit numbers */
    int64_t password_max; /* characters */
    int64_t code_tries;
};

/* What a dialect calls an outcome. The first row that fits counts: `op` NULL is any call, REG_USER_ANY any outcome. */
struct reg_user_word {
    enum err err;
    const struct op *op;
    const char *code;
};
#define REG_USER_ANY ERR_COUNT

struct reg_user {
    const char *name; /* "001" */
    enum session_dialect session;
    const struct reg_user_word *words; /* the last one is of any call and any outcome */
    const struct route *routes;
    size_t route_count;
};

/* The dialect, in the arena. `table` must outlive it. */
const struct dialect *reg_user_new(struct arena *arena, const struct reg_user *table,
                                   const struct reg_user_settings *settings);
const struct reg_user_settings *reg_user_settings_of(const struct dialect *dialect);

/* --- parameters */

enum reg_user_parameter {
    TAKES_PHONE = 1,     /* 11 digits, to E.164 */
    TAKES_XID = 2,       /* 32 letters or digits */
    TAKES_UTIME = 4,     /* 1 to 13 digits, not said to be near */
    TAKES_UID = 8,       /* an account's number */
    TAKES_SECRET = 16,   /* `sec` as a session's: 16 hex digits, in lower case then */
    TAKES_CHECK = 32,    /* `sec` as check digits: a number */
    TAKES_PASSWORD = 64, /* `pwd`: 32 hex digits are an MD5, anything else is the password itself */
    TAKES_CODE = 128,    /* `yzm`: 6 digits */
};

struct reg_user_given {
    const char *phone_digits, *phone; /* as sent; E.164 */
    const char *xid;
    int64_t utime, account_id, check;
    struct secret secret;
    struct given_password password;
    const char *code;
};

/* Reads the parameters named by `takes`, all of which are required. ERR_INVALID. */
MUST_CHECK enum err reg_user_read(const struct dialect *dialect, const struct request *request, struct call *call,
                                  unsigned takes, struct reg_user_given *given_r);
/* The value, or NULL when it is missing or empty. */
const char *reg_user_text(const struct request *request, const char *name);

/* --- whole decoders, for sms, login, loginout, and what needs a code */

enum err reg_user_decode_sms(const struct dialect *dialect, const struct request *request, struct call *call);
enum err reg_user_decode_login(const struct dialect *dialect, const struct request *request, struct call *call);
enum err reg_user_decode_logout(const struct dialect *dialect, const struct request *request, struct call *call);
enum err reg_user_decode_with_code(const struct dialect *dialect, const struct request *request, struct call *call);

/* --- replies */

/* An object that holds `code`: "200", or the dialect's word for the call's outcome. */
json_t *reg_user_answer(const struct dialect *dialect, const struct call *call);
void reg_user_set(json_t *object, const char *name, const char *value);
void reg_user_set_number(json_t *object, const char *name, int64_t number); /* as a string, too */
/* `code` alone. */
void reg_user_render(const struct dialect *dialect, const struct request *request, const struct call *call,
                     struct reply *reply);

#endif
