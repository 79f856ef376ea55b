/* A small world whose wishes are worked on in single steps, for the tests of errands (component/jobs/errand.h): a few
 * variables stand for the XMPP server, so that its state after any order of the steps is known. */
#ifndef TESTS_LIVE_ERRANDS_FIXTURE_H
#define TESTS_LIVE_ERRANDS_FIXTURE_H

#include "component/jobs/errand.h"

#include "component/jobs/comparison.h"

#include "component/base/seal.h"
#include "component/jobs/recording.h"
#include "component/service/login.h"
#include "component/service/registration.h"
#include "component/service/services.h"
#include "component/service/waiters.h"
#include "sql/bindings.h"
#include "sql/comparisons.h"
#include "tests/live/live_postgres.h"

enum { ACCOUNTS = 24, HELD = 6, HOUR_MS = 3600000 };

/* An errand between being taken and being recorded. */
struct held {
    struct errand *errand; /* NULL: none */
    bool acted;            /* the server was told */
    bool slow;             /* its lease ran out: it finishes all the same */
};

static struct services services = {
    .settings = {.owner = "here", .xmpp_domain = "example.org", .country = 86, .register_wait_ms = HOUR_MS}};
static struct keyring *ring;
static struct jobs_config jobs = {
    .services = &services,
    .lease_ms = HOUR_MS,
    .backoff_ms = 1,
    .backoff_max_ms = 1,
    .reconcile = {.remember_ms = HOUR_MS, .brake = {.accounts = ACCOUNTS, .window_ms = HOUR_MS}}};
static struct held held[HELD];
static int64_t first_id;
static size_t made;                   /* accounts so far */
static struct call clients[ACCOUNTS]; /* who registers them */
static struct {
    bool jid[ACCOUNTS];
    bool shows[ACCOUNTS][ACCOUNTS]; /* whose roster, whom */
} server;
static const char *locals[ACCOUNTS];

static inline void no_wake(void *arg)
{
    (void)arg;
}

static inline size_t chance(size_t bound)
{
    return (size_t)(random() % (long)bound);
}

static inline size_t index_of(int64_t id)
{
    return (size_t)(id - first_id);
}

/* --- what clients do */

static inline void wait_for_jid(struct call *client, int64_t id)
{
    const uint64_t key = WAIT_KEY(WAIT_JID, id);
    ticket_drop(client); /* of the run before */
    assert_int_equal(ticket_take(services.runtime.waiters, client, &key, 1, clock_ms() + HOUR_MS), OK);
}

static inline void register_one(void)
{
    int64_t id;
    const struct new_account fresh = fresh_account(ACCOUNT_DEVICE, arena_printf(arena, "n%zu", made));
    if (made == ACCOUNTS)
        return;
    assert_int_equal(pg_begin(pg), OK);
    assert_int_equal(accounts_insert(pg, &fresh, &id), OK);
    assert_int_equal(outbox_add(pg, OUTBOX_CREATE_JID, id, "here"), OK);
    wait_for_jid(&clients[made], id);
    assert_int_equal(pg_commit(pg), OK);
    locals[made] = fresh.jid_local;
    if (made++ == 0)
        first_id = id;
    assert_int_equal(index_of(id), made - 1);
}

static inline void end_one(enum account_state from)
{
    struct session_hash *ended;
    size_t count;
    const int64_t id = first_id + (int64_t)chance(made + 1);
    assert_int_equal(pg_begin(pg), OK);
    const enum err err = account_end(&services, pg, arena, id, from, &ended, &count);
    if (err == OK)
        assert_int_equal(pg_commit(pg), OK);
    else
        pg_rollback(pg);
    assert_true(err == OK || err == ERR_NOT_FOUND);
}

static inline void bind_or_unbind(void)
{
    struct wish *wishes;
    size_t count;
    const int64_t ids[] = {first_id + (int64_t)chance(made + 1), first_id + (int64_t)chance(made + 1)};
    if (ids[0] == ids[1])
        return;
    assert_int_equal(pg_begin(pg), OK);
    const enum err err = chance(3) > 0
                             ? bindings_want(pg, arena, ids[0], &ids[1], 1,
                                             &(struct want_terms){.agreed = true, .most = ACCOUNTS}, &wishes, &count)
                             : bindings_unwant(pg, arena, ids[0], &ids[1], 1, NULL, &wishes, &count);
    assert_true(err == OK || err == ERR_NOT_FOUND);
    if (err == OK)
        assert_int_equal(pg_commit(pg), OK);
    else
        pg_rollback(pg);
}

