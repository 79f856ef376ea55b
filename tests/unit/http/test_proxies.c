/* Whose X-Forwarded-For is believed, and which address of it is the client's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "http/proxies.h"

static const struct sockaddr *address_of(const char *text)
{
    static struct sockaddr_storage storage;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        memcpy(&storage, &v4, sizeof v4);
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        memcpy(&storage, &v6, sizeof v6);
    }
    return (const struct sockaddr *)&storage;
}

static struct proxies *proxies_of(const char *list)
{
    struct proxies *proxies = NULL;
    assert_int_equal(proxies_new(list, &proxies), OK);
    assert_non_null(proxies);
    return proxies;
}

static void networks_hold_what_lies_in_them(void **state)
{
    (void)state;
    static const struct {
        const char *list, *address;
        bool held;
    } cases[] = {
        {"", "127.0.0.1", false},
        {"127.0.0.1", "127.0.0.1", true},
        {"127.0.0.1", "127.0.0.2", false},
        {"127.0.0.1", "::ffff:127.0.0.1", true},
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "::10.0.0.1", false},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.128/25", "192.0.2.128", true},
        {"192.0.2.0/31", "192.0.2.1", true},
        {"192.0.2.0/31", "192.0.2.2", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "203.0.113.9", true},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"2001:db8::1", "2001:db8::1", true},
        {"2001:db8::1", "2001:db8::2", false}, /* the whole address, not its /64 */
        {"192.0.2.1, 198.51.100.0/24,2001:db8::5", "198.51.100.77", true},
        {"192.0.2.1, 198.51.100.0/24,2001:db8::5", "2001:db8::5", true},
        {"192.0.2.1, 198.51.100.0/24,2001:db8::5", "198.51.101.77", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct proxies *proxies = proxies_of(cases[i].list);
        if (proxies_hold(proxies, address_of(cases[i].address)) != cases[i].held)
            fail_msg("\"%s\" and %s", cases[i].list, cases[i].address);
        proxies_free(&proxies);
        assert_null(proxies);
        proxies_free(&proxies);
    }
}

static void malformed_lists_are_refused(void **state)
{
    (void)state;
    static const char *const lists[] = {
        "localhost",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/",
        "10.0.0/8",
        "::/129",
        "10.0.0.0/8x",
        "[2001:db8::]",
        "10.0.0.1:80",
        "10.0.0.1;10.0.0.2",
        "10.0.0.1, x",
        "/8",
        "10.0.0.0/8/8",
        "2001:db8::1%eth0",
        "10.0.0.0/08 ,, 1.2.3",
        "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct proxies *proxies = NULL;
        assert_int_equal(proxies_new(lists[i], &proxies), ERR_INVALID);
        assert_null(proxies);
    }
}

