/* An HTTP request to a provider (libcurl), with a deadline and a bounded answer. */
#ifndef SMS_POST_H
#define SMS_POST_H

#include <stdint.h>

#include "component/base/buf.h"
#include "component/base/err.h"

struct sms_worker;

struct post {
    const char *url, *method;   /* "POST", "GET" */
    const char *const *headers; /* "Name: value"; NULL at the end */
    const char *body;
    int64_t deadline_ms;
};

/* OK: an answer came, whatever it says: its status and body go out (the buffer has a limit of its own). ERR_NOT_SENT:
 * the request did not leave. ERR_UNCERTAIN: it did, wholly or in part, and there is no whole answer within the
 * deadline. Both are logged, without the URL. */
MUST_CHECK enum err sms_post(struct sms_worker *worker, const struct post *post, long *status_r, struct buf *body_r);

#endif
