/* Parameters from forms, queries and JSON: what is read, and every way in which it is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "http/params.h"

struct fixture {
    struct arena *arena;
    struct params params;
};

static int setup(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof *fixture);
    fixture->arena = arena_new();
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    arena_free(&fixture->arena);
    free(fixture);
    return 0;
}

typedef enum err parser(struct params *params, struct arena *arena, const char *bytes, size_t length);

/* From memory of exactly that size, so that AddressSanitizer sees a read behind its end. */
static enum err parse_bytes(struct fixture *fixture, parser *parse, const char *bytes, size_t length)
{
    char *exact = xmalloc(length);
    memcpy(exact, bytes, length);
    fixture->params = (struct params){0};
    enum err err = parse(&fixture->params, fixture->arena, exact, length);
    free(exact);
    return err;
}

static enum err parse(struct fixture *fixture, parser *with, const char *text)
{
    return parse_bytes(fixture, with, text, strlen(text));
}

static void assert_param(const struct fixture *fixture, const char *name, enum param_kind kind, const char *value)
{
    const struct param *param = params_find(&fixture->params, name);
    assert_non_null(param);
    assert_string_equal(param->value, value);
    assert_int_equal(param->length, strlen(value));
    assert_int_equal(param->kind, kind);
}

static void assert_all_invalid(struct fixture *fixture, parser *with, const char *const *inputs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (parse(fixture, with, inputs[i]) != ERR_INVALID)
            fail_msg("accepted: %s", inputs[i]);
    }
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- form ---- */

static void form_reads_pairs_in_order(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, params_parse_form, "user_name=13800000000&type=1&empty=&bare&x=a=b"), OK);
    assert_int_equal(f->params.count, 5);
    assert_string_equal(f->params.list[0].name, "user_name");
    assert_string_equal(f->params.list[4].name, "x");
    assert_param(f, "user_name", PARAM_TEXT, "13800000000");
    assert_param(f, "empty", PARAM_TEXT, "");
    assert_param(f, "bare", PARAM_TEXT, "");
    assert_param(f, "x", PARAM_TEXT, "a=b");
}

static void form_decodes_escapes_and_plus(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, params_parse_form, "a+b=c+d%2B&%E5%90%8D=%e5%90%8d&p=%26%3D%25"), OK);
    assert_param(f, "a b", PARAM_TEXT, "c d+");
    assert_param(f, "名", PARAM_TEXT, "名");
    assert_param(f, "p", PARAM_TEXT, "&=%");
}

static void form_does_not_trim(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, params_parse_form, "a=+x+&b=%0Ay%09"), OK);
    assert_param(f, "a", PARAM_TEXT, " x ");
    assert_param(f, "b", PARAM_TEXT, "\ny\t");
}

static void form_skips_empty_pairs(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, params_parse_form, "&&a=1&&b=2&"), OK);
    assert_int_equal(f->params.count, 2);
    assert_int_equal(parse(f, params_parse_form, ""), OK);
    assert_int_equal(f->params.count, 0);
}

static void form_refuses(void **state)
{
    static const char *const inputs[] = {
        "a=1&a=2", "a=1&%61=2", "a=%",     "a=%4",   "a=%zz",          "a=%4g",       "%=1",
        "a=%00",   "%00=a",     "a=x%00y", "a=%ff",  "a=%C0%80",       "a=%ED%A0%80", "%ff=1",
        "=1",      "=",         "a=\xff",  "a=\xc3", "a=%F5%80%80%80", "a=%E5%90",
    };
    assert_all_invalid(*state, params_parse_form, inputs, COUNT(inputs));
}

static void form_refuses_a_raw_nul(void **state)
{
    assert_int_equal(parse_bytes(*state, params_parse_form, "a=b\0c", 5), ERR_INVALID);
    assert_int_equal(parse_bytes(*state, params_parse_form, "a\0b=c", 5), ERR_INVALID);
}

static void form_keeps_what_came_before_the_mistake(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, params_parse_form, "a=1&b=%&c=3"), ERR_INVALID);
    assert_int_equal(f->params.count, 1);
    assert_param(f, "a", PARAM_TEXT, "1");
}

