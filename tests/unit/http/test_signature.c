/* Signatures of dialect 003 (http/signature.h). The expected values come from another implementation: Python's hmac and
 * urllib.parse.quote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "http/signature.h"

static struct arena *arena;
static struct app_secrets applications, backends, none;

static int set_up(void **state)
{
    (void)state;
    crypto_init();
    arena = arena_new();
    assert_int_equal(app_secrets_parse(arena, secret_of_cstr("one:s3cret, two:other"), &applications), OK);
    return app_secrets_parse(arena, secret_of_cstr("backend:back"), &backends) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

/* --- secrets */

static void secrets_are_parsed(void **state)
{
    (void)state;
    struct app_secrets secrets;
    assert_int_equal(applications.count, 2);
    assert_string_equal(applications.list[0].id, "one");
    assert_string_equal(secret_expose(applications.list[0].key), "s3cret");
    assert_string_equal(applications.list[1].id, "two");
    assert_string_equal(secret_expose(applications.list[1].key), "other");
    assert_int_equal(app_secrets_parse(arena, secret_of_cstr(""), &secrets), OK);
    assert_int_equal(secrets.count, 0);
    assert_int_equal(app_secrets_parse(arena, secret_of_cstr("a:b:c"), &secrets), OK);
    assert_string_equal(secret_expose(secrets.list[0].key), "b:c");
}

static void malformed_secrets_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"secret", ":secret", "app:", "a:b,c", "a:b,:c", "a:b,a:c", "a:b,,a:c"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct app_secrets secrets;
        if (app_secrets_parse(arena, secret_of_cstr(bad[i]), &secrets) != ERR_INVALID)
            fail_msg("taken: %s", bad[i]);
    }
}

/* --- requests */

struct pair {
    const char *name, *value;
};

static struct params params_of(const struct pair *pairs, size_t count, const char *sign)
{
    struct params params = {0};
    for (size_t i = 0; i < count; i++)
        assert_int_equal(
            params_add(&params, arena, pairs[i].name, strlen(pairs[i].name), pairs[i].value, strlen(pairs[i].value)),
            OK);
    if (sign != NULL)
        assert_int_equal(params_add(&params, arena, "param_sign", 10, sign, strlen(sign)), OK);
    return params;
}

static struct signature signature;

static enum err check(const char *path, const struct pair *pairs, size_t count, const char *sign)
{
    const struct params params = params_of(pairs, count, sign);
    return signature_check(arena, &applications, &backends, path, &params, &signature);
}

#define LOGIN_SIGN "ee4fd52aed16a470b499ea5f30f4dfe42f5de718ff91b290878e719e4ab43686"
static const struct pair login[] = {
    {"type", "1"}, {"user_name", "13912345678"}, {"password", "p w&=%+/?"}, {"verify_code", ""}};

static void a_request_is_signed_over_all_its_parameters(void **state)
{
    (void)state;
    assert_int_equal(check("/login", login, 4, LOGIN_SIGN), OK);
    assert_true(signature.application && !signature.backend);
    assert_string_equal(signature.id, "one");
}

static void names_are_sorted_as_they_are_encoded(void **state)
{
    (void)state;
    static const struct pair users[] = {{"a b", "z"},      {"user_name_ls", "[\"a\",\"b\"]"},
                                        {"a.b", "y"},      {"Z", "upper"},
                                        {"名", "值 ~-._"}, {"a", "lower"},
                                        {"a-b", "x"}};
    assert_int_equal(check("/get_users", users, 7, "aa941eb1d415cabe4f67c4078265b21d9ea016528c8dc9b6545fb1d7c40baed6"),
                     OK);
    assert_true(signature.application);
}

static void without_parameters_the_path_is_signed(void **state)
{
    (void)state;
    assert_int_equal(check("/verify_code", NULL, 0, "1fbff49c89047e340bfe6ecd8632ddd5ff0ae2a99e5493e6d67b6216033d9042"),
                     OK);
    assert_true(signature.application);
}

static void hex_is_read_in_either_case(void **state)
{
    (void)state;
    assert_int_equal(check("/login", login, 4, "EE4FD52AED16A470B499EA5F30F4DFE42F5DE718FF91B290878E719E4AB43686"), OK);
    assert_true(signature.application);
}

static void anything_else_is_wrong(void **state)
{
    (void)state;
    struct pair changed[5];
    memcpy(changed, login, sizeof login);
    changed[1].value = "13912345679";
    assert_int_equal(check("/login", changed, 4, LOGIN_SIGN), ERR_SIGN);
    assert_int_equal(check("/cancel", login, 4, LOGIN_SIGN), ERR_SIGN);
    assert_int_equal(check("/login", login, 3, LOGIN_SIGN), ERR_SIGN); /* one left out */
    memcpy(changed, login, sizeof login);
    changed[4] = (struct pair){"more", ""};
    assert_int_equal(check("/login", changed, 5, LOGIN_SIGN), ERR_SIGN);
    static const char *const bad[] = {"0", "ee4fd52aed16a470b499ea5f30f4dfe42f5de718ff91b290878e719e4ab4368",
                                      LOGIN_SIGN "0", LOGIN_SIGN " ",
                                      "ee4fd52aed16a470b499ea5f30f4dfe42f5de718ff91b290878e719e4ab43687"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(check("/login", login, 4, bad[i]), ERR_SIGN);
        assert_null(signature.id);
        assert_false(signature.application || signature.backend);
    }
}

