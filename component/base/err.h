/* Errors are values with a meaning. Services return them, dialects turn them into their own codes through one table.
 *
 * An error has a stable name (for logs and metric labels) and a static public text. What else is known about it goes to
 * the log where it happens, never along with the value. */
#ifndef REGISTRAR_BASE_ERR_H
#define REGISTRAR_BASE_ERR_H

#define MUST_CHECK                __attribute__((warn_unused_result))
#define PRINTF_LIKE(index, first) __attribute__((format(printf, index, first)))

/* X(constant, name, public text) */
#define ERR_TABLE(X)                                                                                                   \
    X(OK, "ok", "done")                                                                                                \
    /* what the request was */                                                                                         \
    X(ERR_INVALID, "invalid", "a parameter is missing or malformed")                                                   \
    X(ERR_UNAUTHORIZED, "unauthorized", "no credential")                                                               \
    X(ERR_FORBIDDEN, "forbidden", "not permitted")                                                                     \
    X(ERR_NOT_FOUND, "not_found", "not found")                                                                         \
    X(ERR_CONFLICT, "conflict", "in conflict with what exists")                                                        \
    X(ERR_TOO_LARGE, "too_large", "too large")                                                                         \
    X(ERR_LIMITED, "limited", "too many requests")                                                                     \
    /* what our side could not do */                                                                                   \
    X(ERR_BUSY, "busy", "overloaded")                                                                                  \
    X(ERR_TIMEOUT, "timeout", "took too long")                                                                         \
    X(ERR_DB_DOWN, "db_down", "the database cannot be reached")                                                        \
    X(ERR_DB, "db", "the database refused")                                                                            \
    X(ERR_UNCERTAIN, "uncertain", "it is not known whether it was committed")                                          \
    X(ERR_CACHE_DOWN, "cache_down", "the cache cannot be reached")                                                     \
    X(ERR_XMPP_DOWN, "xmpp_down", "the XMPP server cannot be reached")                                                 \
    X(ERR_XMPP, "xmpp", "the XMPP server refused")                                                                     \
    X(ERR_UNSUPPORTED, "unsupported", "this XMPP server cannot do that")                                               \
    X(ERR_SHUTDOWN, "shutdown", "shutting down")                                                                       \
    X(ERR_INTERNAL, "internal", "internal error")                                                                      \
    /* what the services have to say */                                                                                \
    X(ERR_CODE, "code", "the code is wrong")                                                                           \
    X(ERR_NOT_SENT, "not_sent", "the code could not be sent")                                                          \
    X(ERR_SAME_PASSWORD, "same_password", "the password is the same as before")                                        \
    X(ERR_INVITATION, "invitation", "the invitation is no longer good")                                                \
    X(ERR_BALANCE, "balance", "there is not enough to pay for it")                                                     \
    X(ERR_PICTURE, "picture", "the picture's code is wrong")                                                           \
    X(ERR_SIGN, "sign", "the signature is wrong")                                                                      \
    X(ERR_TOKEN, "token", "no such token")                                                                             \
    X(ERR_TOKEN_EXPIRED, "token_expired", "the token has expired")                                                     \
    X(ERR_PASSWORD, "password", "wrong name or password")                                                              \
    X(ERR_BANNED, "banned", "the account is banned")                                                                   \
    X(ERR_NAME_TAKEN, "name_taken", "the name is taken")                                                               \
    X(ERR_NO_SUCH_NAME, "no_such_name", "no such name")                                                                \
    X(ERR_JID_FAILED, "jid_failed", "the JID could not be made")                                                       \
    X(ERR_JID_PASSWORD, "jid_password", "the server refuses the JID's password")                                       \
    X(ERR_JID_NONE, "jid_none", "the account has no JID")                                                              \
    X(ERR_JID_PENDING, "jid_pending", "the JID is not active yet")                                                     \
    X(ERR_REFUSED, "refused", "the other account refuses")                                                             \
    X(ERR_FULL, "full", "an account has as many bindings as it may")                                                   \
    X(ERR_BOUND, "bound", "bound already")                                                                             \
    X(ERR_NOT_BOUND, "not_bound", "not bound")

enum err {
#define X(constant, name, text) constant,
    ERR_TABLE(X)
#undef X
        ERR_COUNT
};

/* A stable token such as "no_such_name"; static. */
const char *err_name(enum err err);
/* A sentence that may be shown to anyone; static. */
const char *err_text(enum err err);

#endif
