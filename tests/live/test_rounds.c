/* Rounds of comparing (sql/rounds.h): everybody has his turn once, who is in use first, whoever gives the turns. */
#include "sql/rounds.h"

#include <stdatomic.h>

#include "sql/comparisons.h"
#include "sql/outbox.h"
#include "tests/live/live_postgres.h"

enum { ACCOUNTS = 12, THREADS = 4, CROWD = 300, DAY_MS = 86400000, MOST = 1000 };

static int64_t ids[ACCOUNTS];

static struct round_state look(void)
{
    struct round_state state;
    assert_int_equal(rounds_look(pg, &state), OK);
    return state;
}

static struct round_state hold(struct pg *session)
{
    struct round_state state;
    assert_int_equal(pg_begin(session), OK);
    assert_int_equal(rounds_hold(session, &state), OK);
    return state;
}

static void begin(void)
{
    hold(pg);
    assert_int_equal(rounds_begin(pg), OK);
    assert_int_equal(pg_commit(pg), OK);
}

static void enrol(int64_t most)
{
    hold(pg);
    assert_int_equal(rounds_enrol(pg, most, DAY_MS), OK);
    assert_int_equal(pg_commit(pg), OK);
}

static int64_t take(int64_t most)
{
    int64_t taken = -1;
    hold(pg);
    assert_int_equal(rounds_take(pg, most, &taken), OK);
    assert_int_equal(pg_commit(pg), OK);
    return taken;
}

/* All of them enrolled, the latest of ids used last. */
static void round_of_all(void)
{
    begin();
    while (look().enrolling)
        enrol(MOST);
    for (int i = 0; i < ACCOUNTS; i++)
        ask("update comparisons set used_at = now() - interval '%d hours' where account_id = %lld", ACCOUNTS - i,
            (long long)ids[i]);
}

static bool waits(int64_t id)
{
    return ask("select count(*) from outbox where kind = 5 and low = %lld", (long long)id) > 0;
}

static void each_has_its_turn_once_a_round(void **state)
{
    (void)state;
    round_of_all();
    assert_int_equal(look().round, 1);
    assert_int_equal(look().size, ACCOUNTS);
    assert_int_equal(take(5), 5);
    assert_int_equal(look().taken, 5);
    assert_int_equal(look().waiting, 5);
    assert_false(look().over);
    assert_int_equal(take(100), ACCOUNTS - 5);
    assert_int_equal(look().waiting, ACCOUNTS);
    assert_true(look().over);
    assert_int_equal(take(100), 0);
    begin();
    assert_int_equal(look().round, 2);
    assert_int_equal(look().taken, 0);
    assert_int_equal(look().size, ACCOUNTS);
    enrol(MOST);
    assert_int_equal(take(100), ACCOUNTS);
    assert_int_equal(look().waiting, ACCOUNTS); /* a wish an account */
}

static void those_in_use_come_first(void **state)
{
    (void)state;
    round_of_all();
    for (int i = ACCOUNTS - 1; i >= 0; i--) {
        assert_false(waits(ids[i]));
        assert_int_equal(take(1), 1);
        assert_true(waits(ids[i]));
    }
}

static void a_login_moves_an_account_to_the_front(void **state)
{
    (void)state;
    round_of_all();
    assert_int_equal(comparisons_note_use(pg, ids[3], -1), OK);
    assert_int_equal(take(1), 1);
    assert_true(waits(ids[3]));
    ask("update comparisons set used_at = now() - interval '59 minutes' where account_id = %lld", (long long)ids[0]);
    assert_int_equal(comparisons_note_use(pg, ids[0], -1), OK); /* to the hour: nothing is written */
    assert_int_equal(ask("select count(*) from comparisons where used_at > now() - interval '58 minutes'"), 1);
    assert_int_equal(ask("select count(*) from outbox where kind = 4"), 0);
}

/* It was just made, and read back. */
static void who_logs_in_for_the_first_time_is_compared_in_the_next_round(void **state)
{
    (void)state;
    round_of_all();
    const int64_t fresh = active_account(ACCOUNT_DEVICE, "fresh");
    assert_int_equal(comparisons_note_use(pg, fresh, -1), OK);
    assert_int_equal(take(100), ACCOUNTS);
    assert_false(waits(fresh));
    begin();
    enrol(MOST);
    assert_int_equal(take(1), 1);
    assert_true(waits(fresh));
}

static void those_that_the_brake_held_come_before_them(void **state)
{
    (void)state;
    round_of_all();
    assert_int_equal(comparisons_note(pg, ids[0], 0, OUTCOME_HELD, 1), OK);
    assert_int_equal(comparisons_note(pg, ids[1], 0, OUTCOME_UNREAD, 1), OK);
    assert_int_equal(take(1), 1);
    assert_true(waits(ids[0]));
    assert_int_equal(take(1), 1);
    assert_true(waits(ids[ACCOUNTS - 1]));
    assert_int_equal(take(100), ACCOUNTS - 2); /* and it only once */
}

