/* An incoming stanza: a tree of elements in an arena of its own.
 *
 * Outgoing stanzas are libstrophe's (stanza.h); incoming ones are not, for three reasons. They cross threads: the XMPP
 * thread reads them and the thread that asked gets them, and libstrophe's are counted without atomics and belong to a
 * context. They come from outside: a roster of 4 MiB would be hundreds of thousands of small allocations and hash
 * tables, where an arena is a few blocks, freed (and wiped) at once. And namespaces are resolved here, so that a prefix
 * that a server chooses to write means the same as none.
 *
 * A tree has one owner at a time; reading it takes no lock. Character data of an element is joined to one string; its
 * place between child elements is not kept, because nothing in the protocols spoken here has mixed content. */
#ifndef XMPP_ELEMENT_H
#define XMPP_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

struct element_attribute {
    const char *name; /* without its namespace: those with one are left out */
    const char *value;
};

struct element {
    const char *ns; /* "" without one */
    const char *name;
    const struct element_attribute *attributes;
    size_t attribute_count;
    const char *text;      /* never NULL */
    struct element *first; /* child */
    struct element *last;
    struct element *next; /* sibling */
};

struct tree {
    struct arena *arena; /* holds the tree itself too */
    struct element *root;
};

/* NULL is fine. */
void tree_free(struct tree **tree);

bool element_is(const struct element *element, const char *ns, const char *name);
/* NULL when it has no such attribute. */
const char *element_attribute(const struct element *element, const char *name);
/* The same, "" when it has none. */
const char *element_attribute_or_empty(const struct element *element, const char *name);
bool element_attribute_is(const struct element *element, const char *name, const char *value);
/* The first child of that name, NULL when there is none (or element is NULL). */
const struct element *element_child(const struct element *element, const char *ns, const char *name);
/* The next sibling of that name. */
const struct element *element_next(const struct element *element, const char *ns, const char *name);
/* The first of that name anywhere below, in document order. */
const struct element *element_find(const struct element *element, const char *ns, const char *name);
/* The name of the defined condition in a stanza of type error (RFC 6120, 8.3.2); "" when it has none. */
const char *element_error_condition(const struct element *stanza);

#endif