static void form_holds_64_and_no_more(void **state)
{
    struct fixture *f = *state;
    struct buf text;
    buf_init(&text, 4096);
    for (int i = 0; i < PARAMS_MAX; i++)
        buf_printf(&text, "&n%d=%d", i, i);
    assert_int_equal(parse(f, params_parse_form, buf_cstr(&text)), OK);
    assert_int_equal(f->params.count, PARAMS_MAX);
    assert_param(f, "n0", PARAM_TEXT, "0");
    assert_param(f, "n63", PARAM_TEXT, "63");
    buf_puts(&text, "&more=1");
    assert_int_equal(parse(f, params_parse_form, buf_cstr(&text)), ERR_INVALID);
    buf_free(&text);
}

static void query_and_body_share_one_list(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, params_parse_form, "a=1"), OK);
    assert_int_equal(params_parse_json(&f->params, f->arena, "{\"b\":2}", 7), OK);
    assert_int_equal(f->params.count, 2);
    assert_int_equal(params_parse_json(&f->params, f->arena, "{\"a\":2}", 7), ERR_INVALID);
}

/* ---- reading ---- */

static void text_is_null_when_missing_or_empty(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, params_parse_json, "{\"a\":\"\",\"b\":null,\"c\":\"x\",\"d\":0,\"e\":false}"), OK);
    assert_null(params_text(&f->params, "a"));
    assert_null(params_text(&f->params, "b"));
    assert_null(params_text(&f->params, "missing"));
    assert_string_equal(params_text(&f->params, "c"), "x");
    assert_string_equal(params_text(&f->params, "d"), "0");
    assert_string_equal(params_text(&f->params, "e"), "false");
}

static void add_copies(void **state)
{
    struct fixture *f = *state;
    char name[] = "name", value[] = "value";
    assert_int_equal(params_add(&f->params, f->arena, name, 4, value, 5), OK);
    memset(name, 'x', 4);
    memset(value, 'x', 5);
    assert_param(f, "name", PARAM_TEXT, "value");
}

/* ---- JSON ---- */

static void json_reads_every_kind(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, params_parse_json,
                           " {\"s\" : \"x\" ,\"n\":1,\n\"t\":true,\"f\":false,\"z\":null,\"a\":[ 1 , \"y\" ],"
                           "\"o\":{ \"k\" : [ ] }} \r\n"),
                     OK);
    assert_param(f, "s", PARAM_TEXT, "x");
    assert_param(f, "n", PARAM_NUMBER, "1");
    assert_param(f, "t", PARAM_BOOL, "true");
    assert_param(f, "f", PARAM_BOOL, "false");
    assert_param(f, "z", PARAM_NULL, "null");
    assert_param(f, "a", PARAM_JSON, "[1,\"y\"]");
    assert_param(f, "o", PARAM_JSON, "{\"k\":[]}");
}

static void json_keeps_the_digits_of_numbers(void **state)
{
    static const char *const numbers[] = {
        "0", "-0", "13800000000", "123456789012345678901234567890", "1.10", "1e999", "-1.5E-10", "0.000", "1E+05"};
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"n\":%s}", numbers[i]);
        assert_int_equal(parse(f, params_parse_json, text), OK);
        assert_param(f, "n", PARAM_NUMBER, numbers[i]);
    }
}

static void json_unescapes_strings(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, params_parse_json,
                           "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"\\u0062\":\"\\u00e9\\u540D\\uD83D\\ude00!\","
                           "\"c\":\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"}"),
                     OK);
    assert_param(f, "a", PARAM_TEXT, "\"\\/\b\f\n\r\t");
    assert_param(f, "b", PARAM_TEXT, "é名😀!");
    assert_param(f, "c", PARAM_TEXT, "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf");
}

static void json_takes_an_empty_object(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, params_parse_json, "{}"), OK);
    assert_int_equal(parse(f, params_parse_json, " { } "), OK);
    assert_int_equal(f->params.count, 0);
}

