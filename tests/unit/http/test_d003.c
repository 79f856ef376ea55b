/* Dialect 003 (http/dialects/d003.c), its two pure halves: what each call makes of a request, and the bytes it answers.
 * Every route is walked with every error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/service/bind.h"
#include "component/service/login.h"
#include "component/service/register.h"
#include "component/service/users.h"
#include "http/dialects/d003.h"

static struct arena *arena;
static const struct dialect *dialect;
static struct d003_settings settings = {
    .country = 86, .password_max = 8, .picture_lifetime_ms = 300000, .xmpp_domain = "example.org"};

static int set_up(void **state)
{
    (void)state;
    crypto_init();
    arena = arena_new();
    settings.app_secrets = secret_of_cstr("");
    settings.sign_required = false;
    return d003_new(arena, &settings, &dialect) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

#define D003_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* --- a request by hand */

struct exchange {
    const struct route *route;
    struct request request;
    struct call call;
};

static const struct route *route_of(const char *path)
{
    for (size_t i = 0; i < dialect->route_count; i++)
        if (strcmp(dialect->routes[i].path, path) == 0)
            return &dialect->routes[i];
    fail_msg("no route %s", path);
    return NULL;
}

/* `form` as in a body; characters that mean something there must be escaped. */
static struct exchange exchange_of(const char *path, const char *form)
{
    const struct route *route = route_of(path);
    struct exchange exchange = {.route = route,
                                .request = {.secure = true, .method = METHOD_POST, .path = route->path},
                                .call = {.arena = arena, .op = route->op}};
    exchange.request.params_error = params_parse_form(&exchange.request.params, arena, form, strlen(form));
    return exchange;
}

static enum err decode(struct exchange *exchange)
{
    return exchange->route->decode(dialect, &exchange->request, &exchange->call);
}

static enum err decoded(const char *path, const char *form)
{
    struct exchange exchange = exchange_of(path, form);
    return decode(&exchange);
}

static struct reply rendered(struct exchange *exchange, enum err result)
{
    struct reply reply;
    reply_init(&reply, arena);
    exchange->call.result = result;
    exchange->route->render(dialect, &exchange->request, &exchange->call, &reply);
    return reply;
}

static void expect_body(struct exchange *exchange, enum err result, const char *body)
{
    const struct reply reply = rendered(exchange, result);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.content_type, "application/json; charset=utf-8");
    assert_string_equal(arena_copy(arena, reply.body, reply.body_length), body);
}

/* --- the table of codes */

/* A sound request for each route, and the members that the seed gives its answer. */
static const struct {
    const char *path, *form;
    const char *members[4];
} calls[] = {
    {"/verify_code", "", {"result", "sign"}},
    {"/login", "type=1&user_name=13912345678&password=secret", {"result", "user_info", "access_token", "sign"}},
    {"/register", "type=2&user_name=lamp&password=secret&device_type=x", {"result", "sign"}},
    {"/cancel", "type=3&user_name=open_id&password=secret", {"result", "sign"}},
    {"/get_users", "access_token=t&user_name_ls=[\"a\",\"b\"]", {"user_info_ls", "result", "sign"}},
    {"/verify_access_token", "access_token=t", {"result", "validate"}},
    {"/set_user_banding", "access_token=t&user_name=a&user_name_ls=[\"b\"]", {"result", "sign"}},
    {"/set_user_unbanding", "access_token=t&user_name=a&user_name_ls=[\"b\"]", {"result", "sign"}},
    {"/get_user_banding", "access_token=t&user_name=a", {"roster_item", "result", "sign"}},
};
enum { CALLS = sizeof calls / sizeof calls[0] };

