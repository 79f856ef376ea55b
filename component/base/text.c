/* Checks on text: UTF-8 and XML characters, sets of bytes, decimal numbers.
 *
 * The two validators share one loop. Runs of plain ASCII, which are nearly all that clients send, go eight bytes a
 * step. */
#include "component/base/text.h"

#include <string.h>

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

static bool continues(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Decodes the multi-byte character at `at` into *point_r; its size, or 0 when there is none (RFC 3629). */
static size_t decode_multibyte(const uint8_t *at, size_t left, uint32_t *point_r)
{
    /* Per size: what the lead byte looks like, and the smallest code point that may be written so. */
    static const struct {
        uint8_t mask, lead;
        uint32_t least;
    } forms[] = {{0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if ((at[0] & forms[i].mask) != forms[i].lead)
            continue;
        size_t size = i + 2;
        if (left < size)
            return 0;
        uint32_t point = at[0] & (uint8_t)~forms[i].mask;
        for (size_t k = 1; k < size; k++) {
            if (!continues(at[k]))
                return 0;
            point = point << 6 | (at[k] & 0x3f);
        }
        bool surrogate = point >= 0xd800 && point <= 0xdfff;
        if (point < forms[i].least || point > 0x10ffff || surrogate)
            return 0;
        *point_r = point;
        return size;
    }
    return 0;
}

size_t text_character_size(const char *bytes, size_t length)
{
    uint32_t point;
    if (length == 0 || bytes[0] == '\0')
        return 0;
    if ((uint8_t)bytes[0] < 0x80)
        return 1;
    return decode_multibyte((const uint8_t *)bytes, length, &point);
}

/* True when all eight bytes are ASCII and at least `least`. Without high bits the subtraction leaves one exactly when
 * some byte is below. */
static bool ascii_word(const uint8_t *at, uint8_t least)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return ((word | (word - EACH_BYTE(least))) & EACH_BYTE(0x80)) == 0;
}

static bool is_xml_ascii(uint8_t byte)
{
    return byte >= 0x20 || byte == '\t' || byte == '\n' || byte == '\r';
}

/* XML 1.0, production 2: what is UTF-8 and no control character is a Char, but for these two. */
static bool is_xml_multibyte(uint32_t point)
{
    return point != 0xfffe && point != 0xffff;
}

static bool is_valid(const uint8_t *at, size_t left, bool xml)
{
    const uint8_t least = xml ? 0x20 : 0x01;
    while (left > 0) {
        size_t size = 1;
        if (left >= sizeof(uint64_t) && ascii_word(at, least)) {
            size = sizeof(uint64_t);
        } else if (*at < 0x80) {
            if (*at == 0 || (xml && !is_xml_ascii(*at)))
                return false;
        } else {
            uint32_t point;
            size = decode_multibyte(at, left, &point);
            if (size == 0 || (xml && !is_xml_multibyte(point)))
                return false;
        }
        at += size;
        left -= size;
    }
    return true;
}

bool text_is_utf8(const char *bytes, size_t length)
{
    return is_valid((const uint8_t *)bytes, length, false);
}

bool text_is_xml(const char *bytes, size_t length)
{
    return is_valid((const uint8_t *)bytes, length, true);
}

bool text_is_line(const char *bytes, size_t length)
{
    const uint8_t *at = (const uint8_t *)bytes;
    for (size_t i = 0; i < length; i++)
        if (at[i] < 0x20 || at[i] == 0x7f || (i > 0 && at[i - 1] == 0xc2 && at[i] < 0xa0))
            return false;
    return text_is_xml(bytes, length);
}

size_t text_characters(const char *utf8)
{
    size_t count = 0;
    for (; *utf8; utf8++)
        count += !continues((uint8_t)*utf8);
    return count;
}

bool text_only_of(const char *text, const char *set)
{
    return *text && text[strspn(text, set)] == '\0';
}

enum err parse_i64(const char *text, int64_t min, int64_t max, int64_t *value_r)
{
    bool negative = *text == '-';
    const char *digits = text + negative;
    if (*digits == '\0')
        return ERR_INVALID;
    int64_t value = 0;
    for (; *digits; digits++) {
        if (*digits < '0' || *digits > '9')
            return ERR_INVALID;
        int64_t digit = *digits - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return ERR_INVALID;
    }
    if (value < min || value > max)
        return ERR_INVALID;
    *value_r = value;
    return OK;
}
