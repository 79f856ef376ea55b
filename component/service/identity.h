/* Checks on what 002's profile holds. Pure. */
#ifndef REGISTRAR_SERVICE_IDENTITY_H
#define REGISTRAR_SERVICE_IDENTITY_H

#include <stdbool.h>

/* A number of a Chinese identity card: 18 characters whose last is the checksum (GB 11643-1999, ISO 7064 MOD 11-2; x or
 * X), or the 15 digits of the first generation. */
bool identity_card_is_valid(const char *text);
/* http:// or https://, a host, and no white space or control characters. */
bool url_is_web(const char *text);

#endif