/* clang-format off */
static const struct {
    enum err err;
    int code;
} codes[] = {
    {ERR_INVALID, 2}, {ERR_UNAUTHORIZED, 4}, {ERR_FORBIDDEN, 100}, {ERR_NOT_FOUND, 1}, {ERR_CONFLICT, 3},
    {ERR_TOO_LARGE, 2}, {ERR_LIMITED, 2}, {ERR_FULL, 2}, {ERR_BUSY, 1}, {ERR_TIMEOUT, 1}, {ERR_DB_DOWN, 3}, {ERR_DB, 3},
    {ERR_UNCERTAIN, 3}, {ERR_CACHE_DOWN, 1}, {ERR_XMPP_DOWN, 101}, {ERR_XMPP, 1}, {ERR_UNSUPPORTED, 1},
    {ERR_SHUTDOWN, 1}, {ERR_INTERNAL, 1}, {ERR_PICTURE, 5}, {ERR_SIGN, 6}, {ERR_TOKEN, 4}, {ERR_TOKEN_EXPIRED, 106},
    {ERR_PASSWORD, 102}, {ERR_BANNED, 100}, {ERR_NAME_TAKEN, 103}, {ERR_NO_SUCH_NAME, 104}, {ERR_JID_FAILED, 101},
    {ERR_JID_PASSWORD, 105}, {ERR_JID_NONE, 106}, {ERR_JID_PENDING, 107}, {ERR_REFUSED, 108}, {ERR_BOUND, 109},
    {ERR_NOT_BOUND, 110}, {ERR_CODE, 1}, {ERR_NOT_SENT, 1}, {ERR_SAME_PASSWORD, 1}, {ERR_INVITATION, 1},
    {ERR_BALANCE, 1},
};
/* clang-format on */

static void expect_failure(const struct reply *reply, size_t call, int code)
{
    json_t *object = json_loadb(reply->body, reply->body_length, 0, NULL);
    if (object == NULL || json_integer_value(json_object_get(object, "result")) != code)
        fail_msg("%s: %.*s", calls[call].path, (int)reply->body_length, reply->body);
    for (size_t i = 0; i < 4 && calls[call].members[i] != NULL; i++)
        if (json_object_get(object, calls[call].members[i]) == NULL)
            fail_msg("%s lacks %s", calls[call].path, calls[call].members[i]);
    assert_true(json_is_integer(json_object_get(object, "result")));
    assert_false(json_is_true(json_object_get(object, "validate")));
    json_decref(object);
}

/* What a call's step left behind does not show when it fails. */
static void every_error_has_a_code_on_every_route(void **state)
{
    (void)state;
    assert_int_equal(sizeof codes / sizeof codes[0], ERR_COUNT - 1); /* all but OK */
    for (size_t c = 0; c < CALLS; c++) {
        struct exchange exchange = exchange_of(calls[c].path, calls[c].form);
        assert_int_equal(decode(&exchange), OK);
        for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
            if (exchange.call.op == &op_get_users) {
                struct users_io *io = exchange.call.io;
                io->found = arena_array(arena, io->list.count, sizeof *io->found);
            }
            const struct reply reply = rendered(&exchange, codes[i].err);
            assert_int_equal(reply.status, 200);
            expect_failure(&reply, c, codes[i].code);
        }
    }
}

static void the_servers_own_failures_have_the_same_codes(void **state)
{
    (void)state;
    static const struct {
        enum err err;
        int code;
    } failures[] = {{ERR_TOO_LARGE, 2},  {ERR_INVALID, 2},  {ERR_DB_DOWN, 3}, {ERR_BUSY, 1},
                    {ERR_CACHE_DOWN, 1}, {ERR_SHUTDOWN, 1}, {ERR_TIMEOUT, 1}};
    for (size_t c = 0; c < CALLS; c++)
        for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
            struct reply reply;
            reply_init(&reply, arena);
            dialect->render_failure(dialect, route_of(calls[c].path), failures[i].err, &reply);
            json_t *object = json_loadb(reply.body, reply.body_length, 0, NULL);
            assert_int_equal(json_integer_value(json_object_get(object, "result")), failures[i].code);
            json_decref(object);
        }
}

static void the_routes_are_the_seeds(void **state)
{
    (void)state;
    assert_int_equal(dialect->route_count, CALLS);
    for (size_t c = 0; c < CALLS; c++) {
        const struct route *route = route_of(calls[c].path);
        const bool tcp = route->op == &op_get_users || route->op == &op_verify_token;
        assert_int_equal(route->methods, METHOD_GET | METHOD_POST);
        assert_int_equal(route->transports, tcp ? OVER_HTTP | OVER_TCP : OVER_HTTP);
    }
}

