/* Who opened a phone's account, on a real Redis. */
#include "tests/live/live_redis.h"

#include "component/cache/callers.h"

enum { LIFETIME_MS = 60000 };

static const char here[] = "192.0.2.0/24", there[] = "2001:db8::/48", handset[] = "1c2e3f4a5b6c7d8e9f0a1b2c3d4e5f6a";

static void note(const char *phone, const char *network, const char *xid)
{
    const struct callers callers = {.phone = phone, .network = network, .handset = xid};
    assert_int_equal(callers_note(redis, ring, &callers, false, LIFETIME_MS), OK);
}

static bool known(const char *phone, const char *network, const char *xid)
{
    const struct callers callers = {.phone = phone, .network = network, .handset = xid};
    bool is_known = true;
    assert_int_equal(callers_known(redis, ring, &callers, &is_known), OK);
    return is_known;
}

static void the_network_or_the_handset_will_do(void **state)
{
    (void)state;
    char phone[17], other[17];
    new_name(phone);
    assert_false(known(phone, here, handset));
    note(phone, here, handset);
    assert_true(known(phone, here, handset));
    assert_true(known(phone, here, NULL));
    assert_true(known(phone, here, ""));
    assert_true(known(phone, there, handset));
    assert_false(known(phone, there, NULL));
    assert_false(known(phone, there, ""));
    assert_false(known(phone, there, "another"));
    assert_false(known(phone, handset, here)); /* each is what it was noted as */
    assert_false(known(new_name(other), here, handset));
}

static void without_a_handset_nobody_has_that(void **state)
{
    (void)state;
    char phone[17];
    note(new_name(phone), here, NULL);
    note(phone, here, "");
    assert_false(known(phone, there, NULL));
    assert_false(known(phone, there, ""));
}

static void the_latest_are_kept(void **state)
{
    (void)state;
    char phone[17], network[32];
    new_name(phone);
    for (int i = 0; i < 3 * CALLERS_MOST; i++) {
        snprintf(network, sizeof network, "192.0.%d.0/24", i);
        note(phone, network, NULL);
        usleep(2000); /* Redis's clock tells them apart */
        assert_true(known(phone, network, NULL));
    }
    for (int i = 0; i < 3 * CALLERS_MOST; i++) {
        snprintf(network, sizeof network, "192.0.%d.0/24", i);
        assert_int_equal(known(phone, network, NULL), i >= 2 * CALLERS_MOST);
    }
}

static void after_a_reset_nobody_else_is_known(void **state)
{
    (void)state;
    char phone[17];
    note(new_name(phone), here, handset);
    const struct callers callers = {.phone = phone, .network = there, .handset = NULL};
    assert_int_equal(callers_note(redis, ring, &callers, true, LIFETIME_MS), OK);
    assert_true(known(phone, there, NULL));
    assert_false(known(phone, here, handset));
}

static void each_is_known_for_its_own_time(void **state)
{
    (void)state;
    char phone[17];
    const struct callers early = {.phone = new_name(phone), .network = here, .handset = NULL};
    assert_int_equal(callers_note(redis, ring, &early, false, 500), OK);
    note(phone, there, NULL);
    usleep(550 * 1000);
    assert_false(known(phone, here, NULL));
    assert_true(known(phone, there, NULL));
}

static void redis_does_not_say_who(void **state)
{
    (void)state;
    note("+8613900007777", here, handset);
    redisReply *keys = NULL;
    assert_int_equal(redis_do(redis, &keys, "KEYS " REDIS_PREFIX "k:*"), OK);
    assert_true(keys->elements > 0);
    for (size_t i = 0; i < keys->elements; i++) {
        redisReply *reply = NULL;
        assert_null(strstr(keys->element[i]->str, "7777"));
        assert_int_equal(redis_do(redis, &reply, "ZRANGE %s 0 -1", keys->element[i]->str), OK);
        for (size_t j = 0; j < reply->elements; j++)
            assert_int_equal(strspn(reply->element[j]->str, "0123456789abcdef"), 16);
        freeReplyObject(reply);
    }
    freeReplyObject(keys);
}

int main(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_network_or_the_handset_will_do),
        cmocka_unit_test(without_a_handset_nobody_has_that),
        cmocka_unit_test(the_latest_are_kept),
        cmocka_unit_test(after_a_reset_nobody_else_is_known),
        cmocka_unit_test(each_is_known_for_its_own_time),
        cmocka_unit_test(redis_does_not_say_who),
        cmocka_unit_test(nothing_lives_for_ever),
    };
    return cmocka_run_group_tests(tests, live_redis_set_up, live_redis_tear_down);
}
