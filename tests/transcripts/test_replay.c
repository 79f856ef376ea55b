/* Every transcript is played to the real link and driver: what is sent is what was sent then, and comes to the same.
 * And what plays them is tried itself: canonical XML, names, and that a difference is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/base/metrics.h"
#include "tests/transcripts/canonical.h"
#include "tests/transcripts/kept.h"
#include "tests/transcripts/names.h"
#include "tests/transcripts/replay.h"

/* ---- the transcripts ---- */

static bool needs_link(const struct transcript *transcript)
{
    return !transcript_is_call(transcript, "link");
}

/* Prints the complaint of a replay that fails. */
static bool replay_one(const struct transcript *link, const struct transcript *transcript)
{
    struct replay replay;
    struct outcome outcome;
    outcome_init(&outcome);
    bool good = replay_open(&replay, link, 0) && (!needs_link(transcript) || replay_link(&replay)) &&
                replay_play(&replay, transcript, NULL, 0, &outcome);
    if (!good)
        print_error("%s", buf_cstr(&replay.player.complaint));
    replay_close(&replay);
    outcome_free(&outcome);
    return good;
}

static void all_are_replayed(void **state)
{
    const struct kept *kept = *state;
    unsigned failed = 0;
    for (size_t i = 0; i < kept->count; i++)
        failed += !replay_one(kept->link, kept->transcripts[i]);
    assert_int_equal(failed, 0);
    assert_int_equal(metric_get(M_XMPP_IN_FLIGHT, ""), 0);
}

static void all_are_told_apart_by_what_they_are_about(void **state)
{
    const struct kept *kept = *state;
    for (size_t i = 0; i < kept->count; i++) {
        assert_true(kept->transcripts[i]->about[0] != '\0' && kept->transcripts[i]->result[0] != '\0');
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(kept->transcripts[i]->about, kept->transcripts[k]->about);
    }
}

/* ---- that a difference is told ---- */

#define ASK(id, to, node)                                                                                              \
    "> <iq from=\"$component\" id=\"" id "\" to=\"" to "\" type=\"set\"><command "                                     \
    "xmlns=\"http://jabber.org/protocol/commands\" action=\"execute\" "                                                \
    "node=\"http://jabber.org/protocol/admin#" node "\"></command></iq>\n"
#define REFUSAL(id)                                                                                                    \
    "< <iq from=\"$domain\" id=\"" id "\" to=\"$component\" type=\"error\"><error type=\"auth\"><forbidden "           \
    "xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"></forbidden></error></iq>\n"
#define DELETION "call: delete $local1\nserver: Openfire 5\nresult: xmpp\n\n"

static const struct {
    const char *text;
    const char *complaint; /* "": none */
} doctored[] = {
    {DELETION ASK("$id1", "$domain", "delete-user") ASK("$id2", "$domain", "end-user-session") REFUSAL("$id1")
         REFUSAL("$id2"),
     ""},
    {DELETION ASK("$id1", "$domain", "end-user-session") ASK("$id2", "$domain", "delete-user") REFUSAL("$id1")
         REFUSAL("$id2"),
     ""},
    {DELETION ASK("$id1", "$domain", "delete-users") ASK("$id2", "$domain", "end-user-session") REFUSAL("$id1")
         REFUSAL("$id2"),
     "doctored:5: something else is sent\n  kept: ...://jabber.org/protocol/admin#delete-users\"></command></iq>\n  "
     "sent: ...://jabber.org/protocol/admin#delete-user\"></command></iq>\n"},
    {DELETION ASK("$id1", "$domain", "delete-user") ASK("$id1", "$domain", "end-user-session") REFUSAL("$id1"),
     "doctored:6: something else is sent"},
    {DELETION ASK("$id1", "$domain", "delete-user") REFUSAL("$id1"), "doctored:0: more is sent than before"},
    {DELETION ASK("$id1", "$domain", "delete-user") ASK("$id2", "$domain", "end-user-session") REFUSAL("$id1")
         REFUSAL("$id2") ASK("$id3", "$domain", "delete-user"),
     "doctored:9: this is not sent any more"},
    {"call: delete $local1\nserver: Openfire 5\nresult: ok\n\n" ASK("$id1", "$domain", "delete-user")
         ASK("$id2", "$domain", "end-user-session") REFUSAL("$id1") REFUSAL("$id2"),
     "doctored: the call ends otherwise\n  kept: ok\n  seen: xmpp\n"},
    {"call: delete $local1\nserver: Openfire 5\nresult: xmpp\nshows: $local1 has a friend\n\n" ASK(
         "$id1", "$domain", "delete-user") ASK("$id2", "$domain", "end-user-session") REFUSAL("$id1") REFUSAL("$id2"),
     "doctored: something else is seen\n  kept: shows: local1-play2 has a friend\n"},
};

