/* registrarctl key status, key reseal. */
#include <inttypes.h>
#include <stdio.h>

#include "component/base/arena.h"
#include "component/base/seal.h"
#include "component/ctl/ctl.h"
#include "component/service/resealing.h"

static const char *standing_of(const struct keyring *ring, int64_t key_id)
{
    if (!keyring_has(ring, key_id))
        return "not in keys.seal, they cannot be opened";
    return key_id == keyring_first(ring) ? "it seals" : "it only opens";
}

CTL_COMMAND(ctl_key_status)
{
    (void)account;
    (void)argument;
    struct sealed_count *counts = NULL;
    size_t count = 0;
    bool lost = false;
    const enum err err = sealed_values_count(ctl->worker.pg, ctl->arena, &counts, &count);
    if (err != OK)
        return ctl_failed(err);
    printf("sealing key: %" PRId32 "\n", keyring_first(ctl->services.keyring));
    for (size_t i = 0; i < count; i++) {
        printf("%s: %" PRId64 " under key %" PRId64 " (%s)\n", resealing_kind_name(counts[i].kind), counts[i].count,
               counts[i].key_id, standing_of(ctl->services.keyring, counts[i].key_id));
        lost |= !keyring_has(ctl->services.keyring, counts[i].key_id);
    }
    return lost ? CTL_REFUSED : CTL_DONE;
}

CTL_COMMAND(ctl_key_reseal)
{
    (void)account;
    (void)argument;
    bool lost = false;
    for (enum sealed_kind kind = 0; kind < SEALED_KINDS; kind++) {
        struct resealed resealed;
        const enum err err = resealing_run(ctl->worker.pg, ctl->services.keyring, kind, &resealed);
        const char *name = resealing_kind_name(kind);
        ctl_audit(ctl, "reseal", 0, arena_printf(ctl->arena, "%s: %" PRId64, name, resealed.done));
        printf("%s: %" PRId64 " sealed anew\n", name, resealed.done);
        if (resealed.lost > 0)
            printf("%s: %" PRId64 " cannot be opened\n", name, resealed.lost);
        if (err != OK)
            return ctl_failed(err);
        lost |= resealed.lost > 0;
    }
    return lost ? CTL_REFUSED : CTL_DONE;
}
