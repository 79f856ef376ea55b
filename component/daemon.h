/* The daemon: all parts built in order, and torn down in reverse. */
#ifndef COMPONENT_DAEMON_H
#define COMPONENT_DAEMON_H

#include "component/base/err.h"

struct config;
struct daemon;

/* Builds and starts everything. Waits for a Postgres or Redis that cannot be reached yet, until *interrupted says stop
 * (it is asked about once a second; it may sleep that long). ERR_SHUTDOWN when it did. Other errors are logged. */
MUST_CHECK enum err daemon_start(const struct config *config, const char *version, int (*interrupted)(int milliseconds),
                                 struct daemon **daemon_r);
/* Finishes what is in flight within the configured time, then takes everything down. */
void daemon_stop(struct daemon **daemon);

#endif
