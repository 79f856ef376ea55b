#include "component/service/names.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/text.h"

#define DIGITS  "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

enum { CHINA = 86, CHINA_DIGITS = 11, NATIONAL_MIN = 4, E164_MIN = 7, E164_MAX = 15, NAME_MAX_BYTES = 64 };

/* What begins with "00" would be read as international when it comes back. */
static bool national_fits(unsigned country, const char *digits)
{
    const size_t length = strlen(digits);
    return strncmp(digits, "00", 2) != 0 && (country == CHINA ? length == CHINA_DIGITS : length >= NATIONAL_MIN);
}

/* The digits after "+" or "00". */
static const char *parse_international(struct arena *arena, unsigned country, const char *digits)
{
    char code[8];
    const size_t length = strlen(digits);
    const size_t code_length = (size_t)snprintf(code, sizeof code, "%u", country);
    if (!text_only_of(digits, DIGITS) || length < E164_MIN || length > E164_MAX || digits[0] == '0')
        return NULL;
    if (strncmp(digits, code, code_length) == 0 && !national_fits(country, digits + code_length))
        return NULL;
    return arena_printf(arena, "+%s", digits);
}

const char *phone_parse(struct arena *arena, unsigned country, const char *text)
{
    if (text[0] == '+')
        return parse_international(arena, country, text + 1);
    if (strncmp(text, "00", 2) == 0)
        return parse_international(arena, country, text + 2);
    if (!text_only_of(text, DIGITS) || !national_fits(country, text))
        return NULL;
    return parse_international(arena, country, arena_printf(arena, "%u%s", country, text));
}

const char *phone_show(unsigned country, const char *e164)
{
    char prefix[8];
    const size_t length = (size_t)snprintf(prefix, sizeof prefix, "+%u", country);
    return strncmp(e164, prefix, length) == 0 ? e164 + length : e164;
}

/* ITU-T E.164, the list of assigned codes: no code begins with another. 1 (North America) and 7 are codes themselves;
 * of the pairs of digits these are; all others have three digits, those not assigned included. */
static size_t country_code_length(const char *digits)
{
    static const char *const pairs[10] = {[2] = "07",      [3] = "0123469", [4] = "013456789", [5] = "12345678",
                                          [6] = "0123456", [8] = "1246",    [9] = "0123458"};
    if (digits[0] == '1' || digits[0] == '7')
        return 1;
    const char *second = pairs[digits[0] - '0'];
    return second != NULL && strchr(second, digits[1]) != NULL ? 2 : 3;
}

const char *phone_country(struct arena *arena, const char *e164)
{
    return arena_copy(arena, e164 + 1, country_code_length(e164 + 1));
}

bool phone_country_allowed(const char *allowed, const char *e164)
{
    for (const char *code = allowed; *code != '\0'; code += strspn(code, ", ")) {
        const size_t length = strcspn(code, ", ");
        if (length > 0 && (code[0] == '*' || strncmp(e164 + 1, code, length) == 0))
            return true;
        code += length;
    }
    return false;
}

static bool fits(const char *text, const char *set)
{
    return strlen(text) <= NAME_MAX_BYTES && text_only_of(text, set);
}

enum err name_parse(struct arena *arena, unsigned country, enum account_type type, const char *text,
                    const char **name_r)
{
    switch (type) {
    case ACCOUNT_PHONE:
        *name_r = phone_parse(arena, country, text);
        return *name_r != NULL ? OK : ERR_INVALID;
    case ACCOUNT_DEVICE:
        *name_r = text;
        return fits(text, LETTERS DIGITS "_.:-") ? OK : ERR_INVALID;
    case ACCOUNT_WECHAT:
        *name_r = text;
        return fits(text, LETTERS DIGITS "_-") ? OK : ERR_INVALID;
    default:
        return ERR_INVALID;
    }
}

enum err name_parse_any(struct arena *arena, unsigned country, enum account_type type, const char *text,
                        struct account_name *name_r)
{
    const char *device = NULL;
    const char *phone = phone_parse(arena, country, text);
    /* a Wechat name could be a Device's, too, as far as its characters go */
    const bool plain = name_parse(arena, country, ACCOUNT_DEVICE, text, &device) == OK;
    *name_r = (struct account_name){.plain = plain && type != ACCOUNT_PHONE ? text : NULL,
                                    .phone = type == ACCOUNT_ANY || type == ACCOUNT_PHONE ? phone : NULL};
    return name_r->plain != NULL || name_r->phone != NULL ? OK : ERR_INVALID;
}

const char *name_show(unsigned country, const struct account *account)
{
    if (account->name == NULL)
        return "";
    return account->type == ACCOUNT_PHONE ? phone_show(country, account->name) : account->name;
}

bool nickname_fits(const char *nickname)
{
    return nickname[0] != '\0' && text_is_line(nickname, strlen(nickname));
}

const char *name_in_rosters(unsigned country, const struct account *account)
{
    return nickname_fits(account->nickname) ? account->nickname : name_show(country, account);
}
