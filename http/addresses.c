/* A table of addresses with a count each. Chained, with a fixed number of buckets; an entry lives as long as its
 * address holds a connection, so the table is bounded by the limit on connections. The hash is keyed with random bytes:
 * who chooses his addresses cannot choose the bucket. */
#include "http/addresses.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"

enum { BUCKET_BITS = 12, BUCKETS = 1 << BUCKET_BITS };

struct entry {
    struct entry *next;
    struct peer_key key;
    unsigned count;
};

struct addresses {
    pthread_mutex_t lock;
    unsigned limit;
    uint64_t seed[2];
    struct entry *buckets[BUCKETS];
};

struct addresses *addresses_new(unsigned limit)
{
    struct addresses *addresses = xcalloc(1, sizeof *addresses);
    pthread_mutex_init(&addresses->lock, NULL);
    addresses->limit = limit;
    random_bytes(addresses->seed, sizeof addresses->seed);
    return addresses;
}

void addresses_free(struct addresses **addresses)
{
    if (*addresses == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while ((*addresses)->buckets[i] != NULL) {
            struct entry *entry = (*addresses)->buckets[i];
            (*addresses)->buckets[i] = entry->next;
            free(entry);
        }
    }
    pthread_mutex_destroy(&(*addresses)->lock);
    free(*addresses);
    *addresses = NULL;
}

/* The link that points to the key's entry, or to the end of its chain. Locked. The bucket is the product's highest
 * bits, which all of the key has a part in: neighbours differ in the last bytes of a half, and those change no bits
 * below their own. */
static struct entry **find(struct addresses *addresses, struct peer_key key)
{
    uint64_t half[2];
    memcpy(half, key.bytes, sizeof half);
    uint64_t mixed = (half[0] ^ addresses->seed[0]) * 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ mixed >> 32 ^ half[1] ^ addresses->seed[1]) * 0xD6E8FEB86659FD93u;
    struct entry **link = &addresses->buckets[mixed >> (64 - BUCKET_BITS)];
    while (*link != NULL && memcmp((*link)->key.bytes, key.bytes, sizeof key.bytes) != 0)
        link = &(*link)->next;
    return link;
}

bool addresses_full(struct addresses *addresses, struct peer_key key)
{
    if (addresses->limit == 0)
        return false;
    pthread_mutex_lock(&addresses->lock);
    const struct entry *entry = *find(addresses, key);
    bool full = entry != NULL && entry->count >= addresses->limit;
    pthread_mutex_unlock(&addresses->lock);
    return full;
}

void addresses_enter(struct addresses *addresses, struct peer_key key)
{
    if (addresses->limit == 0)
        return;
    pthread_mutex_lock(&addresses->lock);
    struct entry **link = find(addresses, key);
    if (*link == NULL) {
        *link = xcalloc(1, sizeof **link);
        (*link)->key = key;
    }
    (*link)->count++;
    pthread_mutex_unlock(&addresses->lock);
}

void addresses_leave(struct addresses *addresses, struct peer_key key)
{
    if (addresses->limit == 0)
        return;
    pthread_mutex_lock(&addresses->lock);
    struct entry **link = find(addresses, key);
    struct entry *entry = *link;
    if (entry != NULL && --entry->count == 0) {
        *link = entry->next;
        free(entry);
    }
    pthread_mutex_unlock(&addresses->lock);
}
