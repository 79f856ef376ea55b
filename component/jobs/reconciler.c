/* The reconciler (reconciler.h). The round and the brake are rows in Postgres that all processes share; comparing
 * itself is the outbox's. */
#include "component/jobs/reconciler.h"

#include <stdlib.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/log.h"
#include "component/base/metrics.h"
#include "component/jobs/outbox.h"
#include "component/jobs/pace.h"
#include "component/jobs/ticker.h"
#include "component/service/roster_items.h"
#include "component/service/services.h"
#include "sql/comparisons.h"
#include "sql/pg.h"
#include "sql/rounds.h"

/* Counting accounts takes at most a fiftieth of the time. */
enum { ENROL_ROWS = 2000, COUNT_PART = 50, COUNT_MS = 1000 };

struct reconciler {
    const struct jobs_config *config;
    struct outbox *outbox;
    struct pg *pg;    /* the thread's, as what follows */
    bool adopted;     /* the settings of rosters */
    enum brake brake; /* as last seen */
    int64_t count_at_ms;
    int64_t hurried_round; /* the latest whose pace was said to be higher than configured */
    struct ticker *ticker;
};

/* --- the brake */

static void say_brake(struct reconciler *reconciler, const struct brake_state *state)
{
    if (state->brake == reconciler->brake)
        return;
    if (state->brake == BRAKE_ON)
        log_error("reconcile_brake_on", F("drifted", state->drifted), F("accounts", state->active),
                  F("most", state->most),
                  F("hint", "nothing is mended until registrarctl reconcile go-on; see docs/reconcile.md"));
    else
        log_warn(state->brake == BRAKE_OFF ? "reconcile_brake_off" : "reconcile_brake_let_go");
    reconciler->brake = state->brake;
}

static enum err follow_brake(struct reconciler *reconciler)
{
    struct brake_state state;
    const enum err err = brake_look(reconciler->pg, &reconciler->config->reconcile.brake, &state);
    if (err != OK)
        return err;
    say_brake(reconciler, &state);
    metric_set(M_RECONCILE_BRAKE, "", state.brake == BRAKE_ON);
    metric_set(M_RECONCILE_DRIFTED, "", state.drifted);
    metric_set(M_RECONCILE_MOST, "", state.most);
    return OK;
}

/* --- turns */

static void say_pace(struct reconciler *reconciler, const struct round_state *round, const struct pace *pace)
{
    const struct reconcile_settings *settings = &reconciler->config->reconcile;
    if (pace->needed <= settings->per_second || reconciler->hurried_round == round->round)
        return;
    reconciler->hurried_round = round->round;
    log_warn(pace->needed > pace->per_second ? "reconcile_too_slow" : "reconcile_faster", F("accounts", round->size),
             F("needed_per_second", pace->needed), F("per_second", pace->per_second),
             F("configured", settings->per_second));
}

static enum err give_turns(struct reconciler *reconciler, const struct round_state *round, int64_t *taken_r)
{
    const struct reconcile_settings *settings = &reconciler->config->reconcile;
    const bool begins = round->over && round->age_ms >= settings->interval_ms;
    enum err err = begins ? rounds_begin(reconciler->pg) : OK;
    if (err == OK && (begins || round->enrolling))
        err = rounds_enrol(reconciler->pg, ENROL_ROWS, settings->remember_ms);
    const struct pace pace = pace_of(settings, round, reconciler->brake == BRAKE_LET_GO);
    say_pace(reconciler, round, &pace);
    if (err == OK && pace.now > 0)
        err = rounds_take(reconciler->pg, pace.now, taken_r);
    return err;
}

/* A round that began with the brake being let go ends that, once what it found is wished. */
static enum err release_brake(struct reconciler *reconciler, const struct round_state *round)
{
    bool released = false;
    const enum err err = brake_release(reconciler->pg, round->over && round->waiting == 0, &released);
    if (err == OK && released)
        log_info("reconcile_brake_released", F("round", round->round));
    return err;
}

