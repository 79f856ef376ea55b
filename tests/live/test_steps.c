/* Registrations in steps on a real Redis: whose they are, what they hold, how they end. */
#include "tests/live/live_redis.h"

#include "component/base/arena.h"
#include "component/cache/steps.h"

static struct arena *arena;

static int arena_set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int arena_tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct steps_owner owner_of(const char *phone, const char *cookie, const char *peer)
{
    return (struct steps_owner){.phone = phone, .cookie = secret_of_cstr(cookie), .peer = peer};
}

static void begin(const char *phone, const char *cookie, const char *peer, int64_t lifetime_ms)
{
    const struct steps_owner owner = owner_of(phone, cookie, peer);
    assert_int_equal(steps_begin(redis, ring, &owner, lifetime_ms), OK);
}

static enum err find(const char *phone, const char *cookie, const char *peer, struct steps *steps_r)
{
    const struct steps_owner owner = owner_of(phone, cookie, peer);
    return steps_find(redis, ring, arena, &owner, steps_r);
}

static void the_cookie_or_the_address_will_do(void **state)
{
    (void)state;
    char phone[17];
    struct steps steps;
    assert_int_equal(find(new_name(phone), "cookie", "192.0.2.1", &steps), ERR_NOT_FOUND);
    begin(phone, "cookie", "192.0.2.1", HOUR_MS);
    static const struct {
        const char *cookie, *peer;
        enum err err;
    } cases[] = {
        {"cookie", "192.0.2.1", OK},
        {"cookie", "192.0.2.2", OK},
        {"", "192.0.2.1", OK},
        {"wrong", "192.0.2.1", OK},
        {"wrong", "192.0.2.2", ERR_NOT_FOUND},
        {"", "192.0.2.2", ERR_NOT_FOUND},
        {"cookie ", "", ERR_NOT_FOUND},
        {"", "", ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(find(phone, cases[i].cookie, cases[i].peer, &steps), cases[i].err);
    char other[17];
    assert_int_equal(find(new_name(other), "cookie", "192.0.2.1", &steps), ERR_NOT_FOUND);
}

static void a_password_is_kept_as_it_was_sealed(void **state)
{
    (void)state;
    char phone[17];
    struct steps steps;
    struct secret plain;
    begin(new_name(phone), "cookie", "192.0.2.1", HOUR_MS);
    assert_int_equal(find(phone, "cookie", "", &steps), OK);
    assert_null(steps.password.bytes);
    static const char *const passwords[] = {"first", "\xe5\xaf\x86\xe7\xa0\x81 %s %b\n"};
    for (size_t i = 0; i < sizeof passwords / sizeof passwords[0]; i++) {
        const struct sealed sealed = seal(ring, arena, phone, secret_of_cstr(passwords[i]));
        assert_int_equal(steps_set_password(redis, ring, phone, &steps, &sealed), OK);
        assert_int_equal(find(phone, "cookie", "", &steps), OK);
        assert_int_equal(unseal(ring, arena, phone, steps.password, &plain), OK);
        assert_string_equal(secret_expose(plain), passwords[i]);
    }
}

static void one_that_began_anew_is_another(void **state)
{
    (void)state;
    char phone[17];
    struct steps first, second;
    const struct sealed sealed = seal(ring, arena, "x", secret_of_cstr("secret"));
    begin(new_name(phone), "one", "192.0.2.1", HOUR_MS);
    assert_int_equal(find(phone, "one", "", &first), OK);
    assert_int_equal(steps_set_password(redis, ring, phone, &first, &sealed), OK);
    begin(phone, "two", "192.0.2.2", HOUR_MS);
    assert_int_equal(find(phone, "one", "192.0.2.1", &second), ERR_NOT_FOUND);
    assert_int_equal(find(phone, "two", "", &second), OK);
    assert_null(second.password.bytes); /* nothing of the first one is left */
    assert_int_equal(steps_set_password(redis, ring, phone, &first, &sealed), ERR_NOT_FOUND);
    assert_int_equal(steps_end(redis, ring, phone, &first), ERR_NOT_FOUND);
    assert_int_equal(find(phone, "two", "", &second), OK);
    assert_int_equal(steps_end(redis, ring, phone, &second), OK);
    assert_int_equal(find(phone, "two", "192.0.2.2", &second), ERR_NOT_FOUND);
    assert_int_equal(steps_set_password(redis, ring, phone, &second, &sealed), ERR_NOT_FOUND);
}

static void it_ends_in_time_whatever_is_done(void **state)
{
    (void)state;
    char phone[17];
    struct steps steps;
    const struct sealed sealed = seal(ring, arena, "x", secret_of_cstr("secret"));
    begin(new_name(phone), "cookie", "192.0.2.1", 600);
    assert_int_equal(find(phone, "cookie", "", &steps), OK);
    usleep(300 * 1000);
    assert_int_equal(steps_set_password(redis, ring, phone, &steps, &sealed), OK);
    usleep(350 * 1000);
    assert_int_equal(find(phone, "cookie", "192.0.2.1", &steps), ERR_NOT_FOUND);
    begin(phone, "cookie", "192.0.2.1", HOUR_MS);
}

int main(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_cookie_or_the_address_will_do, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(a_password_is_kept_as_it_was_sealed, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(one_that_began_anew_is_another, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(it_ends_in_time_whatever_is_done, arena_set_up, arena_tear_down),
        cmocka_unit_test(nothing_lives_for_ever),
    };
    return cmocka_run_group_tests(tests, live_redis_set_up, live_redis_tear_down);
}
