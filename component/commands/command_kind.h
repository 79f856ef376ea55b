/* What a command is made of: one of these each, in the table of commands.c.
 *
 * Without a form it runs as soon as it is asked for. With one, `prepare` finds what the form shows, and whether the JID
 * may ask at all; the filled-in form comes back and `run` does what it says. Who sends the form at once is not asked
 * again. */
#ifndef REGISTRAR_COMMANDS_COMMAND_KIND_H
#define REGISTRAR_COMMANDS_COMMAND_KIND_H

#include "component/commands/commands.h"
#include "component/service/call.h"
#include "component/service/tokens.h"
#include "xmpp/command.h"

struct account;

struct command_kind {
    const char *node, *name;
    /* NULL without a form. */
    const struct op *prepare;
    void *(*prepare_io)(struct arena *arena, const struct credential *credential);
    /* Fills in the form, or else a note, of a successful prepare: the answer is one that goes on as far as it has a
     * form. */
    void (*show)(const struct commands_config *config, const struct call *call, struct command_answer *answer);

    const struct op *run;
    /* Makes call->io. ERR_INVALID: the form lacks what is needed. */
    enum err (*decode)(const struct commands_config *config, const struct command_request *request,
                       const struct credential *credential, struct call *call);
    /* Of a successful run. */
    void (*render)(const struct commands_config *config, const struct call *call, struct command_answer *answer);
    /* What an error of `run` means here; NULL: what it means everywhere. May be NULL. */
    const char *(*explain)(enum err err);
};

extern const struct command_kind command_list, command_bind, command_unbind, command_rename, command_account,
    command_invite, command_answer;

/* --- for those who fill in answers */

enum { COMMAND_ROWS_MAX = 100 };

/* The option of a choice that nobody has made yet. Without a value, clients such as profanity show no options at all,
 * and what is chosen by default would be done by who looks no further. */
#define COMMAND_UNCHOSEN "-"
#define COMMAND_UNCHOSEN_OPTION                                                                                        \
    {                                                                                                                  \
        "(choose one)", COMMAND_UNCHOSEN                                                                               \
    }

void answer_note(struct command_answer *answer, const char *text);
/* How an account is called in lists: its name in rosters, and its user_name where that says more. */
const char *answer_name_of(const struct commands_config *config, const struct call *call,
                           const struct account *account);
const char *answer_jid_of(const struct commands_config *config, const struct call *call, const struct account *account);
/* The local part of a JID of ours that a form holds. ERR_INVALID. */
MUST_CHECK enum err command_local(const struct commands_config *config, const struct command_request *request,
                                  const char *field, struct arena *arena, const char **local_r);

#endif
