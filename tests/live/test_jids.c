/* Accounts by their JIDs (sql/jids.h). */
#include "sql/jids.h"

#include "tests/live/live_postgres.h"

static const char *jid_of(int64_t id)
{
    struct account account;
    assert_int_equal(accounts_get(pg, arena, id, &account), OK);
    return account.jid_local;
}

static void whose_it_is(void **state)
{
    (void)state;
    int64_t id[2], found = 0;
    active_accounts(id, 2);
    assert_int_equal(jids_check(pg, jid_of(id[1]), &found), OK);
    assert_int_equal(found, id[1]);
    assert_int_equal(jids_check(pg, "nobody", &found), ERR_NO_SUCH_NAME);
    assert_int_equal(jids_check(pg, "", &found), ERR_NO_SUCH_NAME);
    ask("update accounts set banned_at = now() where id = %lld", (long long)id[1]);
    assert_int_equal(jids_check(pg, jid_of(id[1]), &found), ERR_BANNED);
    const char *jid = jid_of(id[0]);
    cancel_account(id[0], ACCOUNT_ACTIVE);
    assert_int_equal(jids_check(pg, jid, &found), ERR_NO_SUCH_NAME);
    const int64_t pending = pending_account(ACCOUNT_DEVICE, "pending");
    assert_int_equal(jids_check(pg, jid_of(pending), &found), ERR_JID_PENDING);
}

static void several_in_their_order(void **state)
{
    (void)state;
    int64_t id[3];
    active_accounts(id, 3);
    const char *jids[] = {jid_of(id[2]), "nobody", jid_of(id[0]), jid_of(id[2])};
    struct account *found;
    size_t *position, count = 0;
    assert_int_equal(jids_find_all(pg, arena, jids, 4, &found, &position, &count), OK);
    assert_int_equal(count, 3);
    static const size_t positions[] = {0, 2, 3};
    const int64_t ids[] = {id[2], id[0], id[2]};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(position[i], positions[i]);
        assert_int_equal(found[i].id, ids[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCHEMA_TEST(whose_it_is),
        SCHEMA_TEST(several_in_their_order),
    };
    return cmocka_run_group_tests(tests, postgres_set_up, postgres_tear_down);
}
