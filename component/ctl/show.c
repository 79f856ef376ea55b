/* registrarctl show: what is known of an account, one fact a line. No secret, and nothing that the person wrote. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/ctl/ctl.h"
#include "component/service/names.h"
#include "sql/administration.h"
#include "sql/doors.h"

static const char *const types[] = {"any", "phone", "device", "wechat"};
static const char *const states[] = {"pending", "active", "cancelled"};
static const char *const jid_states[] = {"not there", "there", "its password is refused", "vanished"};
static const char *const consents[] = {"accept", "ask", "refuse"};
static const char *const roles[] = {"?", "user", "service", "superadmin"};

static void fact(const char *name, const char *value)
{
    if (value[0] != '\0')
        printf("%s: %s\n", name, value);
}

static void number(const char *name, int64_t value)
{
    printf("%s: %" PRId64 "\n", name, value);
}

/* UTC; "" for never. */
static const char *moment(struct ctl *ctl, int64_t seconds)
{
    enum { SIZE = 32 };
    const time_t time = (time_t)seconds;
    struct tm tm;
    char *text = arena_alloc(ctl->arena, SIZE);
    if (seconds != 0 && gmtime_r(&time, &tm) != NULL)
        strftime(text, SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return text;
}

static void print_door(const struct account *account, const struct door *door)
{
    if (account->banned)
        fact("door", door->locked ? "locked" : "not locked (the ban was not made by registrarctl)");
    else if (door->locked)
        fact("door", "locked until the server has followed");
    if (door->next.bytes != NULL)
        fact("jid password", "another one is to take its place");
}

static void print_comparison(struct ctl *ctl, const struct account_facts *facts)
{
    static const char *const outcomes[] = {"never", "the same", "differed, mended", "differs, held by the brake",
                                           "could not be read"};
    const char *outcome = outcomes[facts->outcome];
    fact("compared",
         facts->outcome == 0 ? outcome : arena_printf(ctl->arena, "%s, %s", moment(ctl, facts->compared_at), outcome));
    if (facts->drift > 0)
        number("differences then", facts->drift);
}

CTL_COMMAND(ctl_show)
{
    (void)argument;
    struct account_facts facts;
    struct door door;
    enum err err = administration_facts(ctl->worker.pg, account->id, &facts);
    if (err == OK)
        err = doors_get(ctl->worker.pg, ctl->arena, account->id, &door);
    if (err != OK)
        return ctl_failed(err);
    number("uid", account->id);
    fact("name", name_show(ctl->services.settings.country, account));
    fact("type", types[account->type]);
    fact("state", states[account->state]);
    if (account->type == ACCOUNT_PHONE)
        fact("proved", account->proved ? "yes" : "no");
    fact("jid", arena_printf(ctl->arena, "%s@%s", account->jid_local, ctl->services.settings.xmpp_domain));
    fact("jid state", jid_states[account->jid_state]);
    fact("jid checked", moment(ctl, facts.jid_checked_at));
    if (facts.jid_key != 0)
        number("jid password sealed under key", facts.jid_key);
    fact("banned", account->banned ? moment(ctl, facts.banned_at) : "no");
    print_door(account, &door);
    fact("consent", consents[account->consent]);
    fact("role", roles[account->role]);
    number("sessions", facts.sessions);
    number("bindings", facts.bound);
    number("bindings that are pending", facts.pending);
    print_comparison(ctl, &facts);
    fact("created", moment(ctl, facts.created_at));
    fact("cancelled", moment(ctl, facts.cancelled_at));
    return CTL_DONE;
}
