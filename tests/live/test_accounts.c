/* Accounts and their verifiers (sql/accounts.h): the life of one, and what the schema itself forbids. */
#include "tests/live/live_postgres.h"

static enum err try_insert(const struct new_account *fresh, int64_t *id_r)
{
    assert_int_equal(pg_begin(pg), OK);
    const enum err err = accounts_insert(pg, fresh, id_r);
    if (err == OK)
        assert_int_equal(pg_commit(pg), OK);
    else
        pg_rollback(pg);
    return err;
}

static enum err try_cancel(int64_t id, enum account_state from)
{
    assert_int_equal(pg_begin(pg), OK);
    const enum err err = accounts_cancel(pg, id, from);
    if (err == OK)
        assert_int_equal(pg_commit(pg), OK);
    else
        pg_rollback(pg);
    return err;
}

static struct account found(int64_t id)
{
    struct account account;
    assert_int_equal(accounts_get(pg, arena, id, &account), OK);
    return account;
}

/* --- the life of an account */

static void a_new_account_is_pending(void **state)
{
    (void)state;
    struct new_account fresh = fresh_account(ACCOUNT_DEVICE, "lamp-1");
    struct stored_verifier verifier;
    int64_t id = 0;
    assert_int_equal(try_insert(&fresh, &id), OK);
    const struct account account = found(id);
    assert_int_equal(account.id, id);
    assert_int_equal(account.type, ACCOUNT_DEVICE);
    assert_int_equal(account.state, ACCOUNT_PENDING);
    assert_int_equal(account.jid_state, JID_ABSENT);
    assert_int_equal(account.consent, CONSENT_ACCEPT);
    assert_false(account.banned);
    assert_string_equal(account.name, "lamp-1");
    assert_string_equal(account.nickname, "");
    assert_string_equal(account.des, "a description");
    assert_string_equal(account.device_type, "lamp");
    assert_string_equal(account.jid_local, fresh.jid_local);
    assert_int_equal(account.jid_password.key_id, 7);
    assert_int_equal(account.jid_password.length, 6);
    assert_memory_equal(account.jid_password.bytes, "sealed", 6);
    assert_int_equal(verifiers_get(pg, arena, id, VERIFIER_V1, &verifier), OK);
    assert_string_equal(verifier.text, fresh.verifier_v1);
    assert_int_equal(verifiers_get(pg, arena, id, VERIFIER_V0, &verifier), OK);
    assert_null(verifier.text);
}

static void it_is_activated_once(void **state)
{
    (void)state;
    const int64_t id = pending_account(ACCOUNT_PHONE, "+8613900000000");
    assert_int_equal(accounts_activate(pg, id), OK);
    assert_int_equal(found(id).state, ACCOUNT_ACTIVE);
    assert_int_equal(found(id).jid_state, JID_MADE);
    assert_int_equal(accounts_activate(pg, id), ERR_NOT_FOUND);
    assert_int_equal(accounts_activate(pg, id + 1), ERR_NOT_FOUND);
}

static void it_is_cancelled_from_the_state_named_alone(void **state)
{
    (void)state;
    const int64_t pending = pending_account(ACCOUNT_DEVICE, "pending");
    const int64_t active = active_account(ACCOUNT_DEVICE, "active");
    struct stored_verifier verifier;
    assert_int_equal(try_cancel(pending, ACCOUNT_ACTIVE), ERR_NOT_FOUND);
    assert_int_equal(try_cancel(active, ACCOUNT_PENDING), ERR_NOT_FOUND);
    assert_int_equal(verifiers_get(pg, arena, active, VERIFIER_V1, &verifier), OK);
    assert_non_null(verifier.text); /* a cancel that did not take place took nothing away */
    assert_int_equal(try_cancel(pending, ACCOUNT_PENDING), OK);
    assert_int_equal(try_cancel(active, ACCOUNT_ACTIVE), OK);
    assert_int_equal(try_cancel(active, ACCOUNT_ACTIVE), ERR_NOT_FOUND);
    assert_int_equal(accounts_activate(pg, pending), ERR_NOT_FOUND);
}

