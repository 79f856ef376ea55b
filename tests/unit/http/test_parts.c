/* Routes, replies, peers and counts of addresses: the parts that need no socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "http/addresses.h"
#include "http/reply.h"
#include "http/router.h"

/* ---- router ---- */

static const struct route first_routes[] = {
    {.path = "/b", .methods = METHOD_GET, .transports = OVER_HTTP},
    {.path = "/a", .methods = METHOD_GET | METHOD_POST, .transports = OVER_HTTP | OVER_TCP},
    {.path = "/b", .methods = METHOD_POST, .transports = OVER_HTTP},
    {.path = "/t", .methods = 0, .transports = OVER_TCP},
};
static const struct route second_routes[] = {
    {.path = "/a/b", .methods = METHOD_POST, .transports = OVER_HTTP},
    {.path = "/aa", .methods = METHOD_POST, .transports = OVER_HTTP},
};
static const struct route conflicting_routes[] = {
    {.path = "/b", .methods = METHOD_POST, .transports = OVER_HTTP | OVER_TCP},
};
static const struct dialect first = {.name = "first", .routes = first_routes, .route_count = 4};
static const struct dialect second = {.name = "second", .routes = second_routes, .route_count = 2};
static const struct dialect conflicting = {.name = "third", .routes = conflicting_routes, .route_count = 1};
static const struct dialect *const both[] = {&first, &second, NULL};

static void assert_found(const struct router *router, const char *path, unsigned method, const struct dialect *dialect,
                         const struct route *route)
{
    struct match match;
    unsigned allowed;
    assert_int_equal(router_find(router, path, method, &match, &allowed), OK);
    assert_ptr_equal(match.dialect, dialect);
    assert_ptr_equal(match.route, route);
}

static void routes_by_path_and_method(void **state)
{
    (void)state;
    struct router *router;
    assert_int_equal(router_new(both, OVER_HTTP, &router), OK);
    assert_found(router, "/a", METHOD_GET, &first, &first_routes[1]);
    assert_found(router, "/a", METHOD_POST, &first, &first_routes[1]);
    assert_found(router, "/b", METHOD_GET, &first, &first_routes[0]);
    assert_found(router, "/b", METHOD_POST, &first, &first_routes[2]);
    assert_found(router, "/a/b", METHOD_POST, &second, &second_routes[0]);
    assert_found(router, "/aa", METHOD_POST, &second, &second_routes[1]);
    router_free(&router);
    assert_null(router);
    router_free(&router);
}

static void tells_other_methods_and_unknown_paths(void **state)
{
    (void)state;
    struct router *router;
    struct match match;
    unsigned allowed;
    assert_int_equal(router_new(both, OVER_HTTP, &router), OK);
    assert_int_equal(router_find(router, "/b", 0, &match, &allowed), ERR_UNSUPPORTED);
    assert_int_equal(allowed, METHOD_GET | METHOD_POST);
    assert_int_equal(router_find(router, "/aa", METHOD_GET, &match, &allowed), ERR_UNSUPPORTED);
    assert_int_equal(allowed, METHOD_POST);
    assert_ptr_equal(match.route, &second_routes[1]);
    static const char *const unknown[] = {"", "/", "/A", "/a/", "/ab", "/c", "/t", "a", "/b?"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        assert_int_equal(router_find(router, unknown[i], METHOD_POST, &match, &allowed), ERR_NOT_FOUND);
    router_free(&router);
}

static void keeps_transports_apart(void **state)
{
    (void)state;
    struct router *router;
    struct match match;
    unsigned allowed;
    assert_int_equal(router_new(both, OVER_TCP, &router), OK);
    assert_true(router_first(router, &match));
    assert_ptr_equal(match.route, &first_routes[1]);
    assert_int_equal(router_find(router, "/t", 0, &match, &allowed), ERR_UNSUPPORTED);
    assert_int_equal(router_find(router, "/b", METHOD_GET, &match, &allowed), ERR_NOT_FOUND);
    router_free(&router);
    static const struct dialect *const none[] = {NULL};
    assert_int_equal(router_new(none, OVER_TCP, &router), OK);
    assert_false(router_first(router, &match));
    assert_int_equal(router_find(router, "/a", METHOD_GET, &match, &allowed), ERR_NOT_FOUND);
    router_free(&router);
}

static void refuses_two_answers_to_one_request(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    const struct dialect *const dialects[] = {&first, &conflicting, NULL};
    struct router *router = NULL;
    assert_int_equal(router_new(dialects, OVER_HTTP, &router), ERR_CONFLICT);
    assert_null(router);
    assert_int_equal(router_new(dialects, OVER_TCP, &router), OK);
    router_free(&router);
}

/* ---- reply ---- */

static void replies_start_as_empty_json(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct reply reply;
    reply_init(&reply, arena);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.content_type, "application/json; charset=utf-8");
    assert_int_equal(reply.body_length, 0);
    assert_int_equal(reply.header_count, 0);
    reply_retry_after(&reply, 7);
    assert_string_equal(reply.headers[0].name, "Retry-After");
    assert_string_equal(reply.headers[0].value, "7");
    reply_body(&reply, "image/png", "\x89PNG", 4);
    assert_string_equal(reply.content_type, "image/png");
    assert_int_equal(reply.body_length, 4);
    arena_free(&arena);
}

