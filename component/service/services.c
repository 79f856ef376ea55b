#include "component/service/services.h"

#include <string.h>

#include "component/base/arena.h"
#include "component/base/seal.h"
#include "component/base/text.h"
#include "component/cache/limits.h"

enum err services_limit(struct call *call, struct worker *worker, const struct limit *limits, size_t count)
{
    if (!call->services->settings.limits)
        return OK;
    return limits_pass(worker->redis, limits, count, &call->retry_after_s);
}

const char *services_pseudonym(const struct services *services, struct arena *arena, const char *text)
{
    uint8_t mac[32];
    keyring_mac(services->keyring, "limit", text, strlen(text), mac);
    char *hex = arena_alloc(arena, 33);
    hex_encode(mac, 16, hex);
    return hex;
}