static void a_cancelled_account_keeps_nothing_personal(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "lamp");
    struct stored_verifier verifier;
    ask("update accounts set nickname = 'n', display_name = 'd', email = 'e@example.org' where id = %lld",
        (long long)id);
    cancel_account(id, ACCOUNT_ACTIVE);
    const struct account account = found(id);
    assert_int_equal(account.state, ACCOUNT_CANCELLED);
    assert_null(account.name);
    assert_string_equal(account.nickname, "");
    assert_string_equal(account.des, "");
    assert_string_equal(account.device_type, "");
    assert_null(account.jid_password.bytes);
    assert_true(account.jid_local[0] != '\0'); /* what the server is still to be told */
    assert_int_equal(verifiers_get(pg, arena, id, VERIFIER_V1, &verifier), OK);
    assert_null(verifier.text);
    assert_int_equal(ask("select count(*) from accounts where id = %lld and display_name is null and email is null "
                         "and cancelled_at is not null",
                         (long long)id),
                     1);
}

/* --- names and ids */

static void a_name_is_one_accounts_of_its_type(void **state)
{
    (void)state;
    struct new_account device = fresh_account(ACCOUNT_DEVICE, "name"), again = fresh_account(ACCOUNT_DEVICE, "name");
    struct new_account wechat = fresh_account(ACCOUNT_WECHAT, "name"), upper = fresh_account(ACCOUNT_DEVICE, "Name");
    int64_t id = 0, unchanged = -1;
    assert_int_equal(try_insert(&device, &id), OK);
    assert_int_equal(try_insert(&again, &unchanged), ERR_NAME_TAKEN);
    assert_int_equal(unchanged, -1);
    assert_int_equal(try_insert(&wechat, &id), OK);
    assert_int_equal(try_insert(&upper, &id), OK); /* case counts */
    assert_int_equal(ask("select count(*) from accounts"), 3);
    assert_int_equal(ask("select count(*) from verifiers"), 3);
}

static void a_taken_name_leaves_the_transaction_usable(void **state)
{
    (void)state;
    active_account(ACCOUNT_DEVICE, "taken");
    const struct new_account again = fresh_account(ACCOUNT_DEVICE, "taken"), other = fresh_account(ACCOUNT_DEVICE, "o");
    int64_t id = 0;
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(accounts_insert(pg, &again, &id), ERR_NAME_TAKEN);
    assert_int_equal(accounts_insert(pg, &other, &id), OK);
    assert_int_equal(pg_commit(pg), OK);
    assert_string_equal(found(id).name, "o");
}

static void a_cancelled_name_is_free_and_its_id_is_not(void **state)
{
    (void)state;
    int64_t last = active_account(ACCOUNT_WECHAT, "again");
    for (int i = 0; i < 5; i++) {
        struct account account;
        cancel_account(last, ACCOUNT_ACTIVE);
        assert_int_equal(accounts_find(pg, arena, ACCOUNT_WECHAT, "again", &account), ERR_NO_SUCH_NAME);
        const int64_t id = active_account(ACCOUNT_WECHAT, "again");
        assert_true(id > last);
        assert_int_equal(accounts_find(pg, arena, ACCOUNT_WECHAT, "again", &account), OK);
        assert_int_equal(account.id, id);
        last = id;
    }
    assert_int_equal(ask("select count(*) from accounts"), 6); /* rows stay */
}

static void an_id_is_not_used_again_after_a_rollback(void **state)
{
    (void)state;
    const struct new_account fresh = fresh_account(ACCOUNT_DEVICE, "rolled back");
    int64_t id = 0;
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(accounts_insert(pg, &fresh, &id), OK);
    pg_rollback(pg);
    assert_true(active_account(ACCOUNT_DEVICE, "rolled back") > id);
}

/* Two at once: the second waits for the first, and then hears that the name is taken. */
struct rival {
    struct new_account fresh;
    enum err err;
};

static void *insert_too(void *arg)
{
    struct rival *rival = arg;
    struct pg *session = pg_new(&config);
    int64_t id = 0;
    rival->err = pg_begin(session);
    if (rival->err == OK)
        rival->err = accounts_insert(session, &rival->fresh, &id);
    pg_rollback(session);
    pg_free(&session);
    return NULL;
}

static void of_two_who_want_a_name_one_gets_it(void **state)
{
    (void)state;
    const struct new_account fresh = fresh_account(ACCOUNT_PHONE, "+8613900000001");
    struct rival rival = {.fresh = fresh_account(ACCOUNT_PHONE, "+8613900000001")};
    pthread_t thread;
    int64_t id = 0;
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(accounts_insert(pg, &fresh, &id), OK);
    assert_int_equal(pthread_create(&thread, NULL, insert_too, &rival), 0);
    wait_until_one_waits();
    assert_int_equal(pg_commit(pg), OK);
    pthread_join(thread, NULL);
    assert_int_equal(rival.err, ERR_NAME_TAKEN);
}

