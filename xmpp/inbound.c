/* One table row a request that we know; what is not in it is an error. Nothing that was asked is sent back but the id,
 * the addresses, and the name of a node that is ours. */
#include "xmpp/inbound.h"

#include <string.h>

#include "component/base/buf.h"
#include "xmpp/command.h"
#include "xmpp/ns.h"
#include "xmpp/stanza.h"

/* The node of disco that lists commands (XEP-0050, 2.2). */
static const struct command_offer list = {NS_COMMANDS, "Commands"};

static const struct command_offer *find_offer(const struct inbound_config *config, const char *node)
{
    if (config->offer_count > 0 && strcmp(node, list.node) == 0)
        return &list;
    for (size_t i = 0; i < config->offer_count; i++)
        if (strcmp(node, config->offers[i].node) == 0)
            return &config->offers[i];
    return NULL;
}

/* --- answers */

static void write_identity(struct stanza_builder *builder, const char *category, const char *type, const char *name)
{
    stanza_open(builder, "identity", NULL);
    stanza_attribute(builder, "category", category);
    stanza_attribute(builder, "type", type);
    stanza_attribute(builder, "name", name);
    stanza_close(builder);
}

static void write_feature(struct stanza_builder *builder, const char *feature)
{
    stanza_open(builder, "feature", NULL);
    stanza_attribute(builder, "var", feature);
    stanza_close(builder);
}

static void write_own_info(const struct inbound_config *config, struct stanza_builder *builder)
{
    static const char *const features[] = {NS_DISCO_INFO, NS_DISCO_ITEMS, NS_PING, NS_VERSION};
    write_identity(builder, "component", "generic", "Registrar");
    if (config->offer_count > 0)
        write_identity(builder, "automation", "command-list", list.name);
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++)
        write_feature(builder, features[i]);
    if (config->offer_count > 0)
        write_feature(builder, NS_COMMANDS);
    if (config->register_text != NULL)
        write_feature(builder, NS_REGISTER);
}

static void write_info(const struct inbound_config *config, struct stanza_builder *builder, const char *node)
{
    const struct command_offer *offer = find_offer(config, node);
    stanza_open(builder, "query", NS_DISCO_INFO);
    if (offer == NULL) {
        write_own_info(config, builder);
        return;
    }
    stanza_attribute(builder, "node", node);
    write_identity(builder, "automation", offer == &list ? "command-list" : "command-node", offer->name);
    write_feature(builder, NS_COMMANDS);
    write_feature(builder, NS_DATA);
}

static void write_items(const struct inbound_config *config, struct stanza_builder *builder, const char *node)
{
    stanza_open(builder, "query", NS_DISCO_ITEMS);
    if (node[0] == '\0')
        return;
    stanza_attribute(builder, "node", node);
    for (size_t i = 0; find_offer(config, node) == &list && i < config->offer_count; i++) {
        stanza_open(builder, "item", NULL);
        stanza_attribute(builder, "jid", config->component);
        stanza_attribute(builder, "node", config->offers[i].node);
        stanza_attribute(builder, "name", config->offers[i].name);
        stanza_close(builder);
    }
}

static void write_pong(const struct inbound_config *config, struct stanza_builder *builder, const char *node)
{
    (void)config;
    (void)builder;
    (void)node;
}

static void write_line(struct stanza_builder *builder, const char *name, const char *ns, const char *text)
{
    stanza_open(builder, name, ns);
    stanza_text(builder, text);
    stanza_close(builder);
}

static void write_version(const struct inbound_config *config, struct stanza_builder *builder, const char *node)
{
    (void)node;
    stanza_open(builder, "query", NS_VERSION);
    write_line(builder, "name", NULL, "Registrar");
    write_line(builder, "version", NULL, config->version);
}

/* Not here, but there (XEP-0077, 3.1.1 and 5). */
static void write_register(const struct inbound_config *config, struct stanza_builder *builder, const char *node)
{
    (void)node;
    stanza_open(builder, "query", NS_REGISTER);
    write_line(builder, "instructions", NULL, config->register_text);
    if (config->register_url == NULL || config->register_url[0] == '\0')
        return;
    stanza_open(builder, "x", NS_OOB);
    write_line(builder, "url", NULL, config->register_url);
    stanza_close(builder);
}

static const struct answer {
    const char *ns;
    const char *name;
    void (*write)(const struct inbound_config *config, struct stanza_builder *builder, const char *node);
    bool has_nodes;
} answers[] = {
    {NS_DISCO_INFO, "query", write_info, true},    {NS_DISCO_ITEMS, "query", write_items, true},
    {NS_PING, "ping", write_pong, false},          {NS_VERSION, "query", write_version, false},
    {NS_REGISTER, "query", write_register, false},
};

static const struct answer *find_answer(const struct inbound_config *config, const struct element *request)
{
    for (size_t i = 0; request != NULL && i < sizeof answers / sizeof answers[0]; i++)
        if (element_is(request, answers[i].ns, answers[i].name))
            return answers[i].write == write_register && config->register_text == NULL ? NULL : &answers[i];
    return NULL;
}

static void write_error(struct stanza_builder *builder, const char *condition)
{
    stanza_open(builder, "error", NULL);
    stanza_attribute(builder, "type", "cancel");
    stanza_open(builder, condition, NS_STANZA_ERRORS);
}

/* --- which */

static bool is_for_us(const struct inbound_config *config, const struct element *iq)
{
    const char *to = element_attribute(iq, "to");
    return to == NULL || strcmp(to, config->component) == 0; /* our domain has no users */
}

/* NULL: it can be answered. Else the error's condition. */
static const char *refusal(const struct inbound_config *config, const struct element *iq, const struct answer *answer)
{
    if (answer == NULL || !is_for_us(config, iq))
        return "service-unavailable";
    if (!element_attribute_is(iq, "type", "get"))
        return answer->write == write_register ? "not-allowed" : "service-unavailable";
    const char *node = element_attribute_or_empty(iq->first, "node");
    if (node[0] != '\0' && (!answer->has_nodes || find_offer(config, node) == NULL))
        return "item-not-found"; /* XEP-0030, 7 */
    return NULL;
}

static bool is_request(const struct element *stanza)
{
    return element_is(stanza, NS_COMPONENT, "iq") && element_attribute(stanza, "id") != NULL &&
           element_attribute(stanza, "from") != NULL &&
           (element_attribute_is(stanza, "type", "get") || element_attribute_is(stanza, "type", "set"));
}

bool inbound_answer(const struct inbound_config *config, const struct element *stanza, struct buf *reply)
{
    if (!is_request(stanza))
        return true;
    if (config->offer_count > 0 && command_is(stanza) && is_for_us(config, stanza) &&
        element_attribute_is(stanza, "type", "set"))
        return false;
    const struct answer *answer = find_answer(config, stanza->first);
    const char *condition = refusal(config, stanza, answer);
    const char *to = element_attribute(stanza, "to");
    struct stanza_builder *builder = stanza_builder_new();
    stanza_open_iq(builder, condition == NULL ? "result" : "error", to != NULL ? to : config->component,
                   element_attribute(stanza, "from"), element_attribute(stanza, "id"));
    if (condition == NULL)
        answer->write(config, builder, element_attribute_or_empty(stanza->first, "node"));
    else
        write_error(builder, condition);
    enum err ignored = stanza_finish(builder, reply); /* no room for replies: the asker has a deadline of its own */
    (void)ignored;
    stanza_builder_free(&builder);
    return true;
}
