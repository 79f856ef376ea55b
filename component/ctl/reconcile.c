/* registrarctl reconcile status, reconcile go-on (docs/reconcile.md). */
#include <stdio.h>

#include "component/ctl/ctl.h"

CTL_COMMAND(ctl_reconcile_status)
{
    (void)account;
    (void)argument;
    const char *text = NULL;
    struct brake_state state;
    enum err err = reconcile_status(ctl->worker.pg, ctl->arena, &ctl->reconcile, &text);
    if (err == OK)
        err = brake_look(ctl->worker.pg, &ctl->reconcile.brake, &state);
    if (err != OK)
        return ctl_failed(err);
    fputs(text, stdout);
    return state.brake == BRAKE_ON ? CTL_REFUSED : CTL_DONE;
}

CTL_COMMAND(ctl_reconcile_go_on)
{
    (void)account;
    (void)argument;
    const enum err err = reconcile_go_on(ctl->worker.pg);
    if (err == ERR_NOT_FOUND) {
        puts("mending: was not stopped");
        return CTL_DONE;
    }
    if (err != OK)
        return ctl_failed(err);
    ctl_audit(ctl, "reconcile go-on", 0, "");
    puts("mending: goes on");
    return CTL_DONE;
}
