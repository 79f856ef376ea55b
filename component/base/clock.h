/* Clocks. Waits use the monotonic clock, in milliseconds; expiry that is stored uses the clock of Postgres or Redis. */
#ifndef REGISTRAR_BASE_CLOCK_H
#define REGISTRAR_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds of the monotonic clock; the origin is unspecified. */
int64_t clock_ms(void);
/* Microseconds of the monotonic clock, for measuring. */
int64_t clock_us(void);
/* Seconds since 1970, for timestamps of clients. */
int64_t clock_unix(void);
/* What is left until `deadline_ms`, never negative, at most `cap_ms`: for poll and the like. */
int clock_left(int64_t deadline_ms, int cap_ms);
/* Full-jitter exponential backoff: uniformly random in [base/2, min(cap, base * 2^attempt)], milliseconds. */
int64_t backoff_ms(unsigned attempt, int64_t base_ms, int64_t cap_ms);

#endif
