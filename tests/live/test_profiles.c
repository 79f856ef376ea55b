/* Profiles, invitations and devices as rows (sql/profiles.h, sql/accounts.h), and what a cancel erases of them. */
#include "tests/live/live_postgres.h"

#include "sql/profiles.h"

static struct profile filled_in(void)
{
    return (struct profile){.company_logo = "http://example.org/",
                            .company_name = "a company",
                            .company_address = "an address",
                            .user_name = "a name",
                            .qq_number = "",
                            .identity_card = {.key_id = 3, .bytes = (const uint8_t *)"sealed\0card", .length = 11}};
}

static enum err put(int64_t id, int64_t recommended_by)
{
    struct profile profile = filled_in();
    profile.recommended_by = recommended_by;
    return profiles_put(pg, id, &profile);
}

static bool exists(int64_t id)
{
    bool there;
    assert_int_equal(profiles_exists(pg, id, &there), OK);
    return there;
}

static void what_is_put_is_read(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_PHONE, "+8613900000000"),
                  other = active_account(ACCOUNT_PHONE, "+8613900000001");
    struct profile read;
    assert_false(exists(id));
    assert_int_equal(profiles_get(pg, arena, id, &read), ERR_NOT_FOUND);
    assert_int_equal(put(id, other), OK);
    assert_true(exists(id));
    assert_int_equal(profiles_get(pg, arena, id, &read), OK);
    assert_string_equal(read.company_logo, "http://example.org/");
    assert_string_equal(read.company_name, "a company");
    assert_string_equal(read.company_address, "an address");
    assert_string_equal(read.user_name, "a name");
    assert_string_equal(read.qq_number, "");
    assert_string_equal(read.recommended_phone, "+8613900000001");
    assert_int_equal(read.recommended_by, other);
    assert_int_equal(read.identity_card.key_id, 3);
    assert_int_equal(read.identity_card.length, 11);
    assert_memory_equal(read.identity_card.bytes, "sealed\0card", 11);
}

static void a_later_one_replaces_all_of_it(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_PHONE, "+8613900000000"),
                  other = active_account(ACCOUNT_PHONE, "+8613900000001");
    struct profile profile = filled_in(), read;
    assert_int_equal(put(id, other), OK);
    profile.company_logo = "";
    profile.user_name = "another";
    profile.identity_card.key_id = 4;
    assert_int_equal(profiles_put(pg, id, &profile), OK);
    assert_int_equal(profiles_get(pg, arena, id, &read), OK);
    assert_string_equal(read.company_logo, "");
    assert_string_equal(read.user_name, "another");
    assert_string_equal(read.recommended_phone, "");
    assert_int_equal(read.recommended_by, 0);
    assert_int_equal(read.identity_card.key_id, 4);
    assert_int_equal(ask("select count(*) from profiles"), 1);
}

static void only_who_is_there_has_or_recommends_one(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_PHONE, "+8613900000000"), gone = active_account(ACCOUNT_PHONE, "+86139");
    cancel_account(gone, ACCOUNT_ACTIVE);
    assert_int_equal(put(gone, 0), ERR_NOT_FOUND);
    assert_int_equal(put(pending_account(ACCOUNT_PHONE, "+8613900000002"), 0), ERR_NOT_FOUND);
    assert_int_equal(put(1, 0), ERR_NOT_FOUND);
    assert_int_equal(put(id, gone), ERR_NOT_FOUND);
    assert_int_equal(put(id, 1), ERR_NOT_FOUND);
    assert_false(exists(id));
}

static void who_recommended_may_go(void **state)
{
    (void)state;
    const int64_t id = active_account(ACCOUNT_PHONE, "+8613900000000"),
                  other = active_account(ACCOUNT_PHONE, "+8613900000001"),
                  lamp = active_account(ACCOUNT_DEVICE, "lamp");
    struct profile read;
    assert_int_equal(put(id, other), OK);
    cancel_account(other, ACCOUNT_ACTIVE);
    assert_int_equal(profiles_get(pg, arena, id, &read), OK);
    assert_string_equal(read.recommended_phone, "");
    assert_int_equal(put(id, lamp), OK); /* who has no phone has none to show */
    assert_int_equal(profiles_get(pg, arena, id, &read), OK);
    assert_string_equal(read.recommended_phone, "");
}

