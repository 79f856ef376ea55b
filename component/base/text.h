/* Checks and codecs on text: UTF-8, XML 1.0 Char, hexadecimal, base64url, percent-encoding, decimal numbers.
 * All functions are pure and thread-safe. */
#ifndef REGISTRAR_BASE_TEXT_H
#define REGISTRAR_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. NUL bytes are not accepted. */
bool text_is_utf8(const char *bytes, size_t length);
/* UTF-8 in which every character is an XML 1.0 Char: what may stand in a stanza. */
bool text_is_xml(const char *bytes, size_t length);
/* The same without control characters, those of Latin-1 (U+0080 to U+009F) included: what may be a name. A server would
 * give tabs and line ends in an attribute back as spaces (XML 1.0, 3.3.3), and clients show the others as they like. */
bool text_is_line(const char *bytes, size_t length);
/* Bytes of the UTF-8 character that `bytes` begin with (1 to 4); 0 when they begin with none or with a NUL. */
size_t text_character_size(const char *bytes, size_t length);
/* Characters (code points) in valid UTF-8. */
size_t text_characters(const char *utf8);
/* True when every byte of a non-empty `text` is one of `set`. */
bool text_only_of(const char *text, const char *set);

/* The value of a hex digit, or -1. */
int hex_value(char c);
/* Lower-case hex with a NUL: 2 * length + 1 bytes are written. */
void hex_encode(const void *bytes, size_t length, char *hex_r);
/* Exactly `length` bytes from 2 * length hex digits of either case. ERR_INVALID otherwise, nothing may be read from
 * bytes_r then. */
MUST_CHECK enum err hex_decode(const char *hex, size_t length, void *bytes_r);

/* Base64 without padding (RFC 4648, 4), with a NUL: BASE64_SIZE(length) bytes are written. */
#define BASE64_SIZE(length) (((length)*4 + 2) / 3 + 1)
void base64_encode(const void *bytes, size_t length, char *text_r);
/* Exactly `length` bytes from such a text; ERR_INVALID otherwise, nothing may be read from bytes_r then. */
MUST_CHECK enum err base64_decode(const char *text, size_t length, void *bytes_r);
/* The same in the alphabet for URLs (RFC 4648, 5). */
#define BASE64URL_SIZE(length) BASE64_SIZE(length)
void base64url_encode(const void *bytes, size_t length, char *text_r);

/* Percent-decoding in place of `length` bytes, "+" being a space when plus_is_space; the new length goes to length_r.
 * A broken escape is ERR_INVALID. Decoded NULs are kept (the caller refuses them). */
MUST_CHECK enum err percent_decode(char *bytes, size_t length, bool plus_is_space, size_t *length_r);
/* RFC 3986: all but unreserved characters encoded, upper-case hex. Writes at most 3 * length + 1 bytes; returns the
 * length. */
size_t percent_encode(const char *bytes, size_t length, char *text_r);

/* Decimal digits only, optionally one leading '-', no spaces, inside [min, max]. Otherwise ERR_INVALID. */
MUST_CHECK enum err parse_i64(const char *text, int64_t min, int64_t max, int64_t *value_r);

#endif
