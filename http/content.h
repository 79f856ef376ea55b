/* What a Content-Type says (RFC 9110, 8.3): the kind of body, and parameters such as charset and boundary. */
#ifndef HTTP_CONTENT_H
#define HTTP_CONTENT_H

#include <stddef.h>

#include "component/base/err.h"

enum content { CONTENT_FORM, CONTENT_MULTIPART, CONTENT_JSON, CONTENT_UNREADABLE };

/* By the header's value, which may be NULL: then, as with an unknown type or a charset other than UTF-8, it is
 * CONTENT_UNREADABLE. */
enum content content_of(const char *content_type);

/* The parameter `name` (lower case) of a header's value such as `form-data; name="x"`, unquoted, with a NUL.
 * ERR_NOT_FOUND: it has none. ERR_INVALID: malformed, there twice, or longer than `size` - 1. */
MUST_CHECK enum err content_parameter(const char *value, const char *name, char *text_r, size_t size);

#endif
