/* multipart/form-data: what browsers and curl send, and what no two readers would agree on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "http/content.h"
#include "http/params.h"

#define TYPE  "multipart/form-data; boundary=XX"
#define FIELD "Content-Disposition: form-data; name="

static struct arena *arena;
static struct params params;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    params = (struct params){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static enum err parse_bytes(const char *type, const char *bytes, size_t length)
{
    char *exact = xmalloc(length);
    memcpy(exact, bytes, length);
    params = (struct params){0};
    enum err err = params_parse_multipart(&params, arena, type, exact, length);
    free(exact);
    return err;
}

static enum err parse(const char *body)
{
    return parse_bytes(TYPE, body, strlen(body));
}

static void assert_param(const char *name, const char *value)
{
    assert_non_null(params_find(&params, name));
    assert_string_equal(params_find(&params, name)->value, value);
    assert_int_equal(params_find(&params, name)->length, strlen(value));
    assert_int_equal(params_find(&params, name)->kind, PARAM_TEXT);
}

static void reads_what_curl_sends(void **state)
{
    (void)state;
    assert_int_equal(parse("--XX\r\n" FIELD "\"user_name\"\r\n\r\n13800000000\r\n"
                           "--XX\r\n" FIELD "\"des\"; filename=\"a;b.txt\"\r\nContent-Type: text/plain\r\n\r\n"
                           "two\r\nlines\r\n\r\n"
                           "--XX--\r\n"),
                     OK);
    assert_int_equal(params.count, 2);
    assert_param("user_name", "13800000000");
    assert_param("des", "two\r\nlines\r\n");
}

static void reads_the_loose_ends_of_rfc_2046(void **state)
{
    (void)state;
    /* preamble, padding behind a delimiter, header case, a token as name, an empty value, no CRLF at the end, epilogue
     */
    assert_int_equal(parse("ignored --XX\r\n--XX \t\r\ncontent-DISPOSITION:form-data;NAME=a\r\n"
                           "Content-Transfer-Encoding: 8Bit\r\n\r\n1\r\n"
                           "--XX\r\n" FIELD "\"b\"\r\n\r\n\r\n--XX--ignored\r\n--XX"),
                     OK);
    assert_param("a", "1");
    assert_param("b", "");
    assert_int_equal(parse("--XX--"), OK);
    assert_int_equal(params.count, 0);
}

static void keeps_what_looks_like_a_delimiter(void **state)
{
    (void)state;
    assert_int_equal(parse("--XX\r\n" FIELD "\"a\"\r\n\r\n--XX\n--XX\r\r\n-XX\r\n--X\r\n--XX--"), OK);
    assert_param("a", "--XX\n--XX\r\r\n-XX\r\n--X");
}

static void reads_quoted_names_and_boundaries(void **state)
{
    (void)state;
    static const char body[] = "--a b:c\r\n" FIELD "\"x\\\"y\\\\\"\r\n\r\n1\r\n--a b:c--";
    assert_int_equal(parse_bytes("Multipart/Form-Data; charset=utf-8; Boundary=\"a b:c\"", body, strlen(body)), OK);
    assert_param("x\"y\\", "1");
}