/* --- what the server does */

static inline bool change_side(const struct errand *errand, int side, bool wanted)
{
    const size_t owner = index_of(errand->pair.sides[side].id), other = index_of(errand->pair.sides[1 - side].id);
    if (!errand->sides[side].exists)
        return true;
    if (server.jid[owner])
        server.shows[owner][other] = wanted;
    return server.jid[owner] || !wanted;
}

static inline enum err change_pair(struct errand *errand, bool half)
{
    const bool low = change_side(errand, 0, errand->pair.wanted);
    if (half)
        return ERR_TIMEOUT;
    const bool high = change_side(errand, 1, errand->pair.wanted);
    for (int side = 0; side < 2; side++)
        errand->sides[side].seen_present = errand->pair.wanted;
    return low && high ? OK : ERR_JID_NONE;
}

static inline void lose_jid(size_t index)
{
    server.jid[index] = false;
    memset(server.shows[index], 0, sizeof server.shows[index]);
}

static inline void show_to(struct comparison *comparison, size_t index)
{
    struct roster_item *items = arena_array(arena, made, sizeof *items);
    comparison->there = comparison->read = server.jid[index];
    comparison->roster = (struct roster){.items = items};
    for (size_t other = 0; other < made; other++)
        if (server.shows[index][other])
            items[comparison->roster.count++] =
                (struct roster_item){.jid = arena_printf(arena, "%s@example.org", locals[other]),
                                     .subscription = XMPP_BOTH,
                                     .name = arena_printf(arena, "n%zu", other)};
    compare_roster(arena, comparison->items, comparison->expectation.count, &comparison->roster, "example.org",
                   &comparison->differences, &comparison->difference_count);
}

static inline enum err act(struct errand *errand, bool half)
{
    if (errand->item.kind == OUTBOX_PAIR)
        return change_pair(errand, half);
    if (errand->item.kind == OUTBOX_COMPARE) {
        show_to(errand->comparison, index_of(errand->account.id));
        return half ? ERR_TIMEOUT : OK;
    }
    const size_t index = index_of(errand->account.id);
    const bool looks = errand->item.kind == OUTBOX_CHECK_JID && errand->account.jid_state != JID_VANISHED;
    if (errand->item.kind == OUTBOX_DELETE_JID)
        lose_jid(index);
    else if (!looks)
        server.jid[index] = true;
    errand->jid_state = server.jid[index] ? JID_MADE : JID_VANISHED;
    return half ? ERR_TIMEOUT : OK;
}

/* --- what workers do */

static inline struct held *free_place(void)
{
    for (size_t i = 0; i < HELD; i++)
        if (held[i].errand == NULL)
            return &held[i];
    return NULL;
}

static inline struct errand *errand_of(struct pg *session, const struct outbox_item *item)
{
    struct arena *own_arena = arena_new();
    struct errand *errand = arena_alloc(own_arena, sizeof *errand);
    *errand = (struct errand){.config = &jobs, .arena = own_arena, .item = *item};
    errands_load(session, errand);
    return errand;
}

static inline void take_one(void)
{
    const struct outbox_claim claim = {
        .owner = "here", .lease_ms = HOUR_MS, .register_wait_ms = HOUR_MS, .most = 1, .compares_most = 1};
    struct outbox_item *items;
    size_t count;
    struct held *place = free_place();
    if (place == NULL)
        return;
    assert_int_equal(outbox_take(pg, arena, &claim, &items, &count), OK);
    if (count == 0)
        return;
    *place = (struct held){.errand = errand_of(pg, &items[0])};
    place->acted = place->errand->result != OK; /* there is nothing to tell the server */
}

static inline void let_go(struct held *place)
{
    struct arena *own_arena = place->errand->arena;
    arena_free(&own_arena);
    place->errand = NULL;
}

static inline void act_on(struct held *place)
{
    if (place->acted)
        return;
    const size_t luck = chance(6);
    place->errand->result = luck == 0 ? ERR_TIMEOUT : act(place->errand, luck == 1);
    place->acted = true;
}

static inline void record(struct held *place)
{
    if (!place->acted)
        return;
    const int times = chance(8) == 0 ? 2 : 1; /* twice: the first COMMIT was not answered */
    for (int i = 0; i < times; i++) {
        place->errand->recorded = false;
        assert_int_equal(errands_record(pg, place->errand), OK);
        assert_true(place->errand->recorded);
    }
    let_go(place);
}

