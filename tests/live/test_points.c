/* The ledger and the day's budget (sql/points.h), and what the tables' constraints refuse whoever writes. */
#include "tests/live/live_postgres.h"

#include "sql/points.h"

enum { THREADS = 8, SHAKES = 25, BUDGET = 1000 };

static enum err add(int64_t id, enum currency currency, int64_t amount)
{
    enum err err = pg_begin(pg);
    if (err == OK)
        err = ledger_add(pg, id, currency, amount > 0 ? ENTRY_SIGNING_UP : ENTRY_SHAKE, amount);
    if (err == OK)
        return pg_commit(pg);
    pg_rollback(pg);
    return err;
}

static int64_t balance(int64_t id, enum currency currency)
{
    int64_t value = -1;
    assert_int_equal(ledger_balance(pg, id, currency, &value), OK);
    assert_int_equal(value, ask("select coalesce(sum(amount), 0) from ledger where account_id = %lld and currency = %d",
                                (long long)id, (int)currency));
    return value;
}

/* --- entries */

static void entries_add_up(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_PHONE, "+8613900000000");
    assert_int_equal(balance(id, CURRENCY_POINTS), 0);
    assert_int_equal(add(id, CURRENCY_POINTS, 100), OK);
    assert_int_equal(add(id, CURRENCY_POINTS, -30), OK);
    assert_int_equal(add(id, CURRENCY_MONEY, 50), OK);
    assert_int_equal(balance(id, CURRENCY_POINTS), 70);
    assert_int_equal(balance(id, CURRENCY_MONEY), 50);
    assert_int_equal(ask("select max(seq) from ledger where currency = 1"), 2);
}

static void nothing_goes_below_zero(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_PHONE, "+8613900000000");
    assert_int_equal(add(id, CURRENCY_POINTS, -1), ERR_BALANCE);
    assert_int_equal(add(id, CURRENCY_POINTS, 10), OK);
    assert_int_equal(add(id, CURRENCY_POINTS, -11), ERR_BALANCE);
    assert_int_equal(add(id, CURRENCY_POINTS, -10), OK);
    assert_int_equal(add(id, CURRENCY_POINTS, -1), ERR_BALANCE);
    assert_int_equal(balance(id, CURRENCY_POINTS), 0);
}

static void accounts_do_not_touch(void **state)
{
    (void)state;
    int64_t ids[2];
    active_accounts(ids, 2);
    assert_int_equal(add(ids[0], CURRENCY_POINTS, 10), OK);
    assert_int_equal(add(ids[1], CURRENCY_POINTS, -1), ERR_BALANCE);
    assert_int_equal(balance(ids[1], CURRENCY_POINTS), 0);
}

static void what_is_rolled_back_did_not_happen(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_PHONE, "+8613900000000");
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(ledger_add(pg, id, CURRENCY_POINTS, ENTRY_SIGNING_UP, 100), OK);
    pg_rollback(pg);
    assert_int_equal(balance(id, CURRENCY_POINTS), 0);
    assert_int_equal(add(id, CURRENCY_POINTS, 5), OK);
    assert_int_equal(balance(id, CURRENCY_POINTS), 5);
}

/* --- the constraints, whatever a program writes */

static bool refused(const char *sql)
{
    PGresult *result = PQexec(own, sql);
    const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const bool by_a_constraint = code != NULL && strncmp(code, "23", 2) == 0;
    PQclear(result);
    return by_a_constraint;
}

static void a_broken_chain_is_refused(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_PHONE, "+8613900000000");
    assert_int_equal(add(id, CURRENCY_POINTS, 10), OK);
    assert_int_equal(add(id, CURRENCY_POINTS, 20), OK);
    /* seq, amount, balance, previous_seq, previous_balance */
    static const char *const rows[] = {
        "3, 5, 35, null, null", /* a second beginning */
        "1, 5, 5, null, null",  /* a second first */
        "2, 5, 15, 1, 10",      /* a second second: the balance of 10 spent twice */
        "3, 5, 15, 1, 10",      /* one is left out */
        "3, 5, 40, 2, 35",      /* the one before had 30 */
        "3, 5, 36, 2, 30",      /* 30 + 5 is not 36 */
        "3, -31, -1, 2, 30",    /* below zero */
        "3, 0, 30, 2, 30",      /* nothing */
        "4, 5, 35, 3, 30",      /* there is none before */
        "3, 5, 35, 2, null",    "3, 5, 5, null, 30", "0, 5, 5, null, null",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *sql =
            arena_printf(arena,
                         "insert into ledger (account_id, currency, reason, seq, amount, balance, previous_seq, "
                         "previous_balance) values (%lld, 1, 1, %s)",
                         (long long)id, rows[i]);
        if (!refused(sql))
            fail_msg("%s", rows[i]);
    }
    assert_true(refused("update ledger set amount = 11, balance = 11 where seq = 1"));
    assert_true(refused("delete from ledger where seq = 1"));
    assert_int_equal(balance(id, CURRENCY_POINTS), 30);
}

static void an_overrun_budget_is_refused(void **state)
{
    (void)state;
    ask("insert into prize_days (day, budget, spent) values ('2026-01-01', 100, 100)");
    assert_true(refused("update prize_days set spent = spent + 1"));
    assert_true(refused("update prize_days set budget = 99"));
    assert_true(refused("insert into prize_days (day, budget, spent) values ('2026-01-02', 100, 101)"));
}

/* --- the day's budget */

static enum err spend(int64_t utc_offset_s, int64_t budget, int64_t amount)
{
    enum err err = pg_begin(pg);
    if (err == OK)
        err = prize_day_spend(pg, utc_offset_s, budget, amount);
    if (err == OK)
        return pg_commit(pg);
    pg_rollback(pg);
    return err;
}

