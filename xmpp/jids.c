/* What is done to one JID, and asked of it, but its roster. */
#include "xmpp/operation.h"

enum err xmpp_jid_create(struct xmpp *xmpp, const char *local, struct secret password, int64_t deadline_ms)
{
    struct operation operation;
    enum err err = operation_begin(xmpp, local, deadline_ms, &operation);
    if (err != OK)
        return err;
    return operation_end(xmpp, &operation, operation.server->create(&operation.task, local, password));
}

enum err xmpp_jid_delete(struct xmpp *xmpp, const char *local, int64_t deadline_ms)
{
    struct operation operation;
    enum err err = operation_begin(xmpp, local, deadline_ms, &operation);
    if (err != OK)
        return err;
    return operation_end(xmpp, &operation, operation.server->remove(&operation.task, local));
}

enum err xmpp_jid_check(struct xmpp *xmpp, const char *local, struct secret password, int64_t deadline_ms)
{
    struct operation operation;
    enum err err = operation_begin(xmpp, local, deadline_ms, &operation);
    if (err != OK)
        return err;
    const struct xmpp_server *server = operation.server;
    err = server->check != NULL ? server->check(&operation.task, local, password) : ERR_UNSUPPORTED;
    return operation_end(xmpp, &operation, err);
}

enum err xmpp_jid_exists(struct xmpp *xmpp, const char *local, int64_t deadline_ms)
{
    struct operation operation;
    enum err err = operation_begin(xmpp, local, deadline_ms, &operation);
    if (err != OK)
        return err;
    return operation_end(xmpp, &operation, operation.server->exists(&operation.task, local));
}

enum err xmpp_jid_set_password(struct xmpp *xmpp, const char *local, struct secret password, int64_t deadline_ms)
{
    struct operation operation;
    enum err err = operation_begin(xmpp, local, deadline_ms, &operation);
    if (err != OK)
        return err;
    return operation_end(xmpp, &operation, operation.server->set_password(&operation.task, local, password));
}

enum err xmpp_jid_disable(struct xmpp *xmpp, const char *local, int64_t deadline_ms)
{
    struct operation operation;
    enum err err = operation_begin(xmpp, local, deadline_ms, &operation);
    if (err != OK)
        return err;
    return operation_end(xmpp, &operation, operation.server->disable(&operation.task, local));
}

enum err xmpp_jid_end_sessions(struct xmpp *xmpp, const char *local, int64_t deadline_ms)
{
    struct operation operation;
    enum err err = operation_begin(xmpp, local, deadline_ms, &operation);
    if (err != OK)
        return err;
    const struct xmpp_server *server = operation.server;
    return operation_end(xmpp, &operation,
                         server->end_sessions != NULL ? server->end_sessions(&operation.task, local) : OK);
}

enum err xmpp_jid_enable(struct xmpp *xmpp, const char *local, struct secret password, int64_t deadline_ms)
{
    struct operation operation;
    enum err err = operation_begin(xmpp, local, deadline_ms, &operation);
    if (err != OK)
        return err;
    return operation_end(xmpp, &operation, operation.server->enable(&operation.task, local, password));
}
