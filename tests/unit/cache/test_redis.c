/* The connection to Redis when the other side misbehaves, and what goes over the wire. Deadlines are measured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/cache/redis.h"
#include "component/cache/redis_script.h"
#include "tests/unit/cache/redis_peer.h"

/* A machine may stand still for a while: what is quick is quick beside the timeout. */
enum { TIMEOUT_MS = 1000, SLACK_MS = 900, AT_ONCE_MS = 500, PAUSE_MS = 1050 };

static const struct peer_rule obedient[] = {{0}};

static struct redis_config config_of(const char *address)
{
    return (struct redis_config){.address = address, .timeout_ms = TIMEOUT_MS};
}

/* GET of a name; the value goes to value_r. */
static enum err get(struct redis *redis, const char *name, char value_r[16])
{
    redisReply *reply = NULL;
    enum err err = redis_do(redis, &reply, "GET %s", name);
    if (err == OK) {
        snprintf(value_r, 16, "%s", reply->str ? reply->str : "");
        freeReplyObject(reply);
    }
    return err;
}

/* A command that must end with `expected` between `least_ms` and `most_ms` from now. */
static void expect_within(struct redis *redis, enum err expected, int64_t least_ms, int64_t most_ms)
{
    char value[16];
    int64_t before_ms = clock_ms();
    assert_int_equal(get(redis, "a", value), expected);
    assert_in_range(clock_ms() - before_ms, least_ms, most_ms);
}

static void nobody_there_costs_nothing(void **state)
{
    (void)state;
    struct peer peer;
    peer_bind(&peer, obedient); /* the port is ours, but nobody listens on it */
    struct redis_config config = config_of(peer.address);
    struct redis *redis = redis_new(&config);
    for (int i = 0; i < 50; i++)
        expect_within(redis, ERR_CACHE_DOWN, 0, AT_ONCE_MS);
    peer_listen(&peer);
    usleep(PAUSE_MS * 1000);
    expect_within(redis, OK, 0, SLACK_MS);
    redis_free(&redis);
    assert_null(redis);
    redis_free(&redis);
    peer_stop(&peer);
}

static void a_silent_redis_costs_few_calls_a_timeout(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, (const struct peer_rule[]){{.on = "PING"}, {0}});
    struct redis_config config = config_of(peer.address);
    struct redis *redis = redis_new(&config);
    expect_within(redis, ERR_CACHE_DOWN, TIMEOUT_MS - 5, TIMEOUT_MS + SLACK_MS);
    int slow = 0;
    for (int i = 0; i < 100; i++) {
        int64_t before_ms = clock_ms();
        expect_within(redis, ERR_CACHE_DOWN, 0, TIMEOUT_MS + SLACK_MS);
        slow += clock_ms() - before_ms > AT_ONCE_MS;
    }
    assert_in_range(slow, 0, 3); /* one whenever this thread was kept from running for as long as a pause */
    redis_free(&redis);
    peer_stop(&peer);
}

static void a_dripping_answer_does_not_stretch_the_deadline(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, (const struct peer_rule[]){{.on = "GET", .answer = "$1000000\r\n", .drip = true}, {0}});
    struct redis_config config = config_of(peer.address);
    struct redis *redis = redis_new(&config);
    expect_within(redis, ERR_CACHE_DOWN, TIMEOUT_MS - 5, TIMEOUT_MS + SLACK_MS);
    redis_free(&redis);
    peer_stop(&peer);
}

static void a_late_answer_is_nobodys(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, (const struct peer_rule[]){{.on = "first", .delay_ms = TIMEOUT_MS + 500, .answer = "$1\r\n1\r\n"},
                                                 {.on = "second", .answer = "$1\r\n2\r\n"},
                                                 {0}});
    struct redis_config config = config_of(peer.address);
    struct redis *redis = redis_new(&config);
    char value[16] = "";
    assert_int_equal(get(redis, "first", value), ERR_CACHE_DOWN);
    usleep(60 * 1000); /* past the first pause, and still before the late answer */
    assert_int_equal(get(redis, "second", value), OK);
    assert_string_equal(value, "2");
    assert_int_equal(atomic_load(&peer.connections), 2);
    redis_free(&redis);
    peer_stop(&peer);
}

