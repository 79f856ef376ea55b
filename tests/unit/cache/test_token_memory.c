/* Tokens in memory: what is found, what is not kept, and that no old answer comes back after a revocation, whatever
 * threads do (run with MODE=tsan too). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/cache/token_cache.h"

enum { LONG_MS = 60000 };

static struct token_key key_of(uint64_t number)
{
    struct token_key key;
    sha256(&number, sizeof number, key.hash);
    return key;
}

static struct token_entry entry_of(int64_t account_id)
{
    return (struct token_entry){.account_id = account_id, .expires_unix_ms = (clock_unix() + 3600) * 1000};
}

static struct token_memory *open_memory(size_t entries, int64_t lifetime_ms)
{
    struct token_memory *memory = token_memory_new(entries, lifetime_ms);
    token_memory_open(memory, true);
    return memory;
}

static void put(struct token_memory *memory, uint64_t number)
{
    struct token_key key = key_of(number);
    struct token_entry entry = entry_of((int64_t)number);
    token_memory_put(memory, token_memory_generation(memory), &key, &entry);
}

static bool has(struct token_memory *memory, uint64_t number)
{
    struct token_key key = key_of(number);
    struct token_entry entry = {0};
    bool found = token_memory_get(memory, &key, &entry);
    if (found)
        assert_int_equal(entry.account_id, number);
    return found;
}

static void finds_what_was_put(void **state)
{
    (void)state;
    struct token_memory *memory = open_memory(1024, LONG_MS);
    assert_false(has(memory, 1));
    struct token_key key = key_of(1);
    struct token_entry entry = entry_of(1), found = {0};
    token_memory_put(memory, token_memory_generation(memory), &key, &entry);
    assert_true(token_memory_get(memory, &key, &found));
    assert_int_equal(found.account_id, 1);
    assert_int_equal(found.expires_unix_ms, entry.expires_unix_ms);
    assert_false(has(memory, 2));
    token_memory_free(&memory);
    assert_null(memory);
    token_memory_free(&memory);
}

static void is_closed_at_first_and_keeps_nothing_then(void **state)
{
    (void)state;
    struct token_memory *memory = token_memory_new(16, LONG_MS);
    put(memory, 1);
    assert_false(has(memory, 1));
    token_memory_open(memory, true);
    assert_false(has(memory, 1));
    put(memory, 1);
    assert_true(has(memory, 1));
    token_memory_free(&memory);
}

static void closing_clears(void **state)
{
    (void)state;
    struct token_memory *memory = open_memory(16, LONG_MS);
    put(memory, 1);
    token_memory_open(memory, false);
    assert_false(has(memory, 1));
    token_memory_open(memory, true);
    assert_false(has(memory, 1));
    put(memory, 1);
    assert_true(has(memory, 1));
    token_memory_free(&memory);
}

static void clearing_empties_and_goes_on(void **state)
{
    (void)state;
    struct token_memory *memory = open_memory(64, LONG_MS);
    for (uint64_t i = 0; i < 32; i++)
        put(memory, i);
    token_memory_clear(memory);
    for (uint64_t i = 0; i < 32; i++)
        assert_false(has(memory, i));
    put(memory, 7);
    assert_true(has(memory, 7));
    token_memory_free(&memory);
}

static void revoking_forgets_one(void **state)
{
    (void)state;
    struct token_memory *memory = open_memory(1U << 16, LONG_MS);
    put(memory, 1);
    put(memory, 2);
    struct token_key key = key_of(1);
    token_memory_revoke(memory, &key);
    assert_false(has(memory, 1));
    assert_true(has(memory, 2));
    token_memory_free(&memory);
}

/* Whatever happens between a look-up and the put of what it found, the answer is not kept. */
static void old_answers_are_not_kept(void **state)
{
    (void)state;
    struct token_memory *memory = open_memory(16, LONG_MS);
    struct token_key key = key_of(1), other = key_of(2);
    struct token_entry entry = entry_of(1);

    uint64_t generation = token_memory_generation(memory);
    token_memory_revoke(memory, &key);
    token_memory_put(memory, generation, &key, &entry);
    assert_false(has(memory, 1));

    generation = token_memory_generation(memory);
    token_memory_revoke(memory, &other); /* doubted as well: it costs one query */
    token_memory_put(memory, generation, &key, &entry);
    assert_false(has(memory, 1));

    generation = token_memory_generation(memory);
    token_memory_clear(memory);
    token_memory_put(memory, generation, &key, &entry);
    assert_false(has(memory, 1));

    /* Begun while nobody listened, when a revocation might have been missed. */
    token_memory_open(memory, false);
    generation = token_memory_generation(memory);
    token_memory_open(memory, true);
    token_memory_put(memory, generation, &key, &entry);
    assert_false(has(memory, 1));
    token_memory_free(&memory);
}

static void entries_end(void **state)
{
    (void)state;
    struct token_memory *memory = open_memory(16, 50);
    put(memory, 1);
    assert_true(has(memory, 1));
    usleep(70 * 1000);
    assert_false(has(memory, 1));
    token_memory_free(&memory);
}

static void ended_tokens_are_not_kept(void **state)
{
    (void)state;
    struct token_memory *memory = open_memory(16, LONG_MS);
    struct token_key key = key_of(1);
    struct token_entry entry = {.account_id = 1, .expires_unix_ms = (clock_unix() - 1) * 1000};
    token_memory_put(memory, token_memory_generation(memory), &key, &entry);
    assert_false(has(memory, 1));
    token_memory_free(&memory);
}

