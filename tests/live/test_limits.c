/* Limits and nonces on a real Redis: exact, all or none, and gone when they are over. */
#include "tests/live/live_redis.h"

#include "component/cache/limits.h"

static void redis_is_durable(void **state)
{
    (void)state;
    assert_int_equal(redis_check_durable(redis), OK);
}

static enum err pass(const struct limit *limits, size_t count)
{
    unsigned wait_s = 0;
    enum err err = limits_pass(redis, limits, count, &wait_s);
    assert_true(err == ERR_LIMITED ? wait_s >= 1 : wait_s == 0);
    return err;
}

static void a_limit_lets_so_many_through(void **state)
{
    (void)state;
    char who[17];
    struct limit limit = {.what = "test", .who = new_name(who), .most = 3, .period_ms = HOUR_MS};
    for (int i = 0; i < 3; i++)
        assert_int_equal(pass(&limit, 1), OK);
    unsigned wait_s = 0;
    assert_int_equal(limits_pass(redis, &limit, 1, &wait_s), ERR_LIMITED);
    assert_in_range(wait_s, 1, 2 * 3600);
    char other[17];
    limit.who = new_name(other);
    assert_int_equal(pass(&limit, 1), OK);
    assert_int_equal(pass(NULL, 0), OK);
}

static void nothing_passes_a_limit_of_none(void **state)
{
    (void)state;
    char who[17];
    unsigned wait_s = 0;
    struct limit limit = {.what = "test", .who = new_name(who), .most = 0, .period_ms = 5000};
    assert_int_equal(limits_pass(redis, &limit, 1, &wait_s), ERR_LIMITED);
    assert_int_equal(wait_s, 5);
}

static void all_or_none_are_counted(void **state)
{
    (void)state;
    char first[17], second[17];
    struct limit limits[] = {
        {.what = "test", .who = new_name(first), .most = 3, .period_ms = HOUR_MS},
        {.what = "test", .who = new_name(second), .most = 1, .period_ms = HOUR_MS},
    };
    assert_int_equal(pass(limits, 2), OK);
    for (int i = 0; i < 5; i++)
        assert_int_equal(pass(limits, 2), ERR_LIMITED);
    assert_int_equal(pass(limits, 1), OK); /* the first was counted once only */
    assert_int_equal(pass(limits, 1), OK);
    assert_int_equal(pass(limits, 1), ERR_LIMITED);
}

static void eight_limits_and_two_periods_of_one(void **state)
{
    (void)state;
    char who[17];
    new_name(who);
    struct limit limits[8];
    for (int i = 0; i < 8; i++)
        limits[i] = (struct limit){.what = "test", .who = who, .most = 2 + i, .period_ms = HOUR_MS + i};
    assert_int_equal(pass(limits, 8), OK);
    assert_int_equal(pass(limits, 8), OK);
    assert_int_equal(pass(limits, 8), ERR_LIMITED);
    assert_int_equal(pass(limits + 1, 7), OK);
}

/* The wait that is told, in whole seconds, is when an event passes again; the window slides. */
static void the_wait_is_the_truth(void **state)
{
    (void)state;
    char who[17];
    struct limit limit = {.what = "test", .who = new_name(who), .most = 4, .period_ms = 3000};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pass(&limit, 1), OK);
    unsigned told_s = 0, wait_s = 0;
    int64_t before_ms = clock_ms();
    assert_int_equal(limits_pass(redis, &limit, 1, &told_s), ERR_LIMITED);
    assert_in_range(told_s, 1, 6);
    while (limits_pass(redis, &limit, 1, &wait_s) == ERR_LIMITED) {
        assert_true(wait_s <= told_s);
        assert_true(clock_ms() - before_ms < 9000);
        usleep(20 * 1000);
    }
    int64_t waited_ms = clock_ms() - before_ms;
    assert_true(waited_ms <= told_s * 1000LL + 700); /* a machine may stand still for a while */
    assert_true(waited_ms >= told_s * 1000LL - 1000 - 50);
    assert_int_equal(limits_pass(redis, &limit, 1, &wait_s), ERR_LIMITED);
}

static void hostile_names_are_names(void **state)
{
    (void)state;
    char who[17], name[64], too_long[202];
    snprintf(name, sizeof name, "2001:db8::/64 %%s\r\n*1 \"%s\xff", new_name(who));
    struct limit limit = {.what = "test", .who = name, .most = 1, .period_ms = HOUR_MS};
    assert_int_equal(pass(&limit, 1), OK);
    assert_int_equal(pass(&limit, 1), ERR_LIMITED);
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    limit.who = too_long;
    assert_int_equal(pass(&limit, 1), ERR_INVALID);
    assert_int_equal(nonce_once(redis, "test", too_long, 1000), ERR_INVALID);
}