/* An answer without a question: the link is made anew before the next command. */
static void an_answer_too_many_is_nobodys(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, (const struct peer_rule[]){{.on = "first", .answer = "$1\r\n1\r\n", .drip = true},
                                                 {.on = "second", .answer = "$1\r\n2\r\n$1\r\n9\r\n"},
                                                 {.on = "third", .answer = "$1\r\n3\r\n"},
                                                 {0}});
    struct redis_config config = config_of(peer.address);
    struct redis *redis = redis_new(&config);
    char value[16] = "";
    assert_int_equal(get(redis, "first", value), OK);
    while (atomic_load(&peer.drips) == 0)
        usleep(1000);
    assert_int_equal(get(redis, "second", value), OK);
    assert_string_equal(value, "2");
    assert_int_equal(get(redis, "third", value), OK);
    assert_string_equal(value, "3");
    redis_free(&redis);
    peer_stop(&peer);
}

static void nonsense_breaks_the_link(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, (const struct peer_rule[]){{.on = "GET", .answer = "HTTP/1.1 400 Bad Request\r\n"}, {0}});
    struct redis_config config = config_of(peer.address);
    struct redis *redis = redis_new(&config);
    expect_within(redis, ERR_CACHE_DOWN, 0, TIMEOUT_MS / 2);
    redis_free(&redis);
    peer_stop(&peer);
}

static void a_link_lost_while_idle_is_remade_unseen(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, (const struct peer_rule[]){{.on = "GET", .answer = "$1\r\n1\r\n", .close_after = true}, {0}});
    struct redis_config config = config_of(peer.address);
    struct redis *redis = redis_new(&config);
    for (int i = 0; i < 5; i++) {
        expect_within(redis, OK, 0, SLACK_MS);
        while (atomic_load(&peer.ended) < i + 1)
            usleep(1000);
    }
    assert_int_equal(atomic_load(&peer.connections), 5);
    redis_free(&redis);
    peer_stop(&peer);
}

static void a_link_lost_in_a_command_is_an_error_and_no_signal(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, (const struct peer_rule[]){{.on = "GET", .close_after = true, .once = true}, {0}});
    struct redis_config config = config_of(peer.address);
    struct redis *redis = redis_new(&config);
    expect_within(redis, ERR_CACHE_DOWN, 0, TIMEOUT_MS / 2);
    usleep(100 * 1000);
    expect_within(redis, OK, 0, SLACK_MS);
    redis_free(&redis);
    peer_stop(&peer);
}

static void errors_keep_the_link(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer,
               (const struct peer_rule[]){
                   {.on = "wrong", .answer = "-ERR unknown command 'GET', with args beginning with: 'canary'\r\n"},
                   {.on = "loading", .answer = "-LOADING Redis is loading the dataset in memory\r\n"},
                   {.on = "full", .answer = "-OOM command not allowed when used memory > 'maxmemory'.\r\n"},
                   {0}});
    struct redis_config config = config_of(peer.address);
    struct redis *redis = redis_new(&config);
    char value[16];
    assert_int_equal(get(redis, "wrong", value), ERR_INTERNAL);
    assert_int_equal(get(redis, "loading", value), ERR_CACHE_DOWN);
    assert_int_equal(get(redis, "full", value), ERR_CACHE_DOWN);
    assert_int_equal(get(redis, "a", value), OK);
    assert_int_equal(atomic_load(&peer.connections), 1);
    redis_free(&redis);
    peer_stop(&peer);
}

static void greets_with_password_and_database(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, obedient);
    struct redis_config config = config_of(peer.address);
    config.password = secret_of("pa ss\0%s", 8);
    config.database = 3;
    struct redis *redis = redis_new(&config);
    expect_within(redis, OK, 0, SLACK_MS);
    redis_free(&redis);
    peer_stop(&peer);
    assert_string_equal(peer.heard, "*2\r\n$4\r\nAUTH\r\n$8\r\npa ss~%s\r\n"
                                    "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
                                    "*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
}