static enum err step(struct reconciler *reconciler, int64_t *taken_r)
{
    struct round_state round;
    enum err err = pg_begin(reconciler->pg);
    if (err == OK)
        err = rounds_hold(reconciler->pg, &round);
    if (err == OK)
        err = release_brake(reconciler, &round);
    if (err == OK)
        err = give_turns(reconciler, &round, taken_r);
    if (err != OK) { /* ERR_BUSY: another process does it */
        pg_rollback(reconciler->pg);
        return err == ERR_BUSY ? OK : err;
    }
    metric_set(M_RECONCILE_ROUND, "", round.round > 0 ? round.age_ms / 1000 : 0);
    metric_set(M_RECONCILE_LEFT, "", round.size > round.taken ? round.size - round.taken : 0);
    return pg_commit(reconciler->pg);
}

/* --- figures */

static enum err count(struct reconciler *reconciler)
{
    static const char *const outcomes[OUTCOMES] = {"never", "same", "mended", "held", "unread"};
    const int64_t begun_ms = clock_ms();
    int64_t counts[OUTCOMES];
    if (begun_ms < reconciler->count_at_ms)
        return OK;
    enum err err = brake_count_accounts(reconciler->pg);
    if (err == OK)
        err = comparisons_count(reconciler->pg, counts);
    for (int i = 0; i < OUTCOMES && err == OK; i++)
        metric_set(M_RECONCILE_ACCOUNTS, outcomes[i], counts[i]);
    reconciler->count_at_ms = clock_ms() + COUNT_MS + COUNT_PART * (clock_ms() - begun_ms);
    return err;
}

static enum err adopt_in_transaction(struct reconciler *reconciler, struct arena *arena, bool *changed_r)
{
    enum err err = pg_begin(reconciler->pg);
    if (err == OK)
        err = roster_settings_adopt(reconciler->pg, arena, &reconciler->config->services->settings, changed_r);
    if (err == OK && *changed_r)
        err = rounds_begin(reconciler->pg);
    if (err == OK)
        return pg_commit(reconciler->pg);
    pg_rollback(reconciler->pg);
    return err;
}

/* Rosters that were made with other settings are brought up to date by the round that begins then. */
static enum err adopt_settings(struct reconciler *reconciler)
{
    bool changed = false;
    if (reconciler->adopted)
        return OK;
    struct arena *arena = arena_new();
    const enum err err = adopt_in_transaction(reconciler, arena, &changed);
    arena_free(&arena);
    reconciler->adopted = err == OK;
    if (err == OK && changed)
        log_info("roster_settings_changed");
    return err;
}

static void tick(void *arg)
{
    struct reconciler *reconciler = arg;
    const struct services *services = reconciler->config->services;
    int64_t taken = 0;
    enum err err = adopt_settings(reconciler);
    if (err == OK)
        err = count(reconciler);
    if (err == OK)
        err = follow_brake(reconciler);
    if (err == OK && services->xmpp_ready(services->xmpp_arg))
        err = step(reconciler, &taken);
    if (err == OK && taken > 0)
        outbox_wake(reconciler->outbox);
}

enum err reconciler_start(const struct jobs_config *config, struct outbox *outbox, struct reconciler **reconciler_r)
{
    struct reconciler *reconciler = xcalloc(1, sizeof *reconciler);
    *reconciler = (struct reconciler){.config = config, .outbox = outbox, .pg = pg_new(config->pg)};
    const enum err err = ticker_start("reconciler", tick, reconciler, &reconciler->ticker);
    if (err == OK)
        *reconciler_r = reconciler;
    else
        reconciler_stop(&reconciler);
    return err;
}

void reconciler_stop(struct reconciler **reconciler_ref)
{
    struct reconciler *reconciler = *reconciler_ref;
    if (reconciler == NULL)
        return;
    ticker_stop(&reconciler->ticker);
    pg_free(&reconciler->pg);
    free(reconciler);
    *reconciler_ref = NULL;
}
