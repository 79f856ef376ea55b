/* registrarctl ban, unban, end-sessions. */
#include <inttypes.h>
#include <stdio.h>

#include "component/base/arena.h"
#include "component/ctl/ctl.h"
#include "component/service/bans.h"
#include "component/service/restored.h"

static const char *ended_text(struct ctl *ctl, int64_t count)
{
    return arena_printf(ctl->arena, "%" PRId64 " sessions ended", count);
}

CTL_COMMAND(ctl_ban)
{
    (void)argument;
    size_t ended = 0;
    const enum err err = account_ban(&ctl->services, &ctl->worker, ctl->arena, account->id, &ended);
    if (err != OK)
        return ctl_failed(err);
    ctl_audit(ctl, "ban", account->id, ended_text(ctl, (int64_t)ended));
    printf("banned: %" PRId64 "\nsessions ended: %zu\n", account->id, ended);
    return ctl_wait_for_door(ctl, account->id);
}

CTL_COMMAND(ctl_unban)
{
    (void)argument;
    const enum err err = account_unban(&ctl->worker, account->id);
    if (err != OK)
        return ctl_failed(err);
    ctl_audit(ctl, "unban", account->id, "");
    printf("unbanned: %" PRId64 "\n", account->id);
    return ctl_wait_for_door(ctl, account->id);
}

static enum ctl_status end_everybodys(struct ctl *ctl)
{
    int64_t count = 0;
    const enum err err = sessions_end_everywhere(ctl->worker.pg, &count);
    ctl_audit(ctl, "end-sessions", 0, ended_text(ctl, count));
    printf("sessions ended: %" PRId64 "\n", count);
    return err == OK ? CTL_DONE : ctl_failed(err);
}

CTL_COMMAND(ctl_end_sessions)
{
    (void)argument;
    if (account == NULL)
        return end_everybodys(ctl);
    size_t ended = 0;
    const enum err err = account_end_sessions(&ctl->services, &ctl->worker, ctl->arena, account->id, &ended);
    if (err != OK)
        return ctl_failed(err);
    ctl_audit(ctl, "end-sessions", account->id, ended_text(ctl, (int64_t)ended));
    printf("sessions ended: %zu\n", ended);
    return CTL_DONE;
}
