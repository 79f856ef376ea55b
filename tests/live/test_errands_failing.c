/* Single cases of wishes whose workers are slow, fail or die (component/jobs/errand.h), for who looks for one. */
#include "tests/live/errands_fixture.h"

static struct held *taken(enum outbox_kind kind)
{
    take_one();
    struct held *place = &held[0];
    assert_non_null(place->errand);
    assert_int_equal(place->errand->item.kind, kind);
    return place;
}

static void start_over(void)
{
    memset(&server, 0, sizeof server);
    made = 0;
    register_one();
}

static void a_registration_given_up_while_its_jid_is_made_is_undone(void **state)
{
    (void)state;
    start_over();
    struct held *creating = taken(OUTBOX_CREATE_JID);
    assert_int_equal(registration_undo(&services, pg, first_id), OK);
    assert_int_equal(registration_undo(&services, pg, first_id), ERR_NOT_FOUND);
    take_one();
    assert_null(held[1].errand); /* the deletion waits */
    creating->errand->result = act(creating->errand, false);
    creating->acted = true;
    record(creating);
    struct held *deleting = taken(OUTBOX_DELETE_JID);
    deleting->errand->result = act(deleting->errand, false);
    deleting->acted = true;
    record(deleting);
    expect_whole(0);
    assert_int_equal(ask("select count(*) from outbox"), 0);
}

static void a_second_attempt_at_a_registration_undoes_it(void **state)
{
    (void)state;
    start_over();
    struct held *creating = taken(OUTBOX_CREATE_JID);
    act(creating->errand, false); /* the JID is there, and then it dies */
    run_out(creating);
    let_go(creating);
    assert_int_equal(taken(OUTBOX_CREATE_JID)->errand->result, ERR_CONFLICT);
    record(&held[0]);
    assert_int_equal(ask("select state from accounts"), ACCOUNT_CANCELLED);
    drain();
    expect_whole(0);
}

static void a_registration_that_nobody_waits_for_is_undone(void **state)
{
    (void)state;
    start_over();
    ticket_drop(&clients[0]); /* told that nobody knows whether it was committed */
    assert_int_equal(taken(OUTBOX_CREATE_JID)->errand->result, ERR_CONFLICT);
    record(&held[0]);
    assert_int_equal(ask("select state from accounts"), ACCOUNT_CANCELLED);
    drain();
    expect_whole(0);
}

static void a_registration_that_cannot_be_loaded_is_undone(void **state)
{
    (void)state;
    const struct pg_config nowhere = {
        .url = secret_of_cstr("host=/nowhere"), .connect_timeout_ms = 100, .statement_timeout_ms = 100};
    struct pg *away = pg_new(&nowhere);
    start_over();
    struct held *creating = taken(OUTBOX_CREATE_JID);
    const struct outbox_item item = creating->errand->item;
    let_go(creating);
    *creating = (struct held){.errand = errand_of(away, &item), .acted = true};
    assert_int_equal(creating->errand->result, ERR_DB_DOWN);
    record(creating);
    assert_int_equal(ask("select state from accounts"), ACCOUNT_CANCELLED);
    drain();
    expect_whole(0);
    pg_free(&away);
}

static void a_link_that_is_down_is_waited_for_without_a_pause(void **state)
{
    (void)state;
    assert_int_equal(comparisons_note_use(pg, active_account(ACCOUNT_DEVICE, "d"), 0), OK);
    struct held *checking = taken(OUTBOX_CHECK_JID);
    jobs.backoff_ms = jobs.backoff_max_ms = HOUR_MS;
    checking->errand->result = ERR_XMPP_DOWN;
    checking->acted = true;
    record(checking);
    checking = taken(OUTBOX_CHECK_JID);
    checking->errand->result = ERR_XMPP;
    checking->acted = true;
    record(checking);
    jobs.backoff_ms = jobs.backoff_max_ms = 1;
    assert_int_equal(ask("select count(*) from outbox where due_at > now() + interval '1 minute'"), 1);
}

/* However often the process is started again in the middle of it. */
static void a_stop_is_not_a_failed_attempt(void **state)
{
    (void)state;
    assert_int_equal(comparisons_note_use(pg, active_account(ACCOUNT_DEVICE, "d"), 0), OK);
    jobs.stuck_after = 2;
    for (int i = 0; i < 3; i++) {
        struct held *checking = taken(OUTBOX_CHECK_JID);
        assert_int_equal(checking->errand->item.attempts, 1);
        checking->errand->result = ERR_SHUTDOWN;
        checking->acted = true;
        record(checking);
    }
    jobs.stuck_after = 0;
    assert_int_equal(ask("select count(*) from outbox where lease is null and due_at <= now()"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ERRAND_TEST(a_registration_given_up_while_its_jid_is_made_is_undone),
        ERRAND_TEST(a_second_attempt_at_a_registration_undoes_it),
        ERRAND_TEST(a_registration_that_nobody_waits_for_is_undone),
        ERRAND_TEST(a_registration_that_cannot_be_loaded_is_undone),
        ERRAND_TEST(a_link_that_is_down_is_waited_for_without_a_pause),
        ERRAND_TEST(a_stop_is_not_a_failed_attempt),
    };
    return cmocka_run_group_tests_name("errands failing", tests, postgres_set_up, postgres_tear_down);
}
