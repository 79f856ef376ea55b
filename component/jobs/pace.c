#include "component/jobs/pace.h"

enum { SECOND_MS = 1000, BURST_MS = 2000 };

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

struct pace pace_of(const struct reconcile_settings *settings, const struct round_state *round, bool hurry)
{
    struct pace pace = {0};
    if (settings->per_second == 0)
        return pace;
    const int64_t left = most(round->size - round->taken, 0);
    const int64_t time_ms = most(settings->interval_ms - round->age_ms, SECOND_MS);
    pace.needed = (left * SECOND_MS + time_ms - 1) / time_ms;
    const int64_t ceiling = most(settings->per_second_most, settings->per_second);
    pace.per_second = hurry ? ceiling : least(most(settings->per_second, pace.needed), ceiling);
    /* What was not begun in time is not made up for at once. What waits in the outbox was begun. */
    const int64_t due = pace.per_second * least(round->idle_ms, BURST_MS) / SECOND_MS;
    pace.now = most(least(due, 2 * pace.per_second - round->waiting), 0);
    return pace;
}