/* A request that cannot be decoded is still answered: with what was made of it so far. */
static void nothing_at_all_is_a_parameter_error(void **state)
{
    (void)state;
    for (size_t c = 0; c < CALLS; c++) {
        struct exchange empty = exchange_of(calls[c].path, ""), broken = exchange_of(calls[c].path, "a=%zz");
        const enum err err = decode(&empty);
        const bool needs_nothing = empty.call.op == &op_picture || empty.call.op == &op_verify_token;
        assert_int_equal(err, needs_nothing ? OK : ERR_INVALID);
        if (!needs_nothing) {
            const struct reply reply = rendered(&empty, err);
            expect_failure(&reply, c, 2);
        }
        assert_int_equal(decode(&broken), ERR_INVALID);
        const struct reply reply = rendered(&broken, ERR_INVALID);
        expect_failure(&reply, c, 2);
    }
}

/* --- decoding */

static void a_login_is_decoded(void **state)
{
    (void)state;
    struct exchange exchange =
        exchange_of("/login", "type=1&user_name=%2B8613912345678&password=p+%2B%26&verify_code=AbC&verify_id=id");
    assert_int_equal(decode(&exchange), OK);
    const struct login_io *io = exchange.call.io;
    assert_int_equal(io->type, ACCOUNT_PHONE);
    assert_string_equal(io->name, "+8613912345678");
    assert_string_equal(secret_expose(io->password), "p +&");
    assert_string_equal(io->proof.picture_id, "id");
    assert_string_equal(io->proof.picture_answer, "AbC");
    assert_false(io->proof.signed_fresh);
    assert_null(io->proof.nonce);
}

static void the_pictures_cookie_counts_unless_a_parameter_says_other(void **state)
{
    (void)state;
    struct exchange exchange = exchange_of("/login", "type=1&user_name=13912345678&password=p&verify_code=x");
    exchange.request.verify_id_cookie = "cookie";
    assert_int_equal(decode(&exchange), OK);
    assert_string_equal(((struct login_io *)exchange.call.io)->proof.picture_id, "cookie");
    exchange = exchange_of("/login", "type=1&user_name=13912345678&password=p&verify_code=x&verify_id=param");
    exchange.request.verify_id_cookie = "cookie";
    assert_int_equal(decode(&exchange), OK);
    assert_string_equal(((struct login_io *)exchange.call.io)->proof.picture_id, "param");
}

static void bad_parameters_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"/login", "user_name=13912345678&password=p"},
        {"/login", "type=&user_name=13912345678&password=p"},
        {"/login", "type=0&user_name=13912345678&password=p"},
        {"/login", "type=4&user_name=13912345678&password=p"},
        {"/login", "type=1.0&user_name=13912345678&password=p"},
        {"/login", "type=+1&user_name=13912345678&password=p"},
        {"/login", "type=1&user_name=1391234567&password=p"},
        {"/login", "type=1&user_name=lamp&password=p"},
        {"/login", "type=1&user_name=13912345678"},
        {"/login", "type=1&user_name=13912345678&password="},
        {"/login", "type=1&user_name=13912345678&password=123456789"}, /* 9 characters of 8 */
        {"/login", "type=1&type=1&user_name=13912345678&password=p"},
        {"/login", "type=3&user_name=a.b&password=p"},
        {"/login", "type=2&user_name=a%00b&password=p"},
        {"/login", "type=2&user_name=%FF&password=p"},
        {"/register", "type=2&user_name=lamp&password=p"}, /* a Device says what it is */
        {"/register", "type=2&user_name=lamp&password=p&device_type=%01"},
        {"/register", "type=1&user_name=13912345678&password=p&des=%0b"},
        {"/get_users", "access_token=t"},
        {"/get_users", "access_token=t&user_name_ls=lamp"},
        {"/get_users", "access_token=t&user_name_ls=[]"},
        {"/get_users", "access_token=t&user_name_ls=[\"\"]"},
        {"/get_users", "access_token=t&user_name_ls=[1]"},
        {"/get_users", "access_token=t&user_name_ls=[\"a\",null]"},
        {"/get_users", "access_token=t&user_name_ls={\"a\":\"b\"}"},
        {"/get_users", "access_token=t&user_name_ls=[\"a\"]x"},
        {"/get_users", "access_token=t&user_name_ls=[\"a\"]&type=9"},
        {"/set_user_banding", "access_token=t&user_name_ls=[\"a\"]"},
        {"/set_user_banding", "access_token=t&user_name=no+name&user_name_ls=[\"a\"]"},
        {"/get_user_banding", "access_token=t&user_name=a&type=x"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (decoded(bad[i][0], bad[i][1]) != ERR_INVALID)
            fail_msg("taken: %s %s", bad[i][0], bad[i][1]);
}

