#include "component/jobs/compare.h"

#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"

const char *difference_name(enum difference_kind kind)
{
    static const char *const names[DIFFERENCE_KINDS] = {
        [DIFFERENCE_VANISHED] = "vanished",         [DIFFERENCE_RISEN] = "risen", [DIFFERENCE_MISSING] = "missing",
        [DIFFERENCE_SUBSCRIPTION] = "subscription", [DIFFERENCE_NAME] = "name",   [DIFFERENCE_LEFT_OVER] = "left_over"};
    return names[kind];
}

/* An item of the roster in the order of JIDs, for rosters of thousands. */
struct seen {
    const struct roster_item *item;
    size_t index;
    bool expected;
};

static int by_jid(const void *a, const void *b)
{
    return strcmp(((const struct seen *)a)->item->jid, ((const struct seen *)b)->item->jid);
}

static struct seen *sort(struct arena *arena, const struct roster *roster)
{
    struct seen *sorted = arena_array(arena, roster->count, sizeof *sorted);
    for (size_t i = 0; i < roster->count; i++)
        sorted[i] = (struct seen){.item = &roster->items[i], .index = i};
    if (roster->count > 0)
        qsort(sorted, roster->count, sizeof *sorted, by_jid);
    return sorted;
}

static struct seen *find(struct seen *sorted, size_t count, const struct roster_item *item)
{
    const struct seen key = {.item = item};
    return count > 0 ? bsearch(&key, sorted, count, sizeof *sorted, by_jid) : NULL;
}

static bool same_groups(struct arena *arena, const struct roster_item *seen, struct roster_item wanted, char separator)
{
    if (separator != '\0')
        roster_item_fit(arena, &wanted, separator);
    return roster_same_groups(seen, &wanted);
}

static bool differs(struct arena *arena, const struct roster_item *wanted, const struct seen *seen, char separator,
                    enum difference_kind *kind_r)
{
    if (seen == NULL) {
        *kind_r = DIFFERENCE_MISSING;
        return true;
    }
    *kind_r = seen->item->subscription != XMPP_BOTH ? DIFFERENCE_SUBSCRIPTION : DIFFERENCE_NAME;
    return *kind_r == DIFFERENCE_SUBSCRIPTION || strcmp(seen->item->name, wanted->name) != 0 ||
           !same_groups(arena, seen->item, *wanted, separator);
}

static bool is_of(const char *jid, const char *domain)
{
    const char *at = strchr(jid, '@');
    return at != NULL && strcmp(at + 1, domain) == 0;
}

void compare_roster(struct arena *arena, const struct expected_item *expected, size_t count, const struct roster *seen,
                    const char *domain, struct difference **differences_r, size_t *count_r)
{
    struct difference *found = arena_array(arena, count + seen->count, sizeof *found);
    struct seen *sorted = sort(arena, seen);
    size_t found_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct seen *one = find(sorted, seen->count, &expected[i].item);
        enum difference_kind kind;
        if (one != NULL)
            one->expected = true;
        if (expected[i].settled && differs(arena, &expected[i].item, one, seen->group_separator, &kind))
            found[found_count++] = (struct difference){.kind = kind, .index = i, .seen = one != NULL ? one->index : 0};
    }
    for (size_t i = 0; i < seen->count; i++)
        if (!sorted[i].expected && is_of(sorted[i].item->jid, domain))
            found[found_count++] = (struct difference){.kind = DIFFERENCE_LEFT_OVER, .seen = sorted[i].index};
    *differences_r = found;
    *count_r = found_count;
}
