/* My devices (or phones): list, unbind, rename. */
#include "component/base/arena.h"
#include "component/base/buf.h"
#include "component/commands/command_kind.h"
#include "component/service/bind.h"
#include "component/service/rename.h"

enum { LIST_COLUMNS = 3, LINES_MAX = 64 * 1024 };

/* --- what an account is bound to, for the list and for the forms */

static void *list_io(struct arena *arena, const struct credential *credential)
{
    struct bound_io *io = arena_alloc(arena, sizeof *io);
    io->credential = *credential;
    return io;
}

static size_t shown(const struct bound_io *io)
{
    return io->count < COMMAND_ROWS_MAX ? io->count : COMMAND_ROWS_MAX;
}

/* A note when there are none, or too many to be shown. */
static void note_count(const struct call *call, struct command_answer *answer)
{
    const struct bound_io *io = call->io;
    if (io->count == 0)
        answer_note(answer, "You are bound to nobody.");
    else if (io->count > COMMAND_ROWS_MAX)
        answer_note(answer,
                    arena_printf(call->arena, "These are the first %d of %zu.", (int)COMMAND_ROWS_MAX, io->count));
}

/* As the account's own list shows it, as far as that is known. */
static const char *name_of(const struct commands_config *config, const struct call *call,
                           const struct bound_peer *bound)
{
    struct account shown_as = bound->peer;
    if (bound->nickname[0] != '\0')
        shown_as.nickname = bound->nickname;
    return answer_name_of(config, call, &shown_as);
}

static const char *state_of(const struct bound_peer *bound)
{
    return bound->seen ? "bound" : "pending";
}

static enum err decode_list(const struct commands_config *config, const struct command_request *request,
                            const struct credential *credential, struct call *call)
{
    (void)config;
    (void)request;
    call->io = list_io(call->arena, credential);
    return OK;
}

/* Once more as text, for clients that show no tables (profanity 0.13). */
static const char *lines_of(const struct call *call, const char *const *cells, size_t rows)
{
    const struct bound_io *io = call->io;
    struct buf text;
    buf_init(&text, LINES_MAX);
    for (size_t i = 0; i < rows; i++, cells += LIST_COLUMNS)
        buf_printf(&text, "%s%s, %s, %s", i > 0 ? "\n" : "", cells[0], cells[1], cells[2]);
    if (io->count > rows)
        buf_printf(&text, "\nThese are the first %zu of %zu.", rows, io->count);
    const char *lines = arena_strdup(call->arena, buf_cstr(&text));
    buf_free(&text);
    return lines;
}

static void render_list(const struct commands_config *config, const struct call *call, struct command_answer *answer)
{
    static const struct form_column columns[LIST_COLUMNS] = {
        {"name", "text-single", "Name"}, {"jid", "jid-single", "JID"}, {"state", "text-single", "State"}};
    const struct bound_io *io = call->io;
    const size_t rows = shown(io);
    if (rows == 0) {
        note_count(call, answer);
        return;
    }
    const char **cells = arena_array(call->arena, rows * LIST_COLUMNS, sizeof *cells);
    for (size_t i = 0; i < rows; i++) {
        cells[i * LIST_COLUMNS] = name_of(config, call, &io->peers[i]);
        cells[i * LIST_COLUMNS + 1] = answer_jid_of(config, call, &io->peers[i].peer);
        cells[i * LIST_COLUMNS + 2] = state_of(&io->peers[i]);
    }
    answer_note(answer, lines_of(call, cells, rows));
    struct form *form = arena_alloc(call->arena, sizeof *form);
    *form = (struct form){.type = "result",
                          .title = "My devices",
                          .columns = columns,
                          .column_count = LIST_COLUMNS,
                          .cells = cells,
                          .row_count = rows};
    answer->form = form;
}

const struct command_kind command_list = {
    .node = "list", .name = "My devices", .run = &op_list_bound, .decode = decode_list, .render = render_list};

