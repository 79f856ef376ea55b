/* The XMPP side of the program: one component link (XEP-0114) and the driver of the server behind it.
 *
 * One thread owns the stream (link.c); the functions here are for other threads: they write a request, wait for its
 * answer with a deadline, and may be called from many threads at once (in_flight bounds how many requests are out, the
 * rest wait within their deadline). What they do on the server can be done again: creating a JID that is ours already,
 * deleting one that is gone, and binding what is bound are successes.
 *
 * Errors: ERR_XMPP_DOWN (no link, or it broke meanwhile: what was asked may or may not have happened), ERR_TIMEOUT
 * (likewise), ERR_XMPP (the server said no), ERR_UNSUPPORTED (this server has no way to do it), ERR_NOT_FOUND (no such
 * JID), ERR_TOO_LARGE (the server's answer was over a limit or no XML: a user has made his roster so; what was asked
 * may have happened), ERR_BUSY, ERR_SHUTDOWN. Text that no stanza can carry: ERR_INVALID. Details go to the log. */
#ifndef XMPP_XMPP_H
#define XMPP_XMPP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "component/base/secret.h"

struct arena;
struct buf;
struct xmpp;

enum xmpp_tls { XMPP_TLS_NEVER, XMPP_TLS_DIRECT };

struct xmpp_config {
    const char *host; /* resolved anew at each connection */
    uint16_t port;
    enum xmpp_tls tls;
    const char *tls_ca_file;    /* PEM; "" for the system's */
    const char *tls_name;       /* expected in the certificate; "" means host */
    const char *tls_pin_sha256; /* hex SHA-256 of the certificate (DER); "" for none; with a pin neither CA nor name are
                                   asked */
    bool way_protected;         /* allows a plain link off loopback */
    const char *domain;         /* the server's XMPP domain, where the JIDs live */
    const char *component;      /* our own domain */
    struct secret secret;
    const char *server;  /* "auto", "openfire", "prosody", "ejabberd" */
    const char *api_url; /* ejabberd's HTTP API; "" elsewhere */
    const char *api_user;
    struct secret api_secret;
    unsigned in_flight;         /* ad-hoc sessions and requests at once; Openfire's limit is 100 */
    int64_t request_timeout_ms; /* for one request */
    int64_t connect_timeout_ms;
    int64_t ping_interval_ms; /* a silent link is pinged; no answer within the same time again: dead */
    int64_t backoff_base_ms;  /* between connections, with jitter, up to ... */
    int64_t backoff_cap_ms;
    const char *version; /* what we answer to jabber:iq:version */
};

enum xmpp_subscription { XMPP_NONE, XMPP_TO, XMPP_FROM, XMPP_BOTH };
const char *xmpp_subscription_name(enum xmpp_subscription subscription); /* "none", "to", "from", "both" */

/* A roster item, wanted or seen. Strings belong to whoever made the item. */
struct roster_item {
    const char *jid; /* bare */
    enum xmpp_subscription subscription;
    const char *name; /* "" without one */
    const char *const *groups;
    size_t group_count;
};
struct roster {
    const struct roster_item *items;
    size_t count;
    char group_separator; /* '\0', or what this server is told groups with: no group of these items has it */
};
/* Leaves out the groups that have the separator, since the server cannot be told them. '\0': all stay. */
void roster_item_fit(struct arena *arena, struct roster_item *item, char group_separator);
/* Servers keep groups as sets, and give them back in any order. */
bool roster_same_groups(const struct roster_item *a, const struct roster_item *b);

/* One side of a binding: the account whose roster it is, and how the other side shall stand in it. */
struct roster_side {
    const char *local;       /* local part of the account's JID */
    bool exists;             /* false: the JID is being deleted; its own roster is left alone */
    struct roster_item item; /* the other side's bare JID, name and groups; subscription is not read */
    /* Out: what the server's roster showed after the operation; strings are the given arena's. Absent items: present
     * false. */
    bool seen_present;
    struct roster_item seen;
};

/* Checks the configuration (ERR_INVALID with a log line that says what: a plain link off loopback, a bad pin), starts
 * the thread, which connects and reconnects for ever. The config's strings must outlive it. */
MUST_CHECK enum err xmpp_start(const struct xmpp_config *config, struct xmpp **xmpp_r);
/* Fails everything that waits (ERR_SHUTDOWN), closes the stream, joins, frees. No other call may be under way. */
void xmpp_close(struct xmpp **xmpp);
/* Fails what waits and refuses the rest with ERR_SHUTDOWN; the object stays valid until xmpp_close. (Not called
 * xmpp_stop and xmpp_shutdown, because libstrophe has functions of those names.) */
void xmpp_refuse(struct xmpp *xmpp);

struct xmpp_status {
    bool up;             /* the handshake is done */
    bool ready;          /* and the driver is proved on this link */
    bool unordered;      /* what was given up (ERR_TIMEOUT) may still be done, after what was asked since */
    uint64_t generation; /* counts links made; 0 before the first */
    char reason[96];     /* why not, for the ops port: "connection refused", "not-authorized", "conflict", "self-test
                            failed: ..." */
};
void xmpp_status(struct xmpp *xmpp, struct xmpp_status *status_r);
/* Calls `changed` when up or ready has changed, on any thread; it must not block, and may call xmpp_status. Set once.
 * The link may be up by then: look at the status afterwards. */
void xmpp_on_change(struct xmpp *xmpp, void (*changed)(void *arg), void *arg);

