#include "component/jobs/recheck.h"

#include "component/base/clock.h"
#include "component/base/log.h"
#include "sql/comparisons.h"
#include "xmpp/xmpp.h"

/* How long ago the link before was last seen to be up. A process that has just started goes by what was done last, by
 * itself or another one: the server can have forgotten nothing later. */
static enum err time_since_loss(const struct recheck *recheck, struct pg *pg, int64_t *ms_r)
{
    if (recheck->generation == 0)
        return comparisons_latest_touch(pg, ms_r);
    *ms_r = clock_ms() - recheck->alive_ms;
    return OK;
}

static enum err wish(const struct recheck *recheck, struct pg *pg, int64_t window_ms)
{
    int64_t since_ms = 0, count = 0;
    enum err err = time_since_loss(recheck, pg, &since_ms);
    if (err == OK)
        err = comparisons_wish_recent(pg, since_ms + window_ms, &count);
    if (err == OK && count > 0)
        log_info("recheck", F("accounts", count));
    return err;
}

enum err recheck_follow(struct recheck *recheck, struct pg *pg, const struct xmpp_status *status, int64_t window_ms)
{
    if (!status->up)
        return OK;
    const enum err err = status->generation != recheck->generation && window_ms > 0 ? wish(recheck, pg, window_ms) : OK;
    if (err == OK)
        *recheck = (struct recheck){.generation = status->generation, .alive_ms = clock_ms()};
    return err;
}