/* --- finding */

static void many_are_found_in_the_order_asked(void **state)
{
    (void)state;
    const int64_t phone = active_account(ACCOUNT_PHONE, "+8613900000002");
    const int64_t device = active_account(ACCOUNT_DEVICE, "13900000002");
    const int64_t pending = pending_account(ACCOUNT_WECHAT, "open-id");
    const int64_t gone = active_account(ACCOUNT_DEVICE, "gone");
    cancel_account(gone, ACCOUNT_ACTIVE);
    struct account_name names[] = {{.plain = "open-id"},
                                   {.plain = "nobody"},
                                   {.plain = "13900000002", .phone = "+8613900000002"},
                                   {.plain = "gone"},
                                   {.plain = NULL, .phone = NULL},
                                   {.plain = "open-id"}};
    struct account *accounts;
    size_t *position, count;
    assert_int_equal(accounts_find_all(pg, arena, names, 6, 0, &accounts, &position, &count), OK);
    assert_int_equal(count, 4);
    const int64_t ids[] = {pending, phone, device, pending};
    const size_t positions[] = {0, 2, 2, 5};
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(accounts[i].id, ids[i]);
        assert_int_equal(position[i], positions[i]);
    }
    names[0].type = names[2].type = ACCOUNT_DEVICE;
    assert_int_equal(accounts_find_all(pg, arena, names, 6, gone, &accounts, &position, &count), OK);
    assert_int_equal(count, 3);
    assert_int_equal(accounts[0].id, device);
    assert_int_equal(accounts[1].id, pending);
    assert_int_equal(position[1], 5);
    assert_int_equal(accounts[2].id, gone); /* by its id, whatever became of it */
    assert_int_equal(position[2], 6);
    assert_int_equal(accounts_find_all(pg, arena, names, 0, phone, &accounts, &position, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(accounts[0].id, phone);
    assert_int_equal(position[0], 0);
    assert_int_equal(accounts_find_all(pg, arena, names, 0, 0, &accounts, &position, &count), OK);
    assert_int_equal(count, 0);
}

static void holding_needs_all_of_them_active(void **state)
{
    (void)state;
    const int64_t ids[] = {active_account(ACCOUNT_DEVICE, "b"), active_account(ACCOUNT_DEVICE, "a"),
                           pending_account(ACCOUNT_DEVICE, "c")};
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(accounts_hold(pg, arena, ids, 2), OK);
    assert_int_equal(accounts_hold(pg, arena, ids, 3), ERR_NOT_FOUND);
    pg_rollback(pg);
}

static void a_held_account_is_not_cancelled_meanwhile(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "held");
    struct pg_config quick = config;
    quick.statement_timeout_ms = 300;
    struct pg *session = pg_new(&quick);
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(accounts_hold(pg, arena, &id, 1), OK);
    assert_int_equal(pg_begin(session), OK);
    assert_int_equal(accounts_cancel(session, id, ACCOUNT_ACTIVE), ERR_DB_DOWN); /* it waits, and gives up */
    pg_rollback(session);
    pg_free(&session);
    assert_int_equal(pg_commit(pg), OK);
    assert_int_equal(found(id).state, ACCOUNT_ACTIVE);
}

/* --- verifiers and the JID */

static void a_verifier_is_renewed_unless_it_changed_meanwhile(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    struct stored_verifier verifier;
    assert_int_equal(verifiers_renew(pg, id, VERIFIER_V1, "something else", "late"), OK);
    assert_int_equal(verifiers_get(pg, arena, id, VERIFIER_V1, &verifier), OK);
    assert_string_equal(verifier.text, "$argon2id$...");
    assert_int_equal(verifiers_renew(pg, id, VERIFIER_V1, "$argon2id$...", "new"), OK);
    assert_int_equal(verifiers_get(pg, arena, id, VERIFIER_V1, &verifier), OK);
    assert_string_equal(verifier.text, "new");
}

