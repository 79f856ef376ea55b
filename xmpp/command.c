#include "xmpp/command.h"

#include <string.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "xmpp/ns.h"
#include "xmpp/stanza.h"

/* --- reading */

static const struct element *command_of(const struct element *iq)
{
    return element_child(iq, NS_COMMANDS, "command");
}

bool command_is(const struct element *iq)
{
    return command_of(iq) != NULL;
}

static enum command_action action_of(const char *text)
{
    static const char *const names[] = {[COMMAND_EXECUTE] = "execute",
                                        [COMMAND_NEXT] = "next",
                                        [COMMAND_PREV] = "prev",
                                        [COMMAND_COMPLETE] = "complete",
                                        [COMMAND_CANCEL] = "cancel"};
    if (text == NULL)
        return COMMAND_EXECUTE;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(text, names[i]) == 0)
            return (enum command_action)i;
    return COMMAND_UNKNOWN;
}

/* A copy; or "", and it is noted that it was too long. */
static const char *keep(struct arena *arena, const char *text, bool *fits)
{
    if (strlen(text) <= COMMAND_VALUE_MAX)
        return arena_strdup(arena, text);
    *fits = false;
    return "";
}

static bool read_form(struct arena *arena, const struct element *form, struct command_request *request)
{
    struct command_field *fields = arena_array(arena, COMMAND_FIELDS_MAX, sizeof *fields);
    bool fits = true;
    request->fields = fields;
    for (const struct element *field = element_child(form, NS_DATA, "field"); field != NULL;
         field = element_next(field, NS_DATA, "field")) {
        const struct element *value = element_child(field, NS_DATA, "value");
        if (request->field_count == COMMAND_FIELDS_MAX)
            return false;
        fields[request->field_count++] =
            (struct command_field){.name = keep(arena, element_attribute_or_empty(field, "var"), &fits),
                                   .value = keep(arena, value != NULL ? value->text : "", &fits)};
    }
    return fits;
}

enum err command_read(struct arena *arena, const struct element *iq, struct command_request *request_r)
{
    const struct element *command = command_of(iq);
    const struct element *form = element_child(command, NS_DATA, "x");
    bool fits = true;
    *request_r = (struct command_request){
        .from = arena_strdup(arena, element_attribute_or_empty(iq, "from")),
        .id = arena_strdup(arena, element_attribute_or_empty(iq, "id")),
        .node = keep(arena, element_attribute_or_empty(command, "node"), &fits),
        .session = keep(arena, element_attribute_or_empty(command, "sessionid"), &fits),
        .action = action_of(element_attribute(command, "action")),
        .has_form = form != NULL && element_attribute_is(form, "type", "submit"),
    };
    if (request_r->has_form && !read_form(arena, form, request_r))
        fits = false;
    return fits ? OK : ERR_TOO_LARGE;
}

const char *command_value(const struct command_request *request, const char *name)
{
    for (size_t i = 0; i < request->field_count; i++)
        if (strcmp(request->fields[i].name, name) == 0)
            return request->fields[i].value[0] != '\0' ? request->fields[i].value : NULL;
    return NULL;
}

/* --- writing */

static void attribute(struct stanza_builder *builder, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0')
        stanza_attribute(builder, name, value);
}

static void text_element(struct stanza_builder *builder, const char *name, const char *text)
{
    if (text == NULL)
        return;
    stanza_open(builder, name, NULL);
    stanza_text(builder, text);
    stanza_close(builder);
}

static void write_field(struct stanza_builder *builder, const struct form_field *field)
{
    stanza_open(builder, "field", NULL);
    attribute(builder, "var", field->name);
    attribute(builder, "type", field->type);
    attribute(builder, "label", field->label);
    if (field->required) {
        stanza_open(builder, "required", NULL);
        stanza_close(builder);
    }
    text_element(builder, "value", field->value);
    for (size_t i = 0; i < field->option_count; i++) {
        stanza_open(builder, "option", NULL);
        attribute(builder, "label", field->options[i].label);
        text_element(builder, "value", field->options[i].value);
        stanza_close(builder);
    }
    stanza_close(builder);
}

static void write_row(struct stanza_builder *builder, const struct form *form, const char *const *cells)
{
    stanza_open(builder, "item", NULL);
    for (size_t i = 0; i < form->column_count; i++) {
        const struct form_field cell = {.name = form->columns[i].name, .value = cells[i]};
        write_field(builder, &cell);
    }
    stanza_close(builder);
}

static void write_table(struct stanza_builder *builder, const struct form *form)
{
    stanza_open(builder, "reported", NULL);
    for (size_t i = 0; i < form->column_count; i++) {
        const struct form_column *column = &form->columns[i];
        const struct form_field head = {.name = column->name, .type = column->type, .label = column->label};
        write_field(builder, &head);
    }
    stanza_close(builder);
    for (size_t row = 0; row < form->row_count; row++)
        write_row(builder, form, form->cells + row * form->column_count);
}

static void write_form(struct stanza_builder *builder, const struct form *form)
{
    stanza_open(builder, "x", NS_DATA);
    stanza_attribute(builder, "type", form->type);
    text_element(builder, "title", form->title);
    text_element(builder, "instructions", form->instructions);
    for (size_t i = 0; i < form->field_count; i++)
        write_field(builder, &form->fields[i]);
    if (form->column_count > 0)
        write_table(builder, form);
    stanza_close(builder);
}

/* All our commands have one form: it can be completed, and that is what a mere "execute" does. */
static void write_actions(struct stanza_builder *builder)
{
    stanza_open(builder, "actions", NULL);
    stanza_attribute(builder, "execute", "complete");
    stanza_open(builder, "complete", NULL);
    stanza_close(builder);
    stanza_close(builder);
}

static void write_command(struct stanza_builder *builder, const struct command_request *request,
                          const struct command_answer *answer)
{
    stanza_open(builder, "command", NS_COMMANDS);
    attribute(builder, "node", request->node);
    attribute(builder, "sessionid", answer->session);
    attribute(builder, "status", answer->status);
    if (strcmp(answer->status, "executing") == 0)
        write_actions(builder);
    if (answer->form != NULL)
        write_form(builder, answer->form);
    if (answer->note != NULL) {
        stanza_open(builder, "note", NULL);
        stanza_attribute(builder, "type", answer->note_type);
        stanza_text(builder, answer->note);
        stanza_close(builder);
    }
    stanza_close(builder);
}

static void write_error(struct stanza_builder *builder, const struct command_answer *answer)
{
    stanza_open(builder, "error", NULL);
    stanza_attribute(builder, "type", answer->kind);
    stanza_open(builder, answer->condition, NS_STANZA_ERRORS);
    stanza_close(builder);
    if (answer->detail != NULL) {
        stanza_open(builder, answer->detail, NS_COMMANDS);
        stanza_close(builder);
    }
    stanza_close(builder);
}

enum err command_write(const char *component, const struct command_request *request,
                       const struct command_answer *answer, struct buf *out)
{
    const bool failed = answer->condition != NULL;
    struct stanza_builder *builder = stanza_builder_new();
    stanza_open_iq(builder, failed ? "error" : "result", component, request->from, request->id);
    if (failed)
        write_error(builder, answer);
    else
        write_command(builder, request, answer);
    const enum err err = stanza_finish(builder, out);
    stanza_builder_free(&builder);
    return err;
}
