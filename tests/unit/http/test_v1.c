/* Dialect v1: every error of every route, and requests that are decoded as they should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/service/asks.h"
#include "component/service/bind.h"
#include "component/service/claims.h"
#include "component/service/own_account.h"
#include "component/service/rename.h"
#include "http/dialects/v1.h"

static struct arena *arena;
static const struct dialect *v1;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    v1 = v1_new(arena, &(struct v1_settings){.country = 86, .xmpp_domain = "example.org"});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static const struct route *route_of(enum method method, const char *path)
{
    for (size_t i = 0; i < v1->route_count; i++)
        if (strcmp(v1->routes[i].path, path) == 0 && v1->routes[i].methods & (unsigned)method)
            return &v1->routes[i];
    fail_msg("no route %s", path);
    return NULL;
}

static enum err decode(enum method method, const char *path, const char *body, struct call *call_r)
{
    struct request request = {.method = method, .path = path, .bearer = secret_of_cstr("token")};
    request.params_error = params_parse_json(&request.params, arena, body, strlen(body));
    *call_r = (struct call){.arena = arena, .op = route_of(method, path)->op};
    return route_of(method, path)->decode(v1, &request, call_r);
}

/* --- errors */

/* clang-format off */
static const struct {
    enum err err;
    unsigned status;
} statuses[] = {
    {ERR_INVALID, 400}, {ERR_UNAUTHORIZED, 401}, {ERR_TOKEN, 401}, {ERR_TOKEN_EXPIRED, 401}, {ERR_FORBIDDEN, 403},
    {ERR_BANNED, 403}, {ERR_REFUSED, 403}, {ERR_NOT_FOUND, 404}, {ERR_CODE, 404}, {ERR_NO_SUCH_NAME, 404},
    {ERR_NOT_BOUND, 404}, {ERR_BOUND, 409}, {ERR_FULL, 409}, {ERR_JID_NONE, 409}, {ERR_JID_PENDING, 409},
    {ERR_TOO_LARGE, 413}, {ERR_LIMITED, 429},
};
/* clang-format on */

static unsigned status_of(enum err err)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].err == err)
            return statuses[i].status;
    return 500;
}

static void expect_error(const struct reply *reply, enum err err)
{
    json_t *object = json_loadb(reply->body, reply->body_length, 0, NULL);
    assert_int_equal(reply->status, status_of(err));
    assert_string_equal(json_string_value(json_object_get(object, "error")), err_name(err));
    assert_string_equal(json_string_value(json_object_get(object, "message")), err_text(err));
    assert_int_equal(json_object_size(object), 2);
    assert_int_equal(reply->header_count, status_of(err) == 401);
    json_decref(object);
}

/* Also where the request was never decoded. */
static void every_error_of_every_route(void **state)
{
    (void)state;
    for (size_t r = 0; r < v1->route_count; r++) {
        for (enum err err = OK + 1; err < ERR_COUNT; err++) {
            const struct call call = {.arena = arena, .op = v1->routes[r].op, .result = err};
            struct reply reply;
            reply_init(&reply, arena);
            v1->routes[r].render(v1, NULL, &call, &reply);
            expect_error(&reply, err);
            reply_init(&reply, arena);
            v1->render_failure(v1, &v1->routes[r], err, &reply);
            expect_error(&reply, err);
        }
    }
}

/* --- requests */

static void every_request_brings_its_token(void **state)
{
    (void)state;
    struct call call;
    assert_int_equal(decode(METHOD_POST, "/v1/claims", "{}", &call), OK);
    assert_string_equal(secret_expose(((struct claim_io *)call.io)->credential.token), "token");
    assert_int_equal(decode(METHOD_POST, "/v1/claims/redeem", "{\"code\":\"x\"}", &call), OK);
    assert_string_equal(secret_expose(((struct redeem_io *)call.io)->credential.token), "token");
    assert_int_equal(decode(METHOD_GET, "/v1/consent", "{}", &call), OK);
    assert_string_equal(secret_expose(((struct own_account_io *)call.io)->credential.token), "token");
    assert_int_equal(decode(METHOD_PUT, "/v1/consent", "{\"consent\":\"ask\"}", &call), OK);
    assert_string_equal(secret_expose(((struct set_consent_io *)call.io)->credential.token), "token");
    assert_int_equal(((struct set_consent_io *)call.io)->consent, CONSENT_ASK);
    assert_int_equal(decode(METHOD_GET, "/v1/asks", "{}", &call), OK);
    assert_string_equal(secret_expose(((struct asks_io *)call.io)->credential.token), "token");
    assert_int_equal(decode(METHOD_POST, "/v1/asks/answer", "{\"id\":7,\"accept\":false}", &call), OK);
    assert_string_equal(secret_expose(((struct answer_io *)call.io)->credential.token), "token");
    assert_int_equal(((struct answer_io *)call.io)->ask_id, 7);
    assert_false(((struct answer_io *)call.io)->accept);
    assert_int_equal(decode(METHOD_GET, "/v1/bindings", "{}", &call), OK);
    assert_string_equal(secret_expose(((struct bound_io *)call.io)->credential.token), "token");
    assert_int_equal(decode(METHOD_POST, "/v1/bindings/rename", "{\"jid\":\"a@example.org\",\"nickname\":\"\"}", &call),
                     OK);
    assert_string_equal(secret_expose(((struct rename_io *)call.io)->credential.token), "token");
    assert_string_equal(((struct rename_io *)call.io)->jid_local, "a");
    assert_string_equal(((struct rename_io *)call.io)->nickname, "");
}

static enum qr_format format_of(const char *body, const char *accept)
{
    struct request request = {.method = METHOD_POST, .accept = accept};
    struct call call = {.arena = arena};
    assert_int_equal(params_parse_json(&request.params, arena, body, strlen(body)), OK);
    assert_int_equal(route_of(METHOD_POST, "/v1/claims")->decode(v1, &request, &call), OK);
    return ((const struct claim_io *)call.io)->picture;
}

static void a_picture_is_what_was_named_or_else_accepted(void **state)
{
    (void)state;
    assert_int_equal(format_of("{}", NULL), QR_NONE);
    assert_int_equal(format_of("{}", "*/*"), QR_NONE);
    assert_int_equal(format_of("{}", "image/png"), QR_PNG);
    assert_int_equal(format_of("{}", "IMAGE/SVG+XML, image/png;q=0.5"), QR_SVG);
    assert_int_equal(format_of("{}", "application/json, image/png"), QR_NONE);
    assert_int_equal(format_of("{\"format\":\"svg\"}", "image/png"), QR_SVG);
    assert_int_equal(format_of("{\"format\":\"json\"}", "image/png"), QR_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_error_of_every_route),
        TEST(every_request_brings_its_token),
        TEST(a_picture_is_what_was_named_or_else_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
