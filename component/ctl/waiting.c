/* registrarctl outbox, instances: what waits, and who works. */
#include <inttypes.h>
#include <stdio.h>

#include "component/base/arena.h"
#include "component/ctl/ctl.h"
#include "component/jobs/errand.h"
#include "sql/administration.h"
#include "sql/instances.h"

enum { MOST = 100 };

static void print_wish(struct ctl *ctl, const struct waiting_wish *wish)
{
    printf("%s: account %" PRId64, errand_kind_name(wish->kind), wish->low);
    if (wish->high != 0)
        printf(" with %" PRId64, wish->high);
    printf(", for %s, attempts %" PRId64, ctl_duration(ctl->arena, wish->age_s), wish->attempts);
    if (wish->owner[0] != '\0')
        printf(", %s is at it", wish->owner);
    else if (wish->due_ms > 0)
        printf(", next in %s", ctl_duration(ctl->arena, (wish->due_ms + 999) / 1000));
    if (wish->error[0] != '\0')
        printf(", last error %s", wish->error);
    putchar('\n');
}

CTL_COMMAND(ctl_outbox)
{
    (void)account;
    (void)argument;
    struct waiting_wish *wishes = NULL;
    size_t count = 0;
    int64_t total = 0;
    const enum err err = administration_wishes(ctl->worker.pg, ctl->arena, MOST, &wishes, &count, &total);
    if (err != OK)
        return ctl_failed(err);
    printf("waiting: %" PRId64 "\n", total);
    for (size_t i = 0; i < count; i++)
        print_wish(ctl, &wishes[i]);
    return CTL_DONE;
}

CTL_COMMAND(ctl_instances)
{
    (void)account;
    (void)argument;
    struct instance_seen *seen = NULL;
    size_t count = 0;
    const enum err err = instances_list(ctl->worker.pg, ctl->arena, &seen, &count);
    if (err != OK)
        return ctl_failed(err);
    for (size_t i = 0; i < count; i++)
        printf("%s: component %s, version %s, up for %s, %s\n", seen[i].name, seen[i].component, seen[i].version,
               ctl_duration(ctl->arena, seen[i].up_s),
               seen[i].silent_ms <= INSTANCE_SILENT_MS
                   ? "alive"
                   : arena_printf(ctl->arena, "silent for %s", ctl_duration(ctl->arena, seen[i].silent_ms / 1000)));
    return CTL_DONE;
}