static void a_cancel_erases(void **state)
{
    (void)state;
    const int64_t inviter = active_account(ACCOUNT_PHONE, "+8613900000000");
    struct new_account fresh = fresh_account(ACCOUNT_PHONE, "+8613900000001");
    fresh.inviter = inviter;
    fresh.xid_hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    int64_t id = 0;
    struct account account;
    assert_int_equal(accounts_insert(pg, &fresh, &id), OK);
    assert_int_equal(accounts_activate(pg, id), OK);
    assert_int_equal(accounts_get(pg, arena, id, &account), OK);
    assert_int_equal(account.inviter, inviter);
    assert_string_equal(account.xid_hash, fresh.xid_hash);
    assert_int_equal(put(id, inviter), OK);
    ask("insert into wrong_passwords values (%lld, '192.0.2.1', 3, now())", (long long)id);
    cancel_account(id, ACCOUNT_ACTIVE);
    assert_false(exists(id));
    assert_int_equal(ask("select count(*) from wrong_passwords"), 0);
    assert_int_equal(ask("select count(*) from verifiers where account_id = %lld", (long long)id), 0);
    assert_int_equal(accounts_get(pg, arena, id, &account), OK);
    assert_int_equal(account.inviter, 0);
    assert_string_equal(account.xid_hash, "");
}

/* A profile that is committed while the cancel waits for the account is erased all the same. */
static void *cancel_it(void *arg)
{
    struct pg *session = pg_new(&config);
    const bool done = pg_begin(session) == OK && accounts_cancel(session, *(int64_t *)arg, ACCOUNT_ACTIVE) == OK &&
                      pg_commit(session) == OK;
    pg_free(&session);
    return done ? arg : NULL;
}

static void a_cancel_erases_what_comes_meanwhile(void **state)
{
    (void)state;
    int64_t id = active_account(ACCOUNT_PHONE, "+8613900000000");
    pthread_t thread;
    void *done;
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(put(id, 0), OK);
    assert_int_equal(pthread_create(&thread, NULL, cancel_it, &id), 0);
    wait_until_one_waits();
    assert_int_equal(pg_commit(pg), OK);
    pthread_join(thread, &done);
    assert_ptr_equal(done, &id);
    assert_false(exists(id));
}

/* --- invitations and devices */

static void every_account_has_an_invitation_of_its_own(void **state)
{
    (void)state;
    int64_t ids[50], found = 0;
    active_accounts(ids, 50);
    assert_int_equal(ask("select count(distinct invite_code) from accounts where invite_code ~ '^[A-Z2-9]{8}$'"), 50);
    struct account account;
    assert_int_equal(accounts_get(pg, arena, ids[7], &account), OK);
    assert_int_equal(accounts_find_inviter(pg, account.invite_code, &found), OK);
    assert_int_equal(found, ids[7]);
    char *lower = arena_strdup(arena, account.invite_code);
    for (char *p = lower; *p != '\0'; p++)
        *p = *p >= 'A' ? (char)(*p + 'a' - 'A') : *p;
    assert_int_equal(accounts_find_inviter(pg, lower, &found), OK);
    assert_int_equal(accounts_find_inviter(pg, "nobody's", &found), ERR_NOT_FOUND);
    ask("update accounts set banned_at = now() where id = %lld", (long long)ids[7]);
    assert_int_equal(accounts_find_inviter(pg, lower, &found), ERR_NOT_FOUND);
    ask("update accounts set banned_at = null where id = %lld", (long long)ids[7]);
    cancel_account(ids[7], ACCOUNT_ACTIVE);
    assert_int_equal(accounts_find_inviter(pg, lower, &found), ERR_NOT_FOUND);
}

static void the_latest_device_is_noted(void **state)
{
    (void)state;
    const char *first = "0000000000000000000000000000000000000000000000000000000000000000",
               *second = "1111111111111111111111111111111111111111111111111111111111111111";
    const int64_t id = active_account(ACCOUNT_PHONE, "+8613900000000");
    struct account account;
    assert_int_equal(accounts_set_xid(pg, id, first), OK);
    assert_int_equal(accounts_set_xid(pg, id, second), OK);
    assert_int_equal(accounts_set_xid(pg, id, second), OK);
    assert_int_equal(accounts_get(pg, arena, id, &account), OK);
    assert_string_equal(account.xid_hash, second);
    assert_int_equal(account.role, ROLE_USER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCHEMA_TEST(what_is_put_is_read),
        SCHEMA_TEST(a_later_one_replaces_all_of_it),
        SCHEMA_TEST(only_who_is_there_has_or_recommends_one),
        SCHEMA_TEST(who_recommended_may_go),
        SCHEMA_TEST(a_cancel_erases),
        SCHEMA_TEST(a_cancel_erases_what_comes_meanwhile),
        SCHEMA_TEST(every_account_has_an_invitation_of_its_own),
        SCHEMA_TEST(the_latest_device_is_noted),
    };
    return cmocka_run_group_tests_name("profiles", tests, postgres_set_up, postgres_tear_down);
}
