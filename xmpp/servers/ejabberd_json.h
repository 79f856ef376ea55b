/* What ejabberd's commands are told and what they say, as JSON. Answers come from a server, and a user of it chooses
 * what his roster holds: they are read as hostile. A roster is parsed contact by contact, so that one of 4 MiB is never
 * a tree of many times that. ERR_XMPP: not what such a command says. */
#ifndef XMPP_SERVERS_EJABBERD_JSON_H
#define XMPP_SERVERS_EJABBERD_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "component/base/err.h"
#include "component/base/secret.h"
#include "xmpp/xmpp.h"

struct arena;
struct buf;

struct ejabberd_argument {
    const char *name; /* NULL: no more */
    const char *value;
};

/* An object of strings, appended to `out`. ERR_INVALID: text that no stanza can carry, and that ejabberd would push to
 * clients all the same; ERR_TOO_LARGE. */
MUST_CHECK enum err ejabberd_arguments(const struct ejabberd_argument *arguments, struct buf *out);
enum { EJABBERD_GROUP_SEPARATOR = ';' };
/* An item's groups as add_rosteritem takes them, separated. ERR_INVALID: one that has the separator, or is empty. */
MUST_CHECK enum err ejabberd_groups(struct arena *arena, const struct roster_item *item, const char **groups_r);

/* 0 is yes, 1 is no. */
MUST_CHECK enum err ejabberd_read_code(const struct buf *answer, bool *yes_r);
/* What get_roster says; a contact comes once for each of its groups. As roster_read of rosters.h. */
MUST_CHECK enum err ejabberd_read_roster(const struct buf *answer, struct arena *arena, struct roster *roster_r);

#endif
