/* Answering those who wish to be bound. */
#include <inttypes.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/text.h"
#include "component/commands/command_kind.h"
#include "component/service/asks.h"

static void *asks_io(struct arena *arena, const struct credential *credential)
{
    struct asks_io *io = arena_alloc(arena, sizeof *io);
    io->credential = *credential;
    return io;
}

static void show(const struct commands_config *config, const struct call *call, struct command_answer *answer)
{
    static const struct form_option answers[] = {COMMAND_UNCHOSEN_OPTION, {"Yes", "yes"}, {"No", "no"}};
    enum { FIELDS = 2 };
    const struct asks_io *io = call->io;
    if (io->count == 0) {
        answer_note(answer, "Nobody asks you anything.");
        return;
    }
    struct form *form = arena_alloc(call->arena, sizeof *form);
    struct form_field *fields = arena_array(call->arena, FIELDS, sizeof *fields);
    struct form_option *options = arena_array(call->arena, io->count, sizeof *options);
    for (size_t i = 0; i < io->count; i++)
        options[i] = (struct form_option){.label = answer_name_of(config, call, &io->asks[i].other),
                                          .value = arena_printf(call->arena, "%" PRId64, io->asks[i].ask.id)};
    fields[0] = (struct form_field){.name = "ask",
                                    .type = "list-single",
                                    .label = "Who wishes to be bound to you",
                                    .required = true,
                                    .value = options[0].value,
                                    .options = options,
                                    .option_count = io->count};
    fields[1] = (struct form_field){.name = "answer",
                                    .type = "list-single",
                                    .label = "Your answer",
                                    .value = COMMAND_UNCHOSEN,
                                    .required = true,
                                    .options = answers,
                                    .option_count = sizeof answers / sizeof answers[0]};
    *form = (struct form){.type = "form", .title = "Answer", .fields = fields, .field_count = FIELDS};
    answer->form = form;
}

static enum err decode(const struct commands_config *config, const struct command_request *request,
                       const struct credential *credential, struct call *call)
{
    (void)config;
    struct answer_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    const char *ask = command_value(request, "ask"), *answer = command_value(request, "answer");
    io->credential = *credential;
    if (ask == NULL || answer == NULL || (strcmp(answer, "yes") != 0 && strcmp(answer, "no") != 0))
        return ERR_INVALID;
    io->accept = strcmp(answer, "yes") == 0;
    return parse_i64(ask, 1, INT64_MAX, &io->ask_id);
}

static void render(const struct commands_config *config, const struct call *call, struct command_answer *answer)
{
    const struct answer_io *io = call->io;
    const char *format = !io->accept       ? "%s was told no."
                         : io->wishes.seen ? "You are bound to %s."
                                           : "You will be bound to %s in a moment.";
    answer_note(answer, arena_printf(call->arena, format, answer_name_of(config, call, &io->peer)));
}

static const char *explain(enum err err)
{
    return err == ERR_NOT_FOUND ? "Nobody asks that any more."
           : err == ERR_BOUND   ? "You are bound to that one already."
                                : NULL;
}

const struct command_kind command_answer = {.node = "answer",
                                            .name = "Answer who wishes to be bound",
                                            .prepare = &op_list_asks,
                                            .prepare_io = asks_io,
                                            .show = show,
                                            .run = &op_answer_ask,
                                            .decode = decode,
                                            .render = render,
                                            .explain = explain};