static void at_the_bounds_they_are_taken(void **state)
{
    (void)state;
    assert_int_equal(decoded("/login", "type=01&user_name=13912345678&password=p"),
                     decoded("/login", "type=1&user_name=13912345678&password=12345678"));
    assert_int_equal(decoded("/login", "type=1&user_name=13912345678&password=名前名前名前名前"),
                     OK); /* 8 characters */
    assert_int_equal(decoded("/register", "type=1&user_name=13912345678&password=p"), OK);
    assert_int_equal(decoded("/register", "type=3&user_name=x&password=p&des=&device_type="), OK);
}

static void a_list_holds_a_hundred_names(void **state)
{
    (void)state;
    char form[2000] = "user_name_ls=[\"n\"";
    for (int i = 1; i < 100; i++)
        strcat(form, ",\"n\"");
    char *end = form + strlen(form);
    strcpy(end, "]");
    assert_int_equal(decoded("/get_users", form), OK);
    strcpy(end, ",\"n\"]");
    assert_int_equal(decoded("/get_users", form), ERR_INVALID);
}

/* It is unknown, then: 104, and the others are still found. */
static void a_name_that_nobody_can_have_is_not_malformed(void **state)
{
    (void)state;
    struct exchange exchange =
        exchange_of("/get_users", "access_token=t&user_name_ls=[\"13912345678\",\"no name\",\"lamp\"]");
    assert_int_equal(decode(&exchange), OK);
    const struct users_io *io = exchange.call.io;
    assert_int_equal(io->list.count, 3);
    assert_string_equal(io->list.names[0].phone, "+8613912345678");
    assert_string_equal(io->list.names[0].plain, "13912345678");
    assert_true(io->list.names[1].phone == NULL && io->list.names[1].plain == NULL);
    assert_string_equal(io->list.names[2].plain, "lamp");
    assert_string_equal(secret_expose(io->credential.token), "t");
    assert_false(io->credential.backend);
}

/* --- golden answers */

static struct account lamp = {.id = 1001,
                              .type = ACCOUNT_DEVICE,
                              .state = ACCOUNT_ACTIVE,
                              .name = "lamp",
                              .nickname = "",
                              .des = "a \"lamp\"",
                              .device_type = "x",
                              .jid_local = "abc"};
static struct account phone = {.id = 1002,
                               .type = ACCOUNT_PHONE,
                               .state = ACCOUNT_ACTIVE,
                               .name = "+8613912345678",
                               .nickname = "Li",
                               .des = "",
                               .device_type = "",
                               .jid_local = "def"};

static void a_login_answers(void **state)
{
    (void)state;
    struct exchange exchange = exchange_of("/login", "type=2&user_name=lamp&password=p");
    assert_int_equal(decode(&exchange), OK);
    struct login_io *io = exchange.call.io;
    io->account = lamp;
    io->jid_password = secret_of_cstr("jid-secret");
    io->token = secret_of_cstr("token");
    expect_body(&exchange, OK,
                "{\"result\":0,\"user_info\":{\"user_name\":\"lamp\",\"password\":\"\",\"des\":\"a \\\"lamp\\\"\","
                "\"jid\":\"abc@example.org\",\"jid_pwd\":\"jid-secret\",\"type\":2},\"access_token\":\"token\","
                "\"sign\":\"\"}");
    expect_body(&exchange, ERR_JID_PASSWORD, "{\"result\":105,\"user_info\":{},\"access_token\":\"\",\"sign\":\"\"}");
}

