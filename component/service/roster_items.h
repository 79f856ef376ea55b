/* How one account stands in another's roster: the one place that says it, for making a binding true and for comparing
 * rosters with what they should show. */
#ifndef REGISTRAR_SERVICE_ROSTER_ITEMS_H
#define REGISTRAR_SERVICE_ROSTER_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "component/base/err.h"
#include "component/base/text.h"
#include "sql/accounts.h"
#include "sql/binding_names.h"
#include "xmpp/xmpp.h"

struct arena;
struct pg;
struct service_settings;

enum { ROSTER_NAME_MAX = 64 /* characters of a nickname or a group */, ROSTER_GROUPS_MAX = 8 };

/* Groups in which accounts of a type stand; each once. */
struct roster_groups {
    const char *const *names;
    size_t count;
};
struct roster_settings {
    struct roster_groups groups[ACCOUNT_WECHAT + 1]; /* by type */
};

/* How `other` shall stand in a roster (what was said for the binding, else his nickname or name, and the groups of his
 * type), with subscription both. The JID is the arena's, the rest whoever's it was. */
struct roster_item roster_item_of(struct arena *arena, const struct service_settings *settings,
                                  const struct account *other, const struct shown_as *said);

/* Whether a text may be a nickname: 1 to ROSTER_NAME_MAX characters that a stanza carries and gives back as they are.
 */
static inline bool roster_name_fits(const char *text)
{
    return text[0] != '\0' && text_is_line(text, strlen(text)) && text_characters(text) <= ROSTER_NAME_MAX;
}

/* The same of a group's name: ejabberd is told several of them with semicolons in between. */
static inline bool roster_group_fits(const char *text)
{
    return roster_name_fits(text) && strchr(text, ';') == NULL;
}

/* At a process's start, in a transaction. True: rosters were made with other groups than the settings say, which is now
 * written down as the ones they are made with; who asks begins a round of comparisons in the same transaction, so that
 * all rosters are brought up to date, a few at a time. (Asked once a process, or two with different settings would take
 * turns.) */
MUST_CHECK enum err roster_settings_adopt(struct pg *pg, struct arena *arena, const struct service_settings *settings,
                                          bool *changed_r);

#endif
