/* Wrong passwords (sql/wrong_passwords.h): what is counted, when tries are shut out, and for whom. */
#include "sql/wrong_passwords.h"

#include "tests/live/live_postgres.h"

enum { SLOW_AFTER = 3, DELAY_MS = 10000, DELAY_MAX_MS = 35000, STOP_AFTER = 8, TRIES = 20 };

static const struct wrong_passwords_rules rules = {
    .slow_after = SLOW_AFTER, .delay_ms = DELAY_MS, .delay_max_ms = DELAY_MAX_MS, .stop_after = STOP_AFTER};
static const struct wrong_passwords_rules never_stops = {
    .slow_after = SLOW_AFTER, .delay_ms = DELAY_MS, .delay_max_ms = DELAY_MAX_MS, .stop_after = 0};

static int64_t count_one(const struct wrong_passwords_rules *by, int64_t id, const char *source)
{
    int64_t count = -1;
    assert_int_equal(wrong_passwords_count(pg, by, id, source, &count), OK);
    return count;
}

static bool is_shut(const struct wrong_passwords_rules *by, int64_t id, const char *source)
{
    bool shut = false;
    assert_int_equal(wrong_passwords_shut(pg, by, id, source, &shut), OK);
    return shut;
}

/* A right password; whether it came while tries were shut out. */
static bool end(const struct wrong_passwords_rules *by, int64_t id, const char *source)
{
    bool shut = false;
    assert_int_equal(wrong_passwords_end(pg, by, id, source, &shut), OK);
    return shut;
}

static void waiting_is_over(int64_t id)
{
    ask("update wrong_passwords set next_at = now() where account_id = %lld", (long long)id);
}

static int64_t seconds_to_wait(int64_t id)
{
    return ask("select round(extract(epoch from next_at - now())) from wrong_passwords where account_id = %lld",
               (long long)id);
}

static void the_first_few_cost_nothing(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_PHONE, "+8613900001234");
    assert_false(is_shut(&rules, id, ""));
    for (int i = 1; i < SLOW_AFTER; i++) {
        assert_int_equal(count_one(&rules, id, ""), i);
        assert_false(is_shut(&rules, id, ""));
    }
    assert_false(end(&rules, id, ""));
    assert_int_equal(ask("select count(*) from wrong_passwords"), 0);
}

static void then_each_must_wait_longer_up_to_a_cap(void **state)
{
    (void)state;
    static const int64_t waits[] = {0, 0, 10, 20, 35, 35, 35};
    const int64_t id = active_account(ACCOUNT_PHONE, "+8613900001234");
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        assert_int_equal(count_one(&rules, id, ""), i + 1);
        assert_int_equal(seconds_to_wait(id), waits[i]);
        assert_int_equal(is_shut(&rules, id, ""), waits[i] > 0);
        waiting_is_over(id);
        assert_false(is_shut(&rules, id, ""));
    }
}

static void a_try_that_comes_too_early_counts_for_nothing(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_PHONE, "+8613900001234");
    for (int i = 0; i < SLOW_AFTER; i++)
        count_one(&rules, id, "");
    assert_int_equal(count_one(&rules, id, ""), 0);
    assert_true(end(&rules, id, "")); /* even a right one */
    assert_int_equal(ask("select count from wrong_passwords"), SLOW_AFTER);
    assert_int_equal(seconds_to_wait(id), DELAY_MS / 1000);
}

static void after_many_it_is_shut_until_a_new_password(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_PHONE, "+8613900001234");
    for (int i = 0; i < STOP_AFTER; i++) {
        count_one(&rules, id, "");
        waiting_is_over(id);
    }
    assert_true(is_shut(&rules, id, ""));
    assert_true(end(&rules, id, ""));
    assert_int_equal(count_one(&rules, id, ""), 0);
    assert_int_equal(wrong_passwords_end_all(pg, id), OK);
    assert_false(is_shut(&rules, id, ""));
    assert_int_equal(count_one(&rules, id, ""), 1);
}

static void without_that_rule_it_never_is(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    for (int i = 1; i < 200; i++) { /* the doubled wait overflows nothing */
        assert_int_equal(count_one(&never_stops, id, "192.0.2.1"), i);
        waiting_is_over(id);
        assert_false(is_shut(&never_stops, id, "192.0.2.1"));
    }
}

static void sources_are_counted_apart(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d"), other = active_account(ACCOUNT_DEVICE, "other");
    for (int i = 0; i < SLOW_AFTER; i++)
        count_one(&rules, id, "192.0.2.1");
    assert_true(is_shut(&rules, id, "192.0.2.1"));
    assert_false(is_shut(&rules, id, "192.0.2.2"));
    assert_false(is_shut(&rules, other, "192.0.2.1"));
    assert_false(end(&rules, id, "192.0.2.2"));
    assert_true(is_shut(&rules, id, "192.0.2.1"));
}

