#include "component/service/hasher.h"

#include <argon2.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/base/text.h"

enum { SALT_SIZE = 16, TAG_SIZE = 32 };

struct hasher {
    struct hash_cost cost;
    uint8_t *memory; /* mapped; NULL until the first hash */
    size_t size;
};

/* A verifier taken apart. */
struct verifier {
    struct hash_cost cost;
    uint8_t salt[SALT_SIZE];
    uint8_t tag[TAG_SIZE];
};

/* libargon2's allocator gets no argument of ours: the worker that is hashing on this thread. */
static _Thread_local struct hasher *hashing;

static int lend_memory(uint8_t **memory_r, size_t size)
{
    struct hasher *hasher = hashing;
    if (hasher->size < size) {
        if (hasher->memory != NULL)
            munmap(hasher->memory, hasher->size);
        void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        hasher->memory = memory == MAP_FAILED ? NULL : memory;
        hasher->size = memory == MAP_FAILED ? 0 : size;
        if (hasher->memory == NULL)
            return ARGON2_MEMORY_ALLOCATION_ERROR;
        madvise(memory, size, MADV_HUGEPAGE);
        madvise(memory, size, MADV_DONTDUMP);
    }
    *memory_r = hasher->memory;
    return ARGON2_OK;
}

static void take_back(uint8_t *memory, size_t size)
{
    (void)memory;
    (void)size;
}

struct hasher *hasher_new(struct hash_cost cost)
{
    struct hasher *hasher = xcalloc(1, sizeof *hasher);
    hasher->cost = cost;
    return hasher;
}

void hasher_free(struct hasher **hasher)
{
    if (*hasher == NULL)
        return;
    if ((*hasher)->memory != NULL)
        munmap((*hasher)->memory, (*hasher)->size);
    free(*hasher);
    *hasher = NULL;
}

static enum err compute(struct hasher *hasher, struct verifier *verifier, struct secret input)
{
    argon2_context context = {
        .out = verifier->tag,
        .outlen = TAG_SIZE,
        .pwd = (uint8_t *)(uintptr_t)secret_expose(input), /* not written to without ARGON2_FLAG_CLEAR_PASSWORD */
        .pwdlen = (uint32_t)input.length,
        .salt = verifier->salt,
        .saltlen = SALT_SIZE,
        .t_cost = verifier->cost.passes,
        .m_cost = verifier->cost.memory_kib,
        .lanes = 1,
        .threads = 1,
        .version = ARGON2_VERSION_13,
        .allocate_cbk = lend_memory,
        .free_cbk = take_back,
    };
    hashing = hasher;
    const int status = argon2id_ctx(&context);
    hashing = NULL;
    if (status != ARGON2_OK)
        log_error("argon2_failed", F("reason", argon2_error_message(status)));
    return status == ARGON2_OK ? OK : ERR_INTERNAL;
}

/* --- PHC strings */

/* "<label><digits>" at *text, which moves behind it. */
static enum err take_number(const char **text, const char *label, uint32_t *number_r)
{
    char digits[12];
    int64_t number = 0;
    if (strncmp(*text, label, strlen(label)) != 0)
        return ERR_INTERNAL;
    *text += strlen(label);
    const size_t length = strspn(*text, "0123456789");
    if (length >= sizeof digits)
        return ERR_INTERNAL;
    memcpy(digits, *text, length);
    digits[length] = '\0';
    *text += length;
    *number_r = 0;
    const enum err err = parse_i64(digits, 1, UINT32_MAX, &number);
    *number_r = (uint32_t)number;
    return err;
}

static enum err parse(const char *text, struct verifier *verifier_r)
{
    char salt[BASE64_SIZE(SALT_SIZE)];
    uint32_t lanes;
    if (take_number(&text, "$argon2id$v=19$m=", &verifier_r->cost.memory_kib) != OK ||
        take_number(&text, ",t=", &verifier_r->cost.passes) != OK || take_number(&text, ",p=", &lanes) != OK ||
        lanes != 1 || strlen(text) < sizeof salt + 1 || text[0] != '$' || text[sizeof salt] != '$')
        return ERR_INTERNAL;
    memcpy(salt, text + 1, sizeof salt - 1);
    salt[sizeof salt - 1] = '\0';
    const bool whole = base64_decode(salt, SALT_SIZE, verifier_r->salt) == OK &&
                       base64_decode(text + sizeof salt + 1, TAG_SIZE, verifier_r->tag) == OK;
    return whole ? OK : ERR_INTERNAL;
}

enum err hasher_make(struct hasher *hasher, struct arena *arena, struct secret input, const char **verifier_r)
{
    struct verifier verifier = {.cost = hasher->cost};
    random_bytes(verifier.salt, sizeof verifier.salt);
    const enum err err = compute(hasher, &verifier, input);
    if (err != OK)
        return err;
    char salt[BASE64_SIZE(SALT_SIZE)], tag[BASE64_SIZE(TAG_SIZE)];
    base64_encode(verifier.salt, SALT_SIZE, salt);
    base64_encode(verifier.tag, TAG_SIZE, tag);
    *verifier_r = arena_printf(arena, "$argon2id$v=19$m=%" PRIu32 ",t=%" PRIu32 ",p=1$%s$%s", verifier.cost.memory_kib,
                               verifier.cost.passes, salt, tag);
    return OK;
}

enum err hasher_check(struct hasher *hasher, const char *text, struct secret input, bool *stale_r)
{
    struct verifier known, tried;
    enum err err = parse(text, &known);
    if (err != OK) {
        log_error("verifier_malformed");
        return err;
    }
    tried = known;
    if ((err = compute(hasher, &tried, input)) != OK)
        return err;
    *stale_r = known.cost.memory_kib < hasher->cost.memory_kib || known.cost.passes < hasher->cost.passes;
    return bytes_equal_ct(known.tag, tried.tag, TAG_SIZE) ? OK : ERR_PASSWORD;
}
