/* Servers keep groups as sets and give them back in any order. */
#include "xmpp/rosters.h"

#include <string.h>

#include "component/base/arena.h"
#include "xmpp/ns.h"

static const char *const subscription_names[] = {
    [XMPP_NONE] = "none", [XMPP_TO] = "to", [XMPP_FROM] = "from", [XMPP_BOTH] = "both"};
enum { SUBSCRIPTIONS = sizeof subscription_names / sizeof subscription_names[0] };

const char *xmpp_subscription_name(enum xmpp_subscription subscription)
{
    return subscription_names[subscription];
}

enum xmpp_subscription roster_subscription(const char *name)
{
    for (unsigned i = 0; i < SUBSCRIPTIONS; i++)
        if (strcmp(name, subscription_names[i]) == 0)
            return (enum xmpp_subscription)i;
    return XMPP_NONE;
}

void roster_write(struct stanza_builder *builder, const struct roster_item *item, const char *subscription)
{
    bool removal = subscription != NULL && strcmp(subscription, "remove") == 0;
    stanza_open(builder, "query", NS_ROSTER);
    stanza_open(builder, "item", NULL);
    stanza_attribute(builder, "jid", item->jid);
    if (subscription != NULL)
        stanza_attribute(builder, "subscription", subscription);
    if (!removal && item->name[0] != '\0')
        stanza_attribute(builder, "name", item->name);
    for (size_t i = 0; !removal && i < item->group_count; i++) {
        stanza_open(builder, "group", NULL);
        stanza_text(builder, item->groups[i]);
        stanza_close(builder);
    }
    stanza_close(builder);
    stanza_close(builder);
}

static size_t count_children(const struct element *parent, const char *name)
{
    size_t count = 0;
    for (const struct element *child = element_child(parent, NS_ROSTER, name); child != NULL;
         child = element_next(child, NS_ROSTER, name))
        count++;
    return count;
}

static void read_item(const struct element *element, struct arena *arena, struct roster_item *item_r)
{
    item_r->jid = arena_strdup(arena, element_attribute_or_empty(element, "jid"));
    item_r->name = arena_strdup(arena, element_attribute_or_empty(element, "name"));
    item_r->subscription = roster_subscription(element_attribute_or_empty(element, "subscription"));
    item_r->group_count = count_children(element, "group");
    const char **groups = arena_array(arena, item_r->group_count, sizeof *groups);
    item_r->groups = groups;
    for (const struct element *group = element_child(element, NS_ROSTER, "group"); group != NULL;
         group = element_next(group, NS_ROSTER, "group"))
        *groups++ = arena_strdup(arena, group->text);
}

void roster_read(const struct element *query, struct arena *arena, struct roster *roster_r)
{
    struct roster_item *items = arena_array(arena, count_children(query, "item"), sizeof *items);
    *roster_r = (struct roster){.items = items};
    for (const struct element *item = element_child(query, NS_ROSTER, "item"); item != NULL;
         item = element_next(item, NS_ROSTER, "item"))
        read_item(item, arena, &items[roster_r->count++]);
}

static struct roster_item copy_of(const struct roster_item *item, struct arena *arena)
{
    const char **groups = arena_array(arena, item->group_count, sizeof *groups);
    for (size_t i = 0; i < item->group_count; i++)
        groups[i] = arena_strdup(arena, item->groups[i]);
    return (struct roster_item){.jid = arena_strdup(arena, item->jid),
                                .subscription = item->subscription,
                                .name = arena_strdup(arena, item->name),
                                .groups = groups,
                                .group_count = item->group_count};
}

void roster_look(const struct roster *roster, struct arena *arena, struct roster_side *side)
{
    size_t i = 0;
    while (i < roster->count && strcmp(roster->items[i].jid, side->item.jid) != 0)
        i++;
    side->seen_present = i < roster->count;
    side->seen = side->seen_present ? copy_of(&roster->items[i], arena) : (struct roster_item){0};
}

static bool has_group(const struct roster_item *item, const char *group)
{
    for (size_t i = 0; i < item->group_count; i++)
        if (strcmp(item->groups[i], group) == 0)
            return true;
    return false;
}

static bool has_groups_of(const struct roster_item *item, const struct roster_item *other)
{
    for (size_t i = 0; i < other->group_count; i++)
        if (!has_group(item, other->groups[i]))
            return false;
    return true;
}

bool roster_same_groups(const struct roster_item *a, const struct roster_item *b)
{
    return has_groups_of(a, b) && has_groups_of(b, a);
}

void roster_item_fit(struct arena *arena, struct roster_item *item, char group_separator)
{
    size_t count = 0;
    const char **groups = arena_array(arena, item->group_count, sizeof *groups);
    for (size_t i = 0; i < item->group_count; i++)
        if (group_separator == '\0' || strchr(item->groups[i], group_separator) == NULL)
            groups[count++] = item->groups[i];
    item->groups = groups;
    item->group_count = count;
}

bool roster_side_is(const struct roster_side *side, bool bound)
{
    if (!side->exists)
        return true;
    if (!bound || !side->seen_present)
        return side->seen_present == bound;
    return side->seen.subscription == XMPP_BOTH && strcmp(side->seen.name, side->item.name) == 0 &&
           roster_same_groups(&side->seen, &side->item);
}
