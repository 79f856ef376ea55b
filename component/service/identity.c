#include "component/service/identity.h"

#include <string.h>
#include <strings.h>

#include "component/base/text.h"

enum { OLD_LENGTH = 15, LENGTH = 18, MODULUS = 11 };

static const char digits[] = "0123456789";

/* The character at i, counted from the left, weighs 2^(17 - i) mod 11; the check character brings the sum to 1. */
static bool checksum_fits(const char *text)
{
    int sum = 0;
    for (int i = 0; i < LENGTH - 1; i++)
        sum = (sum * 2 + (text[i] - '0')) % MODULUS;
    const int last = text[LENGTH - 1] == 'X' || text[LENGTH - 1] == 'x' ? 10 : text[LENGTH - 1] - '0';
    return (sum * 2 + last) % MODULUS == 1;
}

bool identity_card_is_valid(const char *text)
{
    if (strlen(text) == OLD_LENGTH)
        return text_only_of(text, digits);
    return strlen(text) == LENGTH && strspn(text, digits) >= LENGTH - 1 && strchr("0123456789Xx", text[LENGTH - 1]) &&
           checksum_fits(text);
}

static const char *after_scheme(const char *text)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncasecmp(text, schemes[i], strlen(schemes[i])) == 0)
            return text + strlen(schemes[i]);
    return NULL;
}

bool url_is_web(const char *text)
{
    const char *host = after_scheme(text);
    if (host == NULL || strchr("/?#:", host[0]) != NULL) /* the end of the text, too */
        return false;
    for (const char *p = host; *p != '\0'; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    return true;
}
