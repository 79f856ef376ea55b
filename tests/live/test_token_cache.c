/* Checked tokens on a real Redis: epochs, tombstones, ends, and the news of revocations. */
#include "tests/live/live_redis.h"

#include "component/cache/token_cache.h"

static struct token_key new_key(void)
{
    struct token_key key;
    random_bytes(key.hash, sizeof key.hash);
    return key;
}

static void key_name(const struct token_key *key, char name_r[96])
{
    strcpy(name_r, REDIS_PREFIX "t:");
    for (size_t i = 0; i < sizeof key->hash; i++)
        sprintf(name_r + strlen(name_r), "%02x", key->hash[i]);
}

static int64_t unix_ms(void)
{
    return clock_unix() * 1000;
}

static enum err find(int64_t epoch, const struct token_key *key, int64_t *account_r)
{
    struct token_entry entry = {0};
    enum err err = token_cache_get(redis, epoch, key, &entry);
    *account_r = entry.account_id;
    return err;
}

static void keep(int64_t epoch, const struct token_key *key, int64_t account_id)
{
    struct token_entry entry = {.account_id = account_id, .expires_unix_ms = unix_ms() + HOUR_MS};
    assert_int_equal(token_cache_put(redis, epoch, key, &entry, 60000), OK);
}

static void tokens_are_found_in_their_epoch(void **state)
{
    (void)state;
    struct token_key key = new_key();
    struct token_entry entry = {.account_id = INT64_MAX, .expires_unix_ms = unix_ms() + HOUR_MS}, found;
    int64_t account = 0;
    assert_int_equal(find(7, &key, &account), ERR_NOT_FOUND);
    assert_int_equal(token_cache_put(redis, 7, &key, &entry, 60000), OK);
    assert_int_equal(token_cache_get(redis, 7, &key, &found), OK);
    assert_int_equal(found.account_id, entry.account_id);
    assert_int_equal(found.expires_unix_ms, entry.expires_unix_ms);
    assert_int_equal(find(6, &key, &account), ERR_NOT_FOUND);
    assert_int_equal(find(8, &key, &account), ERR_NOT_FOUND);
}

static void only_a_later_epoch_replaces(void **state)
{
    (void)state;
    struct token_key key = new_key();
    int64_t account = 0;
    keep(7, &key, 1);
    keep(7, &key, 2);
    assert_int_equal(find(7, &key, &account), OK);
    assert_int_equal(account, 1);
    keep(10, &key, 3); /* more digits: compared as numbers */
    assert_int_equal(find(10, &key, &account), OK);
    assert_int_equal(account, 3);
    keep(7, &key, 4);
    assert_int_equal(find(7, &key, &account), ERR_NOT_FOUND);
    assert_int_equal(find(10, &key, &account), OK);
    assert_int_equal(account, 3);
}

static void tombstones_stand(void **state)
{
    (void)state;
    struct token_key key = new_key();
    int64_t account = 0;
    keep(7, &key, 1);
    assert_int_equal(token_cache_revoke(redis, &key, 1, 600), OK);
    assert_int_equal(find(7, &key, &account), ERR_TOKEN);
    keep(7, &key, 1);
    keep(8, &key, 1);
    assert_int_equal(find(7, &key, &account), ERR_TOKEN);
    assert_int_equal(find(8, &key, &account), ERR_TOKEN);
    usleep(650 * 1000);
    assert_int_equal(find(7, &key, &account), ERR_NOT_FOUND);
}

static void tokens_end(void **state)
{
    (void)state;
    struct token_key key = new_key();
    char name[96];
    int64_t account = 0;
    key_name(&key, name);
    struct token_entry entry = {.account_id = 1, .expires_unix_ms = unix_ms() - 1};
    assert_int_equal(token_cache_put(redis, 7, &key, &entry, 60000), OK);
    assert_int_equal(find(7, &key, &account), ERR_NOT_FOUND);
    entry.expires_unix_ms = unix_ms() + 20000; /* its own end comes first */
    assert_int_equal(token_cache_put(redis, 7, &key, &entry, 60000), OK);
    assert_in_range(ask_integer("PTTL", name), 10000, 20000);
    key = new_key();
    key_name(&key, name);
    entry.expires_unix_ms = unix_ms() + HOUR_MS;
    assert_int_equal(token_cache_put(redis, 7, &key, &entry, 60000), OK);
    assert_in_range(ask_integer("PTTL", name), 50000, 60000);
}

