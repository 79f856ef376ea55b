/* Walking trees of incoming elements. Depth is bounded by the parser, so recursion is. */
#include "xmpp/element.h"

#include <string.h>

#include "component/base/arena.h"
#include "xmpp/ns.h"

void tree_free(struct tree **tree)
{
    if (*tree == NULL)
        return;
    struct arena *arena = (*tree)->arena; /* the tree lies in it */
    *tree = NULL;
    arena_free(&arena);
}

bool element_is(const struct element *element, const char *ns, const char *name)
{
    return strcmp(element->name, name) == 0 && strcmp(element->ns, ns) == 0;
}

const char *element_attribute(const struct element *element, const char *name)
{
    for (size_t i = 0; i < element->attribute_count; i++)
        if (strcmp(element->attributes[i].name, name) == 0)
            return element->attributes[i].value;
    return NULL;
}

const char *element_attribute_or_empty(const struct element *element, const char *name)
{
    const char *value = element_attribute(element, name);
    return value != NULL ? value : "";
}

bool element_attribute_is(const struct element *element, const char *name, const char *value)
{
    const char *found = element_attribute(element, name);
    return found != NULL && strcmp(found, value) == 0;
}

static const struct element *first_of(const struct element *element, const char *ns, const char *name)
{
    while (element != NULL && !element_is(element, ns, name))
        element = element->next;
    return element;
}

const struct element *element_child(const struct element *element, const char *ns, const char *name)
{
    return element != NULL ? first_of(element->first, ns, name) : NULL;
}

const struct element *element_next(const struct element *element, const char *ns, const char *name)
{
    return first_of(element->next, ns, name);
}

const struct element *element_find(const struct element *element, const char *ns, const char *name)
{
    for (const struct element *child = element->first; child != NULL; child = child->next) {
        if (element_is(child, ns, name))
            return child;
        const struct element *found = element_find(child, ns, name);
        if (found != NULL)
            return found;
    }
    return NULL;
}

const char *element_error_condition(const struct element *stanza)
{
    const struct element *error = element_child(stanza, stanza->ns, "error");
    for (const struct element *child = error != NULL ? error->first : NULL; child != NULL; child = child->next)
        if (strcmp(child->ns, NS_STANZA_ERRORS) == 0 && strcmp(child->name, "text") != 0)
            return child->name;
    return "";
}