static void a_list_of_users_answers(void **state)
{
    (void)state;
    struct exchange exchange =
        exchange_of("/get_users", "access_token=t&user_name_ls=[\"lamp\",\"x\",\"13912345678\"]");
    assert_int_equal(decode(&exchange), OK);
    struct users_io *io = exchange.call.io;
    struct account *found[] = {&lamp, NULL, &phone};
    io->found = found;
    io->credential.account_id = phone.id;
    io->own_jid_password = secret_of_cstr("own");
    expect_body(
        &exchange, ERR_NO_SUCH_NAME,
        "{\"user_info_ls\":[{\"user_name\":\"lamp\",\"password\":\"\",\"des\":\"a \\\"lamp\\\"\",\"jid\":"
        "\"abc@example.org\",\"jid_pwd\":\"\",\"type\":2},{\"user_name\":\"13912345678\",\"password\":\"\","
        "\"des\":\"\",\"jid\":\"def@example.org\",\"jid_pwd\":\"own\",\"type\":1}],\"result\":104,\"sign\":\"\"}");
    expect_body(&exchange, ERR_TOKEN, "{\"user_info_ls\":[],\"result\":4,\"sign\":\"\"}");
}

static void a_binding_answers(void **state)
{
    (void)state;
    static const size_t failed[] = {1, 2};
    struct exchange bind = exchange_of("/set_user_banding", "user_name=a&user_name_ls=[\"b\",\"c d\",\"名\"]"),
                    unbind = exchange_of("/set_user_unbanding", "user_name=a&user_name_ls=[\"b\"]");
    assert_int_equal(decode(&bind), OK);
    assert_int_equal(decode(&unbind), OK);
    struct bind_io *io = bind.call.io;
    expect_body(&bind, OK, "{\"result\":0,\"failed\":[],\"state\":\"pending\",\"sign\":\"\"}");
    expect_body(&unbind, OK, "{\"result\":0,\"failed\":[],\"state\":\"pending\",\"sign\":\"\"}");
    io->wishes.seen = ((struct bind_io *)unbind.call.io)->wishes.seen = true;
    expect_body(&bind, OK, "{\"result\":0,\"failed\":[],\"state\":\"bound\",\"sign\":\"\"}");
    expect_body(&unbind, OK, "{\"result\":0,\"failed\":[],\"state\":\"unbound\",\"sign\":\"\"}");
    io->failed = failed;
    io->failed_count = 2;
    expect_body(&bind, ERR_NO_SUCH_NAME, "{\"result\":104,\"failed\":[\"c d\",\"名\"],\"sign\":\"\"}");
}

static void a_list_of_bindings_answers(void **state)
{
    (void)state;
    const char *groups[] = {"friends", "a \"b\""};
    struct bound_peer peers[] = {
        {.peer = lamp, .seen = true, .subscription = 3, .nickname = "my lamp", .groups = groups, .group_count = 2},
        {.peer = phone, .nickname = ""}};
    struct exchange exchange = exchange_of("/get_user_banding", "access_token=t&user_name=a");
    assert_int_equal(decode(&exchange), OK);
    struct bound_io *io = exchange.call.io;
    io->peers = peers;
    io->count = 2;
    expect_body(&exchange, OK,
                "{\"roster_item\":[{\"jid\":\"abc@example.org\",\"subscriptionType\":\"both\",\"nickname\":\"my lamp\","
                "\"groups\":{\"friends\":true,\"a \\\"b\\\"\":true},\"user_name\":\"lamp\",\"type\":2},{\"jid\":"
                "\"def@example.org\",\"subscriptionType\":\"none\",\"nickname\":\"\",\"groups\":{},\"user_name\":"
                "\"13912345678\",\"type\":1}],\"result\":0,\"sign\":\"\"}");
}