static void refuses(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "XX",
        "--XX",
        "--XX\r\n",
        "--XX\r\n\r\n--XX--",
        "--XX-\r\n" FIELD "\"a\"\r\n\r\n1\r\n--XX--",
        "--XXY\r\n" FIELD "\"a\"\r\n\r\n1\r\n--XX--",
        /* no closing delimiter, or not one */
        "--XX\r\n" FIELD "\"a\"\r\n\r\n1",
        "--XX\r\n" FIELD "\"a\"\r\n\r\n1\r\n--XX",
        "--XX\r\n" FIELD "\"a\"\r\n\r\n1\r\n--XX-",
        "--XX\r\n" FIELD "\"a\"\r\n\r\n1\r\n--XX\r\n",
        "--XX\r\n" FIELD "\"a\"\r\n\r\n1\n--XX--",
        /* bare line feeds */
        "--XX\n" FIELD "\"a\"\n\n1\n--XX--",
        /* headers: none, no name, twice, folded, not a header, no end, not form-data */
        "--XX\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Type: text/plain\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data; filename=a\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--XX--",
        "--XX\r\n" FIELD "\"a\"; name=\"b\"\r\n\r\n1\r\n--XX--",
        "--XX\r\n" FIELD "\"a\r\n\r\n1\r\n--XX--",
        "--XX\r\n" FIELD "\"a\\\r\n\r\n1\r\n--XX--",
        "--XX\r\n" FIELD "\"\"\r\n\r\n1\r\n--XX--",
        "--XX\r\n" FIELD "\r\n\r\n1\r\n--XX--",
        "--XX\r\n" FIELD "\"a\"\r\n" FIELD "\"b\"\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Disposition:\r\n form-data; name=\"a\"\r\n\r\n1\r\n--XX--",
        "--XX\r\n" FIELD "\"a\"\r\nnonsense\r\n\r\n1\r\n--XX--",
        "--XX\r\n" FIELD "\"a\"\r\n1\r\n--XX--",
        /* encodings that nobody may send any more */
        "--XX\r\n" FIELD "\"a\"\r\nContent-Transfer-Encoding: base64\r\n\r\nMQ==\r\n--XX--",
        "--XX\r\n" FIELD "\"a\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n1\r\n--XX--",
        /* values */
        "--XX\r\n" FIELD "\"a\"\r\n\r\n\xff\r\n--XX--",
        "--XX\r\n" FIELD "\"\xff\"\r\n\r\n1\r\n--XX--",
        "--XX\r\n" FIELD "\"a\"\r\n\r\n1\r\n--XX\r\n" FIELD "\"a\"\r\n\r\n2\r\n--XX--",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        if (parse(bodies[i]) != ERR_INVALID)
            fail_msg("accepted: %s", bodies[i]);
    }
}

static void refuses_nuls(void **state)
{
    (void)state;
    static const char in_value[] = "--XX\r\n" FIELD "\"a\"\r\n\r\n1\0"
                                   "2\r\n--XX--";
    static const char in_name[] = "--XX\r\n" FIELD "\"a\0"
                                  "b\"\r\n\r\n1\r\n--XX--";
    static const char in_header[] = "--XX\r\n" FIELD "\"a\"\0; name=\"b\"\r\n\r\n1\r\n--XX--";
    assert_int_equal(parse_bytes(TYPE, in_value, sizeof in_value - 1), ERR_INVALID);
    assert_int_equal(parse_bytes(TYPE, in_name, sizeof in_name - 1), ERR_INVALID);
    assert_int_equal(parse_bytes(TYPE, in_header, sizeof in_header - 1), ERR_INVALID);
}

static void refuses_every_prefix(void **state)
{
    (void)state;
    static const char body[] = "pre\r\n--XX\r\n" FIELD "\"a\"\r\nX: y\r\n\r\n1\r\n--XX\r\n" FIELD "b\r\n\r\n\r\n--XX--";
    for (size_t i = 0; i < sizeof body - 1; i++)
        assert_int_equal(parse_bytes(TYPE, body, i), ERR_INVALID);
    assert_int_equal(parse_bytes(TYPE, body, sizeof body - 1), OK);
    assert_int_equal(params.count, 2);
}

static void refuses_bad_boundaries(void **state)
{
    (void)state;
/* one over the 70 characters of RFC 2046 */
#define TYPE_WITH_A_LONG_BOUNDARY                                                                                      \
    "multipart/form-data; boundary=12345678901234567890123456789012345678901234567890123456789012345678901"
    static const char *const types[] = {
        "multipart/form-data",
        "multipart/form-data; boundary",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"XX",
        "multipart/form-data; boundary=XX; boundary=XX",
        "multipart/form-data; boundary=XX YY",
        TYPE_WITH_A_LONG_BOUNDARY,
    };
    static const char body[] = "--XX\r\n" FIELD "\"a\"\r\n\r\n1\r\n--XX--";
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        assert_int_equal(parse_bytes(types[i], body, sizeof body - 1), ERR_INVALID);
}

