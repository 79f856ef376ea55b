/* What token_cache.c publishes and token_listener.c hears: the hashes of revoked tokens in hex, one after the other
 * with nothing between. Channels know no database numbers: instances on other databases of the same Redis hear it too,
 * and do nothing with it, since the hashes are none of their tokens'. Internal to this folder. */
#ifndef CACHE_TOKEN_CHANNEL_H
#define CACHE_TOKEN_CHANNEL_H

#include "component/base/crypto.h"
#include "component/cache/redis_script.h"

#define TOKEN_CHANNEL REDIS_PREFIX "revoked"
enum { TOKEN_HEX_LENGTH = 2 * SHA256_SIZE };

#endif
