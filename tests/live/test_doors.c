/* Doors (sql/doors.h) and what brings them about (component/service/bans.h): bans, and other passwords for JIDs. As in
 * test_errands.c the steps come in an order that chance chooses, with workers who are slow, fail or die, and a few
 * variables stand for the server. In the end it lets in with the password of the account, and nobody who is banned. */
#include "component/service/bans.h"

#include "component/base/seal.h"
#include "component/cache/redis.h"
#include "component/cache/token_cache.h"
#include "component/jobs/errand.h"
#include "component/jobs/recording.h"
#include "component/service/jid_password.h"
#include "component/service/resealing.h"
#include "component/service/services.h"
#include "sql/doors.h"
#include "sql/meta.h"
#include "sql/sessions.h"
#include "tests/live/live_postgres.h"

enum { ACCOUNTS = 2, HELD = 4, STEPS = 300, RUNS = 8, HOUR_MS = 3600000 };

struct held {
    struct errand *errand; /* NULL: none */
    bool acted, slow;
};

/* A server that has a command for locking, or one that locks by a password that nobody knows. */
static bool has_lock;
static struct {
    bool locked;
    char password[64];
} server[ACCOUNTS];

static struct redis_config redis_config = {.timeout_ms = 2000};
static struct services services = {.settings = {.owner = "here", .xmpp_domain = "example.org", .country = 86}};
static struct worker worker;
static struct keyring *ring;
static struct jobs_config jobs = {.services = &services, .lease_ms = HOUR_MS, .backoff_ms = 1, .backoff_max_ms = 1};
static struct held held[HELD];
static int64_t ids[ACCOUNTS];

static size_t chance(size_t bound)
{
    return (size_t)(random() % (long)bound);
}

static size_t index_of(int64_t id)
{
    return (size_t)(id - ids[0]);
}

static const char *opened(const char *jid_local, struct sealed sealed)
{
    struct secret plain;
    assert_int_equal(jid_password_open(&services, arena, jid_local, sealed, &plain), OK);
    return secret_expose(plain);
}

static struct account account_now(size_t index)
{
    struct account account;
    assert_int_equal(accounts_get(pg, arena, ids[index], &account), OK);
    return account;
}

/* --- an administrator */

static void administer(void)
{
    const size_t index = chance(ACCOUNTS);
    size_t count;
    struct resealed resealed;
    switch (chance(9)) {
    case 0:
        assert_int_equal(account_ban(&services, &worker, arena, ids[index], &count), OK);
        break;
    case 1:
        assert_int_equal(account_unban(&worker, ids[index]), OK);
        break;
    case 2:
    case 3:
        assert_int_equal(accounts_rotate(&services, &worker, arena, &ids[index], 1, 0, 0, &count), OK);
        assert_int_equal(count, 1);
        break;
    default:
        assert_int_equal(outbox_add(pg, OUTBOX_CHECK_JID, ids[index], NULL), OK);
        assert_int_equal(resealing_run(pg, ring, SEALED_JID_PASSWORD, &resealed), OK);
    }
}

/* --- the server */

static void set_password(size_t index, const char *password)
{
    snprintf(server[index].password, sizeof server[index].password, "%s", password);
}

static enum err act_on_door(struct errand *errand, bool half)
{
    const size_t index = index_of(errand->account.id);
    const char *local = errand->account.jid_local;
    const bool replaced = errand->door.next.bytes != NULL;
    if (errand->account.banned) {
        server[index].locked = true;
        if (!has_lock)
            set_password(index, "nobody knows it");
        return half ? ERR_TIMEOUT : OK;
    }
    if (errand->door.locked) {
        server[index].locked = false;
        if (!has_lock)
            set_password(index, opened(local, replaced ? errand->door.next : errand->account.jid_password));
    }
    if (half)
        return ERR_TIMEOUT;
    if (replaced) {
        set_password(index, opened(local, errand->door.next));
        errand->outcome = NEXT_TAKEN;
    }
    errand->jid_state = JID_MADE;
    return OK;
}

