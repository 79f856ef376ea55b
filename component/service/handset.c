#include "component/service/handset.h"

#include <string.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/text.h"

enum { SEC_MODULUS = 49477 };

const char *handset_hash(struct arena *arena, const char *xid)
{
    uint8_t digest[SHA256_SIZE];
    char *hex = arena_alloc(arena, 2 * SHA256_SIZE + 1);
    sha256(xid, strlen(xid), digest);
    hex_encode(digest, sizeof digest, hex);
    return hex;
}

bool handset_is(struct arena *arena, const char *xid, const char *hash)
{
    return secret_equal(secret_of_cstr(handset_hash(arena, xid)), secret_of_cstr(hash));
}

bool handset_sec_fits(const char *phone, int64_t utime, int64_t sec)
{
    int64_t number;
    if (parse_i64(phone[0] == '+' ? phone + 1 : phone, 0, INT64_MAX / 2, &number) != OK)
        return false;
    const int64_t remainder = (number - utime) % SEC_MODULUS;
    return sec == remainder || (remainder < 0 && sec == remainder + SEC_MODULUS);
}
