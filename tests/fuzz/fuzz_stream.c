/* A component stream with any bytes in it, cut in pieces of the size that the first byte says: reading it ends, and
 * what we answer to strangers is well-formed whatever they asked. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "component/base/crypto.h"
#include "xmpp/adhoc.h"
#include "xmpp/command.h"
#include "xmpp/inbound.h"
#include "xmpp/ns.h"
#include "xmpp/parser.h"
#include "xmpp/rosters.h"
#include "xmpp/server.h"
#include "xmpp/stream.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    crypto_init();
    return 0;
}

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void ignore_header(void *arg, const struct element *header)
{
    (void)arg;
    (void)header;
}

static void count(void *arg, struct tree *stanza)
{
    ++*(unsigned *)arg;
    tree_free(&stanza);
}

static void ignore_skipped(void *arg, const struct element *root, const char *reason)
{
    (void)arg;
    require(reason[0] != '\0' && (root == NULL || root->name[0] != '\0'));
}

static void ignore_end(void *arg)
{
    (void)arg;
}

/* At most one stanza was written, and a parser as strict as ours takes it. */
static void require_well_formed(const struct buf *reply)
{
    static const char header[] = "<stream:stream xmlns:stream='" NS_STREAM "' xmlns='" NS_COMPONENT "'>";
    unsigned stanzas = 0;
    const struct parser_handlers handlers = {ignore_header, count, ignore_skipped, ignore_end, &stanzas};
    struct parser *parser = parser_new(&handlers);
    require(parser_feed(parser, header, sizeof header - 1) == OK);
    require(reply->length == 0 || parser_feed(parser, reply->data, reply->length) == OK);
    require(stanzas == (reply->length > 0));
    parser_free(&parser);
}

/* A command is answered with all that was understood of it. */
static void answer_command(const struct element *iq, struct buf *reply)
{
    struct arena *arena = arena_new();
    struct command_request request;
    const enum err read = command_read(arena, iq, &request);
    require(read == OK || read == ERR_TOO_LARGE);
    require(request.field_count <= COMMAND_FIELDS_MAX && strlen(request.node) <= COMMAND_VALUE_MAX);
    struct form_field *fields = arena_array(arena, request.field_count, sizeof *fields);
    for (size_t i = 0; i < request.field_count; i++)
        fields[i] = (struct form_field){.name = request.fields[i].name, .value = request.fields[i].value};
    const struct form form = {.type = "result", .fields = fields, .field_count = request.field_count};
    const struct command_answer answer = {.status = "completed", .session = request.session, .form = &form};
    const enum err err = command_write("registrar.example.org", &request, &answer, reply);
    require(err == OK || err == ERR_INVALID); /* line breaks in attributes */
    arena_free(&arena);
}

static void received(void *arg, struct tree *stanza)
{
    (void)arg;
    static const struct command_offer offer = {"list", "My devices"};
    const struct inbound_config config = {.component = "registrar.example.org",
                                          .version = "1",
                                          .offers = &offer,
                                          .offer_count = 1,
                                          .register_text = "elsewhere"};
    struct buf reply;
    buf_init(&reply, 1024 * 1024);
    if (!adhoc_cancel_late("example.org", "registrar.example.org", stanza->root, "id", &reply) &&
        !inbound_answer(&config, stanza->root, &reply))
        answer_command(stanza->root, &reply);
    require_well_formed(&reply);
    buf_free(&reply);

    struct server_facts facts;
    (void)server_read_advertisement("example.org", stanza->root, &facts);
    const struct element *query = element_find(stanza->root, NS_ROSTER, "query");
    struct arena *arena = arena_new();
    struct roster roster;
    if (query != NULL)
        roster_read(query, arena, &roster);
    arena_free(&arena);
    tree_free(&stanza);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct buf out;
    buf_init(&out, 4096);
    const struct stream_config config = {.component = "registrar.example.org",
                                         .secret = secret_of_cstr("secret"),
                                         .out = &out,
                                         .received = received,
                                         .skipped = ignore_skipped,
                                         .arg = NULL};
    struct stream *stream = stream_new(&config);
    size_t piece = (size_t)data[0] + 1;
    enum err err = OK;
    for (size_t at = 1; at < size && err == OK; at += piece)
        err = stream_feed(stream, (const char *)data + at, size - at < piece ? size - at : piece);
    require((err == OK) == (stream_reason(stream)[0] == '\0'));
    stream_free(&stream);
    buf_free(&out);
    return 0;
}
