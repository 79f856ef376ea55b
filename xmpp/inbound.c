/* One table row a request that we know; what is not in it is an error. Nothing that was asked is sent back but the id
 * and the addresses. */
#include "xmpp/inbound.h"

#include <stdbool.h>
#include <string.h>

#include "component/base/buf.h"
#include "xmpp/ns.h"
#include "xmpp/stanza.h"

static const char *const features[] = {NS_DISCO_INFO, NS_DISCO_ITEMS, NS_PING, NS_VERSION};

static void write_info(const struct inbound_config *config, struct stanza_builder *builder)
{
    (void)config;
    stanza_open(builder, "query", NS_DISCO_INFO);
    stanza_open(builder, "identity", NULL);
    stanza_attribute(builder, "category", "component");
    stanza_attribute(builder, "type", "generic");
    stanza_attribute(builder, "name", "Registrar");
    stanza_close(builder);
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++) {
        stanza_open(builder, "feature", NULL);
        stanza_attribute(builder, "var", features[i]);
        stanza_close(builder);
    }
}

static void write_items(const struct inbound_config *config, struct stanza_builder *builder)
{
    (void)config;
    stanza_open(builder, "query", NS_DISCO_ITEMS);
}

static void write_pong(const struct inbound_config *config, struct stanza_builder *builder)
{
    (void)config;
    (void)builder;
}

static void write_version(const struct inbound_config *config, struct stanza_builder *builder)
{
    stanza_open(builder, "query", NS_VERSION);
    stanza_open(builder, "name", NULL);
    stanza_text(builder, "Registrar");
    stanza_close(builder);
    stanza_open(builder, "version", NULL);
    stanza_text(builder, config->version);
    stanza_close(builder);
}

static const struct answer {
    const char *ns;
    const char *name;
    void (*write)(const struct inbound_config *config, struct stanza_builder *builder);
} answers[] = {
    {NS_DISCO_INFO, "query", write_info},
    {NS_DISCO_ITEMS, "query", write_items},
    {NS_PING, "ping", write_pong},
    {NS_VERSION, "query", write_version},
};

static const struct answer *find_answer(const struct element *request)
{
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (element_is(request, answers[i].ns, answers[i].name))
            return &answers[i];
    return NULL;
}

static void write_error(struct stanza_builder *builder, const char *condition)
{
    stanza_open(builder, "error", NULL);
    stanza_attribute(builder, "type", "cancel");
    stanza_open(builder, condition, NS_STANZA_ERRORS);
}

/* NULL: it can be answered. Else the error's condition. */
static const char *refusal(const struct inbound_config *config, const struct element *iq, const struct answer *answer)
{
    if (answer == NULL || !element_attribute_is(iq, "type", "get"))
        return "service-unavailable";
    const char *to = element_attribute(iq, "to");
    if (to != NULL && strcmp(to, config->component) != 0)
        return "service-unavailable"; /* our domain has no users */
    if (element_attribute_or_empty(iq->first, "node")[0] != '\0')
        return "item-not-found"; /* XEP-0030, 7 */
    return NULL;
}

static bool is_request(const struct element *stanza)
{
    return element_is(stanza, NS_COMPONENT, "iq") && element_attribute(stanza, "id") != NULL &&
           element_attribute(stanza, "from") != NULL &&
           (element_attribute_is(stanza, "type", "get") || element_attribute_is(stanza, "type", "set"));
}

void inbound_answer(const struct inbound_config *config, const struct element *stanza, struct buf *reply)
{
    if (!is_request(stanza))
        return;
    const struct answer *answer = stanza->first != NULL ? find_answer(stanza->first) : NULL;
    const char *condition = refusal(config, stanza, answer);
    const char *to = element_attribute(stanza, "to");
    struct stanza_builder *builder = stanza_builder_new();
    stanza_open_iq(builder, condition == NULL ? "result" : "error", to != NULL ? to : config->component,
                   element_attribute(stanza, "from"), element_attribute(stanza, "id"));
    if (condition == NULL)
        answer->write(config, builder);
    else
        write_error(builder, condition);
    enum err ignored = stanza_finish(builder, reply); /* no room for replies: the asker has a deadline of its own */
    (void)ignored;
    stanza_builder_free(&builder);
}
