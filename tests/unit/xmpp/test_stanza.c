/* What the builder writes, and what it refuses: text that would break the stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "component/base/buf.h"
#include "xmpp/ns.h"
#include "xmpp/stanza.h"

struct fixture {
    struct stanza_builder *builder;
    struct buf out;
};

static struct fixture fixture;

static int setup(void **state)
{
    (void)state;
    fixture.builder = stanza_builder_new();
    buf_init(&fixture.out, 8192);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stanza_builder_free(&fixture.builder);
    assert_null(fixture.builder);
    buf_free(&fixture.out);
    return 0;
}

static void writes_stanzas_one_after_the_other(void **state)
{
    (void)state;
    struct stanza_builder *b = fixture.builder;
    stanza_open_iq(b, "set", "a@x", NULL, "1");
    stanza_open(b, "query", NS_ROSTER);
    stanza_open(b, "item", NULL);
    stanza_attribute(b, "jid", "b@x");
    stanza_open(b, "group", NULL);
    stanza_text(b, "G");
    stanza_close(b);
    stanza_open(b, "group", NULL);
    stanza_text(b, "");
    assert_int_equal(stanza_finish(b, &fixture.out), OK);
    stanza_open_presence(b, "probe", "a@x", "b@x");
    assert_int_equal(stanza_finish(b, &fixture.out), OK);
    assert_string_equal(buf_cstr(&fixture.out),
                        "<iq id=\"1\" type=\"set\" from=\"a@x\"><query xmlns=\"jabber:iq:roster\"><item jid=\"b@x\">"
                        "<group>G</group><group/></item></query></iq>"
                        "<presence to=\"b@x\" type=\"probe\" from=\"a@x\"/>");
}

static void escapes(void **state)
{
    (void)state;
    stanza_open(fixture.builder, "m", NULL);
    stanza_attribute(fixture.builder, "a", "<&>\"'\xf0\x9f\x98\x80");
    stanza_secret(fixture.builder, secret_of("]]><&>\"'\n\t", 10));
    assert_int_equal(stanza_finish(fixture.builder, &fixture.out), OK);
    assert_string_equal(buf_cstr(&fixture.out), "<m a=\"&lt;&amp;&gt;&quot;'\xf0\x9f\x98\x80\">"
                                                "]]&gt;&lt;&amp;&gt;&quot;'\n\t</m>");
}

static const char *const bad_text[] = {"\x01",     "a\x1f", "\xff",         "\xc0\x80",         "\xed\xa0\x80",
                                       "\x7f\x80", "\r",    "\xef\xbf\xbf", "\xf4\x90\x80\x80", "half \xc3"};

static void refuses_text_that_xml_cannot_carry(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_text / sizeof bad_text[0]; i++) {
        for (int attribute = 0; attribute < 2; attribute++) {
            struct stanza_builder *b = stanza_builder_new();
            stanza_open(b, "m", NULL);
            if (attribute == 1)
                stanza_attribute(b, "a", bad_text[i]);
            else
                stanza_text(b, bad_text[i]);
            assert_int_equal(stanza_finish(b, &fixture.out), ERR_INVALID);
            stanza_builder_free(&b);
        }
    }
    assert_int_equal(fixture.out.length, 0);
}

static void refuses_a_nul_in_a_secret(void **state)
{
    (void)state;
    stanza_open(fixture.builder, "m", NULL);
    stanza_secret(fixture.builder, secret_of("a\0b", 3));
    assert_int_equal(stanza_finish(fixture.builder, &fixture.out), ERR_INVALID);
}

static void refuses_white_space_that_attributes_lose(void **state)
{
    static const char *const lost[] = {"a\tb", "a\nb", "a\rb"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct stanza_builder *b = stanza_builder_new();
        stanza_open(b, "m", NULL);
        stanza_attribute(b, "a", lost[i]);
        assert_int_equal(stanza_finish(b, &fixture.out), ERR_INVALID);
        stanza_builder_free(&b);
    }
}

static void errors_stick(void **state)
{
    (void)state;
    struct stanza_builder *b = fixture.builder;
    stanza_open(b, "m", NULL);
    stanza_attribute(b, "a", "\x01");
    stanza_open(b, "fine", NULL);
    stanza_close(b);
    assert_int_equal(stanza_finish(b, &fixture.out), ERR_INVALID);
    stanza_open(b, "later", NULL);
    assert_int_equal(stanza_finish(b, &fixture.out), ERR_INVALID);
    assert_int_equal(fixture.out.length, 0);
}

static void bounds_the_depth(void **state)
{
    (void)state;
    for (int i = 0; i < 17; i++)
        stanza_open(fixture.builder, "a", NULL);
    assert_int_equal(stanza_finish(fixture.builder, &fixture.out), ERR_INTERNAL);
}

static void keeps_to_the_limit_of_the_buffer(void **state)
{
    (void)state;
    struct buf small;
    buf_init(&small, 10);
    stanza_open(fixture.builder, "abcdefg", NULL); /* <abcdefg/> */
    assert_int_equal(stanza_finish(fixture.builder, &small), OK);
    stanza_open(fixture.builder, "a", NULL);
    assert_int_equal(stanza_finish(fixture.builder, &small), ERR_TOO_LARGE);
    assert_string_equal(buf_cstr(&small), "<abcdefg/>");
    assert_false(small.overflowed); /* others may share it */
    buf_free(&small);
}

static void many_attributes_and_long_text(void **state)
{
    (void)state;
    char text[5000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    stanza_open(fixture.builder, "m", NULL);
    const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};
    for (size_t i = 0; i < 12; i++)
        stanza_attribute(fixture.builder, names[i], names[i]);
    stanza_text(fixture.builder, text);
    assert_int_equal(stanza_finish(fixture.builder, &fixture.out), OK);
    assert_non_null(strstr(buf_cstr(&fixture.out), text));
    assert_non_null(strstr(buf_cstr(&fixture.out), " l=\"l\""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(writes_stanzas_one_after_the_other),
        TEST(escapes),
        TEST(refuses_text_that_xml_cannot_carry),
        TEST(refuses_a_nul_in_a_secret),
        TEST(refuses_white_space_that_attributes_lose),
        TEST(errors_stick),
        TEST(bounds_the_depth),
        TEST(keeps_to_the_limit_of_the_buffer),
        TEST(many_attributes_and_long_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
