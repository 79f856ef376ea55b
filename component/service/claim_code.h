/* Claim codes as people type them: ten characters of Crockford's base32 in two groups, "7HK2M-P3X9R". Pure.
 *
 * 50 random bits. With a hundred thousand codes about at once, one guess in 10^10 hits one; the tries of an account and
 * of an address are limited besides. */
#ifndef REGISTRAR_SERVICE_CLAIM_CODE_H
#define REGISTRAR_SERVICE_CLAIM_CODE_H

#include "component/base/err.h"

enum { CLAIM_CODE_LENGTH = 10, CLAIM_CODE_SIZE = CLAIM_CODE_LENGTH + 1, CLAIM_SHOWN_SIZE = CLAIM_CODE_LENGTH + 2 };

/* A fresh one. */
void claim_code_make(char code_r[CLAIM_CODE_SIZE]);
/* What is shown of a code: two groups. */
void claim_code_show(const char code[CLAIM_CODE_SIZE], char shown_r[CLAIM_SHOWN_SIZE]);
/* A code as somebody typed it: in either case, with or without hyphens and spaces, O for 0, I or L for 1. ERR_CODE when
 * it cannot be one. */
MUST_CHECK enum err claim_code_read(const char *text, char code_r[CLAIM_CODE_SIZE]);

#endif
