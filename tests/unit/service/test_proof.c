/* What may stand in for a picture (component/service/proof.h), as far as it needs no Redis to say so: there is none
 * here, so that asking it is an error of its own. */
#include "component/service/proof.h"

#include "component/cache/redis.h"
#include "tests/unit/service/call_fixture.h"

static const struct redis_config nowhere = {.address = "/nonexistent", .timeout_ms = 100};
static const char an_id[] = "0123456789abcdef0123456789abcdef";
static struct worker worker;
static struct call call = {.services = &services};

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    worker.redis = redis_new(&nowhere);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redis_free(&worker.redis);
    return 0;
}

static enum err check(struct proof proof, enum account_type type, bool login)
{
    return proof_check(&call, &worker, &proof, type, login);
}

static void without_anything_only_a_device_may_log_in(void **state)
{
    (void)state;
    for (enum account_type type = ACCOUNT_PHONE; type <= ACCOUNT_WECHAT; type++) {
        assert_int_equal(check((struct proof){0}, type, true), type == ACCOUNT_DEVICE ? OK : ERR_PICTURE);
        assert_int_equal(check((struct proof){0}, type, false), ERR_PICTURE);
        assert_int_equal(check((struct proof){.picture_id = "id"}, type, false), ERR_PICTURE);
    }
}

static void a_signature_stands_in_for_a_devices_picture_alone(void **state)
{
    (void)state;
    const struct proof whole = {.signed_fresh = true, .nonce = "app:n"}, stale = {.nonce = "app:n"},
                       again = {.signed_fresh = true};
    assert_int_equal(check(whole, ACCOUNT_DEVICE, false), ERR_CACHE_DOWN); /* was the nonce used? nobody knows: no */
    assert_int_equal(check(stale, ACCOUNT_DEVICE, false), ERR_PICTURE);
    assert_int_equal(check(again, ACCOUNT_DEVICE, false), ERR_PICTURE);
    assert_int_equal(check(whole, ACCOUNT_PHONE, false), ERR_PICTURE);
    assert_int_equal(check(whole, ACCOUNT_WECHAT, true), ERR_PICTURE);
}

static void an_answer_that_is_sent_must_be_right(void **state)
{
    (void)state;
    const struct proof lone = {.picture_answer = "abcde"}, both = {.picture_id = an_id, .picture_answer = "abcde"},
                       signed_too = {.picture_answer = "abcde", .signed_fresh = true, .nonce = "app:n"};
    for (enum account_type type = ACCOUNT_PHONE; type <= ACCOUNT_WECHAT; type++) {
        assert_int_equal(check(lone, type, true), ERR_PICTURE); /* also where none was needed */
        assert_int_equal(check(signed_too, type, false), ERR_PICTURE);
        assert_int_equal(check(both, type, true), ERR_CACHE_DOWN); /* it fails closed */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_anything_only_a_device_may_log_in),
        cmocka_unit_test(a_signature_stands_in_for_a_devices_picture_alone),
        cmocka_unit_test(an_answer_that_is_sent_must_be_right),
    };
    return cmocka_run_group_tests_name("proof", tests, set_up, tear_down);
}