static void a_difference_is_told(void **state)
{
    const struct kept *kept = *state;
    for (size_t i = 0; i < sizeof doctored / sizeof doctored[0]; i++) {
        struct transcript *transcript = transcript_parse("doctored", doctored[i].text);
        struct replay replay;
        struct outcome outcome;
        outcome_init(&outcome);
        assert_non_null(transcript);
        assert_true(replay_open(&replay, kept->link, 0) && replay_link(&replay));
        const bool good = replay_play(&replay, transcript, NULL, 0, &outcome);
        const char *complaint = buf_cstr(&replay.player.complaint);
        if (good != (doctored[i].complaint[0] == '\0') || strstr(complaint, doctored[i].complaint) == NULL)
            fail_msg("%zu: '%s'", i, complaint);
        replay_close(&replay);
        outcome_free(&outcome);
        transcript_free(&transcript);
    }
}

static void what_is_no_transcript_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "about: nothing\n",
                                        "call: prove\nhello\n",
                                        "call: prove\nother: x\n",
                                        "call: prove\n\nprove\n",
                                        "call: prove\n\n>\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_null(transcript_parse("no transcript", texts[i]));
}

/* ---- canonical XML ---- */

static void keep_lines(void *arg, const char *text)
{
    buf_printf(arg, "%s\n", text);
}

static void what_means_the_same_is_written_the_same(void **state)
{
    (void)state;
#define STREAM "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'>"
    static const struct {
        const char *text;
        const char *line; /* the stanza's; "": it is no XML */
    } table[] = {
        {"<iq type='set' id='1'/>", "<iq id=\"1\" type=\"set\"></iq>"},
        {"<iq  id = '1'\n\ttype=\"set\" ></iq>", "<iq id=\"1\" type=\"set\"></iq>"},
        {"<iq xmlns='jabber:component:accept'/>", "<iq></iq>"},
        {"<iq><a xmlns='x'><b xmlns='x'/><c xmlns='y'/></a><d/></iq>",
         "<iq><a xmlns=\"x\"><b></b><c xmlns=\"y\"></c></a><d></d></iq>"},
        {"<a xml:lang='en' b='1' xmlns='x'/>", "<a xmlns=\"x\" b=\"1\" xml:lang=\"en\"></a>"},
        {"<a b='&quot;&apos;&lt;&gt;&amp;&#9;'>&quot;&apos;&lt;&gt;&amp;&#13;&#228;</a>",
         "<a b=\"&quot;'&lt;>&amp;&#x9;\">\"'&lt;&gt;&amp;&#xD;ä</a>"},
        {"<a><![CDATA[<b>]]></a>", "<a>&lt;b&gt;</a>"},
        {"<stream:error xmlns:stream='http://etherx.jabber.org/streams'/>", "<stream:error></stream:error>"},
        {"<a></b>", ""},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct buf lines;
        buf_init(&lines, 4096);
        struct canonical *canonical = canonical_new(keep_lines, &lines);
        bool good = canonical_feed(canonical, STREAM, strlen(STREAM));
        buf_clear(&lines); /* the header's */
        for (const char *at = table[i].text; *at != '\0'; at++)
            good = good && canonical_feed(canonical, at, 1);
        assert_int_equal(good, table[i].line[0] != '\0');
        if (good) {
            buf_consume(&lines, 0);
            assert_int_equal(lines.length, strlen(table[i].line) + 1);
            assert_memory_equal(buf_cstr(&lines), table[i].line, strlen(table[i].line));
        }
        canonical_free(&canonical);
        buf_free(&lines);
    }
}

/* ---- names ---- */

static void a_name_stands_for_one_value(void **state)
{
    (void)state;
    struct names *names = names_new("x");
    names_set(names, "domain", "example.org");
    assert_true(names_match(names, "<a id=\"$id1\" to=\"$local1@$domain\">", "<a id=\"7\" to=\"lamp@example.org\">"));
    assert_true(names_match(names, "$local1", "lamp"));
    assert_false(names_match(names, "$local1", "lamps"));
    assert_false(names_match(names, "<a id=\"$id1\">", "<a id=\"8\">"));
    assert_false(names_match(names, "<a id=\"$id2\" b=\"1\">", "<a id=\"9\" b=\"2\">")); /* and 9 is forgotten */
    assert_true(names_match(names, "<a id=\"$id2\">", "<a id=\"10\">"));
    assert_false(names_match(names, "<a id=\"$id3\">", "<a id=\"\">"));
    struct buf text;
    buf_init(&text, 256);
    names_show(names, "$id2 $id3 $local1@$domain", &text);
    assert_string_equal(buf_cstr(&text), "10 $id3 lamp@example.org");
    buf_clear(&text);
    names_fill(names, "$id2 $id3$id3", &text);
    assert_string_equal(buf_cstr(&text), "10 id3-xid3-x");
    buf_clear(&text);
    names_abstract(names, "lamp@example.org id3-x 10", &text);
    assert_string_equal(buf_cstr(&text), "$local1@$domain $id3 $id2");
    buf_free(&text);
    names_free(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_replayed),
        cmocka_unit_test(all_are_told_apart_by_what_they_are_about),
        cmocka_unit_test(a_difference_is_told),
        cmocka_unit_test(what_is_no_transcript_is_refused),
        cmocka_unit_test(what_means_the_same_is_written_the_same),
        cmocka_unit_test(a_name_stands_for_one_value),
    };
    signal(SIGPIPE, SIG_IGN);
    crypto_init();
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, kept_setup, kept_teardown);
}
