/* Codecs of text.h: hexadecimal, Base64, percent-encoding. */
#include "component/base/text.h"

#include <string.h>

static const char lower_digits[] = "0123456789abcdef";
static const char upper_digits[] = "0123456789ABCDEF";

int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

void hex_encode(const void *bytes, size_t length, char *hex_r)
{
    const uint8_t *in = bytes;
    for (size_t i = 0; i < length; i++) {
        *hex_r++ = lower_digits[in[i] >> 4];
        *hex_r++ = lower_digits[in[i] & 0xf];
    }
    *hex_r = '\0';
}

/* Two hex digits to a byte; false when they are none. Stops at a NUL in the first. */
static bool decode_pair(const char *pair, uint8_t *byte_r)
{
    int high = hex_value(pair[0]);
    int low = high < 0 ? -1 : hex_value(pair[1]);
    if (low < 0)
        return false;
    *byte_r = (uint8_t)(high << 4 | low);
    return true;
}

enum err hex_decode(const char *hex, size_t length, void *bytes_r)
{
    uint8_t *out = bytes_r;
    for (size_t i = 0; i < length; i++)
        if (!decode_pair(hex + 2 * i, out + i))
            return ERR_INVALID;
    return hex[2 * length] == '\0' ? OK : ERR_INVALID;
}

#define BASE64_COMMON "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
static const char base64_alphabet[] = BASE64_COMMON "+/";
static const char base64url_alphabet[] = BASE64_COMMON "-_";

static void encode_64(const char *alphabet, const void *bytes, size_t length, char *text_r)
{
    const uint8_t *in = bytes;
    uint32_t bits = 0;
    unsigned held = 0; /* bits not yet written, fewer than 6 between two bytes */
    for (size_t i = 0; i < length; i++) {
        bits = bits << 8 | in[i];
        held += 8;
        while (held >= 6) {
            held -= 6;
            *text_r++ = alphabet[bits >> held & 0x3f];
        }
    }
    if (held > 0)
        *text_r++ = alphabet[bits << (6 - held) & 0x3f];
    *text_r = '\0';
}

void base64_encode(const void *bytes, size_t length, char *text_r)
{
    encode_64(base64_alphabet, bytes, length, text_r);
}

void base64url_encode(const void *bytes, size_t length, char *text_r)
{
    encode_64(base64url_alphabet, bytes, length, text_r);
}

enum err base64_decode(const char *text, size_t length, void *bytes_r)
{
    uint8_t *out = bytes_r;
    uint32_t bits = 0;
    unsigned held = 0; /* bits not yet written, fewer than 8 between two characters */
    const size_t characters = BASE64_SIZE(length) - 1;
    for (size_t i = 0; i < characters; i++) {
        const char *digit = text[i] != '\0' ? strchr(base64_alphabet, text[i]) : NULL;
        if (digit == NULL)
            return ERR_INVALID;
        bits = bits << 6 | (uint32_t)(digit - base64_alphabet);
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        *out++ = (uint8_t)(bits >> held);
    }
    /* one value has one spelling: the bits that are left over are 0 */
    return (bits & ((1U << held) - 1)) == 0 && text[characters] == '\0' ? OK : ERR_INVALID;
}

enum err percent_decode(char *bytes, size_t length, bool plus_is_space, size_t *length_r)
{
    size_t out = 0;
    for (size_t in = 0; in < length; in++) {
        char c = bytes[in];
        if (c == '%') {
            uint8_t decoded;
            if (length - in < 3 || !decode_pair(bytes + in + 1, &decoded))
                return ERR_INVALID;
            c = (char)decoded;
            in += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        bytes[out++] = c;
    }
    *length_r = out;
    return OK;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

size_t percent_encode(const char *bytes, size_t length, char *text_r)
{
    char *out = text_r;
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = (uint8_t)bytes[i];
        if (is_unreserved(bytes[i])) {
            *out++ = bytes[i];
        } else {
            *out++ = '%';
            *out++ = upper_digits[byte >> 4];
            *out++ = upper_digits[byte & 0xf];
        }
    }
    *out = '\0';
    return (size_t)(out - text_r);
}