/* A field to choose one of them; the others of the form follow it. */
static struct form_field *fields_of(const struct commands_config *config, const struct call *call, size_t count)
{
    const struct bound_io *io = call->io;
    struct form_field *fields = arena_array(call->arena, count, sizeof *fields);
    struct form_option *options = arena_array(call->arena, shown(io) + 1, sizeof *options);
    options[0] = (struct form_option)COMMAND_UNCHOSEN_OPTION;
    for (size_t i = 0; i < shown(io); i++)
        options[i + 1] = (struct form_option){.label = name_of(config, call, &io->peers[i]),
                                              .value = answer_jid_of(config, call, &io->peers[i].peer)};
    fields[0] = (struct form_field){.name = "jid",
                                    .type = "list-single",
                                    .label = "Device",
                                    .value = COMMAND_UNCHOSEN,
                                    .required = true,
                                    .options = options,
                                    .option_count = shown(io) + 1};
    return fields;
}

/* --- unbinding */

static void show_unbind(const struct commands_config *config, const struct call *call, struct command_answer *answer)
{
    note_count(call, answer);
    if (((const struct bound_io *)call->io)->count == 0)
        return;
    struct form *form = arena_alloc(call->arena, sizeof *form);
    *form = (struct form){.type = "form",
                          .title = "Unbind",
                          .instructions = "Which device shall not be bound to you any more?",
                          .fields = fields_of(config, call, 1),
                          .field_count = 1};
    answer->form = form;
}

static enum err decode_unbind(const struct commands_config *config, const struct command_request *request,
                              const struct credential *credential, struct call *call)
{
    struct bind_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    const char **local = arena_alloc(call->arena, sizeof *local);
    io->credential = *credential;
    io->list = (struct name_list){.jids = local, .count = 1};
    return command_local(config, request, "jid", call->arena, local);
}

static void render_unbind(const struct commands_config *config, const struct call *call, struct command_answer *answer)
{
    const struct bind_io *io = call->io;
    const char *name = answer_name_of(config, call, io->targets[0]);
    answer_note(answer, arena_printf(call->arena,
                                     io->wishes.seen ? "%s is not bound to you any more."
                                                     : "%s will not be bound to you any more in a moment.",
                                     name));
}

static const char *explain_unbind(enum err err)
{
    return err == ERR_NO_SUCH_NAME || err == ERR_NOT_BOUND ? "You are not bound to that one." : NULL;
}

const struct command_kind command_unbind = {.node = "unbind",
                                            .name = "Unbind a device",
                                            .prepare = &op_list_bound,
                                            .prepare_io = list_io,
                                            .show = show_unbind,
                                            .run = &op_unbind,
                                            .decode = decode_unbind,
                                            .render = render_unbind,
                                            .explain = explain_unbind};

/* --- renaming */

static void show_rename(const struct commands_config *config, const struct call *call, struct command_answer *answer)
{
    note_count(call, answer);
    if (((const struct bound_io *)call->io)->count == 0)
        return;
    struct form *form = arena_alloc(call->arena, sizeof *form);
    struct form_field *fields = fields_of(config, call, 2);
    fields[1] = (struct form_field){.name = "nickname", .type = "text-single", .label = "Name"};
    *form = (struct form){.type = "form",
                          .title = "Rename",
                          .instructions =
                              "How shall your contact list call it? Without a name it is called as it calls itself.",
                          .fields = fields,
                          .field_count = 2};
    answer->form = form;
}

static enum err decode_rename(const struct commands_config *config, const struct command_request *request,
                              const struct credential *credential, struct call *call)
{
    struct rename_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    const char *nickname = command_value(request, "nickname");
    io->credential = *credential;
    io->nickname = nickname != NULL ? nickname : "";
    return command_local(config, request, "jid", call->arena, &io->jid_local);
}

static void render_rename(const struct commands_config *config, const struct call *call, struct command_answer *answer)
{
    (void)config;
    const struct rename_io *io = call->io;
    answer_note(answer, io->wishes.seen ? "Your contact list has the new name."
                                        : "Your contact list will have the new name in a moment.");
}

static const char *explain_rename(enum err err)
{
    return err == ERR_NOT_BOUND ? "You are not bound to that one."
           : err == ERR_INVALID
               ? "No contact list can hold that name: it is too long, or there is something in it that is no text."
               : NULL;
}

const struct command_kind command_rename = {.node = "rename",
                                            .name = "Rename a device",
                                            .prepare = &op_list_bound,
                                            .prepare_io = list_io,
                                            .show = show_rename,
                                            .run = &op_rename,
                                            .decode = decode_rename,
                                            .render = render_rename,
                                            .explain = explain_rename};
