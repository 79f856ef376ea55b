/* registrarctl rotate: other passwords for JIDs; and waiting for the XMPP server, which bans do, too. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/ctl/ctl.h"
#include "component/service/bans.h"
#include "sql/administration.h"
#include "sql/doors.h"

enum { LOOK_MS = 100, BATCH = 500 };

static enum ctl_status still_waits(const struct waiting_wish *wish)
{
    printf("the XMPP server: has not followed yet%s%s; a registrard goes on trying\n",
           wish->error[0] != '\0' ? ", last error: " : "", wish->error);
    return CTL_PENDING;
}

enum ctl_status ctl_wait_for_door(struct ctl *ctl, int64_t account_id)
{
    const int64_t deadline_ms = clock_ms() + ctl->options.wait_ms;
    struct waiting_wish wish;
    for (;;) {
        const enum err err = administration_wish(ctl->worker.pg, ctl->arena, OUTBOX_DOOR, account_id, &wish);
        if (err == ERR_NOT_FOUND) {
            puts("the XMPP server: has followed");
            return CTL_DONE;
        }
        if (err != OK)
            return ctl_failed(err);
        if (clock_ms() >= deadline_ms)
            return still_waits(&wish);
        poll(NULL, 0, LOOK_MS);
    }
}

/* --- one */

static bool same_bytes(const struct sealed *a, const struct sealed *b)
{
    return a->length == b->length && (a->length == 0 || memcmp(a->bytes, b->bytes, a->length) == 0);
}

/* What became of the password that was to come. */
static enum ctl_status outcome(struct ctl *ctl, const struct account *before)
{
    struct account account;
    struct door door;
    enum err err = accounts_get(ctl->worker.pg, ctl->arena, before->id, &account);
    if (err == OK)
        err = doors_get(ctl->worker.pg, ctl->arena, before->id, &door);
    if (err != OK)
        return ctl_failed(err);
    if (!same_bytes(&before->jid_password, &account.jid_password)) {
        puts("jid password: replaced");
        return CTL_DONE;
    }
    if (door.next.bytes != NULL) {
        puts("jid password: will be replaced when the ban ends");
        return CTL_PENDING;
    }
    puts("jid password: as it was; the XMPP server does not let the component change it");
    return CTL_REFUSED;
}

static enum ctl_status rotate_one(struct ctl *ctl, const struct account *account)
{
    size_t count = 0;
    const enum err err = accounts_rotate(&ctl->services, &ctl->worker, ctl->arena, &account->id, 1, 0, 0, &count);
    if (err != OK || count == 0)
        return ctl_failed(err != OK ? err : ERR_NOT_FOUND);
    ctl_audit(ctl, "rotate", account->id, "");
    const enum ctl_status status = ctl_wait_for_door(ctl, account->id);
    return status == CTL_DONE ? outcome(ctl, account) : status;
}

/* --- all */

static enum err rotate_batch(struct ctl *ctl, int64_t *after, int64_t *total, size_t *count_r)
{
    struct arena *arena = arena_new();
    int64_t *ids = NULL;
    size_t rotated = 0;
    const int64_t step_ms = 1000 / ctl->options.rate;
    enum err err = administration_accounts(ctl->worker.pg, arena, *after, BATCH, &ids, count_r);
    if (err == OK && *count_r > 0) {
        err = accounts_rotate(&ctl->services, &ctl->worker, arena, ids, *count_r, *total * step_ms, step_ms, &rotated);
        *after = ids[*count_r - 1];
        *total += (int64_t)rotated;
    }
    arena_free(&arena);
    return err;
}

static enum ctl_status rotate_all(struct ctl *ctl)
{
    enum err err = OK;
    int64_t after = 0, total = 0;
    size_t count = BATCH;
    while (err == OK && count == BATCH)
        err = rotate_batch(ctl, &after, &total, &count);
    ctl_audit(ctl, "rotate", 0, arena_printf(ctl->arena, "%" PRId64 " accounts", total));
    printf("jid passwords that are to be replaced: %" PRId64 "\nfor that it will take: %s\n", total,
           ctl_duration(ctl->arena, total / ctl->options.rate));
    return err == OK ? CTL_DONE : ctl_failed(err);
}

CTL_COMMAND(ctl_rotate)
{
    (void)argument;
    return account != NULL ? rotate_one(ctl, account) : rotate_all(ctl);
}