static void an_unsigned_request_is_none_of_these(void **state)
{
    (void)state;
    assert_int_equal(check("/login", login, 4, NULL), OK);
    assert_null(signature.id);
    assert_false(signature.application || signature.backend);
    assert_int_equal(check("/login", login, 4, ""), OK); /* empty is missing */
    assert_false(signature.application || signature.backend);
}

static void app_id_chooses_the_key(void **state)
{
    (void)state;
    static const char by_two[] = "599acf8587ecb18c996ec1abab150d75154e83d94bbbb4d50493aa768e6e2459";
    struct pair pairs[] = {{"app_id", "two"}, {"user_name", "x"}};
    assert_int_equal(check("/login", pairs, 2, by_two), OK);
    assert_string_equal(signature.id, "two");
    pairs[0].value = "one";
    assert_int_equal(check("/login", pairs, 2, by_two), ERR_SIGN);
    pairs[0].value = "nobody";
    assert_int_equal(check("/login", pairs, 2, by_two), ERR_SIGN);
}

static void a_backend_is_told_from_an_application(void **state)
{
    (void)state;
    static const char by_backend[] = "957c25e0e14d5bd42285da345f30700723154a17e62c7909653c44e38d0d7a0c";
    const struct pair pairs[] = {{"app_id", "backend"}, {"user_name", "x"}, {"user_name_ls", "[\"y\"]"}};
    assert_int_equal(check("/set_user_banding", pairs, 3, by_backend), OK);
    assert_true(signature.backend && !signature.application);
    assert_string_equal(signature.id, "backend");
    const struct params params = params_of(pairs, 3, by_backend);
    assert_int_equal(signature_check(arena, &applications, &none, "/set_user_banding", &params, &signature), ERR_SIGN);
    assert_int_equal(signature_check(arena, &none, &none, "/set_user_banding", &params, &signature), ERR_SIGN);
}

/* --- replies */

static const char *signed_reply(const struct app_secrets *secrets, const char *path, const char *json)
{
    json_t *reply = json_loads(json, 0, NULL);
    assert_non_null(reply);
    signature_add(arena, secrets, path, reply);
    const char *sign = arena_strdup(arena, json_string_value(json_object_get(reply, "sign")));
    json_decref(reply);
    return sign;
}

static void a_reply_is_signed_over_its_members_as_sent(void **state)
{
    (void)state;
    assert_string_equal(signed_reply(&applications, "/login",
                                     "{\"result\":0,\"user_info\":{\"user_name\":\"13912345678\",\"password\":\"\","
                                     "\"des\":\"x \\\"y\\\"\",\"jid\":\"j@d\",\"jid_pwd\":\"p\",\"type\":1},"
                                     "\"access_token\":\"t-_\"}"),
                        "a513a1af707210749abe23b0a6c7f504d4018279b1f7e3a93497cab25d3b6231");
    assert_string_equal(signed_reply(&applications, "/register", "{\"result\":103}"),
                        "1972274b56f7a8b78dc02045b706ee66aadbbc7a4f68ebe7b60c4087d2bb887d");
    assert_string_equal(signed_reply(&applications, "/x", "{\"n\":null,\"list\":[1,true,null,\"ä\"],\"b\":true}"),
                        "9d1294670e86c62a4658e5ef369d20efa0b821d66c92ece1efe9b012cf898800");
}

static void without_a_secret_the_signature_is_empty(void **state)
{
    (void)state;
    assert_string_equal(signed_reply(&none, "/register", "{\"result\":103}"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_parsed),
        cmocka_unit_test(malformed_secrets_are_refused),
        cmocka_unit_test(a_request_is_signed_over_all_its_parameters),
        cmocka_unit_test(names_are_sorted_as_they_are_encoded),
        cmocka_unit_test(without_parameters_the_path_is_signed),
        cmocka_unit_test(hex_is_read_in_either_case),
        cmocka_unit_test(anything_else_is_wrong),
        cmocka_unit_test(an_unsigned_request_is_none_of_these),
        cmocka_unit_test(app_id_chooses_the_key),
        cmocka_unit_test(a_backend_is_told_from_an_application),
        cmocka_unit_test(a_reply_is_signed_over_its_members_as_sent),
        cmocka_unit_test(without_a_secret_the_signature_is_empty),
    };
    return cmocka_run_group_tests_name("signature", tests, set_up, tear_down);
}