static void a_refused_greeting_is_down(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, (const struct peer_rule[]){{.on = "AUTH", .answer = "-WRONGPASS invalid\r\n"}, {0}});
    struct redis_config config = config_of(peer.address);
    config.password = secret_of_cstr("x");
    struct redis *redis = redis_new(&config);
    expect_within(redis, ERR_CACHE_DOWN, 0, SLACK_MS);
    redis_free(&redis);
    peer_stop(&peer);
    assert_null(strstr(peer.heard, "GET"));
}

static void arguments_are_binary_safe(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, obedient);
    struct redis_config config = config_of(peer.address);
    struct redis *redis = redis_new(&config);
    redisReply *reply = NULL;
    assert_int_equal(redis_do(redis, &reply, "SET p:%s %b %lld", "a b", "x\0y\r\n", (size_t)5, 7LL), OK);
    freeReplyObject(reply);
    redis_free(&redis);
    peer_stop(&peer);
    assert_string_equal(peer.heard, "*4\r\n$3\r\nSET\r\n$5\r\np:a b\r\n$5\r\nx~y\r\n\r\n$1\r\n7\r\n");
}

#define RETURN_1_SHA1 "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"
static const struct redis_script return_1 = {.name = "return_1", .source = "return 1"};

static void an_unknown_script_is_loaded(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, (const struct peer_rule[]){{.on = "EVALSHA", .answer = "-NOSCRIPT No matching\r\n", .once = true},
                                                 {.on = "LOAD", .answer = "$40\r\n" RETURN_1_SHA1 "\r\n"},
                                                 {.on = "EVALSHA", .answer = ":1\r\n"},
                                                 {0}});
    struct redis_config config = config_of(peer.address);
    struct redis *redis = redis_new(&config);
    redisReply *reply = NULL;
    int64_t value = 0;
    assert_int_equal(redis_script_do(redis, &return_1, 1, &reply, "k:%s %b", "%s", "a b", (size_t)3), OK);
    assert_int_equal(redis_take_integer(&reply, &value), OK);
    assert_int_equal(value, 1);
    assert_null(reply);
    const char *list[] = {"k:%s", "a b"};
    assert_int_equal(redis_script_run(redis, &return_1, 1, 2, list, NULL, &reply), OK);
    freeReplyObject(reply);
    redis_free(&redis);
    peer_stop(&peer);
#define RUN "*5\r\n$7\r\nEVALSHA\r\n$40\r\n" RETURN_1_SHA1 "\r\n$1\r\n1\r\n$4\r\nk:%s\r\n$3\r\na b\r\n"
    assert_string_equal(peer.heard, RUN "*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$8\r\nreturn 1\r\n" RUN RUN);
}

static void a_script_that_is_never_known_is_an_error(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, (const struct peer_rule[]){{.on = "EVALSHA", .answer = "-NOSCRIPT No matching\r\n"}, {0}});
    struct redis_config config = config_of(peer.address);
    struct redis *redis = redis_new(&config);
    redisReply *reply = NULL;
    assert_int_equal(redis_script_do(redis, &return_1, 0, &reply, "a"), ERR_INTERNAL);
    redis_free(&redis);
    peer_stop(&peer);
}

static void other_replies_are_no_integers(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, obedient);
    struct redis_config config = config_of(peer.address);
    struct redis *redis = redis_new(&config);
    redisReply *reply = NULL;
    int64_t value = 0;
    assert_int_equal(redis_do(redis, &reply, "GET a"), OK);
    assert_int_equal(redis_take_integer(&reply, &value), ERR_INTERNAL);
    assert_null(reply);
    redis_free(&redis);
    peer_stop(&peer);
}

