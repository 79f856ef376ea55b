#include "component/service/reconcile.h"

#include <inttypes.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "sql/comparisons.h"
#include "sql/pg.h"
#include "sql/rounds.h"

enum { DAY_MS = 86400000, STATUS_LIMIT = 4096 };

static void print_brake(struct buf *out, const struct brake_state *state)
{
    switch (state->brake) {
    case BRAKE_OFF:
        buf_puts(out, "mending: on\n");
        break;
    case BRAKE_ON:
        buf_printf(out, "mending: stopped by the brake %" PRId64 " minutes ago; go-on lets it go on\n",
                   state->on_ms / 60000);
        break;
    case BRAKE_LET_GO:
        buf_printf(out, "mending: let go on, for %" PRId64 " more minutes at most\n", state->let_go_ms / 60000);
        break;
    }
    buf_printf(out, "drifted at once: %" PRId64 " of %" PRId64 " accounts, %" PRId64 " may\n", state->drifted,
               state->active, state->most);
}

static void print_round(struct buf *out, const struct round_state *state)
{
    buf_printf(
        out, "round: %" PRId64 ", begun %" PRId64 " minutes ago, %" PRId64 " of %" PRId64 " accounts had their turn\n",
        state->round, state->round > 0 ? state->age_ms / 60000 : 0, state->taken, state->size);
    buf_printf(out, "comparisons under way: %" PRId64 "\n", state->waiting);
}

static void print_outcomes(struct buf *out, const int64_t counts[OUTCOMES])
{
    static const char *const what[OUTCOMES] = {"never compared", "same", "mended", "held by the brake", "unread"};
    buf_puts(out, "accounts by their last comparison:");
    for (int i = 0; i < OUTCOMES; i++)
        buf_printf(out, "%s %s %" PRId64, i > 0 ? "," : "", what[i], counts[i]);
    buf_puts(out, "\n");
}

enum err reconcile_status(struct pg *pg, struct arena *arena, const struct reconcile_settings *settings,
                          const char **text_r)
{
    struct brake_state brake;
    struct round_state round;
    int64_t counts[OUTCOMES];
    enum err err = brake_count_accounts(pg);
    if (err == OK)
        err = brake_look(pg, &settings->brake, &brake);
    if (err == OK)
        err = rounds_look(pg, &round);
    if (err == OK)
        err = comparisons_count(pg, counts);
    if (err != OK)
        return err;
    struct buf out;
    buf_init(&out, STATUS_LIMIT);
    print_brake(&out, &brake);
    print_round(&out, &round);
    print_outcomes(&out, counts);
    *text_r = arena_strdup(arena, buf_cstr(&out));
    buf_free(&out);
    return OK;
}

/* A round begins with it, in which those that were held come first. */
enum err reconcile_go_on(struct pg *pg)
{
    enum err err = pg_begin(pg);
    if (err == OK)
        err = rounds_begin(pg);
    if (err == OK)
        err = brake_let_go(pg, DAY_MS);
    if (err == OK)
        return pg_commit(pg);
    pg_rollback(pg);
    return err;
}
