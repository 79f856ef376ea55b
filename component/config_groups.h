/* The texts of [roster] groups_*: names of roster groups, comma-separated, such as "Family, Living room". */
#ifndef COMPONENT_CONFIG_GROUPS_H
#define COMPONENT_CONFIG_GROUPS_H

#include "component/base/err.h"
#include "component/service/roster_items.h"

struct arena;

/* In the arena; spaces around a name do not count. ERR_INVALID: an empty name or another one that does not fit
 * (roster_group_fits), one twice, or more than ROSTER_GROUPS_MAX. Empty: none. */
MUST_CHECK enum err groups_parse(struct arena *arena, const char *text, struct roster_groups *groups_r);

#endif
