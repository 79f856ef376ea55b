/* Places where a test may stop the process as a crash would: FAILPOINT("register.committed") kills it with SIGKILL when
 * the environment variable FAILPOINT holds that name. Only in builds with -DREGISTRAR_FAILPOINTS (the sanitizer
 * builds); elsewhere it is nothing at all. */
#ifndef REGISTRAR_BASE_FAILPOINT_H
#define REGISTRAR_BASE_FAILPOINT_H

#ifdef REGISTRAR_FAILPOINTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#define FAILPOINT(name)                                                                                                \
    do {                                                                                                               \
        const char *failpoint_ = getenv("FAILPOINT");                                                                  \
        if (failpoint_ != NULL && strcmp(failpoint_, name) == 0)                                                       \
            raise(SIGKILL);                                                                                            \
    } while (0)
#else
#define FAILPOINT(name) ((void)0)
#endif

#endif
