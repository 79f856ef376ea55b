/* Pictures on a real Redis: one try each, whoever asks and how many at once. */
#include "tests/live/live_redis.h"

#include "component/cache/pictures.h"

static void new_picture(const char *answer, int64_t lifetime_ms, char id_r[PICTURE_ID_SIZE])
{
    assert_int_equal(pictures_put(redis, ring, answer, lifetime_ms, id_r), OK);
}

static void a_picture_is_good_for_one_try(void **state)
{
    (void)state;
    char id[PICTURE_ID_SIZE];
    new_picture("ACE23", HOUR_MS, id);
    assert_int_equal(pictures_take(redis, ring, id, "ACE23"), OK);
    assert_int_equal(pictures_take(redis, ring, id, "ACE23"), ERR_PICTURE);
    new_picture("ACE23", HOUR_MS, id);
    assert_int_equal(pictures_take(redis, ring, id, "aCe23"), OK);

    char long_answer[1000];
    memset(long_answer, 'A', sizeof long_answer - 1);
    long_answer[sizeof long_answer - 1] = '\0';
    const char *wrong[] = {"ACE22", "", "ACE2", "ACE233", long_answer, "ACE23 "};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        new_picture("ACE23", HOUR_MS, id);
        assert_int_equal(pictures_take(redis, ring, id, wrong[i]), ERR_PICTURE);
        assert_int_equal(pictures_take(redis, ring, id, "ACE23"), ERR_PICTURE);
    }
}

static void unknown_and_ended_pictures_are_wrong(void **state)
{
    (void)state;
    char id[PICTURE_ID_SIZE], other[PICTURE_ID_SIZE];
    new_picture("ACE23", 80, id);
    usleep(120 * 1000);
    assert_int_equal(pictures_take(redis, ring, id, "ACE23"), ERR_PICTURE);
    new_picture("ACE23", HOUR_MS, id);
    new_picture("FHJKM", HOUR_MS, other);
    assert_int_equal(pictures_take(redis, ring, other, "ACE23"), ERR_PICTURE);
    const char *ids[] = {"",
                         "0123456789abcdef0123456789abcdef",
                         "0123456789abcdef0123456789abcde",
                         "0123456789ABCDEF0123456789ABCDEF",
                         "0123456789abcdef0123456789abcdeg",
                         "*",
                         "0123456789abcdef 123456789abcdef"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        assert_int_equal(pictures_take(redis, ring, ids[i], "ACE23"), ERR_PICTURE);
    assert_int_equal(
        pictures_put(redis, ring, "12345678901234567890123456789012345678901234567890123456789012345", 1, id),
        ERR_INVALID);
}

static void answers_are_not_in_redis(void **state)
{
    (void)state;
    char first[PICTURE_ID_SIZE], second[PICTURE_ID_SIZE], key[64];
    new_picture("ACE23", HOUR_MS, first);
    new_picture("ACE23", HOUR_MS, second);
    redisReply *replies[2];
    assert_int_equal(redis_do(redis, &replies[0], "GET " REDIS_PREFIX "p:%s", first), OK);
    assert_int_equal(redis_do(redis, &replies[1], "GET " REDIS_PREFIX "p:%s", second), OK);
    assert_int_equal(replies[0]->len, 32);
    assert_int_equal(replies[1]->len, 32);
    assert_memory_not_equal(replies[0]->str, replies[1]->str, 32);
    assert_null(memmem(replies[0]->str, 32, "ACE23", 5));
    freeReplyObject(replies[0]);
    freeReplyObject(replies[1]);
    snprintf(key, sizeof key, REDIS_PREFIX "p:%s", first);
    assert_in_range(ask_integer("PTTL", key), HOUR_MS - 10000, HOUR_MS);
}

static enum err take_in_crowd(struct redis *own, const void *arg)
{
    return pictures_take(own, ring, arg, "ACE23");
}

static void a_picture_is_taken_once_by_a_crowd(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        char id[PICTURE_ID_SIZE];
        new_picture("ACE23", HOUR_MS, id);
        struct crowd crowd = {.act = take_in_crowd, .arg = id, .other = ERR_PICTURE, .rounds = 1};
        expect_of_crowd(&crowd, 1);
    }
}

int main(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_is_good_for_one_try), cmocka_unit_test(unknown_and_ended_pictures_are_wrong),
        cmocka_unit_test(answers_are_not_in_redis),      cmocka_unit_test(a_picture_is_taken_once_by_a_crowd),
        cmocka_unit_test(nothing_lives_for_ever),
    };
    return cmocka_run_group_tests(tests, live_redis_set_up, live_redis_tear_down);
}
