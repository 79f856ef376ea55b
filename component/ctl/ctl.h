/* registrarctl: an administrator's commands. Each is a row of a table (commands.c) and straight-line code on a worker
 * of its own: no lanes, no XMPP. What the XMPP server has to be told is committed as a wish, which a registrard makes
 * true.
 *
 * What was found is printed as one line a fact, "name: value". What goes wrong is said on standard error. A change is
 * one line of the log, for the audit. */
#ifndef REGISTRAR_CTL_CTL_H
#define REGISTRAR_CTL_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "component/base/err.h"
#include "component/service/call.h"
#include "component/service/reconcile.h"
#include "component/service/services.h"
#include "sql/accounts.h"

struct arena;

enum ctl_status { /* of the process */
                  CTL_DONE = 0,
                  CTL_CONFIGURATION = 1, /* a mistake in the configuration */
                  CTL_USAGE = 2,         /* a wrong command line */
                  CTL_NOT_FOUND = 3,     /* no such account, or not one that this can be done to */
                  CTL_PENDING = 4,       /* committed, but the XMPP server has not followed yet */
                  CTL_REFUSED = 5, /* the XMPP server does not let us; values could not be opened; an alarm stands */
                  CTL_FAILED = 7,  /* Postgres or Redis cannot be reached, or refuses */
};

struct ctl_options {
    enum account_type type; /* --type; ACCOUNT_ANY without it */
    const char *jid;        /* --jid */
    int64_t uid;            /* --uid; 0 without it */
    bool all;               /* --all */
    int64_t rate;           /* --rate: accounts a second, of rotate --all */
    int64_t wait_ms;        /* --wait: for the XMPP server to follow */
};

struct ctl {
    struct services services; /* settings, keyring, a memory of tokens that holds none */
    struct worker worker;
    struct arena *arena; /* of the command */
    struct ctl_options options;
    struct reconcile_settings reconcile;
    const char *by; /* whose command it is: "root", "root (sudo: alice)" */
};

struct ctl_command {
    const char *name, *word; /* "key", "status"; word NULL: one word is all */
    const char *argument;    /* what follows, for the usage; NULL: nothing may */
    const char *help;
    bool names_account; /* NAME, --jid or --uid come first */
    bool may_be_all;    /* or --all in their place */
    /* account NULL: none was named. argument NULL: none was given. */
    enum ctl_status (*run)(struct ctl *ctl, const struct account *account, const char *argument);
};
extern const struct ctl_command ctl_commands[]; /* a row with name NULL at the end */

/* Runs the command of a command line without its options. */
enum ctl_status ctl_run(struct ctl *ctl, char *const *words, int count);

/* For the commands' files. */

/* Says what went wrong, and what status that is. */
enum ctl_status ctl_failed(enum err err);
/* What was changed, of which account (0: of none, or of all), to the log and the system's. */
void ctl_audit(const struct ctl *ctl, const char *action, int64_t account_id, const char *detail);
/* Waits for the XMPP server to follow in what concerns an account's door (sql/doors.h). CTL_PENDING, said: it has not.
 */
enum ctl_status ctl_wait_for_door(struct ctl *ctl, int64_t account_id);
/* "2m 3s" and the like; the arena's. */
const char *ctl_duration(struct arena *arena, int64_t seconds);

#define CTL_COMMAND(name) enum ctl_status name(struct ctl *ctl, const struct account *account, const char *argument)
CTL_COMMAND(ctl_show);
CTL_COMMAND(ctl_ban);
CTL_COMMAND(ctl_unban);
CTL_COMMAND(ctl_end_sessions);
CTL_COMMAND(ctl_role);
CTL_COMMAND(ctl_consent);
CTL_COMMAND(ctl_rotate);
CTL_COMMAND(ctl_outbox);
CTL_COMMAND(ctl_instances);
CTL_COMMAND(ctl_reconcile_status);
CTL_COMMAND(ctl_reconcile_go_on);
CTL_COMMAND(ctl_key_status);
CTL_COMMAND(ctl_key_reseal);

#endif