/* As for a password that was refused, and is set again. */
static enum err act_on_check(struct errand *errand, bool half)
{
    const size_t index = index_of(errand->account.id);
    const char *password = opened(errand->account.jid_local, errand->account.jid_password);
    errand->jid_state = JID_MADE;
    if (strcmp(server[index].password, password) == 0 && !server[index].locked)
        return OK;
    errand->password_set = true;
    set_password(index, password);
    if (!has_lock)
        server[index].locked = false;
    return half ? ERR_TIMEOUT : OK;
}

/* --- workers */

static void take_one(void)
{
    const struct outbox_claim claim = {.owner = "here", .lease_ms = HOUR_MS, .register_wait_ms = HOUR_MS, .most = 1};
    struct outbox_item *items;
    size_t count, place = 0;
    while (place < HELD && held[place].errand != NULL)
        place++;
    if (place == HELD)
        return;
    assert_int_equal(outbox_take(pg, arena, &claim, &items, &count), OK);
    if (count == 0)
        return;
    struct arena *own_arena = arena_new();
    struct errand *errand = arena_alloc(own_arena, sizeof *errand);
    *errand = (struct errand){.config = &jobs, .arena = own_arena, .item = items[0]};
    errands_load(pg, errand);
    held[place] = (struct held){.errand = errand, .acted = errand->result != OK};
}

static void let_go(struct held *one)
{
    struct arena *own_arena = one->errand->arena;
    arena_free(&own_arena);
    one->errand = NULL;
}

static void act(struct held *one)
{
    if (one->acted)
        return;
    const size_t luck = chance(6);
    struct errand *errand = one->errand;
    one->acted = true;
    if (luck == 0)
        errand->result = ERR_TIMEOUT;
    else if (errand->item.kind == OUTBOX_DOOR)
        errand->result = act_on_door(errand, luck == 1);
    else
        errand->result = act_on_check(errand, luck == 1);
}

static void record(struct held *one)
{
    if (!one->acted)
        return;
    assert_int_equal(errands_record(pg, one->errand), OK);
    let_go(one);
}

static void run_out(const struct held *one)
{
    ask("update outbox set due_at = now() where lease = %lld", (long long)one->errand->item.lease);
}

static void work(void)
{
    struct held *one = &held[chance(HELD)];
    if (one->errand == NULL)
        return;
    const size_t what = chance(8);
    if (what == 0 && !one->slow) { /* it died, before or after the server was told */
        run_out(one);
        let_go(one);
    } else if (what == 1) {
        run_out(one);
        one->slow = true;
    } else if (what < 5) {
        record(one);
    } else {
        act(one);
    }
}

static void finish(void)
{
    for (int round = 0; round == 0 || ask("select count(*) from outbox") > 0; round++) {
        assert_true(round < 500);
        for (size_t i = 0; i < HELD; i++)
            if (held[i].errand != NULL) {
                act(&held[i]);
                record(&held[i]);
            }
        ask("update outbox set due_at = now() where due_at > now()");
        for (size_t i = 0; i < HELD; i++)
            take_one();
    }
}

static void expect_doors(unsigned seed)
{
    for (size_t i = 0; i < ACCOUNTS; i++) {
        const struct account account = account_now(i);
        const bool right = strcmp(server[i].password, opened(account.jid_local, account.jid_password)) == 0;
        const bool lets_in = right && !server[i].locked;
        if (lets_in == account.banned)
            fail_msg("seed %u: account %zu is %s banned; the server: locked %d, its password %d", seed, i,
                     account.banned ? "" : "not", server[i].locked, right);
    }
    assert_int_equal(ask("select count(*) from doors d join accounts a on a.id = d.account_id where banned_at is null"),
                     0);
    assert_int_equal(ask("select count(*) from accounts where banned_at is not null and id not in "
                         "(select account_id from doors where locked)"),
                     0);
}

static void make_accounts(void)
{
    ask("truncate accounts, outbox cascade");
    memset(server, 0, sizeof server);
    for (size_t i = 0; i < ACCOUNTS; i++) {
        struct new_account fresh = fresh_account(ACCOUNT_DEVICE, arena_printf(arena, "d%zu", i));
        fresh.jid_password = jid_password_new(&services, arena, fresh.jid_local);
        assert_int_equal(pg_begin(pg), OK);
        assert_int_equal(accounts_insert(pg, &fresh, &ids[i]), OK);
        assert_int_equal(pg_commit(pg), OK);
        assert_int_equal(accounts_activate(pg, ids[i]), OK);
        set_password(i, opened(fresh.jid_local, fresh.jid_password));
    }
}

