/* The runner of commands (commands.h): from a stanza to a call, and back.
 *
 * The link's thread reads the request, looks at what can be looked at without asking anybody, and hands the call over;
 * it is finished on whatever thread its last step ran, and the answer is written there. A command has one holder at a
 * time, and its memory is one arena. */
#include "component/commands/commands.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "component/base/clock.h"
#include "component/base/log.h"
#include "component/base/metrics.h"
#include "component/commands/command_kind.h"
#include "component/commands/errors.h"
#include "component/commands/session.h"
#include "xmpp/inbound.h"
#include "xmpp/xmpp.h"

/* Of one account a sixteenth of all commands at once, or two: a client sends one and waits, and somebody has two
 * clients. */
enum { ANSWER_MAX = 128 * 1024, PART_OF_ONE = 16, OF_ONE_LEAST = 2 };

static const struct command_kind *const kinds[] = {&command_list,    &command_bind,   &command_unbind, &command_rename,
                                                   &command_account, &command_invite, &command_answer};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

struct commands {
    struct commands_config config;
    struct command_offer offers[KINDS];
    pthread_mutex_t lock; /* of what follows */
    struct running *first;
    unsigned active;
};

/* One that is under way. */
struct running {
    struct call call;
    struct commands *commands;
    uint64_t generation; /* of the link it came by */
    struct command_request request;
    const struct command_kind *kind;
    const char *local; /* who asks */
    bool showing;      /* the form, not what was filled in */
    struct running *next, **link;
};

/* False: there are too many, of all or of this one's. */
static bool enter(struct commands *commands, struct running *running)
{
    const unsigned part = commands->config.in_flight / PART_OF_ONE, of_one = part > OF_ONE_LEAST ? part : OF_ONE_LEAST;
    unsigned own = 0;
    pthread_mutex_lock(&commands->lock);
    for (const struct running *other = commands->first; other != NULL; other = other->next)
        own += strcmp(other->local, running->local) == 0;
    const bool room = commands->active < commands->config.in_flight && own < of_one;
    if (room) {
        commands->active++;
        metric_move(M_COMMANDS, 1);
        running->next = commands->first;
        running->link = &commands->first;
        if (running->next != NULL)
            running->next->link = &running->next;
        commands->first = running;
    }
    pthread_mutex_unlock(&commands->lock);
    return room;
}

static void leave(struct commands *commands, struct running *running)
{
    pthread_mutex_lock(&commands->lock);
    *running->link = running->next;
    if (running->next != NULL)
        running->next->link = running->link;
    commands->active--;
    metric_move(M_COMMANDS, -1);
    pthread_mutex_unlock(&commands->lock);
}

/* --- the answer */

static void send_answer(struct commands *commands, uint64_t generation, const struct command_request *request,
                        const struct command_answer *answer)
{
    struct buf text;
    buf_init(&text, ANSWER_MAX);
    const enum err written = command_write(commands->config.component, request, answer, &text);
    enum err err = written;
    if (written != OK) { /* a name that no stanza carries, or too much of it */
        struct command_answer failed = {0};
        error_answer(ERR_INTERNAL, &failed);
        err = command_write(commands->config.component, request, &failed, &text);
        if (err == OK) /* else it is the id or the address of who asks, who could fill the log with it */
            log_error("command_not_answered", F("node", request->node), F_ERR(written));
    }
    if (err == OK)
        err = xmpp_answer(commands->config.xmpp, generation, &text);
    if (err != OK)
        log_debug("command_answer_lost", F_ERR(err));
    buf_free(&text);
}

static void fill_in(const struct running *running, struct command_answer *answer)
{
    const struct commands_config *config = &running->commands->config;
    const struct call *call = &running->call;
    if (call->result != OK) {
        const char *text = running->kind->explain != NULL ? running->kind->explain(call->result) : NULL;
        error_of_run(call->result, text, answer);
        return;
    }
    answer->status = "completed";
    if (!running->showing) {
        running->kind->render(config, call, answer);
        return;
    }
    running->kind->show(config, call, answer);
    if (answer->form == NULL)
        return;
    answer->status = "executing";
    answer->session =
        session_make(call->arena, config->keyring, running->request.from, running->kind->node, clock_unix());
}

static void finish(struct running *running)
{
    struct commands *commands = running->commands;
    struct arena *arena = running->call.arena;
    struct command_answer answer = {0};
    fill_in(running, &answer);
    send_answer(commands, running->generation, &running->request, &answer);
    leave(commands, running); /* the last that is done with `commands` */
    arena_free(&arena);       /* the running command, too */
}

static void finished(struct call *call)
{
    finish((struct running *)call); /* call is the first member */
}

/* --- the request */

static const struct command_kind *find_kind(const char *node)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i]->node, node) == 0)
            return kinds[i];
    return NULL;
}

