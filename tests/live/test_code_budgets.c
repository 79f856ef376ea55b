/* Codes that nobody enters, on a real Redis: the budget of a country, a network's share of it. */
#include "tests/live/live_codes.h"

static void nobody_enters_codes_so_none_are_sent(void **state)
{
    (void)state;
    char slots[6][17], day[17];
    struct code_ask ask = new_ask("271828");
    struct code_claim claim;
    ask.budget.day = new_name(day);
    ask.budget.most = 5;
    for (int i = 0; i < 5; i++) {
        ask.slot = new_name(slots[i]);
        assert_int_equal(put(&ask), OK);
    }
    ask.slot = new_name(slots[5]);
    assert_int_equal(put(&ask), ERR_LIMITED);
    assert_int_equal(look(slots[5], "271828"), ERR_NOT_FOUND);
    assert_int_equal(claim_of(slots[0], "271828", &claim), OK); /* somebody does: one more */
    assert_int_equal(settle(&claim, CODE_SPENT), OK);
    assert_int_equal(put(&ask), OK);
    ask.slot = slots[0];
    assert_int_equal(put(&ask), ERR_LIMITED);
    ask.budget.day = new_name(names[2]); /* tomorrow */
    assert_int_equal(put(&ask), OK);
    ask.budget.day = day;
    ask.budget.country = "44";
    assert_int_equal(put(&ask), OK);
}

/* `count` codes for a network that are not entered. */
static void ask_from(struct code_ask *ask, const char *network, int count)
{
    ask->budget.network = network;
    for (int i = 0; i < count; i++) {
        ask->slot = new_name(names[0]);
        assert_int_equal(put(ask), OK);
    }
    ask->slot = new_name(names[0]);
}

static void a_network_has_a_share_of_the_budget(void **state)
{
    (void)state;
    struct code_ask ask = new_ask("271828");
    struct code_claim claim;
    ask.window = NULL;
    ask.budget.network_most = 3;
    ask_from(&ask, "192.0.2.0/24", 3);
    assert_int_equal(told(&ask), CODE_PUT_NETWORK);
    ask.budget.pictured = true;
    assert_int_equal(told(&ask), CODE_PUT_NETWORK);
    ask_from(&ask, "2001:db8::/48", 3); /* others are not concerned */
    assert_int_equal(told(&ask), CODE_PUT_NETWORK);
    ask.budget.network = "198.51.100.0/24";
    assert_int_equal(put(&ask), OK);
    assert_int_equal(claim_of(ask.slot, "271828", &claim), OK);
    assert_int_equal(settle(&claim, CODE_SPENT), OK);
    ask_from(&ask, "198.51.100.0/24", 4); /* its own three, and one for that which was entered */
    assert_int_equal(told(&ask), CODE_PUT_NETWORK);
    ask.slot = names[0];
    assert_int_equal(codes_withdraw(redis, ring, &ask), OK); /* nothing of that name was stored */
    assert_int_equal(told(&ask), CODE_PUT_NETWORK);
}

static void what_was_not_sent_is_no_part_of_a_share(void **state)
{
    (void)state;
    struct code_ask ask = new_ask("271828");
    ask.budget.network_most = 3;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(put(&ask), OK);
        assert_int_equal(codes_withdraw(redis, ring, &ask), OK);
    }
    ask.window = NULL;
    ask_from(&ask, "192.0.2.0/24", 3);
    assert_int_equal(told(&ask), CODE_PUT_NETWORK);
}

