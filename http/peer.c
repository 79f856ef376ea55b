/* Peer addresses. Pure functions. */
#include "http/peer.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

static const uint8_t v4_mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_v4(const struct peer_key *key)
{
    return memcmp(key->bytes, v4_mapped_prefix, sizeof v4_mapped_prefix) == 0;
}

struct peer_key peer_key(const struct sockaddr *address)
{
    struct peer_key key = {{0}};
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        memcpy(key.bytes, v4_mapped_prefix, sizeof v4_mapped_prefix);
        memcpy(key.bytes + 12, &v4.sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        memcpy(key.bytes, &v6.sin6_addr, 16);
        if (!is_v4(&key))
            memset(key.bytes + 8, 0, 8);
    }
    return key;
}

/* The first bytes of a key as an address, and the suffix. */
static void write_network(const struct peer_key *key, size_t length, const char *suffix, char text_r[PEER_TEXT_SIZE])
{
    struct peer_key network = {{0}};
    static_assert(PEER_TEXT_SIZE >= INET6_ADDRSTRLEN + 2, "the address's NUL is one of the suffix's three");
    memcpy(network.bytes, key->bytes, length);
    if (is_v4(key))
        inet_ntop(AF_INET, network.bytes + 12, text_r, INET_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, network.bytes, text_r, INET6_ADDRSTRLEN);
    strcat(text_r, suffix);
}

struct peer_address peer_address(struct peer_key key)
{
    struct peer_address address = {"", ""};
    const bool v4 = is_v4(&key);
    write_network(&key, v4 ? 16 : 8, v4 ? "" : "/64", address.text);
    write_network(&key, v4 ? 15 : 6, v4 ? "/24" : "/48", address.network);
    return address;
}
