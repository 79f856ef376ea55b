/* How 001 and 002 know the handset that calls: by its `xid`, and by `sec`, check digits over phone and time that both
 * sides can work out. Pure. */
#ifndef REGISTRAR_SERVICE_HANDSET_H
#define REGISTRAR_SERVICE_HANDSET_H

#include <stdbool.h>
#include <stdint.h>

struct arena;

/* How an xid is kept: its SHA-256 in lower-case hex, in the arena. */
const char *handset_hash(struct arena *arena, const char *xid);
/* The same handset? `hash` is "" where none is known, which fits nobody. */
bool handset_is(struct arena *arena, const char *xid, const char *hash);

/* Whether sec = (phone - utime) mod 49477, the phone's digits read as a number (a "+" before them is passed over). For
 * a negative difference C's remainder is good as well as the one that is not negative. */
bool handset_sec_fits(const char *phone, int64_t utime, int64_t sec);

#endif
