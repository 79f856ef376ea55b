/* The table of commands, and what is common to them: whom a command line means, what goes wrong, the audit. */
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/log.h"
#include "component/ctl/ctl.h"
#include "component/service/names.h"
#include "sql/administration.h"

const struct ctl_command ctl_commands[] = {
    {"show", NULL, NULL, "what is known of an account", true, false, ctl_show},
    {"ban", NULL, NULL, "sessions and tokens end, the JID is disabled", true, false, ctl_ban},
    {"unban", NULL, NULL, "the opposite", true, false, ctl_unban},
    {"end-sessions", NULL, NULL, "every token, cookie and sec ends; --all: of everybody", true, true, ctl_end_sessions},
    {"role", NULL, "user|service|superadmin", "what dialect 002 answers as user_role", true, false, ctl_role},
    {"consent", NULL, "accept|ask|refuse", "whether others may bind the account", true, false, ctl_consent},
    {"rotate", NULL, NULL, "the JID gets another password; --all: all of them", true, true, ctl_rotate},
    {"outbox", NULL, NULL, "what the XMPP server has not been told yet, and why", false, false, ctl_outbox},
    {"instances", NULL, NULL, "the processes on this database", false, false, ctl_instances},
    {"reconcile", "status", NULL, "comparing with the XMPP server, and whether mending is on", false, false,
     ctl_reconcile_status},
    {"reconcile", "go-on", NULL, "lets mending go on after the brake", false, false, ctl_reconcile_go_on},
    {"key", "status", NULL, "how many values are sealed under which key", false, false, ctl_key_status},
    {"key", "reseal", NULL, "seals all values under the first key of keys.seal", false, false, ctl_key_reseal},
    {0},
};

static enum ctl_status wrong_usage(const char *what, const char *which)
{
    fprintf(stderr, "registrarctl: %s: %s; see registrarctl --help\n", which, what);
    return CTL_USAGE;
}

enum ctl_status ctl_failed(enum err err)
{
    fprintf(stderr, "registrarctl: %s (%s)\n", err_text(err), err_name(err));
    return err == ERR_NOT_FOUND || err == ERR_NO_SUCH_NAME ? CTL_NOT_FOUND : CTL_FAILED;
}

void ctl_audit(const struct ctl *ctl, const char *action, int64_t account_id, const char *detail)
{
    log_info("audit", F("action", action), F("account", account_id), F("detail", detail), F("by", ctl->by));
    syslog(LOG_AUTHPRIV | LOG_NOTICE, "action=%s account=%lld detail=\"%s\" by=\"%s\"", action, (long long)account_id,
           detail, ctl->by);
}

const char *ctl_duration(struct arena *arena, int64_t seconds)
{
    if (seconds < 60)
        return arena_printf(arena, "%llds", (long long)seconds);
    if (seconds < 3600)
        return arena_printf(arena, "%lldm %llds", (long long)seconds / 60, (long long)seconds % 60);
    return arena_printf(arena, "%lldh %lldm", (long long)seconds / 3600, (long long)seconds / 60 % 60);
}

/* --- the account */

static enum ctl_status find_jid(struct ctl *ctl, struct account *account_r)
{
    const char *jid = ctl->options.jid, *at = strchr(jid, '@');
    if (at != NULL && strcmp(at + 1, ctl->services.settings.xmpp_domain) != 0)
        return wrong_usage("is not of this XMPP domain", jid);
    const char *local = arena_copy(ctl->arena, jid, strcspn(jid, "@"));
    const enum err err = administration_find_jid(ctl->worker.pg, ctl->arena, local, account_r);
    return err == OK ? CTL_DONE : ctl_failed(err);
}

static enum ctl_status find_name(struct ctl *ctl, const char *text, struct account *account_r)
{
    struct account_name name;
    struct account *found = NULL;
    size_t *position = NULL, count = 0;
    if (name_parse_any(ctl->arena, ctl->services.settings.country, ctl->options.type, text, &name) != OK)
        return wrong_usage("cannot be a name", text);
    name.type = ctl->options.type;
    const enum err err = accounts_find_all(ctl->worker.pg, ctl->arena, &name, 1, 0, &found, &position, &count);
    if (err != OK || count == 0)
        return ctl_failed(err != OK ? err : ERR_NO_SUCH_NAME);
    if (count > 1)
        return wrong_usage("accounts of several types have this name; say --type", text);
    *account_r = found[0];
    return CTL_DONE;
}

static enum ctl_status find(struct ctl *ctl, const char *name, struct account *account_r)
{
    if (ctl->options.jid != NULL)
        return find_jid(ctl, account_r);
    if (name != NULL)
        return find_name(ctl, name, account_r);
    const enum err err = accounts_get(ctl->worker.pg, ctl->arena, ctl->options.uid, account_r);
    return err == OK ? CTL_DONE : ctl_failed(err);
}

/* --- the command line */

static const struct ctl_command *find_command(char *const *words, int count, int *used_r)
{
    for (const struct ctl_command *command = ctl_commands; command->name != NULL; command++) {
        *used_r = command->word != NULL ? 2 : 1;
        if (count >= *used_r && strcmp(words[0], command->name) == 0 &&
            (command->word == NULL || strcmp(words[1], command->word) == 0))
            return command;
    }
    return NULL;
}

/* The next word that was given, or NULL. */
static const char *next(char *const *words, int count, int *used)
{
    return *used < count ? words[(*used)++] : NULL;
}

enum ctl_status ctl_run(struct ctl *ctl, char *const *words, int count)
{
    int used;
    const struct ctl_command *command = find_command(words, count, &used);
    if (command == NULL)
        return wrong_usage("no such command", count > 0 ? words[0] : "?");
    const bool otherwise = ctl->options.jid != NULL || ctl->options.uid != 0 || ctl->options.all;
    if ((otherwise && !command->names_account) || (ctl->options.all && !command->may_be_all))
        return wrong_usage("--jid, --uid and --all are not for this command", command->name);
    const char *name = command->names_account && !otherwise ? next(words, count, &used) : NULL;
    if (command->names_account && !otherwise && name == NULL)
        return wrong_usage("whose?", command->name);
    const char *argument = command->argument != NULL ? next(words, count, &used) : NULL;
    if (used < count)
        return wrong_usage("is one word too many", words[used]);
    struct account account;
    const bool one = command->names_account && !ctl->options.all;
    const enum ctl_status status = one ? find(ctl, name, &account) : CTL_DONE;
    return status == CTL_DONE ? command->run(ctl, one ? &account : NULL, argument) : status;
}