static void is_bounded(void **state)
{
    (void)state;
    struct buf body;
    buf_init(&body, 64 * 1024);
    for (int i = 0; i < PARAMS_MAX; i++)
        buf_printf(&body, "--XX\r\n" FIELD "\"n%d\"\r\n\r\n%d\r\n", i, i);
    struct buf more;
    buf_init(&more, 64 * 1024);
    buf_append(&more, body.data, body.length);
    buf_puts(&body, "--XX--");
    assert_int_equal(parse(buf_cstr(&body)), OK);
    assert_int_equal(params.count, PARAMS_MAX);
    buf_puts(&more, "--XX\r\n" FIELD "\"more\"\r\n\r\n1\r\n--XX--");
    assert_int_equal(parse(buf_cstr(&more)), ERR_INVALID);

    buf_clear(&more);
    buf_puts(&more, "--XX\r\n" FIELD "\"a\"\r\n");
    for (int i = 0; i < 100; i++)
        buf_puts(&more, "X-Header: y\r\n");
    buf_puts(&more, "\r\n1\r\n--XX--");
    assert_int_equal(parse(buf_cstr(&more)), ERR_INVALID);
    buf_free(&more);
    buf_free(&body);
}

/* ---- content types ---- */

static void content_types(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        enum content expected;
    } cases[] = {
        {NULL, CONTENT_UNREADABLE},
        {"", CONTENT_UNREADABLE},
        {"text/plain", CONTENT_UNREADABLE},
        {"application/jsonp", CONTENT_UNREADABLE},
        {"application/json", CONTENT_JSON},
        {"Application/JSON ; Charset=UTF-8", CONTENT_JSON},
        {"application/json;charset=\"utf-8\"", CONTENT_JSON},
        {"application/json; charset=gbk", CONTENT_UNREADABLE},
        {"application/json; charset", CONTENT_UNREADABLE},
        {"application/json; charset=utf-8; charset=utf-8", CONTENT_UNREADABLE},
        {"application/json;", CONTENT_JSON},
        {"application/json;;x=y", CONTENT_JSON},
        {"application/x-www-form-urlencoded", CONTENT_FORM},
        {"application/x-www-form-urlencoded; charset=us-ascii", CONTENT_FORM},
        {"application/x-www-form-urlencoded x", CONTENT_FORM},
        {"multipart/form-data; boundary=x", CONTENT_MULTIPART},
        {"multipart/mixed; boundary=x", CONTENT_UNREADABLE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (content_of(cases[i].type) != cases[i].expected)
            fail_msg("wrong: %s", cases[i].type);
    }
}

static void content_parameters(void **state)
{
    (void)state;
    char text[8];
    assert_int_equal(content_parameter("x; a=\"1;b=2\"; b=3", "b", text, sizeof text), OK);
    assert_string_equal(text, "3");
    assert_int_equal(content_parameter("x; ab=1", "a", text, sizeof text), ERR_NOT_FOUND);
    assert_int_equal(content_parameter("x", "a", text, sizeof text), ERR_NOT_FOUND);
    assert_int_equal(content_parameter("x; a=1234567", "a", text, sizeof text), OK);
    assert_int_equal(content_parameter("x; a=12345678", "a", text, sizeof text), ERR_INVALID);
    assert_int_equal(content_parameter("x; a=\"12345678\"", "a", text, sizeof text), ERR_INVALID);
    assert_int_equal(content_parameter("x; a=1\"", "a", text, sizeof text), ERR_INVALID);
    assert_int_equal(content_parameter("x; =1", "a", text, sizeof text), ERR_INVALID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(reads_what_curl_sends),
        TEST(reads_the_loose_ends_of_rfc_2046),
        TEST(keeps_what_looks_like_a_delimiter),
        TEST(reads_quoted_names_and_boundaries),
        TEST(refuses),
        TEST(refuses_nuls),
        TEST(refuses_every_prefix),
        TEST(refuses_bad_boundaries),
        TEST(is_bounded),
        TEST(content_types),
        TEST(content_parameters),
    };
    return cmocka_run_group_tests_name("http/multipart", tests, NULL, NULL);
}
