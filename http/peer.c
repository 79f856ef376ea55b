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

struct peer_address peer_address(struct peer_key key)
{
    struct peer_address address = {""};
    if (is_v4(&key)) {
        inet_ntop(AF_INET, key.bytes + 12, address.text, INET_ADDRSTRLEN);
    } else {
        static_assert(sizeof address.text >= INET6_ADDRSTRLEN + 2, "the address's NUL is one of the three");
        inet_ntop(AF_INET6, key.bytes, address.text, INET6_ADDRSTRLEN);
        strcat(address.text, "/64");
    }
    return address;
}
