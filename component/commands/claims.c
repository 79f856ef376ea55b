/* Claim codes: bind (enter one), invite (make one). */
#include <inttypes.h>

#include "component/base/arena.h"
#include "component/commands/command_kind.h"
#include "component/service/claims.h"
#include "component/service/own_account.h"

/* --- entering one */

/* Only to see that the JID may ask. */
static void *account_io(struct arena *arena, const struct credential *credential)
{
    struct own_account_io *io = arena_alloc(arena, sizeof *io);
    io->credential = *credential;
    return io;
}

static void show_bind(const struct commands_config *config, const struct call *call, struct command_answer *answer)
{
    static const struct form_field field = {.name = "code", .type = "text-single", .label = "Code", .required = true};
    static const struct form form = {.type = "form",
                                     .title = "Bind a device",
                                     .instructions = "Enter the code that the device shows, such as 7HK2M-P3X9R.",
                                     .fields = &field,
                                     .field_count = 1};
    (void)config;
    (void)call;
    answer->form = &form;
}

static enum err decode_bind(const struct commands_config *config, const struct command_request *request,
                            const struct credential *credential, struct call *call)
{
    (void)config;
    struct redeem_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    io->credential = *credential;
    io->code = command_value(request, "code");
    return io->code != NULL ? OK : ERR_INVALID;
}

static void render_bind(const struct commands_config *config, const struct call *call, struct command_answer *answer)
{
    const struct redeem_io *io = call->io;
    answer_note(answer, arena_printf(call->arena,
                                     io->wishes.seen ? "You are bound to %s." : "You will be bound to %s in a moment.",
                                     answer_name_of(config, call, &io->peer)));
}

static const char *explain_bind(enum err err)
{
    switch (err) {
    case ERR_CODE:
        return "The code is wrong, was used, or has run out.";
    case ERR_INVALID:
        return "That is your own code: it is for somebody else to enter.";
    case ERR_BOUND:
        return "You are bound to that one already.";
    case ERR_REFUSED:
        return "One of you refuses to be bound.";
    default:
        return NULL;
    }
}

const struct command_kind command_bind = {.node = "bind",
                                          .name = "Bind a device by its code",
                                          .prepare = &op_own_account,
                                          .prepare_io = account_io,
                                          .show = show_bind,
                                          .run = &op_redeem_claim,
                                          .decode = decode_bind,
                                          .render = render_bind,
                                          .explain = explain_bind};

/* --- making one */

static enum err decode_invite(const struct commands_config *config, const struct command_request *request,
                              const struct credential *credential, struct call *call)
{
    (void)config;
    (void)request;
    struct claim_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    io->credential = *credential;
    return OK;
}

static void render_invite(const struct commands_config *config, const struct call *call, struct command_answer *answer)
{
    enum { FIELDS = 3, MS_PER_MINUTE = 60000 };
    (void)config;
    const struct claim_io *io = call->io;
    struct form *form = arena_alloc(call->arena, sizeof *form);
    struct form_field *fields = arena_array(call->arena, FIELDS, sizeof *fields);
    fields[0] = (struct form_field){.name = "code", .type = "text-single", .label = "Code", .value = io->code};
    fields[1] =
        (struct form_field){.name = "uri", .type = "text-single", .label = "For a QR picture", .value = io->uri};
    fields[2] = (struct form_field){.name = "minutes",
                                    .type = "text-single",
                                    .label = "Good for minutes",
                                    .value = arena_printf(call->arena, "%" PRId64, io->lifetime_ms / MS_PER_MINUTE)};
    *form = (struct form){.type = "result",
                          .title = "Invitation",
                          .instructions = "Whoever enters this code is bound to you. It can be used once.",
                          .fields = fields,
                          .field_count = FIELDS};
    answer->form = form;
}

static const char *explain_invite(enum err err)
{
    return err == ERR_REFUSED ? "You refuse to be bound: change that first (the command \"My account\")." : NULL;
}

const struct command_kind command_invite = {.node = "invite",
                                            .name = "Invite somebody by a code",
                                            .run = &op_make_claim,
                                            .decode = decode_invite,
                                            .render = render_invite,
                                            .explain = explain_invite};
