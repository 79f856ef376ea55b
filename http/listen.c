/* Opening a listening socket. Ours rather than libmicrohttpd's, so that all servers behave alike and a refusal can be
 * told with its reason. */
#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "component/base/log.h"

enum { BACKLOG = 1024 };

static enum err parse(const char *address, uint16_t port, struct sockaddr_storage *storage_r, socklen_t *length_r)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memset(storage_r, 0, sizeof *storage_r);
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
        memcpy(storage_r, &v4, sizeof v4);
        *length_r = sizeof v4;
        return OK;
    }
    if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1) {
        memcpy(storage_r, &v6, sizeof v6);
        *length_r = sizeof v6;
        return OK;
    }
    return ERR_INVALID;
}

static bool bind_and_listen(int fd, const struct sockaddr_storage *storage, socklen_t length, bool dual)
{
    int on = 1, off = 0;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        return false;
    if (dual && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0)
        return false;
    return bind(fd, (const struct sockaddr *)storage, length) == 0 && listen(fd, BACKLOG) == 0;
}

enum err listen_open(const char *address, uint16_t port, int *fd_r)
{
    struct sockaddr_storage storage;
    socklen_t length;
    enum err err = parse(address, port, &storage, &length);
    if (err != OK) {
        log_error("listen_failed", F("address", address), F("reason", "not a numeric address"));
        return err;
    }
    int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || !bind_and_listen(fd, &storage, length, storage.ss_family == AF_INET6)) {
        log_error("listen_failed", F("address", address), F("port", port), F("reason", strerror(errno)));
        if (fd >= 0)
            close(fd);
        return ERR_INTERNAL;
    }
    *fd_r = fd;
    return OK;
}

uint16_t listen_port(int fd)
{
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    struct sockaddr_in6 v6;
    if (getsockname(fd, (struct sockaddr *)&storage, &length) != 0)
        return 0;
    memcpy(&v6, &storage, sizeof v6); /* the port lies at the same place in both families */
    return ntohs(v6.sin6_port);
}
