/* The brake on mending (sql/brake.h): how many may drift at once, and that nobody is mended who is one too many,
 * however many processes note drift at the same moment. */
#include "sql/brake.h"

#include <stdatomic.h>

#include "tests/live/live_postgres.h"

enum { HOUR_MS = 3600000, ACCOUNTS = 40, THREADS = 4 };

static struct brake_limits limits;
static int64_t ids[ACCOUNTS];

static enum brake note(int64_t id)
{
    enum brake brake = BRAKE_LET_GO;
    assert_int_equal(brake_note(pg, &(struct drifted){arena, &id, 1}, &limits, &brake), OK);
    return brake;
}

static enum brake brake_now(void)
{
    enum brake brake = BRAKE_LET_GO;
    assert_int_equal(brake_get(pg, &brake), OK);
    struct brake_state look;
    assert_int_equal(brake_look(pg, &limits, &look), OK);
    assert_int_equal(look.brake, brake);
    return brake;
}

static struct brake_state look(void)
{
    struct brake_state state;
    assert_int_equal(brake_look(pg, &limits, &state), OK);
    return state;
}

static void it_goes_on_with_one_too_many(void **state)
{
    (void)state;
    limits.accounts = 3;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(note(ids[i]), BRAKE_OFF);
        assert_int_equal(look().drifted, i + 1);
        assert_int_equal(look().most, 3);
    }
    assert_int_equal(note(ids[3]), BRAKE_ON);
    assert_int_equal(note(ids[4]), BRAKE_ON);
    assert_int_equal(note(ids[0]), BRAKE_ON); /* nobody is mended any more */
    assert_int_equal(brake_now(), BRAKE_ON);
    assert_int_equal(look().drifted, 5);
    assert_in_range(look().on_ms, 0, 60000);
}

static void an_account_counts_once(void **state)
{
    (void)state;
    limits.accounts = 1;
    for (int i = 0; i < 5; i++)
        assert_int_equal(note(ids[0]), BRAKE_OFF);
    assert_int_equal(look().drifted, 1);
}

static void what_drifted_long_ago_does_not_count(void **state)
{
    (void)state;
    limits.accounts = 1;
    assert_int_equal(note(ids[0]), BRAKE_OFF);
    ask("update comparisons set drifted_at = now() - interval '61 minutes'");
    assert_int_equal(note(ids[1]), BRAKE_OFF);
    ask("update comparisons set drifted_at = now() - interval '59 minutes'");
    assert_int_equal(note(ids[2]), BRAKE_ON);
}

static void a_percentage_is_of_the_active_accounts(void **state)
{
    (void)state;
    limits = (struct brake_limits){.percent = 5, .floor = 0, .window_ms = HOUR_MS};
    cancel_account(ids[0], ACCOUNT_ACTIVE);
    pending_account(ACCOUNT_DEVICE, "pending");
    assert_int_equal(brake_count_accounts(pg), OK);
    assert_int_equal(look().active, ACCOUNTS - 1);
    assert_int_equal(look().most, 1); /* of 1.95 */
    assert_int_equal(note(ids[1]), BRAKE_OFF);
    assert_int_equal(note(ids[2]), BRAKE_ON);
}

static void few_accounts_have_a_floor(void **state)
{
    (void)state;
    limits = (struct brake_limits){.percent = 5, .floor = 3, .window_ms = HOUR_MS};
    assert_int_equal(brake_count_accounts(pg), OK);
    assert_int_equal(look().most, 3);
    limits.accounts = 2; /* takes the place of both */
    assert_int_equal(look().most, 2);
}

