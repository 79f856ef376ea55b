/* What a server says of itself, which driver that chooses, and when a proof no longer holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "component/base/crypto.h"
#include "tests/unit/xmpp/trees.h"
#include "xmpp/check.h"
#include "xmpp/selftest.h"
#include "xmpp/server.h"

static struct xmpp_config good_config(void)
{
    return (struct xmpp_config){.host = "127.0.0.1",
                                .port = 5275,
                                .tls_ca_file = "",
                                .tls_name = "",
                                .tls_pin_sha256 = "",
                                .domain = "example.org",
                                .component = "registrar.example.org",
                                .secret = secret_of_cstr("secret"),
                                .server = "auto",
                                .api_url = "",
                                .api_user = "",
                                .in_flight = 16,
                                .request_timeout_ms = 1000,
                                .connect_timeout_ms = 1000,
                                .ping_interval_ms = 1000,
                                .backoff_base_ms = 10,
                                .backoff_cap_ms = 100,
                                .version = "1"};
}

static struct server_facts advertised(const char *stanza, bool expected)
{
    struct tree *tree = tree_of(stanza);
    assert_non_null(tree);
    struct server_facts facts = {0};
    assert_int_equal(server_read_advertisement("example.org", tree->root, &facts), expected);
    tree_free(&tree);
    return facts;
}

#define PRIVILEGES(from, perms)                                                                                        \
    "<message from='" from "'><privilege xmlns='urn:xmpp:privilege:2'>" perms "</privilege></message>"

static void reads_privileges(void **state)
{
    (void)state;
    struct server_facts both = advertised(
        PRIVILEGES("example.org", "<perm access='message' type='outgoing'/><perm access='roster' type='both'/>"), true);
    assert_true(both.may_read_rosters && both.may_write_rosters);
    struct server_facts get = advertised(PRIVILEGES("example.org", "<perm access='roster' type='get'/>"), true);
    assert_true(get.may_read_rosters && !get.may_write_rosters);
    struct server_facts set = advertised(PRIVILEGES("example.org", "<perm access='roster' type='set'/>"), true);
    assert_true(!set.may_read_rosters && set.may_write_rosters);
    struct server_facts none = advertised(PRIVILEGES("example.org", "<perm access='presence' type='both'/>"), true);
    assert_true(!none.may_read_rosters && !none.may_write_rosters);
}

static void takes_privileges_from_the_server_alone(void **state)
{
    (void)state;
    advertised(PRIVILEGES("evil.example.org", "<perm access='roster' type='both'/>"), false);
    advertised(PRIVILEGES("user@example.org", "<perm access='roster' type='both'/>"), false);
    advertised("<message from='example.org'><privilege xmlns='urn:xmpp:privilege:1'/></message>", false);
    advertised("<presence from='example.org'><privilege xmlns='urn:xmpp:privilege:2'/></presence>", false);
    advertised("<message from='example.org'><body>hi</body></message>", false);
}

static void chooses_by_name(void **state)
{
    (void)state;
    struct server_facts facts = {.name = "Openfire"};
    assert_ptr_equal(server_choose("auto", &facts), &server_openfire);
    assert_ptr_equal(server_choose("prosody", &facts), &server_prosody); /* the operator knows better */
    strcpy(facts.name, "Prosody");
    assert_ptr_equal(server_choose("auto", &facts), &server_prosody);
    strcpy(facts.name, "Other");
    assert_null(server_choose("auto", &facts));
    strcpy(facts.name, "");
    assert_null(server_choose("auto", &facts));
    assert_ptr_equal(server_choose("ejabberd", &facts), &server_ejabberd);
    strcpy(facts.name, "ejabberd");
    assert_ptr_equal(server_choose("auto", &facts), &server_ejabberd);
}

static void says_what_is_missing(void **state)
{
    (void)state;
    struct xmpp_config config = good_config();
    struct server_facts facts = {.may_read_rosters = true};
    assert_non_null(server_prosody.missing(&config, &facts));
    facts.may_write_rosters = true;
    assert_null(server_prosody.missing(&config, &facts));
    facts = (struct server_facts){0};
    assert_null(server_openfire.missing(&config, &facts));
    assert_non_null(server_ejabberd.missing(&config, &facts));
    config.api_url = "http://127.0.0.1:5280/api";
    assert_null(server_ejabberd.missing(&config, &facts));
}

