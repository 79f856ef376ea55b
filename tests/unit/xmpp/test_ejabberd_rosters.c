/* The driver of ejabberd and rosters: what it tells the HTTP API, in which order, and what it makes of the answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "component/base/crypto.h"
#include "tests/unit/xmpp/ejabberd_fixture.h"
#include "xmpp/rosters.h"

#define SEEN(length, jid, group)                                                                                       \
    API_JSON(length, "[{\"jid\":\"" jid "@example.org\",\"nick\":\"N\",\"subscription\":\"both\",\"ask\":\"none\","    \
                     "\"group\":\"" group "\"}]")
#define EMPTY API_JSON("2", "[]")

static const struct rule bound[] = {
    {"add_rosteritem", "", API_YES},
    {"get_roster", "\"user\":\"a\"", SEEN("85", "b", "One")},
    {"get_roster", "\"user\":\"b\"", SEEN("85", "a", "One")},
    {"check_account", "", API_YES},
    {0},
};

static enum err edit(struct fixture *fixture, bool bind)
{
    struct readback readback;
    readback_init(&readback, &server_ejabberd, &fixture->task, fixture->arena, fixture->sides);
    return server_ejabberd.edit(&readback, bind);
}

static enum err bind_both(struct fixture *fixture)
{
    return edit(fixture, true);
}

static enum err unbind_both(struct fixture *fixture)
{
    return edit(fixture, false);
}

static void writes_both_and_reads_both(void **state)
{
    struct fixture *fixture = *state;
    fixture->rules = bound;
    assert_int_equal(bind_both(fixture), OK);
    assert_non_null(strstr(fixture->told,
                           "add_rosteritem {\"localuser\":\"a\",\"localhost\":\"example.org\",\"user\":\"b\",\"host\":"
                           "\"example.org\",\"nick\":\"N\",\"group\":\"One;Two\",\"subs\":\"both\"}\n"));
    assert_non_null(strstr(fixture->told, "add_rosteritem {\"localuser\":\"b\""));
    const char *last_write = strstr(strstr(fixture->told, "add_rosteritem") + 1, "add_rosteritem");
    assert_true(strstr(fixture->told, "get_roster") > last_write);
    assert_true(strstr(fixture->told, "check_account") > last_write);
    for (int i = 0; i < 2; i++) {
        assert_true(fixture->sides[i].seen_present);
        assert_int_equal(fixture->sides[i].seen.subscription, XMPP_BOTH);
        assert_int_equal(fixture->sides[i].seen.group_count, 1);
    }
    peer_expect_silence(&fixture->link_peer, 30);
}

/* Both writes are answered, and then nothing: clients are being told. */
static void writes_at_once_and_reads_one_after_the_other(void **state)
{
    struct fixture *fixture = *state;
    fixture->rules = bound;
    fixture->api_peer.answer_when = 2;
    fixture->task.deadline_ms = clock_ms() + 300;
    assert_int_equal(bind_both(fixture), ERR_TIMEOUT);
    const char *first = strstr(fixture->told, "add_rosteritem");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "add_rosteritem"));
    assert_null(strstr(fixture->told, "get_roster"));
    assert_null(strstr(fixture->told, "check_account"));
}

/* The other way round clients could be left with what is gone. */
static void removes_one_after_the_other(void **state)
{
    struct fixture *fixture = *state;
    fixture->rules = (const struct rule[]){
        {"delete_rosteritem", "", API_YES}, {"get_roster", "", EMPTY}, {"check_account", "", API_YES}, {0}};
    assert_int_equal(unbind_both(fixture), OK);
    assert_false(fixture->sides[0].seen_present);
    assert_false(fixture->sides[1].seen_present);
    fixture->api_peer.answer_when = 2;
    fixture->task.deadline_ms = clock_ms() + 100;
    assert_int_equal(unbind_both(fixture), ERR_TIMEOUT);
}

static void a_side_that_is_going_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    fixture->sides[0].exists = false;
    fixture->rules = (const struct rule[]){
        {"delete_rosteritem", "", API_YES}, {"get_roster", "", EMPTY}, {"check_account", "", API_YES}, {0}};
    assert_int_equal(unbind_both(fixture), OK);
    assert_null(strstr(fixture->told, "user\":\"a\",\"localhost"));
    assert_null(strstr(fixture->told, "get_roster {\"user\":\"a\""));
}