/* What is offered to the server's users (XEP-0050, XEP-0077); see xmpp/command.h. */
struct element;
struct command_offer;
struct xmpp_offer {
    const struct command_offer *commands; /* static */
    size_t count;
    const char *register_text, *register_url; /* NULL without */
    /* On the link's thread: a command that somebody wants, an iq of type set, valid during the call. Must not block;
     * the answer goes by xmpp_answer, on the same link. */
    void (*asked)(void *arg, uint64_t generation, const struct element *iq);
    void *arg;
};
/* NULL: nothing any more; nobody is asked any more when this returns. */
void xmpp_offer(struct xmpp *xmpp, const struct xmpp_offer *offer);
/* Sends a stanza on the link of that generation, and waits for nothing. ERR_XMPP_DOWN: that link is gone; ERR_BUSY. */
MUST_CHECK enum err xmpp_answer(struct xmpp *xmpp, uint64_t generation, const struct buf *stanza);

/* After each new link, on a job's thread: learns what the server is (XEP-0092, XEP-0356 advertisement, the configured
 * name), chooses the driver and proves it by a self-test on two throw-away JIDs, unless `old_proof` (of an earlier run;
 * "" for none) says that this server, version and settings were proved before. On OK the link is ready and proof_r
 * holds the proof to be stored (a line of text without secrets). */
enum { XMPP_PROOF_SIZE = 256 };
MUST_CHECK enum err xmpp_prove(struct xmpp *xmpp, const char *old_proof, char proof_r[XMPP_PROOF_SIZE]);

/* What follows needs a ready link (else ERR_XMPP_DOWN) and blocks until deadline_ms (clock_ms). `local` is the local
 * part of a JID of the server's domain. */

/* Makes the JID with the password. One that exists already is ours (nobody else makes such local parts): it gets the
 * password again where the server can, or is checked; ERR_JID_PASSWORD when it exists with another password that cannot
 * be changed. */
MUST_CHECK enum err xmpp_jid_create(struct xmpp *xmpp, const char *local, struct secret password, int64_t deadline_ms);
/* Deletes it; ends its sessions. Gone already: OK. Read back as far as the server allows. */
MUST_CHECK enum err xmpp_jid_delete(struct xmpp *xmpp, const char *local, int64_t deadline_ms);
/* OK: exists with this password. ERR_NOT_FOUND, ERR_JID_PASSWORD, or ERR_UNSUPPORTED (Prosody has no such command). */
MUST_CHECK enum err xmpp_jid_check(struct xmpp *xmpp, const char *local, struct secret password, int64_t deadline_ms);
/* OK: there is such a JID. ERR_NOT_FOUND. For who does not want its roster, which may be large: where the server can,
 * it is told without. */
MUST_CHECK enum err xmpp_jid_exists(struct xmpp *xmpp, const char *local, int64_t deadline_ms);
/* Changes the password of a JID that exists. ERR_UNSUPPORTED or ERR_XMPP where the component may not. */
MUST_CHECK enum err xmpp_jid_set_password(struct xmpp *xmpp, const char *local, struct secret password,
                                          int64_t deadline_ms);
/* After that: who came in with the old one goes out. Where setting a password does so already (Prosody) nothing is
 * left to do. */
MUST_CHECK enum err xmpp_jid_end_sessions(struct xmpp *xmpp, const char *local, int64_t deadline_ms);

/* Nobody gets in any more, whatever his password, and who is in goes out; the roster stays. On a server that has no
 * command for it the JID gets a password that nobody knows. */
MUST_CHECK enum err xmpp_jid_disable(struct xmpp *xmpp, const char *local, int64_t deadline_ms);
/* The opposite. The password is the one that it shall have on such a server; others leave the one it has. ERR_INVALID:
 * it is needed here, and empty. */
MUST_CHECK enum err xmpp_jid_enable(struct xmpp *xmpp, const char *local, struct secret password, int64_t deadline_ms);

/* A message of ours to a user, to be seen by a person. The server has it when this is OK; a user who is offline gets it
 * later, or never, as the server keeps messages. */
enum { XMPP_MESSAGE_BODIES = 2 };
struct xmpp_message {
    const char *local; /* whom to */
    const char *id;    /* the same when it is sent again */
    struct {
        const char *lang, *text; /* RFC 5646; NULL: no more */
    } bodies[XMPP_MESSAGE_BODIES];
    const char *uri; /* what to open to answer it (XEP-0066) */
};
MUST_CHECK enum err xmpp_send_message(struct xmpp *xmpp, const struct xmpp_message *message, int64_t deadline_ms);

/* How long two rosters may go on showing something else than what was written (a client may write against us for as
 * long as it likes), and until when all of it may take, as above. `again`: it failed before; then it waits longer until
 * a roster that was too large is read once more. */
struct xmpp_patience {
    int64_t disagreeing_ms;
    int64_t deadline_ms;
    bool again;
};
/* Makes both rosters show each other with subscription both, lets clients that are online see each other at once, and
 * reads both rosters back into the sides' `seen`. OK only when both were seen as wanted (name and groups included);
 * ERR_CONFLICT when they disagree for too long. */
MUST_CHECK enum err xmpp_bind(struct xmpp *xmpp, struct arena *arena, struct roster_side sides[2],
                              const struct xmpp_patience *patience);
/* Removes each from the other's roster and reads both back. OK only when neither shows the other; else as above. Sides
 * that do not exist are skipped. */
MUST_CHECK enum err xmpp_unbind(struct xmpp *xmpp, struct arena *arena, struct roster_side sides[2],
                                const struct xmpp_patience *patience);
/* The whole roster as the server shows it, in the arena. ERR_NOT_FOUND when the server says that there is no such JID.
 */
MUST_CHECK enum err xmpp_roster(struct xmpp *xmpp, struct arena *arena, const char *local, struct roster *roster_r,
                                int64_t deadline_ms);

#endif