static void json_is_compact_and_in_order(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct reply reply;
    reply_init(&reply, arena);
    reply_json(&reply, json_pack("{s:i, s:s, s:[b,n], s:s}", "result", 0, "a", "é/\"", "l", 1, "b", ""));
    static const char expected[] = "{\"result\":0,\"a\":\"é/\\\"\",\"l\":[true,null],\"b\":\"\"}";
    assert_int_equal(reply.body_length, strlen(expected));
    assert_memory_equal(reply.body, expected, reply.body_length);
    arena_free(&arena);
}

static void json_of_any_size_fits(void **state)
{
    (void)state;
    char text[5000];
    for (size_t length = 1000; length <= 4500; length += length < 1030 ? 1 : 1000) {
        struct arena *arena = arena_new();
        struct reply reply;
        memset(text, 'x', length);
        text[length] = '\0';
        reply_init(&reply, arena);
        reply_json(&reply, json_pack("{s:s}", "t", text));
        assert_int_equal(reply.body_length, length + 8);
        assert_memory_equal(reply.body + 6, text, length);
        assert_memory_equal(reply.body + 6 + length, "\"}", 2);
        arena_free(&arena);
    }
}

static void headers_are_bounded(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct reply reply;
    reply_init(&reply, arena);
    for (int i = 0; i < REPLY_HEADERS_MAX + 2; i++)
        reply_header(&reply, "X", "y");
    assert_int_equal(reply.header_count, REPLY_HEADERS_MAX);
    arena_free(&arena);
}

/* ---- peers ---- */

