/* Verifiers (component/service/hasher.h), against libargon2's own strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <argon2.h>
#include <pthread.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/service/hasher.h"

enum { THREADS = 4, ROUNDS = 20 };

static const struct hash_cost cheap = {.memory_kib = 64, .passes = 1};
static struct arena *arena;
static struct hasher *hasher;

static int set_up(void **state)
{
    (void)state;
    crypto_init();
    log_set_level(LOG_LEVEL_ERROR + 1);
    arena = arena_new();
    hasher = hasher_new(cheap);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    hasher_free(&hasher);
    arena_free(&arena);
    return 0;
}

static const char *make(const char *input)
{
    const char *verifier = NULL;
    assert_int_equal(hasher_make(hasher, arena, secret_of_cstr(input), &verifier), OK);
    return verifier;
}

static enum err check(const char *verifier, const char *input)
{
    bool stale = false;
    return hasher_check(hasher, verifier, secret_of_cstr(input), &stale);
}

static void a_verifier_proves_its_input_alone(void **state)
{
    (void)state;
    const char *verifier = make("5f4dcc3b5aa765d61d8327deb882cf99");
    assert_int_equal(check(verifier, "5f4dcc3b5aa765d61d8327deb882cf99"), OK);
    assert_int_equal(check(verifier, "5f4dcc3b5aa765d61d8327deb882cf98"), ERR_PASSWORD);
    assert_int_equal(check(verifier, "5f4dcc3b5aa765d61d8327deb882cf9"), ERR_PASSWORD);
    assert_int_equal(check(verifier, ""), ERR_PASSWORD);
    assert_int_equal(check(make(""), ""), OK);
}

static void no_two_are_the_same(void **state)
{
    (void)state;
    assert_string_not_equal(make("same"), make("same"));
}

static void libargon2_reads_what_we_write(void **state)
{
    (void)state;
    const char *verifier = make("input");
    assert_int_equal(strncmp(verifier, "$argon2id$v=19$m=64,t=1,p=1$", 28), 0);
    assert_int_equal(argon2id_verify(verifier, "input", 5), ARGON2_OK);
    assert_int_equal(argon2id_verify(verifier, "other", 5), ARGON2_VERIFY_MISMATCH);
}

static void we_read_what_libargon2_writes(void **state)
{
    (void)state;
    char text[128];
    const uint8_t salt[16] = {0, 255, 1, 254, 2, 253, 3, 252, 4, 251, 5, 250, 6, 249, 7, 248};
    assert_int_equal(argon2id_hash_encoded(3, 128, 1, "input", 5, salt, sizeof salt, 32, text, sizeof text), ARGON2_OK);
    assert_int_equal(check(text, "input"), OK);
    assert_int_equal(check(text, "inputs"), ERR_PASSWORD);
}

static void a_cheaper_one_is_stale(void **state)
{
    (void)state;
    static const struct {
        struct hash_cost cost;
        bool stale;
    } cases[] = {{{64, 1}, true},   {{64, 2}, true},   {{128, 1}, true},
                 {{128, 2}, false}, {{256, 2}, false}, {{128, 3}, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hasher *maker = hasher_new(cases[i].cost), *checker = hasher_new((struct hash_cost){128, 2});
        const char *verifier = NULL;
        bool stale = !cases[i].stale;
        assert_int_equal(hasher_make(maker, arena, secret_of_cstr("x"), &verifier), OK);
        assert_int_equal(hasher_check(checker, verifier, secret_of_cstr("x"), &stale), OK);
        assert_int_equal(stale, cases[i].stale);
        hasher_free(&maker);
        hasher_free(&checker);
    }
}

static void what_is_no_verifier_proves_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "plain",
        "$argon2id$v=19$m=64,t=1,p=1",
        "$argon2id$v=19$m=64,t=1,p=1$",
        "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$",
        "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
        "$argon2id$v=19$m=64,t=1,p=1$$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=64,t=1,p=1$!AAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=64,t=1,p=2$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2i$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=0,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=64,t=0,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (check(bad[i], "") != ERR_INTERNAL)
            fail_msg("taken: %s", bad[i]);
}

static void verifiers_of_other_costs_share_the_memory(void **state)
{
    (void)state;
    struct hasher *big = hasher_new((struct hash_cost){.memory_kib = 512, .passes = 1});
    const char *verifier = NULL;
    assert_int_equal(hasher_make(big, arena, secret_of_cstr("big"), &verifier), OK);
    const char *small = make("small");
    for (int i = 0; i < 3; i++) { /* up and down */
        assert_int_equal(check(verifier, "big"), OK);
        assert_int_equal(check(small, "small"), OK);
        assert_int_equal(check(verifier, "small"), ERR_PASSWORD);
    }
    hasher_free(&big);
}

static void *hash_on_a_thread(void *arg)
{
    struct hasher *own = hasher_new(cheap);
    struct arena *own_arena = arena_new();
    size_t right = 0;
    for (int i = 0; i < ROUNDS; i++) {
        const char *verifier = NULL;
        bool stale;
        const struct secret input = secret_of_cstr(arena_printf(own_arena, "%p %d", arg, i));
        right += hasher_make(own, own_arena, input, &verifier) == OK &&
                 hasher_check(own, verifier, input, &stale) == OK &&
                 hasher_check(own, verifier, secret_of_cstr("other"), &stale) == ERR_PASSWORD;
    }
    *(size_t *)arg = right;
    arena_free(&own_arena);
    hasher_free(&own);
    return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    size_t right[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hash_on_a_thread, &right[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(right[i], ROUNDS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_verifier_proves_its_input_alone),
        cmocka_unit_test(no_two_are_the_same),
        cmocka_unit_test(libargon2_reads_what_we_write),
        cmocka_unit_test(we_read_what_libargon2_writes),
        cmocka_unit_test(a_cheaper_one_is_stale),
        cmocka_unit_test(what_is_no_verifier_proves_nothing),
        cmocka_unit_test(verifiers_of_other_costs_share_the_memory),
        cmocka_unit_test(threads_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests_name("hasher", tests, set_up, tear_down);
}
