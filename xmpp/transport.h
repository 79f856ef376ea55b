/* One connection to the server: TCP, and TLS over it where configured. Non-blocking; used by the XMPP thread alone. */
#ifndef XMPP_TRANSPORT_H
#define XMPP_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"

struct resolver;
struct sockaddr;
struct transport;
struct xmpp_config;

enum { TRANSPORT_REASON_SIZE = 96 };

/* Connects, does the TLS handshake and checks the certificate, all until deadline_ms; ERR_SHUTDOWN when wake_fd becomes
 * readable meanwhile. Each address of the host is tried with its share of the time. A plain connection that leaves this
 * machine is refused unless the configuration says that the way is protected.
 * On an error reason_r says what is wrong ("connection refused"). */
MUST_CHECK enum err transport_open(const struct xmpp_config *config, struct resolver *resolver, int wake_fd,
                                   int64_t deadline_ms, struct transport **transport_r,
                                   char reason_r[TRANSPORT_REASON_SIZE]);
void transport_close(struct transport **transport);

enum transport_result { TRANSPORT_DONE, TRANSPORT_AGAIN, TRANSPORT_BROKEN };
/* Reads at most `size` bytes, at least one when done. AGAIN: wait for transport_events. BROKEN: it is over, see
 * transport_reason. */
enum transport_result transport_read(struct transport *transport, void *bytes_r, size_t size, size_t *length_r);
/* Writes at most `length` bytes; how many goes to written_r when done. */
enum transport_result transport_write(struct transport *transport, const void *bytes, size_t length, size_t *written_r);

/* It is plain and leaves this machine, which the configuration allows. */
bool transport_is_exposed(const struct transport *transport);

int transport_fd(const struct transport *transport);
/* What to poll for; `writing`: there is something to write. */
short transport_events(const struct transport *transport, bool writing);
const char *transport_reason(const struct transport *transport);

/* 127.0.0.0/8, ::1, and IPv4 of that kind inside IPv6. */
bool transport_is_loopback(const struct sockaddr *address);

#endif