static void a_proof_holds_for_what_it_was_made_of(void **state)
{
    (void)state;
    struct xmpp_config config = good_config();
    struct server_facts facts = {.name = "Prosody", .version = "0.12.3", .may_read_rosters = true};
    char first[XMPP_PROOF_SIZE], again[XMPP_PROOF_SIZE];
    server_proof(&config, &server_prosody, &facts, first);
    server_proof(&config, &server_prosody, &facts, again);
    assert_string_equal(first, again);
    assert_null(strchr(first, '\n'));

    struct server_facts newer = facts;
    strcpy(newer.version, "0.12.4");
    server_proof(&config, &server_prosody, &newer, again);
    assert_string_not_equal(first, again);
    struct server_facts granted = facts;
    granted.may_write_rosters = true;
    server_proof(&config, &server_prosody, &granted, again);
    assert_string_not_equal(first, again);
    server_proof(&config, &server_openfire, &facts, again);
    assert_string_not_equal(first, again);
    struct server_facts trusted = facts;
    trusted.may_check_passwords = true;
    server_proof(&config, &server_prosody, &trusted, again);
    assert_string_not_equal(first, again);
    config.api_url = "http://127.0.0.1:5280/api";
    server_proof(&config, &server_prosody, &facts, again);
    assert_string_not_equal(first, again);
    config.api_url = "";
    config.domain = "example.net";
    server_proof(&config, &server_prosody, &facts, again);
    assert_string_not_equal(first, again);
}

static void a_long_version_still_counts(void **state)
{
    (void)state;
    struct xmpp_config config = good_config();
    struct server_facts facts = {.name = "Prosody"};
    char long_domain[256];
    memset(long_domain, 'a', sizeof long_domain - 1);
    long_domain[sizeof long_domain - 1] = '\0';
    config.domain = long_domain;
    config.component = long_domain;
    memset(facts.version, 'v', sizeof facts.version - 1);
    char first[XMPP_PROOF_SIZE], second[XMPP_PROOF_SIZE];
    server_proof(&config, &server_prosody, &facts, first);
    facts.may_write_rosters = true; /* last of all */
    server_proof(&config, &server_prosody, &facts, second);
    assert_string_not_equal(first, second);
}

static void checks_the_configuration(void **state)
{
    (void)state;
    struct xmpp_config config = good_config();
    assert_int_equal(xmpp_check_config(&config), OK);
    config.host = "::1";
    assert_int_equal(xmpp_check_config(&config), OK);
    config.host = "::ffff:127.0.0.9";
    assert_int_equal(xmpp_check_config(&config), OK);
    config.host = "xmpp.example.org"; /* known when it is resolved */
    assert_int_equal(xmpp_check_config(&config), OK);

    static const char *const elsewhere[] = {"192.0.2.1", "::", "2001:db8::1", "0.0.0.0", "::ffff:192.0.2.1"};
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++) {
        config.host = elsewhere[i];
        assert_int_equal(xmpp_check_config(&config), ERR_INVALID);
        config.way_protected = true;
        assert_int_equal(xmpp_check_config(&config), OK);
        config.way_protected = false;
        config.tls = XMPP_TLS_DIRECT;
        assert_int_equal(xmpp_check_config(&config), OK);
        config.tls = XMPP_TLS_NEVER;
    }
}

static void refuses_what_cannot_work(void **state)
{
    (void)state;
    struct xmpp_config configs[12];
    for (size_t i = 0; i < 12; i++)
        configs[i] = good_config();
    configs[0].host = "";
    configs[1].port = 0;
    configs[2].domain = "";
    configs[3].component = "a b";
    configs[4].component = "user@example.org";
    configs[5].component = "it's.example.org"; /* would leave the header's attribute */
    configs[6].component = configs[6].domain;
    configs[7].secret = secret_of_cstr("");
    configs[8].tls_pin_sha256 = "abc";
    configs[9].tls_pin_sha256 = "zz345678901234567890123456789012345678901234567890123456789012zz";
    configs[10].in_flight = 0;
    configs[11].ping_interval_ms = 0;
    for (size_t i = 0; i < 12; i++)
        assert_int_equal(xmpp_check_config(&configs[i]), ERR_INVALID);
}

static void who_takes_part_in_the_self_test_is_known_to_those_who_have_the_secret(void **state)
{
    (void)state;
    struct xmpp_config config = good_config();
    char first[SELFTEST_LOCAL_SIZE], again[SELFTEST_LOCAL_SIZE], second[SELFTEST_LOCAL_SIZE];
    selftest_local(&config, 0, first);
    selftest_local(&config, 0, again);
    selftest_local(&config, 1, second);
    assert_string_equal(first, again);
    assert_string_not_equal(first, second);
    config.secret = secret_of_cstr("another");
    selftest_local(&config, 0, again);
    assert_string_not_equal(first, again);
    config.secret = secret_of_cstr("secret");
    config.component = "second.example.org";
    selftest_local(&config, 0, again);
    assert_string_not_equal(first, again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_privileges),
        cmocka_unit_test(takes_privileges_from_the_server_alone),
        cmocka_unit_test(chooses_by_name),
        cmocka_unit_test(says_what_is_missing),
        cmocka_unit_test(a_proof_holds_for_what_it_was_made_of),
        cmocka_unit_test(a_long_version_still_counts),
        cmocka_unit_test(who_takes_part_in_the_self_test_is_known_to_those_who_have_the_secret),
        cmocka_unit_test(checks_the_configuration),
        cmocka_unit_test(refuses_what_cannot_work),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
