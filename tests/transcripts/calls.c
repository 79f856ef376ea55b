#include "tests/transcripts/calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "xmpp/server.h"

enum { WORDS_MAX = 5, GROUPS_MAX = 4, CALL_SIZE = 512, DISAGREEING_MS = 5000 };

struct call {
    struct caller *caller;
    char *words[WORDS_MAX];
    size_t count;
    int64_t deadline_ms;
    struct arena *arena;
    struct outcome *outcome;
};

/* ---- the link ---- */

static bool is_settled(const struct caller *caller, struct xmpp_status *status)
{
    xmpp_status(caller->xmpp, status);
    if (status->up)
        return status->generation > caller->generation;
    return !caller->tried && strcmp(status->reason, "not connected yet") != 0;
}

static enum err link_up(struct call *call)
{
    struct caller *caller = call->caller;
    struct xmpp_status status;
    if (call->count > 1) {
        snprintf(caller->secret, sizeof caller->secret, "%s", call->words[1]);
        caller->config.secret = secret_of_cstr(caller->secret);
    }
    if (caller->xmpp == NULL && xmpp_start(&caller->config, &caller->xmpp) != OK)
        return ERR_INVALID;
    while (!is_settled(caller, &status) && clock_ms() < call->deadline_ms)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    caller->tried = true;
    if (!status.up) {
        snprintf(call->outcome->result, sizeof call->outcome->result, "%s", status.reason);
        return ERR_XMPP_DOWN;
    }
    caller->generation = status.generation;
    char proof[XMPP_PROOF_SIZE] = "";
    const enum err err = xmpp_prove(caller->xmpp, caller->proof, proof);
    if (err == OK)
        memcpy(caller->proof, proof, sizeof proof);
    return err;
}

static enum err prove(struct call *call)
{
    char proof[XMPP_PROOF_SIZE];
    return xmpp_prove(call->caller->xmpp, "", proof);
}

/* ---- accounts ---- */

static struct secret password(const struct call *call)
{
    return secret_of_cstr(call->words[2]);
}

static enum err create(struct call *call)
{
    return xmpp_jid_create(call->caller->xmpp, call->words[1], password(call), call->deadline_ms);
}

static enum err check(struct call *call)
{
    return xmpp_jid_check(call->caller->xmpp, call->words[1], password(call), call->deadline_ms);
}

static enum err set_password(struct call *call)
{
    return xmpp_jid_set_password(call->caller->xmpp, call->words[1], password(call), call->deadline_ms);
}

static enum err delete (struct call *call) {
    return xmpp_jid_delete(call->caller->xmpp, call->words[1], call->deadline_ms);
}

static enum err end_sessions(struct call *call)
{
    return xmpp_jid_end_sessions(call->caller->xmpp, call->words[1], call->deadline_ms);
}

static enum err disable(struct call *call)
{
    return xmpp_jid_disable(call->caller->xmpp, call->words[1], call->deadline_ms);
}

static enum err enable(struct call *call)
{
    return xmpp_jid_enable(call->caller->xmpp, call->words[1], password(call), call->deadline_ms);
}

static enum err send_message(struct call *call)
{
    const struct xmpp_message message = {.local = call->words[1],
                                         .id = "message-of-a-transcript",
                                         .bodies = {{"en", "A device asks <&>"}, {"zh", "设备请求"}},
                                         .uri = "https://elsewhere.example/answer?a=1&b=2"};
    return xmpp_send_message(call->caller->xmpp, &message, call->deadline_ms);
}

/* ---- rosters ---- */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Groups and items are sets: they are shown in one order. */
static const char *show_item(struct arena *arena, const char *local, const struct roster_item *item)
{
    const char *shown = arena_printf(arena, "shows: %s has %s %s '%s'", local, item->jid,
                                     xmpp_subscription_name(item->subscription), item->name);
    const char **groups = arena_array(arena, item->group_count, sizeof *groups);
    for (size_t i = 0; i < item->group_count; i++)
        groups[i] = item->groups[i];
    qsort(groups, item->group_count, sizeof *groups, compare_texts);
    for (size_t i = 0; i < item->group_count; i++)
        shown = arena_printf(arena, "%s%s %s", shown, i == 0 ? " in" : ",", groups[i]);
    return shown;
}

static void show_roster(struct call *call, const struct roster *roster)
{
    const char **shown = arena_array(call->arena, roster->count, sizeof *shown);
    for (size_t i = 0; i < roster->count; i++)
        shown[i] = show_item(call->arena, call->words[1], &roster->items[i]);
    qsort(shown, roster->count, sizeof *shown, compare_texts);
    for (size_t i = 0; i < roster->count; i++)
        buf_printf(&call->outcome->shows, "%s\n", shown[i]);
}

static enum err read_roster(struct call *call)
{
    struct roster roster = {0};
    const enum err err = xmpp_roster(call->caller->xmpp, call->arena, call->words[1], &roster, call->deadline_ms);
    show_roster(call, &roster);
    return err;
}

