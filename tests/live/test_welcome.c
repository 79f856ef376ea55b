/* Signing up is worth something once (component/service/points.h): however often a name is registered and cancelled,
 * whichever keys are configured by then, and without its being kept. */
#include "component/base/seal.h"
#include "component/service/login.h"
#include "component/service/points.h"
#include "component/service/services.h"
#include "sql/points.h"
#include "tests/live/live_postgres.h"

#define PHONE "+8613912345678"
#define KEY_A "1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_B "2:202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
#define KEY_C "3:404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"

enum { SIGNING_UP = 100, INVITATION = 50 };

static struct keyring *ring;
static struct services services = {
    .settings = {.owner = "here", .points = {.signing_up = SIGNING_UP, .invitation = INVITATION}}};

static void use_keys(const char *keys)
{
    keyring_free(&ring);
    assert_int_equal(keyring_new(secret_of_cstr(keys), &ring), OK);
    services.keyring = ring;
}

/* As a registration is, and as the outbox makes it active. */
static int64_t sign_up(enum account_type type, const char *name, bool proved, int64_t inviter)
{
    struct new_account fresh = fresh_account(type, name);
    struct account account;
    int64_t id;
    fresh.proved = proved;
    fresh.inviter = inviter;
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(accounts_insert(pg, &fresh, &id), OK);
    assert_int_equal(pg_commit(pg), OK);
    assert_int_equal(accounts_get(pg, arena, id, &account), OK);
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(accounts_activate(pg, id), OK);
    assert_int_equal(points_welcome(&services, pg, arena, &account), OK);
    assert_int_equal(pg_commit(pg), OK);
    return id;
}

static void end(int64_t id, enum account_state from)
{
    struct session_hash *ended;
    size_t count;
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(account_end(&services, pg, arena, id, from, &ended, &count), OK);
    assert_int_equal(pg_commit(pg), OK);
}

static int64_t points_of(int64_t id)
{
    int64_t balance = -1;
    assert_int_equal(ledger_balance(pg, id, CURRENCY_POINTS, &balance), OK);
    return balance;
}

static void a_phone_is_welcomed_once(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        const int64_t id = sign_up(ACCOUNT_PHONE, PHONE, true, 0);
        assert_int_equal(points_of(id), i == 0 ? SIGNING_UP : 0);
        end(id, ACCOUNT_ACTIVE);
    }
    assert_int_equal(points_of(sign_up(ACCOUNT_PHONE, "+8613912345679", true, 0)), SIGNING_UP);
}

static void an_inviter_gains_once_from_a_phone(void **state)
{
    (void)state;
    const int64_t inviter = sign_up(ACCOUNT_PHONE, "+8613900000000", true, 0);
    const int64_t other = sign_up(ACCOUNT_PHONE, "+8613900000001", true, 0);
    end(sign_up(ACCOUNT_PHONE, PHONE, true, inviter), ACCOUNT_ACTIVE);
    end(sign_up(ACCOUNT_PHONE, PHONE, true, inviter), ACCOUNT_ACTIVE);
    end(sign_up(ACCOUNT_PHONE, PHONE, true, other), ACCOUNT_ACTIVE);
    assert_int_equal(points_of(inviter), SIGNING_UP + INVITATION);
    assert_int_equal(points_of(other), SIGNING_UP);
}

/* A stranger may take the number first, on a picture: that is not the owner's welcome. */
static void an_unproved_phone_is_another_one(void **state)
{
    (void)state;
    const int64_t inviter = sign_up(ACCOUNT_PHONE, "+8613900000000", true, 0);
    const int64_t strangers = sign_up(ACCOUNT_PHONE, PHONE, false, 0);
    assert_int_equal(points_of(strangers), SIGNING_UP);
    end(strangers, ACCOUNT_ACTIVE);
    const int64_t again = sign_up(ACCOUNT_PHONE, PHONE, false, 0);
    assert_int_equal(points_of(again), 0);
    end(again, ACCOUNT_ACTIVE);
    assert_int_equal(points_of(sign_up(ACCOUNT_PHONE, PHONE, true, inviter)), SIGNING_UP);
    assert_int_equal(points_of(inviter), SIGNING_UP + INVITATION);
}