static void without_entries_it_is_switched_off(void **state)
{
    (void)state;
    struct token_memory *memory = open_memory(0, LONG_MS);
    put(memory, 1);
    assert_false(has(memory, 1));
    struct token_key key = key_of(1);
    token_memory_revoke(memory, &key);
    token_memory_clear(memory);
    token_memory_free(&memory);
}

static void it_is_bounded(void **state)
{
    (void)state;
    enum { PLACES = 8, TOKENS = 1000 };
    struct token_memory *memory = open_memory(PLACES, LONG_MS);
    for (uint64_t i = 0; i < TOKENS; i++)
        put(memory, i);
    int found = 0;
    for (uint64_t i = 0; i < TOKENS; i++)
        found += has(memory, i);
    assert_in_range(found, 1, PLACES);
    token_memory_free(&memory);
}

static long resident_pages(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    long size = 0, resident = 0;
    assert_int_equal(fscanf(file, "%ld %ld", &size, &resident), 2);
    fclose(file);
    return resident;
}

static void unused_places_cost_nothing(void **state)
{
    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); /* its shadow memory counts too */
#endif
    enum { PLACES = 1 << 20, PAGE = 4096 }; /* 64 MiB */
    long before = resident_pages();
    struct token_memory *memory = open_memory(PLACES, LONG_MS);
    put(memory, 1);
    token_memory_clear(memory);
    token_memory_open(memory, false);
    assert_in_range(resident_pages() - before + PAGE, 0, PAGE + (4 << 20) / PAGE);
    token_memory_free(&memory);
}

/* --- races: readers play services, one thread revokes */

enum { RACE_TOKENS = 8, RACERS = 4, RACE_MS = 300 };

struct race {
    struct token_memory *memory;
    struct token_key keys[RACE_TOKENS];
    atomic_int valid[RACE_TOKENS]; /* what Postgres would say */
    atomic_bool stop;
    atomic_int wrong;
};

/* A check as a service does it: memory first, else a look-up whose answer is kept. */
static bool check(struct race *race, size_t i)
{
    struct token_entry entry;
    if (token_memory_get(race->memory, &race->keys[i], &entry))
        return true;
    uint64_t generation = token_memory_generation(race->memory);
    if (!atomic_load(&race->valid[i]))
        return false;
    entry = entry_of((int64_t)i);
    token_memory_put(race->memory, generation, &race->keys[i], &entry);
    return true;
}

static void *racer(void *arg)
{
    struct race *race = arg;
    for (size_t i = 0; !atomic_load(&race->stop); i = (i + 1) % RACE_TOKENS)
        check(race, i);
    return NULL;
}

static void no_answer_outlives_a_revocation(void **state)
{
    (void)state;
    static struct race race;
    race.memory = open_memory(4, LONG_MS); /* fewer places than tokens: they push each other out too */
    for (size_t i = 0; i < RACE_TOKENS; i++) {
        race.keys[i] = key_of(i);
        atomic_store(&race.valid[i], 1);
    }
    pthread_t threads[RACERS];
    for (int i = 0; i < RACERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, racer, &race), 0);
    int rounds = 0;
    for (int64_t until_ms = clock_ms() + RACE_MS; clock_ms() < until_ms; rounds++) {
        size_t i = (size_t)rounds % RACE_TOKENS;
        atomic_store(&race.valid[i], 0);
        if (rounds % 16 == 0) { /* the link is lost and made again: that forgets as well */
            token_memory_open(race.memory, false);
            token_memory_open(race.memory, true);
        } else {
            token_memory_revoke(race.memory, &race.keys[i]);
        }
        for (int again = 0; again < 50; again++)
            if (check(&race, i))
                atomic_fetch_add(&race.wrong, 1);
        atomic_store(&race.valid[i], 1);
    }
    atomic_store(&race.stop, true);
    for (int i = 0; i < RACERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&race.wrong), 0);
    assert_true(rounds > 100);
    token_memory_free(&race.memory);
}

static void a_get_takes_well_under_a_microsecond(void **state)
{
    (void)state;
    enum { TOKENS = 1000, ROUNDS = 1000, ALLOWED_NS = 5000 /* sanitizers included */ };
    struct token_memory *memory = open_memory(16384, LONG_MS);
    static struct token_key keys[TOKENS];
    for (uint64_t i = 0; i < TOKENS; i++) {
        keys[i] = key_of(i);
        put(memory, i);
    }
    struct token_entry entry;
    int64_t quickest_us = INT64_MAX; /* of the rounds: nobody else had a part in that one */
    int found = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t before_us = clock_us();
        for (size_t i = 0; i < TOKENS; i++)
            found += token_memory_get(memory, &keys[i], &entry);
        int64_t took_us = clock_us() - before_us;
        quickest_us = took_us < quickest_us ? took_us : quickest_us;
    }
    int64_t each_ns = quickest_us * 1000 / TOKENS;
    print_message("a get took %ld ns\n", (long)each_ns);
    assert_true(found > ROUNDS * TOKENS / 2);
    assert_true(each_ns < ALLOWED_NS);
    token_memory_free(&memory);
}

int main(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_put),
        cmocka_unit_test(is_closed_at_first_and_keeps_nothing_then),
        cmocka_unit_test(closing_clears),
        cmocka_unit_test(clearing_empties_and_goes_on),
        cmocka_unit_test(revoking_forgets_one),
        cmocka_unit_test(old_answers_are_not_kept),
        cmocka_unit_test(entries_end),
        cmocka_unit_test(ended_tokens_are_not_kept),
        cmocka_unit_test(without_entries_it_is_switched_off),
        cmocka_unit_test(it_is_bounded),
        cmocka_unit_test(unused_places_cost_nothing),
        cmocka_unit_test(no_answer_outlives_a_revocation),
        cmocka_unit_test(a_get_takes_well_under_a_microsecond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