static struct peer_key key_of(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return peer_key((struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return peer_key((struct sockaddr *)&v6);
}

static void peers_are_v4_or_a_64_in_their_networks(void **state)
{
    (void)state;
    static const struct {
        const char *address, *text, *network;
    } cases[] = {
        {"192.0.2.7", "192.0.2.7", "192.0.2.0/24"},
        {"::ffff:192.0.2.7", "192.0.2.7", "192.0.2.0/24"},
        {"255.255.255.255", "255.255.255.255", "255.255.255.0/24"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"},
        {"2001:db8:1:ffff:3:4:5:6", "2001:db8:1:ffff::/64", "2001:db8:1::/48"},
        {"2001:db8::1", "2001:db8::/64", "2001:db8::/48"},
        {"::1", "::/64", "::/48"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff::/64", "ffff:ffff:ffff::/48"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(peer_address(key_of(cases[i].address)).text, cases[i].text);
        assert_string_equal(peer_address(key_of(cases[i].address)).network, cases[i].network);
    }
    struct sockaddr other = {.sa_family = AF_UNIX};
    assert_string_equal(peer_address(peer_key(&other)).text, "::/64");
}

static void addresses_are_counted(void **state)
{
    (void)state;
    crypto_init();
    struct addresses *addresses = addresses_new(2);
    struct peer_key a = key_of("192.0.2.7"), mapped = key_of("::ffff:192.0.2.7"), b = key_of("2001:db8::1"),
                    same_64 = key_of("2001:db8::ffff");
    assert_false(addresses_full(addresses, a));
    addresses_enter(addresses, a);
    addresses_enter(addresses, mapped);
    assert_true(addresses_full(addresses, a));
    assert_true(addresses_full(addresses, mapped));
    addresses_enter(addresses, b);
    assert_false(addresses_full(addresses, b));
    addresses_enter(addresses, same_64);
    assert_true(addresses_full(addresses, b));
    addresses_leave(addresses, a);
    assert_false(addresses_full(addresses, mapped));
    addresses_leave(addresses, a);
    addresses_leave(addresses, b);
    addresses_free(&addresses);
    assert_null(addresses);
}

static struct peer_key numbered(uint32_t number)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(number)};
    return peer_key((struct sockaddr *)&v4);
}

static void many_addresses_are_kept_apart(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    struct addresses *addresses = addresses_new(1);
    for (uint32_t i = 0; i < MANY; i++) {
        const struct peer_key key = numbered(0x0a000000 + i);
        assert_false(addresses_full(addresses, key));
        addresses_enter(addresses, key);
        assert_true(addresses_full(addresses, key));
    }
    for (uint32_t i = 0; i < MANY; i += 2) {
        const struct peer_key key = numbered(0x0a000000 + i);
        addresses_leave(addresses, key);
        assert_false(addresses_full(addresses, key));
    }
    addresses_free(&addresses);
}

/* Seconds of this thread's that it takes to enter many. */
static double cost_of_entering(uint32_t step)
{
    enum { MANY = 10000 };
    struct addresses *addresses = addresses_new(1);
    struct timespec begun, ended;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begun);
    for (uint32_t i = 0; i < MANY; i++)
        addresses_enter(addresses, numbered(0x0a000000 + i * step));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ended);
    addresses_free(&addresses);
    return (double)(ended.tv_sec - begun.tv_sec) + (double)(ended.tv_nsec - begun.tv_nsec) / 1e9;
}

/* In one bucket they would take some hundred times as long. */
static void neighbours_cost_no_more_than_others(void **state)
{
    (void)state;
    const double neighbours = cost_of_entering(1), others = cost_of_entering(2654435761u);
    assert_true(neighbours < 20 * others);
}

static void no_limit_is_never_full(void **state)
{
    (void)state;
    struct addresses *addresses = addresses_new(0);
    struct peer_key a = key_of("192.0.2.7");
    for (int i = 0; i < 1000; i++)
        addresses_enter(addresses, a);
    assert_false(addresses_full(addresses, a));
    addresses_leave(addresses, a);
    addresses_free(&addresses);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_by_path_and_method),
        cmocka_unit_test(tells_other_methods_and_unknown_paths),
        cmocka_unit_test(keeps_transports_apart),
        cmocka_unit_test(refuses_two_answers_to_one_request),
        cmocka_unit_test(replies_start_as_empty_json),
        cmocka_unit_test(json_is_compact_and_in_order),
        cmocka_unit_test(json_of_any_size_fits),
        cmocka_unit_test(headers_are_bounded),
        cmocka_unit_test(peers_are_v4_or_a_64_in_their_networks),
        cmocka_unit_test(addresses_are_counted),
        cmocka_unit_test(many_addresses_are_kept_apart),
        cmocka_unit_test(neighbours_cost_no_more_than_others),
        cmocka_unit_test(no_limit_is_never_full),
    };
    return cmocka_run_group_tests_name("http/parts", tests, NULL, NULL);
}
