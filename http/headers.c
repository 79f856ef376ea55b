/* Request smuggling (RFC 9112, 11.2): a proxy in front of us and we must not disagree about where a request ends, or a
 * stranger's body becomes somebody else's request. libmicrohttpd 0.9.75 is lenient: of two lengths it takes the first,
 * an encoding wins over a length, one that it does not know is read as no encoding, a name with a space in it is
 * another name, and the rest of a folded line is appended to the *name* of its field. All of that is refused here, as
 * RFC 9112 (3.2, 5.1, 5.2, 6.1, 6.3) asks or allows. */
#include "http/headers.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct look {
    const char *fault;
    unsigned hosts, lengths, encodings;
};

/* RFC 9110, 5.6.2. */
static bool is_token(const char *text, size_t length)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < length; i++) {
        const char c = text[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || strchr(others, c) == NULL))
            return false;
    }
    return length > 0;
}

static bool has_controls(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
            return true;
    return false;
}

/* libmicrohttpd's fields lie in the buffer as they came, the value behind the name; a name to which something was
 * appended lies elsewhere. Between the two are the colon's place and white space: never more than a request's headers,
 * so that the distance alone tells before anything is read. */
static bool is_in_place(const char *name, size_t length, const char *value)
{
    enum { FAR = 64 * 1024 };
    const uintptr_t end = (uintptr_t)name + length, start = (uintptr_t)value;
    if (start <= end || start - end > FAR)
        return false;
    for (const char *c = name + length + 1; c < value; c++)
        if (*c != ' ' && *c != '\t')
            return false;
    return true;
}

static bool is_name(const char *text, size_t length, const char *name)
{
    return strlen(name) == length && strncasecmp(text, name, length) == 0;
}

static const char *look_at(struct look *look, const char *name, size_t name_length, const char *value, size_t length)
{
    if (!is_token(name, name_length))
        return "a header's name is none\n";
    if (value == NULL || !is_in_place(name, name_length, value))
        return "a header of several lines\n";
    if (has_controls(value, length))
        return "a header with control characters\n";
    if (is_name(name, name_length, MHD_HTTP_HEADER_HOST) && ++look->hosts > 1)
        return "more than one Host\n";
    if (is_name(name, name_length, MHD_HTTP_HEADER_CONTENT_LENGTH) && ++look->lengths > 1)
        return "more than one Content-Length\n";
    if (is_name(name, name_length, MHD_HTTP_HEADER_TRANSFER_ENCODING) &&
        (++look->encodings > 1 || !is_name(value, length, "chunked")))
        return "an unknown Transfer-Encoding\n";
    return look->lengths > 0 && look->encodings > 0 ? "both Content-Length and Transfer-Encoding\n" : NULL;
}

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_length,
                                 const char *value, size_t length)
{
    struct look *look = arg;
    (void)kind;
    look->fault = look_at(look, name, name_length, value, length);
    return look->fault == NULL ? MHD_YES : MHD_NO;
}

const char *headers_fault(struct MHD_Connection *mhd)
{
    struct look look = {.fault = NULL};
    MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, on_header, &look);
    return look.fault;
}
