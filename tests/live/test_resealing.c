/* Sealing anew (component/service/resealing.h) on a real Postgres: all kinds, what changes meanwhile, lost keys. */
#include "component/service/resealing.h"

#include "component/service/jid_password.h"
#include "component/service/services.h"
#include "sql/doors.h"
#include "sql/profiles.h"
#include "tests/live/live_postgres.h"

#define OLD_KEY "1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define NEW_KEY "2:202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"

enum { MANY = 450 };

static struct keyring *old_ring, *both, *new_ring;
static struct services services;

static struct sealed sealed_with(const struct keyring *ring, const char *context, const char *plain)
{
    return seal(ring, arena, context, secret_of_cstr(plain));
}

static void assert_opens(const struct keyring *ring, const char *context, struct sealed sealed, const char *plain)
{
    struct secret secret;
    assert_int_equal(unseal(ring, arena, context, sealed, &secret), OK);
    assert_string_equal(secret_expose(secret), plain);
}

/* With all that can be sealed of an account, under the old key. */
static int64_t account_with_everything(void)
{
    struct new_account fresh = fresh_account(ACCOUNT_PHONE, "+8613900000000");
    services.keyring = old_ring;
    fresh.jid_local = "local";
    fresh.jid_password = sealed_with(old_ring, "jid:local", "password");
    fresh.secret = sealed_with(old_ring, "secret:+8613900000000", "secret");
    int64_t id = 0;
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(accounts_insert(pg, &fresh, &id), OK);
    assert_int_equal(pg_commit(pg), OK);
    assert_int_equal(accounts_activate(pg, id), OK);
    const struct sealed next = sealed_with(old_ring, "jid:local", "next");
    assert_int_equal(doors_set_next(pg, id, &next), OK);
    const struct profile profile = {
        .company_logo = "",
        .company_name = "c",
        .company_address = "a",
        .user_name = "u",
        .qq_number = "",
        .identity_card = sealed_with(old_ring, arena_printf(arena, "identity:%lld", (long long)id), "card")};
    assert_int_equal(profiles_put(pg, id, &profile), OK);
    return id;
}

static struct resealed reseal_all(const struct keyring *ring)
{
    struct resealed all = {0};
    for (enum sealed_kind kind = 0; kind < SEALED_KINDS; kind++) {
        struct resealed resealed;
        assert_int_equal(resealing_run(pg, ring, kind, &resealed), OK);
        all.done += resealed.done;
        all.lost += resealed.lost;
    }
    return all;
}

static int64_t under(int64_t key)
{
    struct sealed_count *counts = NULL;
    size_t count = 0;
    int64_t all = 0;
    assert_int_equal(sealed_values_count(pg, arena, &counts, &count), OK);
    for (size_t i = 0; i < count; i++)
        all += counts[i].key_id == key ? counts[i].count : 0;
    return all;
}

static void every_kind_opens_with_the_new_key_alone(void **state)
{
    (void)state;
    const int64_t id = account_with_everything();
    assert_int_equal(under(1), SEALED_KINDS);
    assert_int_equal(reseal_all(both).done, SEALED_KINDS);
    assert_int_equal(under(1), 0);
    assert_int_equal(under(2), SEALED_KINDS);
    struct account account;
    struct door door;
    struct stored_verifier verifier;
    struct profile profile;
    assert_int_equal(accounts_get(pg, arena, id, &account), OK);
    assert_int_equal(doors_get(pg, arena, id, &door), OK);
    assert_int_equal(verifiers_get(pg, arena, id, VERIFIER_SECRET, &verifier), OK);
    assert_int_equal(profiles_get(pg, arena, id, &profile), OK);
    assert_opens(new_ring, "jid:local", account.jid_password, "password");
    assert_opens(new_ring, "jid:local", door.next, "next");
    assert_opens(new_ring, "secret:+8613900000000", verifier.sealed, "secret");
    assert_opens(new_ring, arena_printf(arena, "identity:%lld", (long long)id), profile.identity_card, "card");
    assert_int_equal(reseal_all(both).done, 0);
}

static void what_cannot_be_opened_is_counted_and_left(void **state)
{
    (void)state;
    account_with_everything();
    const struct resealed resealed = reseal_all(new_ring);
    assert_int_equal(resealed.done, 0);
    assert_int_equal(resealed.lost, SEALED_KINDS);
    assert_int_equal(under(1), SEALED_KINDS);
}

static void more_than_a_batch(void **state)
{
    (void)state;
    for (int i = 0; i < MANY; i++) {
        struct new_account fresh = fresh_account(ACCOUNT_DEVICE, arena_printf(arena, "d%d", i));
        int64_t id;
        fresh.jid_password = sealed_with(old_ring, arena_printf(arena, "jid:%s", fresh.jid_local), "p");
        assert_int_equal(pg_begin(pg), OK);
        assert_int_equal(accounts_insert(pg, &fresh, &id), OK);
        assert_int_equal(pg_commit(pg), OK);
    }
    assert_int_equal(reseal_all(both).done, MANY);
    assert_int_equal(under(2), MANY);
}

/* What took a value's place after it was read is not overwritten. */
static void a_newer_value_stays(void **state)
{
    (void)state;
    const int64_t id = account_with_everything();
    struct sealed_value *values = NULL;
    size_t count = 0;
    assert_int_equal(sealed_values_get(pg, arena, SEALED_JID_PASSWORD, 2, 0, 10, &values, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(values[0].account_id, id);
    ask("update accounts set jid_password = 'newer', jid_key = 2");
    const struct sealed late = sealed_with(both, "jid:local", "password");
    assert_int_equal(sealed_values_put(pg, SEALED_JID_PASSWORD, &values[0], &late), OK);
    assert_int_equal(ask("select count(*) from accounts where jid_password = 'newer'"), 1);
}

static int rings_set_up(void **state)
{
    const bool made = keyring_new(secret_of_cstr(OLD_KEY), &old_ring) == OK &&
                      keyring_new(secret_of_cstr(NEW_KEY "," OLD_KEY), &both) == OK &&
                      keyring_new(secret_of_cstr(NEW_KEY), &new_ring) == OK;
    return made ? schema_set_up(state) : -1;
}

static int rings_tear_down(void **state)
{
    keyring_free(&old_ring);
    keyring_free(&both);
    keyring_free(&new_ring);
    return schema_tear_down(state);
}

#define RESEALING_TEST(test) cmocka_unit_test_setup_teardown(test, rings_set_up, rings_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RESEALING_TEST(every_kind_opens_with_the_new_key_alone),
        RESEALING_TEST(what_cannot_be_opened_is_counted_and_left),
        RESEALING_TEST(more_than_a_batch),
        RESEALING_TEST(a_newer_value_stays),
    };
    return cmocka_run_group_tests_name("resealing", tests, postgres_set_up, postgres_tear_down);
}
