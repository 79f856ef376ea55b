/* XEP-0114, 3: the server's header carries an id; we answer with SHA-1 of id and secret; it says <handshake/>.
 *
 * Openfire sends a header without an id when our domain is taken, and then an error, or just hangs up: so a missing id
 * only means that no handshake is sent. */
#include "xmpp/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "component/base/crypto.h"
#include "xmpp/ns.h"
#include "xmpp/parser.h"

enum { ID_MAX = 256, REASON_SIZE = 96 };

struct stream {
    struct stream_config config;
    struct parser *parser;
    enum { WANT_HEADER, WANT_HANDSHAKE, OPEN } state;
    bool over;
    bool ended; /* our end tag is out */
    bool refused;
    bool failed; /* a stream error came */
    bool lacks_id;
    char reason[REASON_SIZE];
};

static void end_with(struct stream *stream, const char *reason)
{
    if (stream->over)
        return;
    stream->over = true;
    snprintf(stream->reason, sizeof stream->reason, "%s", reason);
}

static void send_handshake(struct stream *stream, const char *id)
{
    size_t id_length = strlen(id);
    size_t length = id_length + stream->config.secret.length;
    char *both = xmalloc(length + 1);
    memcpy(both, id, id_length);
    memcpy(both + id_length, secret_expose(stream->config.secret), stream->config.secret.length);
    char digest[41];
    sha1_hex(both, length, digest);
    secret_wipe(both, length);
    free(both);
    buf_printf(stream->config.out, "<handshake>%s</handshake>", digest);
    secret_wipe(digest, sizeof digest);
}

static void on_opened(void *arg, const struct element *header)
{
    struct stream *stream = arg;
    if (!element_is(header, NS_STREAM, "stream")) {
        parser_refuse(stream->parser, "not an XMPP stream");
        return;
    }
    stream->state = WANT_HANDSHAKE;
    const char *id = element_attribute_or_empty(header, "id");
    if (strlen(id) > ID_MAX)
        parser_refuse(stream->parser, "a stream id over 256 bytes");
    else if (id[0] == '\0')
        stream->lacks_id = true;
    else
        send_handshake(stream, id);
}

/* RFC 6120, 4.9: the first child in the errors' namespace that is not a text names the condition. */
static void on_error(struct stream *stream, const struct element *error)
{
    stream->failed = true;
    for (const struct element *child = error->first; child != NULL; child = child->next)
        if (strcmp(child->ns, NS_STREAM_ERRORS) == 0 && strcmp(child->name, "text") != 0) {
            end_with(stream, child->name);
            return;
        }
    end_with(stream, "a stream error without a condition");
}

static void on_stanza(void *arg, struct tree *tree)
{
    struct stream *stream = arg;
    const struct element *root = tree->root;
    if (stream->over) {
        tree_free(&tree);
    } else if (element_is(root, NS_STREAM, "error")) {
        on_error(stream, root);
        tree_free(&tree);
    } else if (stream->state == OPEN) {
        stream->config.received(stream->config.arg, tree);
    } else {
        if (element_is(root, NS_COMPONENT, "handshake"))
            stream->state = OPEN;
        else
            parser_refuse(stream->parser, "a stanza before the handshake");
        tree_free(&tree);
    }
}

static void on_skipped(void *arg, const struct element *root, const char *reason)
{
    struct stream *stream = arg;
    if (stream->over)
        return;
    if (root != NULL && element_is(root, NS_STREAM, "error"))
        on_error(stream, root);
    else if (stream->state == OPEN)
        stream->config.skipped(stream->config.arg, root, reason);
    else
        parser_refuse(stream->parser, reason);
}

static void on_closed(void *arg)
{
    end_with(arg, "closed by the server");
}

struct stream *stream_new(const struct stream_config *config)
{
    struct stream *stream = xcalloc(1, sizeof *stream);
    stream->config = *config;
    const struct parser_handlers handlers = {on_opened, on_stanza, on_skipped, on_closed, stream};
    stream->parser = parser_new(&handlers);
    buf_printf(config->out, "<?xml version='1.0'?><stream:stream xmlns='%s' xmlns:stream='%s' to='%s'>", NS_COMPONENT,
               NS_STREAM, config->component);
    return stream;
}

void stream_free(struct stream **stream)
{
    if (*stream == NULL)
        return;
    parser_free(&(*stream)->parser);
    free(*stream);
    *stream = NULL;
}

enum err stream_feed(struct stream *stream, const char *bytes, size_t length)
{
    if (!stream->over && parser_feed(stream->parser, bytes, length) != OK) {
        stream->refused = !stream->over;
        end_with(stream, parser_reason(stream->parser));
    }
    return stream->over ? ERR_XMPP : OK;
}

bool stream_is_open(const struct stream *stream)
{
    return stream->state == OPEN && !stream->over;
}

uint64_t stream_unfinished(const struct stream *stream)
{
    return parser_unfinished(stream->parser);
}

void stream_end(struct stream *stream)
{
    if (!stream->ended)
        buf_puts(stream->config.out, "</stream:stream>");
    stream->ended = true;
}

const char *stream_reason(const struct stream *stream)
{
    return stream->reason;
}

bool stream_conflicts(const struct stream *stream)
{
    if (stream->failed)
        return strcmp(stream->reason, "conflict") == 0;
    return stream->lacks_id && !stream->refused;
}

bool stream_refused(const struct stream *stream)
{
    return stream->refused;
}