/* How the second one is to stand in the first one's roster; and the first one in the second one's. */
static void describe(struct call *call, struct roster_side sides[2])
{
    static const char *const names[] = {"Lamp", "Phone <&> ä"};
    static const char *const group[] = {"Home"};
    for (size_t i = 0; i < 2; i++)
        sides[i] = (struct roster_side){
            .local = call->words[1 + i],
            .exists = true,
            .item = {.jid = arena_printf(call->arena, "%s@%s", call->words[2 - i], call->caller->config.domain),
                     .name = names[i],
                     .groups = group,
                     .group_count = 1}};
    if (call->count < 5)
        return;
    const char **groups = arena_array(call->arena, GROUPS_MAX, sizeof *groups);
    struct roster_item *item = &sides[0].item;
    item->name = call->words[3];
    item->groups = groups;
    item->group_count = 0;
    for (char *rest = call->words[4]; rest != NULL && item->group_count < GROUPS_MAX;)
        groups[item->group_count++] = strsep(&rest, ",");
}

static void show_sides(struct call *call, const struct roster_side sides[2])
{
    for (size_t i = 0; i < 2; i++)
        if (sides[i].seen_present)
            buf_printf(&call->outcome->shows, "%s\n", show_item(call->arena, sides[i].local, &sides[i].seen));
}

static struct xmpp_patience patience_of(const struct call *call)
{
    return (struct xmpp_patience){.disagreeing_ms = DISAGREEING_MS, .deadline_ms = call->deadline_ms};
}

static enum err bind_two(struct call *call)
{
    struct roster_side sides[2];
    const struct xmpp_patience patience = patience_of(call);
    describe(call, sides);
    const enum err err = xmpp_bind(call->caller->xmpp, call->arena, sides, &patience);
    show_sides(call, sides);
    return err;
}

static enum err unbind_two(struct call *call)
{
    struct roster_side sides[2];
    describe(call, sides);
    sides[1].exists = strcmp(call->words[0], "unbind-deleted") != 0;
    const struct xmpp_patience patience = patience_of(call);
    const enum err err = xmpp_unbind(call->caller->xmpp, call->arena, sides, &patience);
    show_sides(call, sides);
    return err;
}

/* ---- all of them ---- */

static const struct {
    const char *name;
    size_t words;
    enum err (*run)(struct call *call);
} calls[] = {
    {"link", 1, link_up},
    {"prove", 1, prove},
    {"create", 3, create},
    {"check", 3, check},
    {"password", 3, set_password},
    {"delete", 2, delete},
    {"end-sessions", 2, end_sessions},
    {"disable", 2, disable},
    {"enable", 3, enable},
    {"message", 2, send_message},
    {"roster", 2, read_roster},
    {"bind", 3, bind_two},
    {"unbind", 3, unbind_two},
    {"unbind-deleted", 3, unbind_two},
};

static enum err run(struct call *call)
{
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (strcmp(calls[i].name, call->words[0]) == 0 && call->count >= calls[i].words)
            return calls[i].run(call);
    fprintf(stderr, "no such call: %s, with %zu words\n", call->words[0], call->count);
    return ERR_INTERNAL;
}

void caller_run(struct caller *caller, const char *text, int64_t timeout_ms, struct outcome *outcome_r)
{
    struct call call = {
        .caller = caller, .deadline_ms = clock_ms() + timeout_ms, .arena = arena_new(), .outcome = outcome_r};
    buf_clear(&outcome_r->shows);
    outcome_r->result[0] = '\0';
    char *rest = arena_strdup(call.arena, text);
    do
        call.words[call.count++] = strsep(&rest, " ");
    while (rest != NULL && call.count < WORDS_MAX);
    const enum err err = run(&call);
    if (outcome_r->result[0] == '\0')
        snprintf(outcome_r->result, sizeof outcome_r->result, "%s", err_name(err));
    arena_free(&call.arena);
}

void outcome_init(struct outcome *outcome)
{
    outcome->result[0] = '\0';
    buf_init(&outcome->shows, 64 * 1024);
}

void outcome_free(struct outcome *outcome)
{
    buf_free(&outcome->shows);
}

void caller_init(struct caller *caller, const char *host, uint16_t port, const char *domain, const char *component,
                 const char *secret)
{
    *caller = (struct caller){.config = {.host = host,
                                         .port = port,
                                         .tls_ca_file = "",
                                         .tls_name = "",
                                         .tls_pin_sha256 = "",
                                         .domain = domain,
                                         .component = component,
                                         .secret = secret_of_cstr(secret),
                                         .server = "auto",
                                         .api_url = "",
                                         .api_user = "",
                                         .api_secret = secret_of_cstr(""),
                                         .in_flight = 4,
                                         .request_timeout_ms = 20000,
                                         .connect_timeout_ms = 5000,
                                         .ping_interval_ms = 60000,
                                         .backoff_base_ms = 2,
                                         .backoff_cap_ms = 20,
                                         .version = "1.0"}};
}

void caller_close(struct caller *caller)
{
    xmpp_close(&caller->xmpp);
}

void caller_prove_by(struct caller *caller, const char *name, const char *version)
{
    struct server_facts facts = {0};
    snprintf(facts.name, sizeof facts.name, "%s", name);
    snprintf(facts.version, sizeof facts.version, "%s", version);
    server_proof(&caller->config, server_choose("auto", &facts), &facts, caller->proof);
}
