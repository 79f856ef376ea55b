/* The HTTP API that a server has beside the stream (ejabberd's mod_http_api): a command is the last part of a URL, its
 * arguments are a JSON object that is posted there, and status and body are the answer. What is in them is for drivers.
 *
 * A call blocks the thread that makes it, never the link's: a worker of the XMPP lane, or the prover. Each has a
 * deadline, an answer of bounded size, and no second try but libcurl's own, within the deadline, where a connection
 * that was kept ends before a byte of the answer: what was asked may happen twice then. libcurl keeps the connections:
 * a session is a few handles that share them, belongs to one thread at a time and is given back for the next, so that
 * there are as many as threads ever called at once (the slots of xmpp.c bound those). Credentials go to loopback or
 * over TLS only, unless the configuration calls the way protected; no proxy, no redirect. Thread-safe. */
#ifndef XMPP_HTTP_API_H
#define XMPP_HTTP_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/buf.h"
#include "component/base/err.h"

struct http_api;
struct xmpp_config;

enum {
    HTTP_API_CALLS_MAX = 4,                /* at once */
    HTTP_API_ANSWER_MAX = 4 * 1024 * 1024, /* bytes; as of a stanza */
    HTTP_API_REASON_SIZE = 96
};

struct http_call {
    const char *command; /* static */
    struct buf arguments;
    bool asking; /* whether we may: a refusal is an answer */

    /* Out. OK: status 200. ERR_FORBIDDEN: 401 or 403. ERR_UNSUPPORTED: 404. ERR_XMPP: another status. ERR_XMPP_DOWN: no
     * connection, or it broke (what was asked may have happened). ERR_TIMEOUT (likewise), ERR_TOO_LARGE (likewise),
     * ERR_SHUTDOWN. */
    enum err result;
    struct buf answer;
};

/* Both buffers are the call's, empty, until http_call_free. */
void http_call_init(struct http_call *call, const char *command);
void http_call_free(struct http_call *call);

/* The config must outlive it and have an api_url; it has passed xmpp_check_config. */
struct http_api *http_api_new(const struct xmpp_config *config);
/* No call may be under way. */
void http_api_free(struct http_api **api);
/* Ends the calls that are under way, and refuses others, with ERR_SHUTDOWN. */
void http_api_refuse(struct http_api *api);

/* Makes the calls, `at_once` of them at a time, the others in their order. Returns the first result that is not OK. */
MUST_CHECK enum err http_api_run(struct http_api *api, struct http_call *calls, size_t count, unsigned at_once,
                                 int64_t deadline_ms);
/* Why the API is of no use, since a call failed with ERR_XMPP_DOWN, ERR_FORBIDDEN or ERR_UNSUPPORTED and until the same
 * command succeeds; "" when it is. The log is told once, of each. */
void http_api_reason(struct http_api *api, char reason_r[HTTP_API_REASON_SIZE]);

#endif
