/* The errand that tells somebody that he is asked: a message from our domain to his client, with the command to answer.
 */
#include <inttypes.h>

#include "component/base/arena.h"
#include "component/base/failpoint.h"
#include "component/jobs/errand_kind.h"
#include "component/service/names.h"
#include "component/service/services.h"

/* An ask that came in its place has a row of the outbox, and so a version, of its own. */
static enum err load(struct pg *pg, struct errand *errand)
{
    const struct outbox_item *item = &errand->item;
    const enum err err = asks_load(pg, errand->arena, item->low, item->high, &errand->ask, &errand->asked_jid);
    return err == OK && errand->ask.ask.id != item->version ? ERR_NOT_FOUND : err;
}

static struct xmpp_message message_of(const struct errand *errand)
{
    struct arena *arena = errand->arena;
    const int64_t id = errand->ask.ask.id;
    const char *component = errand->config->component;
    const char *who = name_in_rosters(errand->config->services->settings.country, &errand->ask.other);
    const char *uri = arena_printf(arena, "xmpp:%s?command;node=answer", component);
    return (struct xmpp_message){
        .local = errand->asked_jid,
        .id = arena_printf(arena, "ask-%" PRId64, id),
        .bodies = {{"en", arena_printf(arena,
                                       "%s wishes to be bound to you. To say yes or no, run the command \"answer\" of "
                                       "%s (ask %" PRId64 "), or open %s",
                                       who, component, id, uri)},
                   {"zh", arena_printf(
                              arena, "%s 请求与您绑定。同意或拒绝,请运行 %s 的命令“answer”(请求 %" PRId64 "),或打开 %s",
                              who, component, id, uri)}},
        .uri = uri,
    };
}

static enum err run(struct errand *errand, int64_t deadline_ms)
{
    FAILPOINT("ask.before");
    const struct xmpp_message message = message_of(errand);
    const enum err err = xmpp_send_message(errand->config->xmpp, &message, deadline_ms);
    FAILPOINT("ask.made");
    return err;
}

static enum err done(struct pg *pg, struct errand *errand)
{
    (void)pg;
    (void)errand;
    return OK;
}

const struct errand_kind errand_ask = {.name = "ask", .load = load, .run = run, .done = done};
