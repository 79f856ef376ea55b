/* The processes on this database. Each has a name (server.instance), by which its next run finds what it left in the
 * outbox, and gives a sign of life each second. Who has been silent for INSTANCE_SILENT_MS is dead: his name is free,
 * and the others mourn him. The clock is Postgres's. */
#ifndef SQL_INSTANCES_H
#define SQL_INSTANCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"

enum {
    INSTANCE_SILENT_MS = 3000,
    INSTANCE_PROCESS_SIZE = 17, /* 16 characters and a NUL */
    INSTANCE_OWNER_SIZE = 256
};

struct arena;
struct pg;

/* One process: `process` is random and tells it from others of the same name. */
struct instance {
    const char *name, *process, *component, *version;
};
/* What it goes by where it holds something (outbox.h): name/process, and so nobody else's, whoever uses its name. */
void instance_owner(const struct instance *instance, char owner_r[INSTANCE_OWNER_SIZE]);

/* A sign of life. holder_us_r: 0 when the name is this process's, else the time of the latest sign of life of the one
 * that has it: who sees it move knows that he is not alone. */
MUST_CHECK enum err instances_beat(struct pg *pg, const struct instance *instance, int64_t *holder_us_r);
/* The name is free. Not an error when another has it. */
MUST_CHECK enum err instances_leave(struct pg *pg, const struct instance *instance);

/* A process that was heard of; strings are the arena's. */
struct instance_seen {
    const char *name, *component, *version;
    int64_t up_s, silent_ms; /* since its first and its latest sign of life */
};
/* Forgets those of other names that are dead, and raises the epoch of the token cache if there were any: one that was
 * killed may have committed a revocation that Redis never heard of. */
MUST_CHECK enum err instances_mourn(struct pg *pg, struct arena *arena, const char *own_name,
                                    struct instance_seen **dead_r, size_t *count_r);
/* All there are, by name. */
MUST_CHECK enum err instances_list(struct pg *pg, struct arena *arena, struct instance_seen **seen_r, size_t *count_r);

#endif