static void counters_expire(void **state)
{
    (void)state;
    char who[17], key[96];
    struct limit limit = {.what = "test", .who = new_name(who), .most = 5, .period_ms = 60000};
    assert_int_equal(pass(&limit, 1), OK);
    snprintf(key, sizeof key, REDIS_PREFIX "l:test:60000:%s", who);
    assert_in_range(ask_integer("PTTL", key), 1, 120000);
}

/* A counter that a changed program or an operator left behind does not lock anyone out. */
static void a_strange_counter_counts_as_none(void **state)
{
    (void)state;
    char who[17];
    struct limit limit = {.what = "test", .who = new_name(who), .most = 1, .period_ms = 60000};
    redisReply *reply = NULL;
    assert_int_equal(redis_do(redis, &reply, "SET " REDIS_PREFIX "l:test:60000:%s what PX 60000", who), OK);
    freeReplyObject(reply);
    assert_int_equal(pass(&limit, 1), OK);
    assert_int_equal(pass(&limit, 1), ERR_LIMITED);
}

static enum err pass_in_crowd(struct redis *own, const void *arg)
{
    unsigned wait_s = 0;
    return limits_pass(own, arg, 2, &wait_s);
}

static void limits_are_exact_in_a_crowd(void **state)
{
    (void)state;
    char first[17], second[17];
    struct limit limits[] = {
        {.what = "test", .who = new_name(first), .most = 137, .period_ms = 24LL * HOUR_MS},
        {.what = "test", .who = new_name(second), .most = 1000, .period_ms = 24LL * HOUR_MS},
    };
    struct crowd crowd = {.act = pass_in_crowd, .arg = limits, .other = ERR_LIMITED, .rounds = 10};
    expect_of_crowd(&crowd, 137);
}

static void scripts_come_back_after_a_flush(void **state)
{
    (void)state;
    char who[17];
    struct limit limit = {.what = "test", .who = new_name(who), .most = 2, .period_ms = HOUR_MS};
    assert_int_equal(pass(&limit, 1), OK);
    redisReply *reply = NULL;
    assert_int_equal(redis_do(redis, &reply, "SCRIPT FLUSH"), OK);
    freeReplyObject(reply);
    assert_int_equal(pass(&limit, 1), OK);
    assert_int_equal(pass(&limit, 1), ERR_LIMITED); /* the run after the flush counted once */
}

/* --- nonces */

static enum err nonce_in_crowd(struct redis *own, const void *arg)
{
    return nonce_once(own, "test", arg, HOUR_MS);
}

static void a_nonce_passes_once(void **state)
{
    (void)state;
    char nonce[17];
    new_name(nonce);
    struct crowd crowd = {.act = nonce_in_crowd, .arg = nonce, .other = ERR_CONFLICT, .rounds = 2};
    expect_of_crowd(&crowd, 1);
    char another[17];
    new_name(another);
    assert_int_equal(nonce_once(redis, "test", another, 500), OK);
    assert_int_equal(nonce_once(redis, "test", another, 500), ERR_CONFLICT);
    assert_int_equal(nonce_once(redis, "test2", another, 500), OK);
    usleep(550 * 1000);
    assert_int_equal(nonce_once(redis, "test", another, 500), OK);
}

int main(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redis_is_durable),
        cmocka_unit_test(a_limit_lets_so_many_through),
        cmocka_unit_test(nothing_passes_a_limit_of_none),
        cmocka_unit_test(all_or_none_are_counted),
        cmocka_unit_test(eight_limits_and_two_periods_of_one),
        cmocka_unit_test(the_wait_is_the_truth),
        cmocka_unit_test(hostile_names_are_names),
        cmocka_unit_test(counters_expire),
        cmocka_unit_test(a_strange_counter_counts_as_none),
        cmocka_unit_test(limits_are_exact_in_a_crowd),
        cmocka_unit_test(scripts_come_back_after_a_flush),
        cmocka_unit_test(a_nonce_passes_once),
        cmocka_unit_test(nothing_lives_for_ever),
    };
    return cmocka_run_group_tests(tests, live_redis_set_up, live_redis_tear_down);
}