static void a_registration_that_was_undone_was_no_welcome(void **state)
{
    (void)state;
    end(pending_account(ACCOUNT_PHONE, PHONE), ACCOUNT_PENDING);
    assert_int_equal(ask("select count(*) from welcomed"), 0);
    assert_int_equal(points_of(sign_up(ACCOUNT_PHONE, PHONE, false, 0)), SIGNING_UP);
}

static void a_cancel_that_is_rolled_back_leaves_nothing(void **state)
{
    (void)state;
    struct session_hash *ended;
    size_t count;
    const int64_t id = sign_up(ACCOUNT_PHONE, PHONE, true, 0);
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(account_end(&services, pg, arena, id, ACCOUNT_ACTIVE, &ended, &count), OK);
    pg_rollback(pg);
    assert_int_equal(ask("select count(*) from welcomed"), 0);
}

/* Keys are changed by putting the new one first, on one process after the other. */
static void a_change_of_keys_forgets_nobody(void **state)
{
    (void)state;
    static const char *const rings[] = {KEY_A, KEY_B "," KEY_A, KEY_A, KEY_B "," KEY_A, KEY_C "," KEY_B};
    for (size_t i = 0; i < sizeof rings / sizeof rings[0]; i++) {
        use_keys(rings[i]);
        const int64_t id = sign_up(ACCOUNT_PHONE, PHONE, true, 0);
        assert_int_equal(points_of(id), i == 0 ? SIGNING_UP : 0);
        end(id, ACCOUNT_ACTIVE);
    }
    use_keys(KEY_C); /* noted under it when the one before was still there */
    assert_int_equal(points_of(sign_up(ACCOUNT_PHONE, PHONE, true, 0)), 0);
    assert_int_equal(ask("select count(*) from welcomed"), 3);
    assert_int_equal(ask("select count(distinct key_id) from welcomed where key_id between 1 and 3"), 3);
}

static void the_name_is_not_kept(void **state)
{
    (void)state;
    end(sign_up(ACCOUNT_PHONE, PHONE, true, 0), ACCOUNT_ACTIVE);
    end(sign_up(ACCOUNT_DEVICE, "lamp", true, 0), ACCOUNT_ACTIVE);
    assert_int_equal(ask("select count(*) from welcomed"), 2);
    assert_int_equal(ask("select count(*) from welcomed w, accounts a where w::text like '%%13912345678%%' or "
                         "a::text like '%%13912345678%%' or a::text like '%%lamp%%'"),
                     0);
    /* nor can it be found by who tries all numbers, without the key */
    assert_int_equal(ask("select count(*) from welcomed where mac in (sha256('" PHONE "'), sha256('1:1:" PHONE "'))"),
                     0);
}

static int set_up(void **state)
{
    use_keys(KEY_A);
    return schema_set_up(state);
}

static int tear_down(void **state)
{
    keyring_free(&ring);
    return schema_tear_down(state);
}

#define WELCOME_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WELCOME_TEST(a_phone_is_welcomed_once),
        WELCOME_TEST(an_inviter_gains_once_from_a_phone),
        WELCOME_TEST(an_unproved_phone_is_another_one),
        WELCOME_TEST(a_registration_that_was_undone_was_no_welcome),
        WELCOME_TEST(a_cancel_that_is_rolled_back_leaves_nothing),
        WELCOME_TEST(a_change_of_keys_forgets_nobody),
        WELCOME_TEST(the_name_is_not_kept),
    };
    return cmocka_run_group_tests_name("welcome", tests, postgres_set_up, postgres_tear_down);
}
