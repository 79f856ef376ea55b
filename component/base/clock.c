/* Clocks and the backoff that goes with them. */
#include "component/base/clock.h"

#include <time.h>

#include "component/base/crypto.h"

int64_t clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_ms(void)
{
    return clock_us() / 1000;
}

int64_t clock_unix(void)
{
    return (int64_t)time(NULL);
}

int clock_left(int64_t deadline_ms, int cap_ms)
{
    int64_t now = clock_ms();
    if (deadline_ms <= now)
        return 0;
    int64_t left = deadline_ms - now;
    return left < cap_ms ? (int)left : cap_ms;
}

/* min(cap, base * 2^attempt) without overflow. */
static int64_t backoff_ceiling(unsigned attempt, int64_t base_ms, int64_t cap_ms)
{
    int64_t ceiling = base_ms;
    for (; attempt > 0 && ceiling > 0 && ceiling < cap_ms; attempt--)
        ceiling = ceiling > cap_ms / 2 ? cap_ms : ceiling * 2;
    return ceiling < cap_ms ? ceiling : cap_ms;
}

int64_t backoff_ms(unsigned attempt, int64_t base_ms, int64_t cap_ms)
{
    int64_t high = backoff_ceiling(attempt, base_ms, cap_ms);
    int64_t low = base_ms / 2 < high ? base_ms / 2 : high;
    int64_t span = high - low;
    /* 2^32 ms are 49 days: no wait of ours is longer. */
    uint32_t bound = span < UINT32_MAX ? (uint32_t)span + 1 : UINT32_MAX;
    return low + random_below(bound);
}