static void json_refuses(void **state)
{
    static const char *const inputs[] = {
        "",
        " ",
        "x",
        "null",
        "1",
        "\"a\"",
        "[]",
        "[{}]",
        "{",
        "}",
        "{}x",
        "{}{}",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":'b'}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        /* numbers */
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":-}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":1e}",
        "{\"a\":1e+}",
        "{\"a\":0x10}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":1 2}",
        /* literals */
        "{\"a\":tru}",
        "{\"a\":truex}",
        "{\"a\":nul",
        "{\"a\":TRUE}",
        /* strings */
        "{\"a\":\"",
        "{\"a\":\"x",
        "{\"a\":\"\\",
        "{\"a\":\"\\\"",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\ud800x\"}",
        "{\"a\":\"\\ud800\\u0041\"}",
        "{\"a\":\"\\udc00\"}",
        "{\"a\":\"\\ud800\\",
        "{\"a\":\"\\ud800\\u",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\x01\"}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\xc0\x80\"}",
        "{\"\xff\":1}",
        "{\"\":1}",
        "{\"\\u0000\":1}",
        /* inside */
        "{\"a\":[}",
        "{\"a\":[1,]}",
        "{\"a\":{]}",
        "{\"a\":[}]",
        "{\"a\":{\"b\":1,\"b\":2}}",
        "{\"a\":[\"\\u0000\"]}",
        "{\"a\":[\"\xff\"]}",
        "{\"a\":[\"]}",
        "{\"a\":[99999999999999999999]}",
        "{\"a\":[1e999]}",
        "{\"a\":[",
    };
    assert_all_invalid(*state, params_parse_json, inputs, COUNT(inputs));
}

static void json_refuses_a_raw_nul_anywhere(void **state)
{
    static const char text[] = "{\"a\":\"bc\",\"d\":[1],\"e\":2}";
    for (size_t i = 0; i <= strlen(text); i++) {
        char with_nul[sizeof text + 1];
        memcpy(with_nul, text, i);
        with_nul[i] = '\0';
        memcpy(with_nul + i + 1, text + i, strlen(text) - i);
        assert_int_equal(parse_bytes(*state, params_parse_json, with_nul, strlen(text) + 1), ERR_INVALID);
    }
}

static void json_refuses_every_prefix(void **state)
{
    static const char text[] = "{\"a\":\"b\\u540d\",\"d\":[1,{\"x\":\"y\"}],\"e\":-2.5e+3,\"f\":true}";
    for (size_t i = 0; i < strlen(text); i++)
        assert_int_equal(parse_bytes(*state, params_parse_json, text, i), ERR_INVALID);
    assert_int_equal(parse(*state, params_parse_json, text), OK);
}

/* {"a":[[[…]]]} with `depth` levels in all. */
static void nested(struct buf *text, int depth, bool closed)
{
    buf_puts(text, "{\"a\":");
    for (int i = 1; i < depth; i++)
        buf_putc(text, '[');
    for (int i = 1; closed && i < depth; i++)
        buf_putc(text, ']');
    buf_puts(text, closed ? "}" : "");
}

static void json_is_at_most_16_deep(void **state)
{
    static const struct {
        int depth;
        bool closed;
        enum err expected;
    } cases[] = {{2, true, OK},
                 {16, true, OK},
                 {17, true, ERR_INVALID},
                 {1000, true, ERR_INVALID},
                 {1000, false, ERR_INVALID},
                 {60000, false, ERR_INVALID}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf text;
        buf_init(&text, 128 * 1024);
        nested(&text, cases[i].depth, cases[i].closed);
        assert_int_equal(parse(*state, params_parse_json, buf_cstr(&text)), cases[i].expected);
        buf_free(&text);
    }
}

static void json_brackets_in_strings_do_not_count(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, params_parse_json, "{\"a\":[\"[[[[[[[[[[[[[[[[[[[[[[\\\"]\"],\"b\":1}"), OK);
    assert_param(f, "a", PARAM_JSON, "[\"[[[[[[[[[[[[[[[[[[[[[[\\\"]\"]");
    assert_param(f, "b", PARAM_NUMBER, "1");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(form_reads_pairs_in_order),
        TEST(form_decodes_escapes_and_plus),
        TEST(form_does_not_trim),
        TEST(form_skips_empty_pairs),
        TEST(form_refuses),
        TEST(form_refuses_a_raw_nul),
        TEST(form_keeps_what_came_before_the_mistake),
        TEST(form_holds_64_and_no_more),
        TEST(query_and_body_share_one_list),
        TEST(text_is_null_when_missing_or_empty),
        TEST(add_copies),
        TEST(json_reads_every_kind),
        TEST(json_keeps_the_digits_of_numbers),
        TEST(json_unescapes_strings),
        TEST(json_takes_an_empty_object),
        TEST(json_refuses),
        TEST(json_refuses_a_raw_nul_anywhere),
        TEST(json_refuses_every_prefix),
        TEST(json_is_at_most_16_deep),
        TEST(json_brackets_in_strings_do_not_count),
    };
    return cmocka_run_group_tests_name("http/params", tests, NULL, NULL);
}
