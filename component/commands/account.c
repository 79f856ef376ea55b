/* My account: what there is of it, and what it says to those who wish to be bound to it. */
#include <inttypes.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/commands/command_kind.h"
#include "component/service/names.h"
#include "component/service/own_account.h"

static const struct form_option consents[] = {
    [CONSENT_ACCEPT] = {"Bind me without asking", "accept"},
    [CONSENT_ASK] = {"Ask me first", "ask"},
    [CONSENT_REFUSE] = {"Refuse", "refuse"},
};
enum { CONSENTS = sizeof consents / sizeof consents[0] };

static void *account_io(struct arena *arena, const struct credential *credential)
{
    struct own_account_io *io = arena_alloc(arena, sizeof *io);
    io->credential = *credential;
    return io;
}

/* All in its value: clients show no label of a fixed field. */
static struct form_field fixed(const struct call *call, const char *name, const char *label, const char *value)
{
    return (struct form_field){
        .name = name, .type = "fixed", .value = arena_printf(call->arena, "%s: %s", label, value)};
}

static void show(const struct commands_config *config, const struct call *call, struct command_answer *answer)
{
    static const char *const types[] = {
        [ACCOUNT_ANY] = "", [ACCOUNT_PHONE] = "phone", [ACCOUNT_DEVICE] = "device", [ACCOUNT_WECHAT] = "WeChat"};
    enum { FIELDS = 5 };
    const struct own_account_io *io = call->io;
    const struct account *account = io->account;
    struct form *form = arena_alloc(call->arena, sizeof *form);
    struct form_field *fields = arena_array(call->arena, FIELDS, sizeof *fields);
    fields[0] = fixed(call, "name", "Name", answer_name_of(config, call, account));
    fields[1] = fixed(call, "account-jid", "JID", answer_jid_of(config, call, account));
    fields[2] = fixed(call, "type", "Kind", types[account->type]);
    fields[3] = fixed(call, "bindings", "Bound to", arena_printf(call->arena, "%" PRId64, io->bindings));
    fields[4] = (struct form_field){.name = "consent",
                                    .type = "list-single",
                                    .label = "Who wishes to be bound to me",
                                    .required = true,
                                    .value = consents[account->consent].value,
                                    .options = consents,
                                    .option_count = CONSENTS};
    *form = (struct form){.type = "form",
                          .title = "My account",
                          .instructions = arena_printf(call->arena, "Who wishes to be bound to you: it is \"%s\" now.",
                                                       consents[account->consent].value),
                          .fields = fields,
                          .field_count = FIELDS};
    answer->form = form;
}

static enum err decode(const struct commands_config *config, const struct command_request *request,
                       const struct credential *credential, struct call *call)
{
    (void)config;
    struct set_consent_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    const char *consent = command_value(request, "consent");
    io->credential = *credential;
    for (size_t i = 0; consent != NULL && i < CONSENTS; i++) {
        if (strcmp(consent, consents[i].value) == 0) {
            io->consent = (enum consent)i;
            return OK;
        }
    }
    return ERR_INVALID;
}

static void render(const struct commands_config *config, const struct call *call, struct command_answer *answer)
{
    (void)config;
    const struct set_consent_io *io = call->io;
    answer_note(answer, arena_printf(call->arena, "Who wishes to be bound to you: %s.", consents[io->consent].value));
}

const struct command_kind command_account = {.node = "account",
                                             .name = "My account",
                                             .prepare = &op_own_account,
                                             .prepare_io = account_io,
                                             .show = show,
                                             .run = &op_set_consent,
                                             .decode = decode,
                                             .render = render};