static void what_was_written_for_nobody_is_taken_back(void **state)
{
    struct fixture *fixture = *state;
    fixture->rules = (const struct rule[]){
        {"add_rosteritem", "", API_YES},
        {"delete_rosteritem", "\"localuser\":\"b\"", API_YES},
        {"get_roster", "\"user\":\"a\"", SEEN("85", "b", "One")},
        {"get_roster", "\"user\":\"b\"", SEEN("85", "a", "One")},
        {"check_account", "\"user\":\"a\"", API_YES},
        {"check_account", "\"user\":\"b\"", API_NO},
        {0},
    };
    assert_int_equal(bind_both(fixture), ERR_NOT_FOUND);
    assert_non_null(strstr(fixture->told,
                           "delete_rosteritem {\"localuser\":\"b\",\"localhost\":\"example.org\",\"user\":"
                           "\"a\",\"host\":\"example.org\"}\n"));
    assert_null(strstr(fixture->told, "delete_rosteritem {\"localuser\":\"a\""));
}

static void the_roster_of_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct roster roster;
    fixture->rules = (const struct rule[]){{"get_roster", "", EMPTY}, {"check_account", "", API_NO}, {0}};
    assert_int_equal(server_ejabberd.roster(&fixture->task, fixture->arena, "a", &roster), ERR_NOT_FOUND);
    fixture->rules = bound;
    assert_int_equal(server_ejabberd.roster(&fixture->task, fixture->arena, "a", &roster), OK);
    assert_int_equal(roster.count, 1);
}

static void text_that_no_client_could_read_is_not_told(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bad_groups[] = {""};
    fixture->rules = bound;
    fixture->sides[1].item.name = "bad \x01";
    assert_int_equal(bind_both(fixture), ERR_INVALID);
    fixture->sides[1].item.name = "fine";
    fixture->sides[0].item.groups = bad_groups;
    fixture->sides[0].item.group_count = 1;
    assert_int_equal(bind_both(fixture), ERR_INVALID);
    assert_string_equal(fixture->told, "");
}

static void a_group_that_would_become_others_is_left_out(void **state)
{
    struct fixture *fixture = *state;
    static const char *const groups[] = {"a;b", "One"};
    fixture->rules = bound;
    fixture->sides[0].item.groups = groups;
    fixture->sides[0].item.group_count = 2;
    assert_int_equal(bind_both(fixture), OK);
    assert_non_null(strstr(fixture->told, "\"group\":\"One\""));
    assert_true(roster_side_is(&fixture->sides[0], true));
}

static void answers_that_mean_nothing(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bad[] = {API_JSON("2", "[]"),     API_JSON("3", "\"0\""), API_JSON("1", "7"), API_NO,
                                      API_JSON("6", "<html>"), API_STATUS("500")};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct rule rules[] = {{"add_rosteritem", "", bad[i]}, {0}};
        fixture->rules = rules;
        assert_int_equal(bind_both(fixture), ERR_XMPP);
    }
    assert_false(fixture->task.api_failed);
}

static void an_api_of_no_use_is_told_of(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *answer;
        enum err err;
    } cases[] = {{API_STATUS("401"), ERR_FORBIDDEN},
                 {API_STATUS("403"), ERR_FORBIDDEN},
                 {API_STATUS("404"), ERR_UNSUPPORTED},
                 {API_DROPS, ERR_XMPP_DOWN}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct rule rules[] = {{"add_rosteritem", "", cases[i].answer}, {0}};
        fixture->rules = rules;
        fixture->task.api_failed = false;
        assert_int_equal(bind_both(fixture), cases[i].err);
        assert_true(fixture->task.api_failed);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(writes_both_and_reads_both),
        TEST(writes_at_once_and_reads_one_after_the_other),
        TEST(removes_one_after_the_other),
        TEST(a_side_that_is_going_is_left_alone),
        TEST(what_was_written_for_nobody_is_taken_back),
        TEST(the_roster_of_nobody),
        TEST(text_that_no_client_could_read_is_not_told),
        TEST(a_group_that_would_become_others_is_left_out),
        TEST(answers_that_mean_nothing),
        TEST(an_api_of_no_use_is_told_of),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