static void the_client_is_the_last_that_is_no_proxy(void **state)
{
    (void)state;
    static const char list[] = "127.0.0.1, 10.0.0.0/8, 2001:db8::1";
    static const struct {
        const char *socket, *forwarded, *client;
    } cases[] = {
        {"127.0.0.1", NULL, "127.0.0.1"},
        {"127.0.0.1", "", "127.0.0.1"},
        {"127.0.0.1", "203.0.113.9", "203.0.113.9"},
        {"203.0.113.1", "198.51.100.1", "203.0.113.1"}, /* not from a proxy: whatever it says */
        {"127.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"},
        {"127.0.0.1", "198.51.100.1, 203.0.113.9, 10.1.2.3", "203.0.113.9"},
        {"127.0.0.1", "198.51.100.1,203.0.113.9,10.1.2.3,10.4.5.6", "203.0.113.9"},
        {"127.0.0.1", "10.1.2.3", "10.1.2.3"}, /* all are proxies: the first of them */
        {"127.0.0.1", "  203.0.113.9\t", "203.0.113.9"},
        {"127.0.0.1", "203.0.113.9:4711", "203.0.113.9"},
        {"127.0.0.1", "2001:db8:5:6:7::8", "2001:db8:5:6::/64"},
        {"127.0.0.1", "[2001:db8:5:6:7::8]:443", "2001:db8:5:6::/64"},
        {"127.0.0.1", "[2001:db8:5:6:7::8]", "2001:db8:5:6::/64"},
        {"2001:db8::1", "203.0.113.9", "203.0.113.9"},
        {"2001:db8::2", "203.0.113.9", "2001:db8::/64"},
        {"::ffff:127.0.0.1", "203.0.113.9", "203.0.113.9"},
        /* what is malformed ends the search where it stands */
        {"127.0.0.1", "unknown", "127.0.0.1"},
        {"127.0.0.1", "203.0.113.9, nonsense", "127.0.0.1"},
        {"127.0.0.1", "203.0.113.9, nonsense, 10.1.2.3", "10.1.2.3"},
        {"127.0.0.1", "203.0.113.9,", "127.0.0.1"},
        {"127.0.0.1", ",,,", "127.0.0.1"},
        {"127.0.0.1", "[2001:db8::9", "127.0.0.1"},
        {"127.0.0.1", "203.0.113.999", "127.0.0.1"},
        {"127.0.0.1", "127.0.0.1/8", "127.0.0.1"},
    };
    struct proxies *proxies = proxies_of(list);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct peer_address client =
            peer_address(proxies_client(proxies, address_of(cases[i].socket), cases[i].forwarded));
        if (strcmp(client.text, cases[i].client) != 0)
            fail_msg("%s from %s: %s", cases[i].forwarded, cases[i].socket, client.text);
    }
    proxies_free(&proxies);
}

static void a_long_list_is_read_to_where_it_matters(void **state)
{
    (void)state;
    char forwarded[8192] = "";
    for (int i = 0; i < 500; i++)
        strcat(forwarded, "198.51.100.1, ");
    strcat(forwarded, "203.0.113.9");
    struct proxies *proxies = proxies_of("127.0.0.1");
    assert_string_equal(peer_address(proxies_client(proxies, address_of("127.0.0.1"), forwarded)).text, "203.0.113.9");
    proxies_free(&proxies);
    memset(forwarded, '1', sizeof forwarded - 1); /* one entry that is too long */
    forwarded[sizeof forwarded - 1] = '\0';
    proxies = proxies_of("127.0.0.1");
    assert_string_equal(peer_address(proxies_client(proxies, address_of("127.0.0.1"), forwarded)).text, "127.0.0.1");
    proxies_free(&proxies);
}

static void only_a_proxy_says_https(void **state)
{
    (void)state;
    static const struct {
        const char *socket, *scheme;
        bool secure;
    } cases[] = {
        {"127.0.0.1", "https", true},       {"127.0.0.1", "HTTPS", true},
        {"10.1.2.3", "https", true},        {"203.0.113.9", "https", false}, /* no proxy */
        {"127.0.0.1", NULL, false},         {"127.0.0.1", "", false},
        {"127.0.0.1", "http", false},       {"127.0.0.1", "httpss", false},
        {"127.0.0.1", "http s", false},     {"127.0.0.1", "https, http", false},
        {"127.0.0.1", "http,https", false}, {"127.0.0.1", "https,https", false},
        {"127.0.0.1", "https;", false},     {"127.0.0.1", "\"https\"", false},
    };
    struct proxies *proxies = proxies_of("127.0.0.1, 10.0.0.0/8");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (proxies_say_https(proxies, address_of(cases[i].socket), cases[i].scheme) != cases[i].secure)
            fail_msg("%s from %s", cases[i].scheme, cases[i].socket);
    proxies_free(&proxies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_hold_what_lies_in_them),
        cmocka_unit_test(malformed_lists_are_refused),
        cmocka_unit_test(the_client_is_the_last_that_is_no_proxy),
        cmocka_unit_test(a_long_list_is_read_to_where_it_matters),
        cmocka_unit_test(only_a_proxy_says_https),
    };
    return cmocka_run_group_tests_name("http/proxies", tests, NULL, NULL);
}
