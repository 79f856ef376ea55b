/* Codecs: the test vectors of their RFCs, every byte both ways, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "component/base/text.h"

static void hex_both_ways(void **state)
{
    (void)state;
    uint8_t bytes[256], back[256];
    char hex[2 * sizeof bytes + 1];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    hex_encode(bytes, sizeof bytes, hex);
    assert_int_equal(strlen(hex), 512);
    assert_memory_equal(hex, "000102030405", 12);
    assert_string_equal(hex + 500, "fafbfcfdfeff");
    assert_int_equal(hex_decode(hex, sizeof bytes, back), OK);
    assert_memory_equal(bytes, back, sizeof bytes);
    hex_encode(bytes, 0, hex);
    assert_string_equal(hex, "");
}

static void hex_refuses(void **state)
{
    (void)state;
    uint8_t bytes[4];
    assert_int_equal(hex_decode("DEADbeef", 4, bytes), OK);
    assert_memory_equal(bytes, "\xde\xad\xbe\xef", 4);
    static const char *const bad[] = {"",           "dead",     "deadbee",  "deadbeef0",
                                      "deadbeef00", "deadbeeg", "dead eef", "0xdeadbe"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(hex_decode(bad[i], 4, bytes), ERR_INVALID);
    assert_int_equal(hex_decode("", 0, bytes), OK);
}

/* RFC 4648, section 10, without the padding. */
static void base64url_vectors(void **state)
{
    (void)state;
    static const char *const vectors[][2] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        size_t length = strlen(vectors[i][0]);
        char *text = malloc(BASE64URL_SIZE(length)); /* exact, so that the sanitizer sees a byte too many */
        assert_non_null(text);
        base64url_encode(vectors[i][0], length, text);
        assert_string_equal(text, vectors[i][1]);
        assert_int_equal(strlen(text) + 1, BASE64URL_SIZE(length));
        free(text);
    }
    char text[BASE64URL_SIZE(3)];
    base64url_encode("\xfb\xff\xfe", 3, text);
    assert_string_equal(text, "-__-");
}

static void percent_decodes(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        bool plus;
        const char *out;
    } cases[] = {
        {"", true, ""},         {"abc", true, "abc"},      {"a+b", true, "a b"},
        {"a+b", false, "a+b"},  {"%41%62", true, "Ab"},    {"%2B", true, "+"},
        {"%2b+", true, "+ "},   {"100%25", false, "100%"}, {"%E4%BD%A0", true, "\xe4\xbd\xa0"},
        {"%2541", true, "%41"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        size_t length;
        strcpy(text, cases[i].in);
        assert_int_equal(percent_decode(text, strlen(text), cases[i].plus, &length), OK);
        assert_int_equal(length, strlen(cases[i].out));
        assert_memory_equal(text, cases[i].out, length);
    }
}

static void percent_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {"%", "%4", "a%", "%zz", "%4z", "%z4", "%%41", "abc%2", "% 41", "%-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[16];
        size_t length;
        strcpy(text, bad[i]);
        assert_int_equal(percent_decode(text, strlen(text), true, &length), ERR_INVALID);
    }
    char beyond[] = "%41"; /* the digits lie behind the end */
    size_t length;
    assert_int_equal(percent_decode(beyond, 2, true, &length), ERR_INVALID);
}

static void percent_keeps_nul(void **state)
{
    (void)state;
    char text[] = "a%00b";
    size_t length;
    assert_int_equal(percent_decode(text, strlen(text), true, &length), OK);
    assert_int_equal(length, 3);
    assert_memory_equal(text, "a\0b", 3);
}

static void percent_both_ways(void **state)
{
    (void)state;
    char bytes[256], text[3 * sizeof bytes + 1];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)i;
    size_t length = percent_encode(bytes, sizeof bytes, text);
    assert_int_equal(length, strlen(text));
    assert_true(text_only_of(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%"));
    assert_int_equal(length, 66 + 3 * (256 - 66)); /* RFC 3986, 2.3 has 66 unreserved characters */
    assert_int_equal(percent_decode(text, length, false, &length), OK);
    assert_int_equal(length, sizeof bytes);
    assert_memory_equal(text, bytes, sizeof bytes);
    assert_int_equal(percent_encode("a b/\xff", 5, text), 11);
    assert_string_equal(text, "a%20b%2F%FF");
}

/* RFC 4648, 10, without padding; and what is no Base64 of that length. */
static void test_base64(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *text;
    } vectors[] = {{"", ""},           {"f", "Zg"},          {"fo", "Zm8"},      {"foo", "Zm9v"},
                   {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"\xfb\xff", "+/8"}};
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char text[BASE64_SIZE(8)], plain[8];
        const size_t length = strlen(vectors[i].plain);
        base64_encode(vectors[i].plain, length, text);
        assert_string_equal(text, vectors[i].text);
        assert_int_equal(base64_decode(text, length, plain), OK);
        assert_memory_equal(plain, vectors[i].plain, length);
    }
    static const char *const wrong[] = {"Zm8", "Zm9vYg", "Zm9 ", "Zm9=", "Zm-_", "Zm"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char plain[8];
        assert_int_equal(base64_decode(wrong[i], 3, plain), ERR_INVALID);
    }
    char plain[8];
    assert_int_equal(base64_decode("Zh", 1, plain), ERR_INVALID); /* another spelling of "f" */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64),       cmocka_unit_test(hex_both_ways),     cmocka_unit_test(hex_refuses),
        cmocka_unit_test(base64url_vectors), cmocka_unit_test(percent_decodes),   cmocka_unit_test(percent_refuses),
        cmocka_unit_test(percent_keeps_nul), cmocka_unit_test(percent_both_ways),
    };
    return cmocka_run_group_tests_name("text_codec", tests, NULL, NULL);
}