static void a_budget_is_spent_once(void **state)
{
    (void)state;
    assert_int_equal(spend(0, 0, 1), ERR_BALANCE);
    assert_int_equal(spend(0, 100, 101), ERR_BALANCE);
    assert_int_equal(spend(0, 100, 60), OK);
    assert_int_equal(spend(0, 100, 41), ERR_BALANCE);
    assert_int_equal(spend(0, 100, 40), OK);
    assert_int_equal(spend(0, 100, 1), ERR_BALANCE);
    assert_int_equal(ask("select spent from prize_days"), 100);
}

static void a_changed_budget_holds_at_once(void **state)
{
    (void)state;
    assert_int_equal(spend(0, 100, 60), OK);
    assert_int_equal(spend(0, 50, 1), ERR_BALANCE); /* lowered under what is spent */
    assert_int_equal(spend(0, 70, 5), OK);
    assert_int_equal(spend(0, 200, 100), OK);
    assert_int_equal(ask("select spent from prize_days"), 165);
    assert_int_equal(ask("select budget from prize_days"), 200);
}

static void a_day_begins_at_its_own_midnight(void **state)
{
    (void)state;
    enum { DAY_S = 86400 };
    assert_int_equal(spend(0, 100, 100), OK);
    assert_int_equal(spend(DAY_S, 100, 100), OK); /* where it is tomorrow already */
    assert_int_equal(spend(DAY_S, 100, 1), ERR_BALANCE);
    assert_int_equal(ask("select count(*) from prize_days"), 2);
    assert_int_equal(ask("select max(day) - min(day) from prize_days"), 1);
    assert_int_equal(ask("select (min(day) - (now() at time zone 'UTC')::date) from prize_days"), 0);
}

/* --- many at once */

struct shaking {
    int64_t id;
    int64_t cost, prize;
    unsigned won, poor, late; /* out */
};

static enum err shake(struct pg *session, const struct shaking *shaking)
{
    enum err err = pg_begin(session);
    if (err == OK)
        err = ledger_add(session, shaking->id, CURRENCY_POINTS, ENTRY_SHAKE, -shaking->cost);
    if (err == ERR_BALANCE)
        err = ERR_LIMITED;
    if (err == OK)
        err = prize_day_spend(session, 0, BUDGET, shaking->prize);
    if (err == OK)
        err = ledger_add(session, shaking->id, CURRENCY_MONEY, ENTRY_PRIZE, shaking->prize);
    if (err == OK)
        return pg_commit(session);
    pg_rollback(session);
    return err;
}

static void *shake_often(void *arg)
{
    struct shaking *shaking = arg;
    struct pg *session = pg_new(&config);
    for (int i = 0; i < SHAKES; i++) {
        const enum err err = shake(session, shaking);
        shaking->won += err == OK;
        shaking->poor += err == ERR_LIMITED;
        shaking->late += err == ERR_BALANCE;
    }
    pg_free(&session);
    return NULL;
}

static struct shaking shake_at_once(struct shaking *shakings)
{
    pthread_t threads[THREADS];
    struct shaking all = {0};
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, shake_often, &shakings[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        all.won += shakings[i].won;
        all.poor += shakings[i].poor;
        all.late += shakings[i].late;
    }
    return all;
}

static void two_hundred_at_once_on_points_for_three(void **state)
{
    (void)state;
    struct shaking shakings[THREADS] = {0};
    const int64_t id = active_account(ACCOUNT_PHONE, "+8613900000000");
    assert_int_equal(add(id, CURRENCY_POINTS, 39), OK);
    for (size_t i = 0; i < THREADS; i++)
        shakings[i] = (struct shaking){.id = id, .cost = 10, .prize = 1};
    const struct shaking all = shake_at_once(shakings);
    assert_int_equal(all.won, 3);
    assert_int_equal(all.poor, THREADS * SHAKES - 3);
    assert_int_equal(balance(id, CURRENCY_POINTS), 9);
    assert_int_equal(balance(id, CURRENCY_MONEY), 3);
}

static void many_accounts_at_once_spend_one_budget(void **state)
{
    (void)state;
    struct shaking shakings[THREADS] = {0};
    int64_t ids[THREADS], money = 0;
    active_accounts(ids, THREADS);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(add(ids[i], CURRENCY_POINTS, 1000), OK);
        shakings[i] = (struct shaking){.id = ids[i], .cost = 1, .prize = 30};
    }
    const struct shaking all = shake_at_once(shakings);
    assert_int_equal(all.won, BUDGET / 30);
    assert_int_equal(all.late, THREADS * SHAKES - BUDGET / 30);
    for (size_t i = 0; i < THREADS; i++)
        money += balance(ids[i], CURRENCY_MONEY);
    assert_int_equal(money, BUDGET / 30 * 30);
    assert_int_equal(ask("select spent from prize_days"), money);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCHEMA_TEST(entries_add_up),
        SCHEMA_TEST(nothing_goes_below_zero),
        SCHEMA_TEST(accounts_do_not_touch),
        SCHEMA_TEST(what_is_rolled_back_did_not_happen),
        SCHEMA_TEST(a_broken_chain_is_refused),
        SCHEMA_TEST(an_overrun_budget_is_refused),
        SCHEMA_TEST(a_budget_is_spent_once),
        SCHEMA_TEST(a_changed_budget_holds_at_once),
        SCHEMA_TEST(a_day_begins_at_its_own_midnight),
        SCHEMA_TEST(two_hundred_at_once_on_points_for_three),
        SCHEMA_TEST(many_accounts_at_once_spend_one_budget),
    };
    return cmocka_run_group_tests_name("points", tests, postgres_set_up, postgres_tear_down);
}