static void who_is_banned_is_kept_out_and_nobody_else(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= RUNS; seed++) {
        srandom(seed);
        has_lock = seed % 2 == 0;
        make_accounts();
        for (int step = 0; step < STEPS; step++) {
            const size_t what = chance(10);
            if (what < 2)
                administer();
            else if (what < 5)
                take_one();
            else
                work();
        }
        finish();
        expect_doors(seed);
    }
}

/* --- single cases */

static void a_ban_ends_sessions_and_the_epoch(void **state)
{
    (void)state;
    make_accounts();
    const struct session_hash hash = {{7}};
    struct session_hash *ended = NULL;
    size_t count = 0;
    int64_t before = 0, after = 0, id = 0, left = 0;
    assert_int_equal(sessions_open(pg, arena, ids[0], SESSION_003, &hash, HOUR_MS, 3, &ended, &count), OK);
    assert_int_equal(meta_raise_epoch(pg, &before), OK);
    assert_int_equal(account_ban(&services, &worker, arena, ids[0], &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(meta_epoch(pg, &after), OK);
    assert_true(after > before);
    assert_int_equal(sessions_check(pg, &hash, &id, &left), ERR_TOKEN);
    assert_int_equal(sessions_open(pg, arena, ids[0], SESSION_003, &hash, HOUR_MS, 3, &ended, &count), ERR_NOT_FOUND);
    assert_int_equal(account_ban(&services, &worker, arena, ids[0], &count), OK);
    assert_int_equal(count, 0);
    assert_int_equal(account_unban(&worker, ids[0]), OK);
    assert_int_equal(sessions_open(pg, arena, ids[0], SESSION_003, &hash, HOUR_MS, 3, &ended, &count), OK);
}

static struct held *taken(enum outbox_kind kind)
{
    size_t place = 0;
    while (held[place].errand != NULL)
        place++;
    take_one();
    if (held[place].errand == NULL || held[place].errand->item.kind != kind)
        fail_msg("nothing of kind %d was taken", (int)kind);
    return &held[place];
}

static void do_and_record(struct held *one, enum err result)
{
    struct errand *errand = one->errand;
    if (errand == NULL)
        return;
    one->acted = true;
    errand->result = errand->item.kind == OUTBOX_DOOR ? act_on_door(errand, false) : act_on_check(errand, false);
    if (result != OK)
        errand->result = result;
    record(one);
}

/* A check that loaded the account before the door changed, and sets the password after it did: as it was. */
static void a_check_opens_no_door(void **state)
{
    (void)state;
    size_t count;
    for (int round = 0; round < 4; round++) {
        const bool banned = round % 2 == 0;
        has_lock = false;
        make_accounts();
        set_password(0, "somebody changed it");
        assert_int_equal(outbox_add(pg, OUTBOX_CHECK_JID, ids[0], NULL), OK);
        struct held *checking = taken(OUTBOX_CHECK_JID);
        if (banned)
            assert_int_equal(account_ban(&services, &worker, arena, ids[0], &count), OK);
        else
            assert_int_equal(accounts_rotate(&services, &worker, arena, ids, 1, 0, 0, &count), OK);
        do_and_record(taken(OUTBOX_DOOR), OK);
        do_and_record(checking, round < 2 ? OK : ERR_TIMEOUT);
        finish();
        expect_doors(0);
    }
}

static void only_active_accounts(void **state)
{
    (void)state;
    size_t count = 9;
    const int64_t pending = pending_account(ACCOUNT_DEVICE, "pending");
    assert_int_equal(account_ban(&services, &worker, arena, pending, &count), ERR_NOT_FOUND);
    assert_int_equal(account_unban(&worker, pending), ERR_NOT_FOUND);
    assert_int_equal(account_end_sessions(&services, &worker, arena, pending, &count), ERR_NOT_FOUND);
    assert_int_equal(accounts_rotate(&services, &worker, arena, &pending, 1, 0, 0, &count), OK);
    assert_int_equal(count, 0);
    assert_int_equal(ask("select count(*) from outbox where kind = 6"), 0);
    assert_int_equal(ask("select count(*) from doors"), 0);
}

static void a_password_that_is_to_come_stays_unless_it_is_lost(void **state)
{
    (void)state;
    struct door first, second;
    size_t count;
    make_accounts();
    assert_int_equal(accounts_rotate(&services, &worker, arena, ids, 1, 0, 0, &count), OK);
    assert_int_equal(doors_get(pg, arena, ids[0], &first), OK);
    assert_int_equal(accounts_rotate(&services, &worker, arena, ids, 1, 0, 0, &count), OK);
    assert_int_equal(doors_get(pg, arena, ids[0], &second), OK);
    assert_memory_equal(first.next.bytes, second.next.bytes, first.next.length);
    ask("update doors set next_key = 99");
    assert_int_equal(accounts_rotate(&services, &worker, arena, ids, 1, 0, 0, &count), OK);
    assert_int_equal(doors_get(pg, arena, ids[0], &second), OK);
    assert_int_equal(second.next.key_id, 1);
}

static void what_is_forbidden_is_forgotten(void **state)
{
    (void)state;
    size_t count;
    make_accounts();
    const struct account before = account_now(0);
    assert_int_equal(accounts_rotate(&services, &worker, arena, ids, 1, 0, 0, &count), OK);
    take_one();
    held[0].errand->result = OK;
    held[0].errand->outcome = NEXT_FORBIDDEN;
    held[0].errand->jid_state = JID_MADE;
    held[0].acted = true;
    record(&held[0]);
    assert_int_equal(ask("select count(*) from doors"), 0);
    assert_memory_equal(account_now(0).jid_password.bytes, before.jid_password.bytes, before.jid_password.length);
}

static void many_are_spread_over_time(void **state)
{
    (void)state;
    size_t count;
    make_accounts();
    assert_int_equal(accounts_rotate(&services, &worker, arena, ids, ACCOUNTS, 10000, 1000, &count), OK);
    assert_int_equal(count, ACCOUNTS);
    assert_int_equal(ask("select count(*) from outbox where due_at > now() + interval '9 seconds'"), ACCOUNTS);
    assert_int_equal(ask("select extract(epoch from max(due_at) - min(due_at)) from outbox"), ACCOUNTS - 1);
    assert_int_equal(outbox_hurry(pg), OK); /* a reconnect is no reason to do all of them at once */
    assert_int_equal(ask("select count(*) from outbox where due_at > now() + interval '9 seconds'"), ACCOUNTS);
}

static int set_up(void **state)
{
    redis_config.address = getenv("TEST_REDIS");
    assert_int_equal(
        keyring_new(secret_of_cstr("1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), &ring), OK);
    services.keyring = ring;
    services.token_memory = token_memory_new(0, 0);
    memset(held, 0, sizeof held);
    const int result = schema_set_up(state);
    worker = (struct worker){.pg = pg, .redis = redis_new(&redis_config)};
    return result;
}

static int tear_down(void **state)
{
    for (size_t i = 0; i < HELD; i++)
        if (held[i].errand != NULL)
            let_go(&held[i]);
    redis_free(&worker.redis);
    token_memory_free(&services.token_memory);
    keyring_free(&ring);
    return schema_tear_down(state);
}

#define DOOR_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DOOR_TEST(who_is_banned_is_kept_out_and_nobody_else),
        DOOR_TEST(a_ban_ends_sessions_and_the_epoch),
        DOOR_TEST(a_check_opens_no_door),
        DOOR_TEST(only_active_accounts),
        DOOR_TEST(a_password_that_is_to_come_stays_unless_it_is_lost),
        DOOR_TEST(what_is_forbidden_is_forgotten),
        DOOR_TEST(many_are_spread_over_time),
    };
    return cmocka_run_group_tests_name("doors", tests, postgres_set_up, postgres_tear_down);
}
