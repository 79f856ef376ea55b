/* Who opened the account of a phone lately: networks and handsets. They prove nothing, but a stranger who only knows
 * the phone has none of them. Of a phone the latest CALLERS_MOST are kept. In Redis phones and callers are MACs
 * (keyring_mac, purposes "callers.phone" and "callers.who"). */
#ifndef CACHE_CALLERS_H
#define CACHE_CALLERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"

struct keyring;
struct redis;

enum { CALLERS_MOST = 8 };

struct callers {
    const char *phone;   /* E.164 */
    const char *network; /* "192.0.2.0/24" */
    const char *handset; /* an xid; NULL or "": none */
};

/* They opened it just now, and are known for lifetime_ms. alone: whoever did before is forgotten. */
MUST_CHECK enum err callers_note(struct redis *redis, const struct keyring *ring, const struct callers *callers,
                                 bool alone, int64_t lifetime_ms);
/* Whether the network or the handset did. */
MUST_CHECK enum err callers_known(struct redis *redis, const struct keyring *ring, const struct callers *callers,
                                  bool *known_r);

#endif