static void many_tokens_are_revoked_at_once(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    static struct token_key keys[MANY];
    int64_t account = 0;
    for (int i = 0; i < MANY; i++)
        keys[i] = new_key();
    keep(7, &keys[0], 1);
    keep(7, &keys[MANY - 1], 1);
    assert_int_equal(token_cache_revoke(redis, keys, 0, 60000), OK);
    assert_int_equal(find(7, &keys[0], &account), OK);
    assert_int_equal(token_cache_revoke(redis, keys, MANY, 60000), OK);
    for (int i = 0; i < MANY; i += 111)
        assert_int_equal(find(7, &keys[i], &account), ERR_TOKEN);
}

static void scripts_come_back_after_a_flush(void **state)
{
    (void)state;
    struct token_key key = new_key();
    int64_t account = 0;
    redisReply *reply = NULL;
    assert_int_equal(redis_do(redis, &reply, "SCRIPT FLUSH"), OK);
    freeReplyObject(reply);
    keep(7, &key, 1);
    assert_int_equal(find(7, &key, &account), OK);
    assert_int_equal(token_cache_revoke(redis, &key, 1, 1000), OK);
    assert_int_equal(find(7, &key, &account), ERR_TOKEN);
}

static void the_listener_hears_revocations(void **state)
{
    (void)state;
    struct token_memory *memory = token_memory_new(1024, 60000);
    struct token_listener *listener = NULL;
    struct token_key key = new_key(), other = new_key();
    struct token_entry entry = {.account_id = 1, .expires_unix_ms = unix_ms() + HOUR_MS};
    assert_int_equal(token_listener_start(&config, memory, &listener), OK);
    int64_t until_ms = clock_ms() + 1000;
    while (!token_memory_get(memory, &key, &entry)) { /* until it is open */
        assert_true(clock_ms() < until_ms);
        token_memory_put(memory, token_memory_generation(memory), &key, &entry);
    }
    token_memory_put(memory, token_memory_generation(memory), &other, &entry);
    const struct token_key keys[] = {new_key(), key, new_key()};
    int64_t told_ms = clock_ms();
    assert_int_equal(token_cache_revoke(redis, keys, 3, 1000), OK);
    while (token_memory_get(memory, &key, &entry))
        assert_true(clock_ms() - told_ms < 500);
    assert_true(token_memory_get(memory, &other, &entry));

    redisReply *reply = NULL; /* what cannot be understood clears */
    assert_int_equal(redis_do(redis, &reply, "PUBLISH " REDIS_PREFIX "revoked nonsense"), OK);
    freeReplyObject(reply);
    told_ms = clock_ms();
    while (token_memory_get(memory, &other, &entry))
        assert_true(clock_ms() - told_ms < 500);
    int64_t stopped_ms = clock_ms();
    token_listener_stop(&listener);
    assert_in_range(clock_ms() - stopped_ms, 0, 100);
    assert_null(listener);
    token_listener_stop(&listener);
    token_memory_free(&memory);
}

int main(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_found_in_their_epoch),
        cmocka_unit_test(only_a_later_epoch_replaces),
        cmocka_unit_test(tombstones_stand),
        cmocka_unit_test(tokens_end),
        cmocka_unit_test(many_tokens_are_revoked_at_once),
        cmocka_unit_test(scripts_come_back_after_a_flush),
        cmocka_unit_test(the_listener_hears_revocations),
        cmocka_unit_test(nothing_lives_for_ever),
    };
    return cmocka_run_group_tests(tests, live_redis_set_up, live_redis_tear_down);
}
