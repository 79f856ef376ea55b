/* Claim codes on a real Redis: used once, given back, run out, by whoever and however many at once. */
#include "tests/live/live_redis.h"

#include "component/cache/claims.h"

enum { LIFETIME_MS = 60000, ACCOUNT = 1234 };
static const int64_t ERA = 1795287126543210; /* microseconds since 1970 */

static char code[17];

static enum err put(int64_t account, int64_t lifetime_ms)
{
    const struct claim_maker maker = {.account_id = account, .era = ERA};
    return claims_put(redis, ring, code, &maker, lifetime_ms);
}

static enum err take(struct claim_taken *taken_r)
{
    *taken_r = (struct claim_taken){.code = code};
    return claims_take(redis, ring, taken_r);
}

static void a_claim_is_used_once(void **state)
{
    (void)state;
    struct claim_taken taken, second;
    new_name(code);
    assert_int_equal(take(&taken), ERR_NOT_FOUND);
    assert_int_equal(put(ACCOUNT, LIFETIME_MS), OK);
    assert_int_equal(put(ACCOUNT + 1, LIFETIME_MS), ERR_CONFLICT);
    assert_int_equal(take(&taken), OK);
    assert_int_equal(taken.maker.account_id, ACCOUNT);
    assert_int_equal(taken.maker.era, ERA);
    assert_int_equal(take(&second), ERR_NOT_FOUND);
    assert_int_equal(claims_settle(redis, ring, &second, true), ERR_NOT_FOUND); /* it is not his */
    assert_int_equal(claims_settle(redis, ring, &taken, true), OK);
    assert_int_equal(take(&second), ERR_NOT_FOUND);
    assert_int_equal(claims_settle(redis, ring, &taken, false), ERR_NOT_FOUND);
}

static void given_back_it_is_there_for_the_next(void **state)
{
    (void)state;
    struct claim_taken taken, next;
    new_name(code);
    assert_int_equal(put(ACCOUNT, LIFETIME_MS), OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(take(&taken), OK);
        assert_int_equal(claims_settle(redis, ring, &taken, false), OK);
    }
    assert_int_equal(take(&next), OK);
    assert_int_equal(claims_settle(redis, ring, &taken, true), ERR_NOT_FOUND); /* the next one has it */
    assert_int_equal(claims_settle(redis, ring, &next, true), OK);
}

static void who_took_it_and_died_keeps_it(void **state)
{
    (void)state;
    struct claim_taken taken, next;
    new_name(code);
    assert_int_equal(put(ACCOUNT, LIFETIME_MS), OK);
    assert_int_equal(take(&taken), OK);
    for (int i = 0; i < 3; i++) /* it may have been used */
        assert_int_equal(take(&next), ERR_NOT_FOUND);
    assert_int_equal(put(ACCOUNT, LIFETIME_MS), ERR_CONFLICT);
}

static void claims_run_out(void **state)
{
    (void)state;
    struct claim_taken taken;
    new_name(code);
    assert_int_equal(put(ACCOUNT, 500), OK);
    assert_int_equal(take(&taken), OK);
    usleep(550 * 1000);
    assert_int_equal(claims_settle(redis, ring, &taken, false), ERR_NOT_FOUND); /* it does not come to life again */
    assert_int_equal(take(&taken), ERR_NOT_FOUND);
    assert_int_equal(put(ACCOUNT, LIFETIME_MS), OK);
}

static enum err spend_in_crowd(struct redis *own, const void *arg)
{
    (void)arg;
    struct claim_taken taken = {.code = code};
    const enum err err = claims_take(own, ring, &taken);
    return err == OK ? claims_settle(own, ring, &taken, true) : err;
}

static void one_of_a_crowd_gets_it(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        new_name(code);
        assert_int_equal(put(ACCOUNT, LIFETIME_MS), OK);
        struct crowd crowd = {.act = spend_in_crowd, .other = ERR_NOT_FOUND, .rounds = 2};
        expect_of_crowd(&crowd, 1);
    }
}

static void codes_are_not_in_redis(void **state)
{
    (void)state;
    new_name(code);
    assert_int_equal(put(ACCOUNT, LIFETIME_MS), OK);
    redisReply *keys = NULL;
    size_t ours = 0;
    assert_int_equal(redis_do(redis, &keys, "KEYS " REDIS_PREFIX "*"), OK);
    for (size_t i = 0; i < keys->elements; i++) {
        assert_null(strstr(keys->element[i]->str, code));
        if (strncmp(keys->element[i]->str, REDIS_PREFIX "j:", strlen(REDIS_PREFIX "j:")) != 0)
            continue;
        redisReply *slot = NULL;
        ours++;
        assert_int_equal(redis_do(redis, &slot, "HGETALL %s", keys->element[i]->str), OK);
        for (size_t j = 0; j < slot->elements; j++)
            assert_null(strstr(slot->element[j]->str, code));
        freeReplyObject(slot);
        assert_int_equal(redis_do(redis, &slot, "PTTL %s", keys->element[i]->str), OK);
        assert_in_range(slot->integer, 1, LIFETIME_MS);
        freeReplyObject(slot);
    }
    assert_true(ours > 0);
    freeReplyObject(keys);
}

int main(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_claim_is_used_once),          cmocka_unit_test(given_back_it_is_there_for_the_next),
        cmocka_unit_test(who_took_it_and_died_keeps_it), cmocka_unit_test(claims_run_out),
        cmocka_unit_test(one_of_a_crowd_gets_it),        cmocka_unit_test(codes_are_not_in_redis),
        cmocka_unit_test(nothing_lives_for_ever),
    };
    return cmocka_run_group_tests(tests, live_redis_set_up, live_redis_tear_down);
}
