/* Trusted proxies. Addresses are compared as 16 bytes, IPv4 mapped into IPv6. */
#include "http/proxies.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "component/base/arena.h"
#include "component/base/text.h"

enum { MAPPED_BITS = 96, ADDRESS_BITS = 128, ENTRY_SIZE = 64 };

struct network {
    struct in6_addr address;
    unsigned bits;
};

struct proxies {
    struct network *list;
    size_t count;
};

/* --- reading */

static struct in6_addr mapped(const struct in_addr *v4)
{
    struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(address.s6_addr + 12, v4, sizeof *v4);
    return address;
}

static bool read_address(const char *text, struct in6_addr *address_r, bool *is_v4_r)
{
    struct in_addr v4;
    *is_v4_r = inet_pton(AF_INET, text, &v4) == 1;
    if (*is_v4_r)
        *address_r = mapped(&v4);
    return *is_v4_r || inet_pton(AF_INET6, text, address_r) == 1;
}

static bool read_network(char *text, struct network *network_r)
{
    char *slash = strchr(text, '/');
    bool is_v4;
    int64_t bits;
    if (slash != NULL)
        *slash = '\0';
    if (!read_address(text, &network_r->address, &is_v4))
        return false;
    network_r->bits = ADDRESS_BITS;
    if (slash == NULL)
        return true;
    if (parse_i64(slash + 1, 0, is_v4 ? ADDRESS_BITS - MAPPED_BITS : ADDRESS_BITS, &bits) != OK)
        return false;
    network_r->bits = (unsigned)bits + (is_v4 ? MAPPED_BITS : 0);
    return true;
}

/* An entry of X-Forwarded-For: an address, for IPv6 perhaps in brackets, perhaps with a port. */
static bool read_hop(char *text, struct in6_addr *address_r)
{
    bool is_v4;
    char *colon = strchr(text, ':');
    if (text[0] == '[') {
        char *end = strchr(text, ']');
        if (end == NULL)
            return false;
        *end = '\0';
        return inet_pton(AF_INET6, text + 1, address_r) == 1;
    }
    if (colon != NULL && strchr(colon + 1, ':') == NULL)
        *colon = '\0';
    return read_address(text, address_r, &is_v4);
}

/* Copies an entry without the space around it. False when it does not fit. */
static bool copy_entry(const char *from, size_t length, char entry_r[ENTRY_SIZE])
{
    while (length > 0 && (*from == ' ' || *from == '\t')) {
        from++;
        length--;
    }
    while (length > 0 && (from[length - 1] == ' ' || from[length - 1] == '\t'))
        length--;
    if (length >= ENTRY_SIZE)
        return false;
    memcpy(entry_r, from, length);
    entry_r[length] = '\0';
    return true;
}

enum err proxies_new(const char *list, struct proxies **proxies_r)
{
    struct proxies *proxies = xcalloc(1, sizeof *proxies);
    proxies->list = xcalloc(strlen(list) / 2 + 1, sizeof *proxies->list);
    bool good = true;
    for (const char *at = list; good && *at != '\0'; at += strspn(at, ", ")) {
        char entry[ENTRY_SIZE];
        const size_t length = strcspn(at, ", ");
        good = copy_entry(at, length, entry) && read_network(entry, &proxies->list[proxies->count++]);
        at += length;
    }
    if (good)
        *proxies_r = proxies;
    else
        proxies_free(&proxies);
    return good ? OK : ERR_INVALID;
}

void proxies_free(struct proxies **proxies)
{
    if (*proxies == NULL)
        return;
    free((*proxies)->list);
    free(*proxies);
    *proxies = NULL;
}

/* --- asking */

static struct in6_addr address_of(const struct sockaddr *address)
{
    struct sockaddr_in6 v6 = {0};
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        return mapped(&v4.sin_addr);
    }
    if (address->sa_family == AF_INET6)
        memcpy(&v6, address, sizeof v6);
    return v6.sin6_addr;
}

static bool is_within(const struct network *network, const struct in6_addr *address)
{
    const unsigned whole = network->bits / 8, rest = network->bits % 8;
    if (memcmp(network->address.s6_addr, address->s6_addr, whole) != 0)
        return false;
    const unsigned differing = network->address.s6_addr[whole % 16] ^ address->s6_addr[whole % 16];
    return rest == 0 || differing >> (8 - rest) == 0;
}

static bool is_ours(const struct proxies *proxies, const struct in6_addr *address)
{
    for (size_t i = 0; i < proxies->count; i++)
        if (is_within(&proxies->list[i], address))
            return true;
    return false;
}

bool proxies_hold(const struct proxies *proxies, const struct sockaddr *address)
{
    const struct in6_addr own = address_of(address);
    return is_ours(proxies, &own);
}

/* The last entry before `end`, which moves to the comma before it. */
static bool previous_hop(const char *forwarded, size_t *end, struct in6_addr *address_r)
{
    char entry[ENTRY_SIZE];
    size_t start = *end;
    while (start > 0 && forwarded[start - 1] != ',')
        start--;
    const bool good = copy_entry(forwarded + start, *end - start, entry) && read_hop(entry, address_r);
    *end = start > 0 ? start - 1 : 0;
    return good;
}

struct peer_key proxies_client(const struct proxies *proxies, const struct sockaddr *address, const char *forwarded)
{
    struct sockaddr_in6 client = {.sin6_family = AF_INET6, .sin6_addr = address_of(address)};
    size_t end = forwarded != NULL ? strlen(forwarded) : 0;
    struct in6_addr hop;
    while (end > 0 && is_ours(proxies, &client.sin6_addr) && previous_hop(forwarded, &end, &hop))
        client.sin6_addr = hop;
    return peer_key((const struct sockaddr *)&client);
}

bool proxies_say_https(const struct proxies *proxies, const struct sockaddr *address, const char *scheme)
{
    return scheme != NULL && strcasecmp(scheme, "https") == 0 && proxies_hold(proxies, address);
}