static void expect_address(const char *address, enum err expected)
{
    struct redis_config config = config_of(address);
    struct redis *redis = redis_new(&config);
    expect_within(redis, expected, 0, SLACK_MS);
    redis_free(&redis);
}

static void addresses(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, obedient);
    char by_name[32];
    snprintf(by_name, sizeof by_name, "localhost%s", strchr(peer.address, ':'));
    expect_address(peer.address, OK);
    expect_address(by_name, OK);
    peer_stop(&peer);

    char long_path[200];
    memset(long_path, 'x', sizeof long_path);
    long_path[0] = '/';
    long_path[sizeof long_path - 1] = '\0';
    const char *const wrong[] = {"",     ":6379",  "127.0.0.1:", "127.0.0.1:0",     "127.0.0.1:65536", "127.0.0.1:x",
                                 "[::1", "[::1]x", "[]:1",       "/nobody/is/here", long_path};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_address(wrong[i], ERR_CACHE_DOWN);
}

struct info_case {
    const char *memory, *persistence; /* answers of INFO; those that begin with '-' are errors */
    enum err expected;
};

static const char *as_reply(const char *answer, char reply_r[80])
{
    if (answer[0] == '-')
        snprintf(reply_r, 80, "%s\r\n", answer);
    else
        snprintf(reply_r, 80, "$%zu\r\n%s\r\n", strlen(answer), answer);
    return reply_r;
}

static void expect_durable(const struct info_case *info)
{
    char memory[80], persistence[80];
    const struct peer_rule rules[] = {{.on = "memory", .answer = as_reply(info->memory, memory)},
                                      {.on = "persistence", .answer = as_reply(info->persistence, persistence)},
                                      {0}};
    struct peer peer;
    peer_start(&peer, rules);
    struct redis_config config = config_of(peer.address);
    struct redis *redis = redis_new(&config);
    assert_int_equal(redis_check_durable(redis), info->expected);
    redis_free(&redis);
    peer_stop(&peer);
}

static void durability_is_read_from_info(void **state)
{
    (void)state;
    static const char good_memory[] = "# Memory\r\nmaxmemory_policy:noeviction\r\nx:1\r\n";
    static const char good_persistence[] = "aof_enabled:1\r\naof_rewrite:0\r\n";
    static const struct info_case cases[] = {
        {good_memory, good_persistence, OK},
        {"maxmemory_policy:allkeys-lru\r\n", good_persistence, ERR_INVALID},
        {"xmaxmemory_policy:noeviction\r\n", good_persistence, ERR_INVALID},
        {"maxmemory_policy:noeviction2\r\n", good_persistence, ERR_INVALID},
        {good_memory, "aof_enabled:0\r\n", ERR_INVALID},
        {good_memory, "", ERR_INVALID},
        {"-NOPERM this user has no permissions", good_persistence, ERR_INTERNAL},
        {"-LOADING Redis is loading", good_persistence, ERR_CACHE_DOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_durable(&cases[i]);
}

int main(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_there_costs_nothing),
        cmocka_unit_test(a_silent_redis_costs_few_calls_a_timeout),
        cmocka_unit_test(a_dripping_answer_does_not_stretch_the_deadline),
        cmocka_unit_test(a_late_answer_is_nobodys),
        cmocka_unit_test(an_answer_too_many_is_nobodys),
        cmocka_unit_test(nonsense_breaks_the_link),
        cmocka_unit_test(a_link_lost_while_idle_is_remade_unseen),
        cmocka_unit_test(a_link_lost_in_a_command_is_an_error_and_no_signal),
        cmocka_unit_test(errors_keep_the_link),
        cmocka_unit_test(greets_with_password_and_database),
        cmocka_unit_test(a_refused_greeting_is_down),
        cmocka_unit_test(arguments_are_binary_safe),
        cmocka_unit_test(an_unknown_script_is_loaded),
        cmocka_unit_test(a_script_that_is_never_known_is_an_error),
        cmocka_unit_test(other_replies_are_no_integers),
        cmocka_unit_test(addresses),
        cmocka_unit_test(durability_is_read_from_info),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
