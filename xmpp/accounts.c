#include "xmpp/accounts.h"

#include "component/base/crypto.h"
#include "xmpp/admin.h"

enum { THROW_AWAY_LENGTH = 40 };

enum err accounts_create(struct task *task, const struct account_ways *ways, const char *local, struct secret password)
{
    bool done = false;
    enum err err = admin_add_user(task, local, password, &done);
    if (err != OK || done)
        return err;
    err = ways->check != NULL ? ways->check(task, local, password) : ERR_JID_PASSWORD;
    if (err == ERR_JID_PASSWORD) {
        err = ways->set_password(task, local, password);
        if (err == ERR_UNSUPPORTED || err == ERR_XMPP)
            err = ERR_JID_PASSWORD;
    }
    return err == ERR_NOT_FOUND ? ERR_XMPP : err; /* refused for another reason than that it exists */
}

enum err accounts_set_password(struct task *task, const struct account_ways *ways, const char *local,
                               struct secret password)
{
    bool done = false;
    enum err err = admin_change_password(task, local, password, &done);
    if (err == ERR_FORBIDDEN)
        return ERR_UNSUPPORTED;
    if (err != OK || done)
        return err;
    err = ways->exists(task, local);
    return err == OK ? ERR_XMPP : err;
}

enum err accounts_remove(struct task *task, const struct account_ways *ways, const char *local)
{
    bool done = false;
    enum err err = ways->delete_user(task, local, &done);
    if (err == OK)
        err = ways->exists(task, local);
    return err == ERR_NOT_FOUND ? OK : err == OK ? ERR_XMPP : err;
}

enum err accounts_disable(struct task *task, const struct account_ways *ways, const char *local)
{
    char password[THROW_AWAY_LENGTH + 1];
    random_text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", THROW_AWAY_LENGTH, password);
    enum err err = ways->set_password(task, local, secret_of_cstr(password));
    secret_wipe(password, sizeof password);
    return err;
}