static void let_go_everybody_is_mended(void **state)
{
    (void)state;
    limits.accounts = 1;
    assert_int_equal(brake_let_go(pg, HOUR_MS), ERR_NOT_FOUND); /* it is off */
    note(ids[0]);
    assert_int_equal(note(ids[1]), BRAKE_ON);
    assert_int_equal(brake_let_go(pg, HOUR_MS), OK);
    assert_int_equal(brake_now(), BRAKE_LET_GO);
    assert_in_range(look().let_go_ms, HOUR_MS - 60000, HOUR_MS);
    for (int i = 0; i < 10; i++)
        assert_int_equal(note(ids[i]), BRAKE_LET_GO);
    assert_int_equal(brake_let_go(pg, HOUR_MS), ERR_NOT_FOUND); /* it is let go already */
}

static void released_it_counts_anew(void **state)
{
    (void)state;
    bool released = true;
    limits.accounts = 1;
    assert_int_equal(brake_release(pg, true, &released), OK);
    assert_false(released);
    note(ids[0]);
    assert_int_equal(note(ids[1]), BRAKE_ON);
    assert_int_equal(brake_release(pg, true, &released), OK);
    assert_false(released); /* only an administrator */
    assert_int_equal(brake_now(), BRAKE_ON);
    assert_int_equal(brake_let_go(pg, HOUR_MS), OK);
    assert_int_equal(brake_release(pg, false, &released), OK);
    assert_false(released); /* its time is not over */
    assert_int_equal(brake_release(pg, true, &released), OK);
    assert_true(released);
    assert_int_equal(brake_now(), BRAKE_OFF);
    assert_int_equal(look().drifted, 0);
    assert_int_equal(note(ids[2]), BRAKE_OFF);
    assert_int_equal(note(ids[3]), BRAKE_ON);
}

static void when_its_time_is_over_it_is_released(void **state)
{
    (void)state;
    bool released = false;
    limits.accounts = 1;
    note(ids[0]);
    note(ids[1]);
    assert_int_equal(brake_let_go(pg, HOUR_MS), OK);
    ask("update reconcile_brake set let_go_until = now()");
    assert_int_equal(brake_now(), BRAKE_ON); /* until somebody sees to it */
    assert_int_equal(brake_release(pg, false, &released), OK);
    assert_true(released);
    assert_int_equal(brake_now(), BRAKE_OFF);
}

/* --- at once */

static atomic_int next, allowed;

static void *note_many(void *arg)
{
    (void)arg;
    struct pg *mine = pg_new(&config);
    struct arena *mine_alone = arena_new();
    for (int i; (i = next++) < ACCOUNTS;) {
        enum brake brake = BRAKE_ON;
        assert_int_equal(brake_note(mine, &(struct drifted){mine_alone, &ids[i], 1}, &limits, &brake), OK);
        allowed += brake == BRAKE_OFF;
    }
    arena_free(&mine_alone);
    pg_free(&mine);
    return NULL;
}

static void at_once_no_more_are_mended_than_may(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    limits.accounts = 7;
    next = allowed = 0;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, note_many, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(allowed, 7);
    assert_int_equal(brake_now(), BRAKE_ON);
    assert_int_equal(look().drifted, ACCOUNTS);
}

static int set_up(void **state)
{
    limits = (struct brake_limits){.percent = 1, .floor = 10, .window_ms = HOUR_MS};
    const int failed = schema_set_up(state);
    if (failed == 0)
        active_accounts(ids, ACCOUNTS);
    return failed;
}

#define BRAKE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, schema_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BRAKE_TEST(it_goes_on_with_one_too_many),
        BRAKE_TEST(an_account_counts_once),
        BRAKE_TEST(what_drifted_long_ago_does_not_count),
        BRAKE_TEST(a_percentage_is_of_the_active_accounts),
        BRAKE_TEST(few_accounts_have_a_floor),
        BRAKE_TEST(let_go_everybody_is_mended),
        BRAKE_TEST(released_it_counts_anew),
        BRAKE_TEST(when_its_time_is_over_it_is_released),
        BRAKE_TEST(at_once_no_more_are_mended_than_may),
    };
    return cmocka_run_group_tests_name("brake", tests, postgres_set_up, postgres_tear_down);
}
