/* What a server can do for us, behind one interface, and how we know which server it is.
 *
 * A driver is a const struct of functions, one file each in servers/. They run on the thread that asked, with a task;
 * they may be called at once from several threads, and everything they do can be done again. The interface asks for
 * results, not for stanzas, so that a driver is free in its means: commands and stanzas in the users' names (Openfire),
 * privileged roster access (Prosody), or an HTTP API beside the stream (ejabberd). */
#ifndef XMPP_SERVER_H
#define XMPP_SERVER_H

#include <stdbool.h>

#include "component/base/err.h"
#include "component/base/secret.h"
#include "xmpp/readback.h"
#include "xmpp/task.h"
#include "xmpp/xmpp.h"

struct arena;

/* What the server said of itself on this link. */
struct server_facts {
    char name[64]; /* XEP-0092 */
    char version[128];
    bool may_read_rosters; /* XEP-0356, for the server's domain */
    bool may_write_rosters;
    bool may_check_passwords; /* what `reach` found */
};

struct xmpp_server {
    const char *name;          /* as configured */
    const char *says;          /* its name in XEP-0092 */
    unsigned revision;         /* of the driver: a proof for another one does not hold */
    unsigned account_requests; /* that the functions on one account have out at once when they may */
    unsigned edit_requests;    /* that `edit` has */
    bool unordered;            /* as struct xmpp_status has it */

    /* NULL when it can be driven as it is; else what is missing. */
    const char *(*missing)(const struct xmpp_config *config, const struct server_facts *facts);
    /* On each link, before all else: whether what the driver needs beside it answers. ERR_CONFLICT: we are not the only
     * one who is connected under our name. NULL: nothing is needed. */
    enum err (*reach)(struct task *task, struct server_facts *facts);
    enum err (*create)(struct task *task, const char *local, struct secret password);
    enum err (*remove)(struct task *task, const char *local);
    enum err (*check)(struct task *task, const char *local, struct secret password); /* NULL: unsupported; or says so */
    enum err (*exists)(struct task *task, const char *local);                        /* as xmpp_jid_exists */
    enum err (*set_password)(struct task *task, const char *local, struct secret password);
    /* As xmpp_jid_end_sessions. NULL: set_password ends them. */
    enum err (*end_sessions)(struct task *task, const char *local);
    /* As xmpp_jid_disable and xmpp_jid_enable. */
    enum err (*disable)(struct task *task, const char *local);
    enum err (*enable)(struct task *task, const char *local, struct secret password);
    /* As xmpp_roster. */
    enum err (*roster)(struct task *task, struct arena *arena, const char *local, struct roster *roster_r);
    /* Writes (bind true) or removes both items in the rosters of readback->sides, lets clients see it, tells the
     * readback that it has written, and reads, after that, at least those rosters that are the readback's own; in one
     * go, as far as it can. Whether it is as wanted yet is for the caller to see. ERR_NOT_FOUND: a side that should
     * exist does not. */
    enum err (*edit)(struct readback *readback, bool bind);
    /* Reads the rosters that are the readback's own, in one go, and hands them in. ERR_NOT_FOUND as above, where that
     * can be told. An error: those that were not handed in. */
    enum err (*read_own)(struct readback *readback);
};

extern const struct xmpp_server server_openfire;
extern const struct xmpp_server server_prosody;
extern const struct xmpp_server server_ejabberd;

/* Asks the server what it is; the privileges in facts are left as they are. An error of the request; a server that does
 * not answer the question has an empty name. */
MUST_CHECK enum err server_identify(struct task *task, struct server_facts *facts);
/* Reads the privileges from an advertisement (XEP-0356, 4.2) of `domain`; false when the stanza is none. */
bool server_read_advertisement(const char *domain, const struct element *stanza, struct server_facts *facts);
/* The driver that the configuration names ("auto": that the server's name stands for); NULL when there is none. */
const struct xmpp_server *server_choose(const char *configured, const struct server_facts *facts);
/* A line that changes with everything that a self-test's result depends on and that can be known. */
void server_proof(const struct xmpp_config *config, const struct xmpp_server *server, const struct server_facts *facts,
                  char proof_r[XMPP_PROOF_SIZE]);

/* Edits, and reads again with a growing pause until both sides are as wanted: OK. ERR_TIMEOUT when they are not by the
 * task's deadline, ERR_CONFLICT when they are not for patience->disagreeing_ms: somebody writes against us, or the
 * server lost it. `seen` then holds what was read last. ERR_TOO_LARGE, too, when nothing was done, because one of the
 * rosters was too large a moment ago. */
MUST_CHECK enum err server_make(const struct xmpp_server *server, struct task *task, struct arena *arena,
                                struct roster_side sides[2], bool bind, const struct xmpp_patience *patience);

#endif
