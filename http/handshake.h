/* TLS handshakes that wait without spinning; see handshake.c. */
#ifndef HTTP_HANDSHAKE_H
#define HTTP_HANDSHAKE_H

#include "http/connection.h"

struct MHD_Connection;

/* When the connection was accepted, before its handshake begins; does nothing without TLS. */
void handshake_prepare(struct MHD_Connection *mhd, struct connection *connection);

#endif
