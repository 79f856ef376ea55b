/* Routes in one array, sorted by path and, for the same path, in the order of their tables; found by bisection. */
#include "http/router.h"

#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/log.h"

struct entry {
    struct match match;
    size_t order;
};

struct router {
    size_t count;
    struct entry *entries;
    struct match first;
};

static int compare(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    int paths = strcmp(a->match.route->path, b->match.route->path);
    return paths != 0 ? paths : (a->order > b->order) - (a->order < b->order);
}

static size_t count_routes(const struct dialect *const *dialects, unsigned transports)
{
    size_t count = 0;
    for (; *dialects != NULL; dialects++) {
        for (size_t i = 0; i < (*dialects)->route_count; i++)
            count += ((*dialects)->routes[i].transports & transports) != 0;
    }
    return count;
}

static void fill(struct router *router, const struct dialect *const *dialects, unsigned transports)
{
    size_t count = 0;
    for (; *dialects != NULL; dialects++) {
        for (size_t i = 0; i < (*dialects)->route_count; i++) {
            const struct route *route = &(*dialects)->routes[i];
            if (route->transports & transports) {
                router->entries[count] = (struct entry){{*dialects, route}, count};
                count++;
            }
        }
    }
    router->count = count;
    if (count > 0)
        router->first = router->entries[0].match;
}

/* The first two neighbours that answer the same request; NULL when there are none. */
static const struct route *find_conflict(const struct router *router)
{
    for (size_t i = 0; i < router->count; i++) {
        const struct route *a = router->entries[i].match.route;
        for (size_t j = i + 1; j < router->count; j++) {
            const struct route *b = router->entries[j].match.route;
            if (strcmp(a->path, b->path) != 0)
                break;
            if (a->methods & b->methods)
                return a;
        }
    }
    return NULL;
}

enum err router_new(const struct dialect *const *dialects, unsigned transports, struct router **router_r)
{
    struct router *router = xcalloc(1, sizeof *router);
    router->entries = xcalloc(count_routes(dialects, transports) + 1, sizeof *router->entries);
    fill(router, dialects, transports);
    qsort(router->entries, router->count, sizeof *router->entries, compare);
    const struct route *conflict = find_conflict(router);
    if (conflict != NULL) {
        log_error("routes_conflict", F("path", conflict->path));
        router_free(&router);
        return ERR_CONFLICT;
    }
    *router_r = router;
    return OK;
}

void router_free(struct router **router)
{
    if (*router == NULL)
        return;
    free((*router)->entries);
    free(*router);
    *router = NULL;
}

/* The index of the first entry whose path is not less than `path`. */
static size_t lower_bound(const struct router *router, const char *path)
{
    size_t low = 0, high = router->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(router->entries[middle].match.route->path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum err router_find(const struct router *router, const char *path, unsigned method, struct match *match_r,
                     unsigned *allowed_r)
{
    enum err found = ERR_NOT_FOUND;
    *allowed_r = 0;
    for (size_t i = lower_bound(router, path); i < router->count; i++) {
        const struct match *match = &router->entries[i].match;
        if (strcmp(match->route->path, path) != 0)
            break;
        *allowed_r |= match->route->methods;
        *match_r = *match;
        if (match->route->methods & method)
            return OK;
        found = ERR_UNSUPPORTED;
    }
    return found;
}

bool router_first(const struct router *router, struct match *match_r)
{
    *match_r = router->first;
    return router->count > 0;
}