static void who_was_left_behind_comes_first(void **state)
{
    (void)state;
    round_of_all();
    take(100);
    begin();
    enrol(MOST);
    ask("update comparisons set round = -3 where account_id = %lld", (long long)ids[2]);
    assert_int_equal(take(1), 1);
    assert_true(waits(ids[2]));
    assert_int_equal(take(100), ACCOUNTS - 1);
    assert_true(look().over);
}

static void all_are_enrolled_bit_by_bit(void **state)
{
    (void)state;
    const int64_t gone = active_account(ACCOUNT_DEVICE, "gone"),
                  long_gone = active_account(ACCOUNT_DEVICE, "long gone");
    cancel_account(gone, ACCOUNT_ACTIVE);
    cancel_account(long_gone, ACCOUNT_ACTIVE);
    ask("update accounts set cancelled_at = now() - interval '2 days' where id = %lld", (long long)long_gone);
    pending_account(ACCOUNT_DEVICE, "pending");
    assert_int_equal(comparisons_note_use(pg, ids[1], -1), OK); /* is there already */
    begin();
    for (int steps = 0; look().enrolling; steps++) {
        assert_true(steps < 2 * ACCOUNTS);
        assert_false(look().over);
        enrol(4);
    }
    assert_int_equal(look().size, ACCOUNTS + 1);
    assert_int_equal(ask("select count(*) from comparisons"), ACCOUNTS + 1);
    assert_int_equal(ask("select count(*) from comparisons where account_id = %lld", (long long)gone), 1);
    assert_int_equal(take(100), ACCOUNTS + 1);
    assert_true(look().over);
}

static void one_holds_it_and_the_others_leave_it_to_him(void **state)
{
    (void)state;
    struct pg *other = pg_new(&config);
    struct round_state round;
    hold(pg);
    assert_int_equal(pg_begin(other), OK);
    assert_int_equal(rounds_hold(other, &round), ERR_BUSY);
    pg_rollback(other);
    assert_int_equal(pg_commit(pg), OK);
    hold(other);
    assert_int_equal(pg_commit(other), OK);
    pg_free(&other);
}

/* A login that is just being written holds its row. */
static void who_is_locked_is_left_for_later(void **state)
{
    (void)state;
    round_of_all();
    ask("begin");
    ask("update comparisons set used_at = now() where account_id = %lld", (long long)ids[4]);
    assert_int_equal(take(100), ACCOUNTS - 1);
    assert_false(look().over);
    ask("commit");
    assert_int_equal(take(100), 1);
    assert_true(look().over);
}

static atomic_int turns;

static void *give_turns(void *arg)
{
    (void)arg;
    struct pg *mine = pg_new(&config);
    for (bool over = false; !over;) {
        struct round_state round;
        int64_t taken = 0;
        assert_int_equal(pg_begin(mine), OK);
        const enum err err = rounds_hold(mine, &round);
        assert_true(err == OK || err == ERR_BUSY);
        if (err == OK) {
            assert_int_equal(rounds_take(mine, 3, &taken), OK);
            assert_int_equal(pg_commit(mine), OK);
            over = round.over;
        } else {
            pg_rollback(mine);
        }
        turns += (int)taken;
    }
    pg_free(&mine);
    return NULL;
}

static void several_processes_give_each_one_turn(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    turns = 0;
    ask("insert into accounts (type, state, name, salt, jid_local) select 2, 1, 'c' || n, 'abcdEFGH', 'local' || n "
        "from generate_series(1, %d) n",
        CROWD);
    round_of_all();
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, give_turns, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(turns, ACCOUNTS + CROWD);
    assert_int_equal(look().taken, ACCOUNTS + CROWD);
    assert_int_equal(look().waiting, ACCOUNTS + CROWD);
}

static int set_up(void **state)
{
    const int failed = schema_set_up(state);
    if (failed == 0)
        active_accounts(ids, ACCOUNTS);
    return failed;
}

#define ROUND_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, schema_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROUND_TEST(each_has_its_turn_once_a_round),
        ROUND_TEST(those_in_use_come_first),
        ROUND_TEST(a_login_moves_an_account_to_the_front),
        ROUND_TEST(who_logs_in_for_the_first_time_is_compared_in_the_next_round),
        ROUND_TEST(those_that_the_brake_held_come_before_them),
        ROUND_TEST(who_was_left_behind_comes_first),
        ROUND_TEST(all_are_enrolled_bit_by_bit),
        ROUND_TEST(one_holds_it_and_the_others_leave_it_to_him),
        ROUND_TEST(who_is_locked_is_left_for_later),
        ROUND_TEST(several_processes_give_each_one_turn),
    };
    return cmocka_run_group_tests_name("rounds", tests, postgres_set_up, postgres_tear_down);
}