/* The local part of a JID of the server's own domain, the arena's; else NULL. A resource may hold anything. */
static const char *local_of(const struct commands *commands, struct arena *arena, const char *jid)
{
    const char *bare = arena_copy(arena, jid, strcspn(jid, "/"));
    const char *at = strchr(bare, '@');
    if (at == NULL || at == bare || strcmp(at + 1, commands->config.domain) != 0)
        return NULL;
    return arena_copy(arena, bare, (size_t)(at - bare));
}

/* Where the command stands by its session and its action. OK, or the error's detail comes out. */
static enum err find_stage(struct running *running, const char **detail_r)
{
    const struct command_request *request = &running->request;
    const struct commands_config *config = &running->commands->config;
    if (request->action == COMMAND_UNKNOWN) {
        *detail_r = "malformed-action";
        return ERR_INVALID;
    }
    if (request->session[0] == '\0') {
        *detail_r = "bad-action";
        running->showing = running->kind->prepare != NULL && !request->has_form;
        return request->action == COMMAND_EXECUTE || (request->action == COMMAND_COMPLETE && request->has_form)
                   ? OK
                   : ERR_INVALID;
    }
    const enum err err = session_check(running->call.arena, config->keyring, request->session, request->from,
                                       running->kind->node, clock_unix(), config->session_ms);
    if (err != OK) {
        *detail_r = err == ERR_TIMEOUT ? "session-expired" : "bad-sessionid";
        return err;
    }
    *detail_r = "bad-action"; /* there is no stage before the first */
    return request->action == COMMAND_PREV ? ERR_INVALID : OK;
}

/* Makes the call's input. OK, or what is answered at once. */
static enum err make_call(struct running *running, struct command_answer *answer)
{
    const struct commands_config *config = &running->commands->config;
    const struct command_request *request = &running->request;
    const struct credential credential = {.jid_local = running->local};
    struct call *call = &running->call;
    if (running->showing) {
        call->op = running->kind->prepare;
        call->io = running->kind->prepare_io(call->arena, &credential);
        return OK;
    }
    call->op = running->kind->run;
    const enum err err = running->kind->decode(config, request, &credential, call);
    return err == OK ? OK : error_of_protocol("bad-payload", answer);
}

/* OK: there is a call to be run. Else the answer is there. */
static enum err look(struct running *running, struct command_answer *answer)
{
    const struct command_request *request = &running->request;
    const char *detail = NULL;
    running->local = local_of(running->commands, running->call.arena, request->from);
    if (running->local == NULL)
        return error_answer(ERR_FORBIDDEN, answer);
    if ((running->kind = find_kind(request->node)) == NULL)
        return error_answer(ERR_NOT_FOUND, answer);
    if (find_stage(running, &detail) != OK)
        return error_of_protocol(detail, answer);
    if (request->action == COMMAND_CANCEL) {
        *answer = (struct command_answer){.status = "canceled", .session = request->session};
        return ERR_CONFLICT;
    }
    return make_call(running, answer);
}

static void asked(void *arg, uint64_t generation, const struct element *iq)
{
    struct commands *commands = arg;
    struct arena *arena = arena_new();
    struct running *running = arena_alloc(arena, sizeof *running);
    struct command_answer answer = {0};
    *running = (struct running){.call = {.services = commands->config.services,
                                         .arena = arena,
                                         .deadline_ms = clock_ms() + commands->config.timeout_ms,
                                         .finished = finished},
                                .commands = commands,
                                .generation = generation};
    enum err err = command_read(arena, iq, &running->request);
    err = err == OK ? look(running, &answer) : error_of_protocol("bad-payload", &answer);
    if (err == OK && !enter(commands, running)) {
        metric_add(M_LANE_REFUSED, "commands", 1);
        err = error_answer(ERR_BUSY, &answer);
    }
    if (err != OK) {
        send_answer(commands, generation, &running->request, &answer);
        arena_free(&arena);
    } else if (call_begin(&running->call)) {
        finish(running);
    } else {
        call_submit(&running->call);
    }
}

/* --- life */

struct commands *commands_start(const struct commands_config *config)
{
    struct commands *commands = xcalloc(1, sizeof *commands);
    commands->config = *config;
    pthread_mutex_init(&commands->lock, NULL);
    for (size_t i = 0; i < KINDS; i++)
        commands->offers[i] = (struct command_offer){kinds[i]->node, kinds[i]->name};
    const struct xmpp_offer offer = {.commands = commands->offers,
                                     .count = KINDS,
                                     .register_text = config->register_text,
                                     .register_url = config->register_url,
                                     .asked = asked,
                                     .arg = commands};
    xmpp_offer(config->xmpp, &offer);
    return commands;
}

void commands_quiesce(struct commands *commands)
{
    xmpp_offer(commands->config.xmpp, NULL);
}

unsigned commands_active(struct commands *commands)
{
    pthread_mutex_lock(&commands->lock);
    const unsigned active = commands->active;
    pthread_mutex_unlock(&commands->lock);
    return active;
}

void commands_free(struct commands **commands)
{
    if (*commands == NULL)
        return;
    pthread_mutex_destroy(&(*commands)->lock);
    free(*commands);
    *commands = NULL;
}
