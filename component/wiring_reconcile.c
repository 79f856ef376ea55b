/* Apart from wiring.c because registrarctl, which serves nothing, needs it as well. */
#include <string.h>

#include "component/config.h"
#include "component/wiring.h"

struct reconcile_settings wiring_reconcile(const struct config *config)
{
    return (struct reconcile_settings){
        .follow = strcmp(config->reconcile_policy, "follow") == 0,
        .per_second = config->reconcile_per_second,
        .per_second_most = config->reconcile_per_second_most,
        .interval_ms = config->reconcile_interval,
        .recheck_ms = config->reconcile_recheck,
        .remember_ms = config->reconcile_remember,
        .brake = {.percent = config->reconcile_brake_percent,
                  .accounts = config->reconcile_brake_accounts,
                  .floor = config->reconcile_brake_floor,
                  .window_ms = config->reconcile_brake_window},
    };
}