static inline void run_out(const struct held *place)
{
    ask("update outbox set due_at = now() where lease = %lld", (long long)place->errand->item.lease);
}

static inline void work_on_one(void)
{
    struct held *place = &held[chance(HELD)];
    if (place->errand == NULL)
        return;
    switch (chance(8)) {
    case 0: /* it died, before or after the server was told */
        if (place->slow)
            break; /* what somebody does who has died long ago is not undone by anybody */
        run_out(place);
        let_go(place);
        break;
    case 1:
        run_out(place);
        place->slow = true;
        break;
    case 2:
    case 3:
    case 4:
        record(place);
        break;
    default:
        act_on(place);
    }
}

static inline bool is_active(size_t index)
{
    return ask("select count(*) from accounts where id = %lld and state = 1", (long long)first_id + (long long)index) >
           0;
}

static inline bool has_pair(const char *among, size_t a, size_t b)
{
    return ask("select count(*) from %s low = %lld and high = %lld", among,
               (long long)first_id + (long long)(a < b ? a : b), (long long)first_id + (long long)(a < b ? b : a)) > 0;
}

/* What the server or its administrator may do; a comparison finds it, or the account's next login. */
static inline void drift_one(void)
{
    const size_t index = chance(made + 1), other = chance(made + 1);
    const int64_t id = first_id + (int64_t)index;
    if (index == made || other == made || index == other)
        return;
    if (ask("select state from accounts where id = %lld", (long long)id) == ACCOUNT_CANCELLED)
        server.jid[index] = true;
    else if (is_active(index) && chance(3) == 0)
        lose_jid(index);
    else if (server.jid[index])
        server.shows[index][other] = has_pair("bindings_ended where", index, other) && chance(2) == 0;
    assert_int_equal(chance(2) == 0 ? comparisons_wish(pg, id) : comparisons_note_use(pg, id, 0), OK);
}

/* --- the end */

static inline void finish_all(void)
{
    for (size_t i = 0; i < HELD; i++)
        if (held[i].errand != NULL) {
            act_on(&held[i]);
            record(&held[i]);
        }
}

static inline void drain(void)
{
    for (int round = 0; ask("select count(*) from outbox") > 0; round++) {
        if (round == 500)
            fail_msg("the outbox does not empty");
        ask("update outbox set due_at = now() where due_at > now()");
        for (size_t i = 0; i < HELD; i++)
            take_one();
        finish_all();
    }
}

/* Again, while there are some that failed too often. */
static inline void compare_all(void)
{
    for (int round = 0; round < 100; round++) {
        ask("update comparisons set outcome = %d", OUTCOME_UNREAD);
        for (size_t index = 0; index < made; index++)
            assert_int_equal(comparisons_wish(pg, first_id + (int64_t)index), OK);
        drain();
        if (ask("select count(*) from comparisons where outcome = %d", OUTCOME_UNREAD) == 0)
            return;
    }
    fail_msg("comparisons go on failing");
}

static inline void expect_whole(unsigned seed)
{
    for (size_t a = 0; a < made; a++) {
        if (server.jid[a] != is_active(a))
            fail_msg("seed %u: account %zu is %s active, its JID %s there", seed, a, is_active(a) ? "" : "not",
                     server.jid[a] ? "" : "not");
        for (size_t b = 0; b < made; b++)
            if (a != b && server.shows[a][b] != has_pair("bindings where wanted and", a, b))
                fail_msg("seed %u: %zu and %zu are %s bound, the roster says other", seed, a, b,
                         server.shows[a][b] ? "not" : "");
    }
    assert_int_equal(ask("select count(*) from accounts where state = 0"), 0);
    assert_int_equal(ask("select count(*) from bindings where not wanted or seen_version <> version"), 0);
    assert_int_equal(ask("select count(*) from roster_seen"), 2 * ask("select count(*) from bindings"));
}

static inline int set_up(void **state)
{
    services.wishes_made = no_wake;
    assert_int_equal(
        keyring_new(secret_of_cstr("1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), &ring), OK);
    services.keyring = ring;
    assert_int_equal(waiters_new(ACCOUNTS, &services.runtime.waiters), OK);
    memset(held, 0, sizeof held);
    return schema_set_up(state);
}

static inline int tear_down(void **state)
{
    for (size_t i = 0; i < ACCOUNTS; i++)
        ticket_drop(&clients[i]);
    waiters_close(services.runtime.waiters);
    waiters_free(&services.runtime.waiters);
    keyring_free(&ring);
    return schema_tear_down(state);
}

#define ERRAND_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
