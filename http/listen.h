/* Listening sockets for the three servers. */
#ifndef HTTP_LISTEN_H
#define HTTP_LISTEN_H

#include <stdint.h>

#include "component/base/err.h"

/* Listens on a numeric address; "::" takes IPv4 too. Port 0: the kernel chooses. The socket is non-blocking and the
 * caller's. ERR_INVALID: no address. ERR_INTERNAL: the kernel refused, which is logged. */
MUST_CHECK enum err listen_open(const char *address, uint16_t port, int *fd_r);
/* The port it got. */
uint16_t listen_port(int fd);

#endif
