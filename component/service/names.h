/* Names of accounts as the wire has them: phone numbers in several spellings, device names, openids. Pure. */
#ifndef REGISTRAR_SERVICE_NAMES_H
#define REGISTRAR_SERVICE_NAMES_H

#include <stdbool.h>

#include "component/base/err.h"
#include "sql/accounts.h"

struct arena;

/* A number to E.164 in the arena, or NULL when it is none. Taken: "+" or "00" with a country code, or a national number
 * of `country` (11 digits where country is 86; dialects.md, Accounts). */
const char *phone_parse(struct arena *arena, unsigned country, const char *text);
/* E.164 to what replies say: national for `country`, E.164 for others. */
const char *phone_show(unsigned country, const char *e164);

/* The country calling code of an E.164 number (phone_parse), in the arena. Allowed: whether it begins with one of the
 * codes of the comma-separated list ("*": all). */
const char *phone_country(struct arena *arena, const char *e164);
bool phone_country_allowed(const char *allowed, const char *e164);

/* A name of the given type as it is stored, in the arena. ERR_INVALID when it cannot be one of that type. */
MUST_CHECK enum err name_parse(struct arena *arena, unsigned country, enum account_type type, const char *text,
                               const char **name_r);
/* A name whose type may not be known (ACCOUNT_ANY): what it is as each. ERR_INVALID when it cannot be one of any. */
MUST_CHECK enum err name_parse_any(struct arena *arena, unsigned country, enum account_type type, const char *text,
                                   struct account_name *name_r);
/* The account's user_name in replies. */
const char *name_show(unsigned country, const struct account *account);
/* Whether a roster can hold it: what an XMPP server gives back as it got it. */
bool nickname_fits(const char *nickname);
/* How the account is called in the rosters of those bound to it: its nickname if that fits, or its user_name. */
const char *name_in_rosters(unsigned country, const struct account *account);

#endif