static void nobodys_tries_are_not_kept(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    assert_int_equal(count_one(&rules, 0, ""), 0);
    assert_false(is_shut(&rules, 0, ""));
    assert_false(end(&rules, 0, ""));
    count_one(&rules, id, "192.0.2.1");
    cancel_account(id, ACCOUNT_ACTIVE);
    assert_int_equal(count_one(&rules, id, "192.0.2.1"), 0);
    assert_int_equal(ask("select count(*) from wrong_passwords"), 0);
}

static void what_is_old_is_forgotten_but_for_phones(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d"), phone = active_account(ACCOUNT_PHONE, "+8613900001234");
    int64_t count = 0;
    count_one(&rules, id, "192.0.2.1");
    count_one(&rules, id, "192.0.2.2");
    count_one(&rules, phone, "");
    ask("update wrong_passwords set next_at = now() - interval '25 hours' where source <> '192.0.2.2'");
    assert_int_equal(wrong_passwords_purge(pg, 100, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(ask("select count(*) from wrong_passwords"), 2);
}

/* --- at once */

struct guesser {
    pthread_t thread;
    pthread_barrier_t *start;
    int64_t id;
    int64_t counted;
};

static void *guess(void *arg)
{
    struct guesser *guesser = arg;
    struct pg *mine = pg_new(&config);
    int64_t count = 0;
    enum err err = pg_ping(mine);
    pthread_barrier_wait(guesser->start);
    if (err == OK)
        err = wrong_passwords_count(mine, &rules, guesser->id, "", &count);
    guesser->counted = err == OK ? count : -1;
    pg_free(&mine);
    return NULL;
}

static void a_crowd_is_counted_one_by_one(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_PHONE, "+8613900001234");
    struct guesser guessers[TRIES];
    pthread_barrier_t start;
    int64_t sum = 0;
    pthread_barrier_init(&start, NULL, TRIES);
    for (int i = 0; i < TRIES; i++) {
        guessers[i] = (struct guesser){.start = &start, .id = id};
        assert_int_equal(pthread_create(&guessers[i].thread, NULL, guess, &guessers[i]), 0);
    }
    for (int i = 0; i < TRIES; i++) {
        pthread_join(guessers[i].thread, NULL);
        assert_true(guessers[i].counted >= 0);
        sum += guessers[i].counted;
    }
    pthread_barrier_destroy(&start);
    assert_int_equal(sum, 1 + 2 + 3); /* and the others came too early */
    assert_int_equal(ask("select count from wrong_passwords"), SLOW_AFTER);
}

struct late {
    int64_t id;
    enum err err; /* out */
    int64_t count;
};

static void *guess_late(void *arg)
{
    struct late *late = arg;
    struct pg *mine = pg_new(&config);
    late->err = wrong_passwords_count(mine, &never_stops, late->id, "192.0.2.1", &late->count);
    pg_free(&mine);
    return NULL;
}

static void a_try_while_the_account_is_cancelled_is_not_kept(void **state)
{
    (void)state;
    struct late late = {.id = active_account(ACCOUNT_DEVICE, "lamp"), .err = ERR_INTERNAL, .count = -1};
    pthread_t thread;
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(accounts_cancel(pg, late.id, ACCOUNT_ACTIVE), OK);
    assert_int_equal(pthread_create(&thread, NULL, guess_late, &late), 0);
    wait_until_one_waits();
    assert_int_equal(pg_commit(pg), OK);
    pthread_join(thread, NULL);
    assert_int_equal(late.err, OK);
    assert_int_equal(late.count, 0);
    assert_int_equal(ask("select count(*) from wrong_passwords"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCHEMA_TEST(the_first_few_cost_nothing),
        SCHEMA_TEST(then_each_must_wait_longer_up_to_a_cap),
        SCHEMA_TEST(a_try_that_comes_too_early_counts_for_nothing),
        SCHEMA_TEST(after_many_it_is_shut_until_a_new_password),
        SCHEMA_TEST(without_that_rule_it_never_is),
        SCHEMA_TEST(sources_are_counted_apart),
        SCHEMA_TEST(nobodys_tries_are_not_kept),
        SCHEMA_TEST(what_is_old_is_forgotten_but_for_phones),
        SCHEMA_TEST(a_crowd_is_counted_one_by_one),
        SCHEMA_TEST(a_try_while_the_account_is_cancelled_is_not_kept),
    };
    return cmocka_run_group_tests(tests, postgres_set_up, postgres_tear_down);
}