/* What a login that is under way looks at, once its session is open. */
static void a_renewed_verifier_is_of_the_same_password(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_DEVICE, "d");
    const struct sealed secret = {.key_id = 7, .bytes = (const uint8_t *)"sealed", .length = 6};
    struct stored_verifier first, renewed, second, third, sealed;
    assert_int_equal(verifiers_get(pg, arena, id, VERIFIER_V1, &first), OK);
    assert_true(first.since_us > 0);
    assert_int_equal(verifiers_renew(pg, id, VERIFIER_V1, first.text, "dearer"), OK);
    assert_int_equal(verifiers_get(pg, arena, id, VERIFIER_V1, &renewed), OK);
    assert_string_equal(renewed.text, "dearer");
    assert_true(renewed.since_us == first.since_us);

    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(verifiers_replace(pg, id, "second", NULL, &secret), OK);
    assert_int_equal(verifiers_get(pg, arena, id, VERIFIER_V1, &second), OK);
    assert_int_equal(verifiers_replace(pg, id, "second", NULL, &secret), OK); /* the same one, and set anew */
    assert_int_equal(verifiers_get(pg, arena, id, VERIFIER_V1, &third), OK);
    assert_int_equal(verifiers_get(pg, arena, id, VERIFIER_SECRET, &sealed), OK);
    assert_int_equal(pg_commit(pg), OK);
    assert_true(second.since_us > first.since_us && third.since_us > second.since_us);
    assert_null(sealed.text);
    assert_int_equal(sealed.sealed.key_id, 7);
    assert_memory_equal(sealed.sealed.bytes, "sealed", 6);
    assert_true(sealed.since_us > first.since_us);
    assert_int_equal(verifiers_get(pg, arena, id, VERIFIER_V0, &sealed), OK);
    assert_true(sealed.text == NULL && sealed.sealed.bytes == NULL && sealed.since_us == 0);
}

/* --- what the schema itself forbids, should the program be wrong */

static void expect_refused(const char *sql)
{
    assert_int_equal(pg_script(pg, sql), ERR_DB);
}

static void the_schema_checks(void **state)
{
    (void)state;
    const long long id = (long long)active_account(ACCOUNT_DEVICE, "checked");
    expect_refused(arena_printf(arena, "update accounts set type = 4 where id = %lld", id));
    expect_refused(arena_printf(arena, "update accounts set state = 3 where id = %lld", id));
    expect_refused(arena_printf(arena, "update accounts set state = 2 where id = %lld", id)); /* not stripped */
    expect_refused(arena_printf(arena, "update accounts set name = null where id = %lld", id));
    expect_refused(arena_printf(arena, "update accounts set jid_key = null where id = %lld", id));
    expect_refused(arena_printf(arena, "update accounts set salt = 'short' where id = %lld", id));
    expect_refused(arena_printf(arena, "update verifiers set verifier = null where account_id = %lld", id));
    expect_refused(arena_printf(arena, "insert into verifiers (account_id, kind, verifier) values (%lld, 4, 'x')", id));
    expect_refused(arena_printf(arena, "delete from accounts where id = %lld", id)); /* its verifier hangs on it */
    assert_int_equal(found(id).state, ACCOUNT_ACTIVE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCHEMA_TEST(a_new_account_is_pending),
        SCHEMA_TEST(it_is_activated_once),
        SCHEMA_TEST(it_is_cancelled_from_the_state_named_alone),
        SCHEMA_TEST(a_cancelled_account_keeps_nothing_personal),
        SCHEMA_TEST(a_name_is_one_accounts_of_its_type),
        SCHEMA_TEST(a_taken_name_leaves_the_transaction_usable),
        SCHEMA_TEST(a_cancelled_name_is_free_and_its_id_is_not),
        SCHEMA_TEST(an_id_is_not_used_again_after_a_rollback),
        SCHEMA_TEST(of_two_who_want_a_name_one_gets_it),
        SCHEMA_TEST(many_are_found_in_the_order_asked),
        SCHEMA_TEST(holding_needs_all_of_them_active),
        SCHEMA_TEST(a_held_account_is_not_cancelled_meanwhile),
        SCHEMA_TEST(a_verifier_is_renewed_unless_it_changed_meanwhile),
        SCHEMA_TEST(a_renewed_verifier_is_of_the_same_password),
        SCHEMA_TEST(the_schema_checks),
    };
    return cmocka_run_group_tests_name("accounts", tests, postgres_set_up, postgres_tear_down);
}
