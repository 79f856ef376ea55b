/* Text checks. The validators are compared with an independent definition of UTF-8 for every code point and every
 * sequence of up to three bytes, at every offset from the eight-byte steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "component/base/text.h"

/* The encoding straight from RFC 3629, section 3; returns the size. */
static size_t encode(uint32_t point, char *out)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xe0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

static bool is_scalar(uint32_t point)
{
    return point > 0 && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
}

/* XML 1.0, production 2, as it stands there. */
static bool is_char(uint32_t point)
{
    return point == 0x9 || point == 0xa || point == 0xd || (point >= 0x20 && point <= 0xd7ff) ||
           (point >= 0xe000 && point <= 0xfffd) || (point >= 0x10000 && point <= 0x10ffff);
}

/* Unicode's general category Cc. */
static bool is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

static void every_code_point(void **state)
{
    (void)state;
    char text[32];
    for (uint32_t point = 0; point < 0x200000; point++) {
        size_t offset = point % 9;
        memset(text, 'a', sizeof text);
        size_t size = encode(point, text + offset);
        assert_int_equal(text_is_utf8(text, sizeof text), is_scalar(point));
        assert_int_equal(text_is_xml(text, sizeof text), is_char(point));
        assert_int_equal(text_is_line(text, sizeof text), is_char(point) && !is_control(point));
        assert_int_equal(text_is_utf8(text, offset + size), is_scalar(point));
        assert_int_equal(text_character_size(text + offset, size), is_scalar(point) ? size : 0);
    }
}

/* Decoding by asking which of all code points has this encoding: for two bytes and three. */
static void every_short_sequence(void **state)
{
    (void)state;
    unsigned char *valid = calloc(1, 1 << 24);
    assert_non_null(valid);
    for (uint32_t point = 0x80; point < 0x10000; point++) {
        unsigned char bytes[4] = {0};
        size_t size = encode(point, (char *)bytes);
        if (is_scalar(point))
            valid[bytes[0] << 16 | bytes[1] << 8 | bytes[2]] = (unsigned char)size;
    }
    for (unsigned word = 0; word < 1 << 24; word++) {
        const unsigned char bytes[] = {(unsigned char)(word >> 16), (unsigned char)(word >> 8), (unsigned char)word};
        if (bytes[0] < 0x80)
            continue;
        size_t expected = valid[word] == 3 ? 3 : valid[word & 0xffff00] == 2 ? 2 : 0;
        if (text_character_size((const char *)bytes, 3) != expected)
            fail_msg("%06x", word);
    }
    free(valid);
}

static void broken_sequences(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xc3",
        "\xe2\x82",
        "\xf0\x9f\x98",
        "\xf8\x88\x80\x80\x80",
        "\xfe",
        "\xff",
        "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80",
        "\xc3(",
        "a\xe2(\xa1",
        "\xed\xbf\xbf",
        "12345678\xc3",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        assert_false(text_is_utf8(broken[i], strlen(broken[i])));
        assert_false(text_is_xml(broken[i], strlen(broken[i])));
        assert_false(text_is_line(broken[i], strlen(broken[i])));
    }
    assert_true(text_is_utf8("", 0));
    assert_true(text_is_xml("", 0));
}

static void single_bytes_at_every_offset(void **state)
{
    (void)state;
    char text[20];
    for (unsigned byte = 0; byte < 256; byte++)
        for (size_t at = 0; at < sizeof text; at++) {
            memset(text, 'a', sizeof text);
            text[at] = (char)byte;
            assert_int_equal(text_is_utf8(text, sizeof text), byte > 0 && byte < 0x80);
            assert_int_equal(text_is_xml(text, sizeof text), byte < 0x80 && is_char(byte));
            assert_int_equal(text_is_line(text, sizeof text), byte < 0x80 && !is_control(byte));
        }
}

static void length_is_respected(void **state)
{
    (void)state;
    assert_true(text_is_utf8("ab\xff", 2));
    assert_false(text_is_utf8("ab\0cd", 5));
    assert_int_equal(text_character_size("", 0), 0);
    assert_int_equal(text_character_size("\xe4\xbd\xa0", 2), 0);
    assert_int_equal(text_character_size("\xe4\xbd\xa0", 3), 3);
}

static void characters(void **state)
{
    (void)state;
    assert_int_equal(text_characters(""), 0);
    assert_int_equal(text_characters("abc"), 3);
    assert_int_equal(text_characters("\xe4\xbd\xa0\xe5\xa5\xbd"), 2);
    assert_int_equal(text_characters("\xf0\x9f\x98\x80!"), 2);
}

static void only_of(void **state)
{
    (void)state;
    assert_true(text_only_of("123", "0123456789"));
    assert_false(text_only_of("", "0123456789"));
    assert_false(text_only_of("12a", "0123456789"));
    assert_false(text_only_of("a12", "0123456789"));
    assert_false(text_only_of("1", ""));
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"7", 7},
                {"-7", -7},
                {"007", 7},
                {"-0", 0},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "0x10",
                                      "--1",
                                      "1-",
                                      "1e3",
                                      "\xd9\xa1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999999999"};
    int64_t value;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(parse_i64(good[i].text, INT64_MIN, INT64_MAX, &value), OK);
        assert_true(value == good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(parse_i64(bad[i], INT64_MIN, INT64_MAX, &value), ERR_INVALID);
}

static void bounds_are_inclusive(void **state)
{
    (void)state;
    int64_t value = 0;
    assert_int_equal(parse_i64("1", 1, 10, &value), OK);
    assert_int_equal(parse_i64("10", 1, 10, &value), OK);
    assert_int_equal(parse_i64("0", 1, 10, &value), ERR_INVALID);
    assert_int_equal(parse_i64("11", 1, 10, &value), ERR_INVALID);
    assert_int_equal(parse_i64("-5", -5, -5, &value), OK);
    assert_int_equal(value, -5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point),
        cmocka_unit_test(every_short_sequence),
        cmocka_unit_test(broken_sequences),
        cmocka_unit_test(single_bytes_at_every_offset),
        cmocka_unit_test(length_is_respected),
        cmocka_unit_test(characters),
        cmocka_unit_test(only_of),
        cmocka_unit_test(numbers),
        cmocka_unit_test(bounds_are_inclusive),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