static void a_token_answers_without_a_signature(void **state)
{
    (void)state;
    struct exchange exchange = exchange_of("/verify_access_token", "access_token=t");
    assert_int_equal(decode(&exchange), OK);
    expect_body(&exchange, OK, "{\"result\":0,\"validate\":true}");
    expect_body(&exchange, ERR_TOKEN_EXPIRED, "{\"result\":106,\"validate\":false}");
}

static void a_picture_answers(void **state)
{
    (void)state;
    struct exchange exchange = exchange_of("/verify_code", "");
    assert_int_equal(decode(&exchange), OK);
    struct picture_io *io = exchange.call.io;
    *io = (struct picture_io){.id = "0123", .png = "PNG", .length = 3};
    struct reply reply = rendered(&exchange, OK);
    assert_string_equal(reply.content_type, "image/png");
    assert_memory_equal(reply.body, "PNG", 3);
    assert_string_equal(reply.headers[0].name, "Set-Cookie");
    assert_string_equal(reply.headers[0].value, "verify_id=0123; Max-Age=300; Path=/; HttpOnly; SameSite=Lax; Secure");
    assert_string_equal(reply.headers[1].name, "X-Verify-Id");
    assert_string_equal(reply.headers[1].value, "0123");
    exchange.request.secure = false;
    reply = rendered(&exchange, OK);
    assert_string_equal(reply.headers[0].value, "verify_id=0123; Max-Age=300; Path=/; HttpOnly; SameSite=Lax");
    expect_body(&exchange, ERR_LIMITED, "{\"result\":2,\"sign\":\"\"}");
}

/* --- signatures */

static void a_signature_can_be_required(void **state)
{
    (void)state;
    settings.app_secrets = secret_of_cstr("one:s3cret");
    settings.sign_required = true;
    assert_int_equal(d003_new(arena, &settings, &dialect), OK);
    for (size_t c = 0; c < CALLS; c++) {
        assert_int_equal(decoded(calls[c].path, calls[c].form), ERR_SIGN);
        assert_int_equal(decoded(calls[c].path, "param_sign=00"), ERR_SIGN);
    }
    assert_int_equal(
        decoded("/verify_code", "param_sign=1fbff49c89047e340bfe6ecd8632ddd5ff0ae2a99e5493e6d67b6216033d9042"), OK);
    struct exchange exchange = exchange_of("/register", "");
    assert_int_equal(decode(&exchange), ERR_SIGN);
    expect_body(&exchange, ERR_NAME_TAKEN,
                "{\"result\":103,\"sign\":\"1972274b56f7a8b78dc02045b706ee66aadbbc7a4f68ebe7b60c4087d2bb887d\"}");
    settings.app_secrets = secret_of_cstr("no colon");
    assert_int_equal(d003_new(arena, &settings, &dialect), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        D003_TEST(every_error_has_a_code_on_every_route),
        D003_TEST(the_servers_own_failures_have_the_same_codes),
        D003_TEST(the_routes_are_the_seeds),
        D003_TEST(nothing_at_all_is_a_parameter_error),
        D003_TEST(a_login_is_decoded),
        D003_TEST(the_pictures_cookie_counts_unless_a_parameter_says_other),
        D003_TEST(bad_parameters_are_refused),
        D003_TEST(at_the_bounds_they_are_taken),
        D003_TEST(a_list_holds_a_hundred_names),
        D003_TEST(a_name_that_nobody_can_have_is_not_malformed),
        D003_TEST(a_login_answers),
        D003_TEST(a_list_of_users_answers),
        D003_TEST(a_binding_answers),
        D003_TEST(a_list_of_bindings_answers),
        D003_TEST(a_token_answers_without_a_signature),
        D003_TEST(a_picture_answers),
        D003_TEST(a_signature_can_be_required),
    };
    return cmocka_run_group_tests_name("dialect 003", tests, NULL, NULL);
}