static void once_half_is_used_strangers_need_pictures(void **state)
{
    (void)state;
    struct code_ask ask = new_ask("271828");
    ask.window = NULL;
    ask.budget.most = 20;
    ask.budget.network_most = 8;
    ask.budget.network_soft = 2;
    ask_from(&ask, "192.0.2.0/24", 8); /* more than its soft share, before the half */
    ask_from(&ask, "198.51.100.0/24", 1);
    assert_int_equal(told(&ask), CODE_PUT_HALF); /* the tenth */
    ask.slot = new_name(names[0]);
    assert_int_equal(told(&ask), CODE_PUT_PICTURE);
    ask.budget.pictured = true;
    ask_from(&ask, "198.51.100.0/24", 6); /* with pictures up to the whole share */
    assert_int_equal(told(&ask), CODE_PUT_NETWORK);
    ask.budget.pictured = false;
    ask_from(&ask, "203.0.113.0/24", 2); /* without, up to the soft one */
    assert_int_equal(told(&ask), CODE_PUT_PICTURE);
    ask_from(&ask, "203.0.114.0/24", 1);
    assert_int_equal(told(&ask), CODE_PUT_ALL); /* the twentieth */
    ask.slot = new_name(names[0]);
    ask.budget.pictured = true;
    ask.budget.network = "203.0.115.0/24";
    assert_int_equal(told(&ask), CODE_PUT_COUNTRY);
}

static void half_and_all_are_said_once(void **state)
{
    (void)state;
    struct code_ask ask = new_ask("271828");
    struct code_claim claim;
    enum code_put what;
    ask.window = NULL;
    ask.budget.most = 4;
    int half = 0, all = 0;
    for (int i = 0; i < 20; i++) {
        char slot[17];
        ask.slot = new_name(slot);
        assert_int_equal(codes_may_put(redis, ring, &ask, &what), OK); /* which stores and says nothing */
        assert_int_equal(what, CODE_PUT);
        what = told(&ask);
        half += what == CODE_PUT_HALF;
        all += what == CODE_PUT_ALL;
        if (spent_of_budget(&ask) < 4)
            continue;
        assert_int_equal(claim_of(slot, "271828", &claim), OK); /* it goes up and down around the end */
        assert_int_equal(settle(&claim, CODE_ENTERED), OK);
    }
    assert_int_equal(half, 1);
    assert_int_equal(all, 1);
}

static void looking_at_the_budget_stores_nothing(void **state)
{
    (void)state;
    struct code_ask ask = new_ask("271828");
    enum code_put what;
    ask.window_ms = WINDOW_MS;
    ask.budget.most = 2;
    for (int i = 0; i < 5; i++)
        assert_int_equal(codes_may_put(redis, ring, &ask, &what), OK);
    assert_int_equal(put(&ask), OK);
    assert_int_equal(codes_may_put(redis, ring, &ask, &what), OK); /* the window is none of its business */
    ask.slot = new_name(names[0]);
    ask.window = NULL;
    assert_int_equal(put(&ask), OK);
    assert_int_equal(codes_may_put(redis, ring, &ask, &what), ERR_LIMITED);
    assert_int_equal(what, CODE_PUT_COUNTRY);
}

static enum err put_elsewhere_in_crowd(struct redis *own, const void *arg)
{
    struct code_ask ask = *(const struct code_ask *)arg;
    char slot[17];
    random_text("abcdefghijklmnopqrstuvwxyz", 16, slot);
    ask.slot = slot;
    enum code_put what;
    return codes_put(own, ring, &ask, &what);
}

static void a_crowd_keeps_within_the_budget(void **state)
{
    (void)state;
    struct code_ask ask = new_ask("271828");
    ask.window = NULL;
    ask.budget.most = 137;
    struct crowd crowd = {.act = put_elsewhere_in_crowd, .arg = &ask, .other = ERR_LIMITED, .rounds = 10};
    expect_of_crowd(&crowd, 137);
    assert_int_equal(spent_of_budget(&ask), 137);
}

int main(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_enters_codes_so_none_are_sent),
        cmocka_unit_test(a_network_has_a_share_of_the_budget),
        cmocka_unit_test(what_was_not_sent_is_no_part_of_a_share),
        cmocka_unit_test(once_half_is_used_strangers_need_pictures),
        cmocka_unit_test(half_and_all_are_said_once),
        cmocka_unit_test(looking_at_the_budget_stores_nothing),
        cmocka_unit_test(a_crowd_keeps_within_the_budget),
        cmocka_unit_test(nothing_lives_for_ever),
    };
    return cmocka_run_group_tests(tests, live_redis_set_up, live_redis_tear_down);
}
