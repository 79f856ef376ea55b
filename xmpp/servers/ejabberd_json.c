/* jansson reads one value at a time from the text; the array around the contacts is read here. */
#include "xmpp/servers/ejabberd_json.h"

#include <jansson.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "component/base/text.h"
#include "xmpp/rosters.h"

/* ---- what they are told ---- */

static int put(const char *bytes, size_t length, void *arg)
{
    struct buf *out = arg;
    buf_append(out, bytes, length);
    return out->overflowed ? -1 : 0;
}

enum err ejabberd_arguments(const struct ejabberd_argument *arguments, struct buf *out)
{
    enum err err = OK;
    json_t *object = json_object();
    for (; arguments->name != NULL && err == OK; arguments++) {
        const char *value = arguments->value;
        if (!text_is_xml(value, strlen(value)) || json_object_set_new(object, arguments->name, json_string(value)) != 0)
            err = ERR_INVALID;
    }
    if (err == OK && json_dump_callback(object, put, out, JSON_COMPACT) != 0)
        err = ERR_TOO_LARGE;
    json_decref(object);
    return err;
}

enum err ejabberd_groups(struct arena *arena, const struct roster_item *item, const char **groups_r)
{
    const char *all = "";
    for (size_t i = 0; i < item->group_count; i++) {
        const char *group = item->groups[i];
        if (group[0] == '\0' || strchr(group, EJABBERD_GROUP_SEPARATOR) != NULL)
            return ERR_INVALID;
        all = i == 0 ? group : arena_printf(arena, "%s%c%s", all, EJABBERD_GROUP_SEPARATOR, group);
    }
    *groups_r = all;
    return OK;
}

/* ---- what they say ---- */

enum err ejabberd_read_code(const struct buf *answer, bool *yes_r)
{
    json_t *code = json_loadb(buf_cstr(answer), answer->length, JSON_DECODE_ANY, NULL);
    const json_int_t value = json_is_integer(code) ? json_integer_value(code) : -1;
    json_decref(code);
    *yes_r = value == 0;
    return value == 0 || value == 1 ? OK : ERR_XMPP;
}

/* A place in the text. */
struct cursor {
    const char *at, *end;
};

static void skip_space(struct cursor *cursor)
{
    while (cursor->at < cursor->end && (*cursor->at == ' ' || (*cursor->at >= '\t' && *cursor->at <= '\r')))
        cursor->at++;
}

static bool accept(struct cursor *cursor, char c)
{
    skip_space(cursor);
    const bool there = cursor->at < cursor->end && *cursor->at == c;
    if (there)
        cursor->at++;
    return there;
}

static bool is_over(struct cursor *cursor)
{
    skip_space(cursor);
    return cursor->at == cursor->end;
}

/* NULL: no object is there. */
static json_t *read_object(struct cursor *cursor)
{
    json_error_t error;
    skip_space(cursor);
    if (cursor->at == cursor->end || *cursor->at != '{')
        return NULL;
    json_t *object = json_loadb(cursor->at, (size_t)(cursor->end - cursor->at), JSON_DISABLE_EOF_CHECK, &error);
    if (object != NULL)
        cursor->at += error.position; /* the bytes that it had */
    return object;
}

struct contact {
    const char *jid, *nick, *subscription, *group;
};

static bool read_contact(const json_t *object, struct contact *contact_r)
{
    *contact_r = (struct contact){
        .jid = json_string_value(json_object_get(object, "jid")),
        .nick = json_string_value(json_object_get(object, "nick")),
        .subscription = json_string_value(json_object_get(object, "subscription")),
        .group = json_string_value(json_object_get(object, "group")),
    };
    return contact_r->jid != NULL && contact_r->nick != NULL && contact_r->subscription != NULL &&
           contact_r->group != NULL;
}

/* Calls `visit` for each contact, whose strings are valid in there only. */
static enum err walk(const struct buf *answer, void (*visit)(const struct contact *contact, void *arg), void *arg)
{
    const char *text = buf_cstr(answer);
    struct cursor cursor = {text, text + answer->length};
    if (!accept(&cursor, '['))
        return ERR_XMPP;
    if (accept(&cursor, ']'))
        return is_over(&cursor) ? OK : ERR_XMPP;
    do {
        struct contact contact;
        json_t *object = read_object(&cursor);
        const bool good = read_contact(object, &contact);
        if (good)
            visit(&contact, arg);
        json_decref(object);
        if (!good)
            return ERR_XMPP;
    } while (accept(&cursor, ','));
    return accept(&cursor, ']') && is_over(&cursor) ? OK : ERR_XMPP;
}

/* Room for one more element: a new array, twice as long, whenever `count` is a power of two. */
static void *room(struct arena *arena, const void *array, size_t count, size_t size)
{
    if (count > 0 && (count & (count - 1)) != 0)
        return (void *)array;
    void *grown = arena_array(arena, count > 0 ? 2 * count : 1, size);
    if (count > 0)
        memcpy(grown, array, count * size);
    return grown;
}

static void begin_item(struct arena *arena, const struct contact *contact, struct roster_item *item_r)
{
    *item_r = (struct roster_item){.jid = arena_strdup(arena, contact->jid),
                                   .subscription = roster_subscription(contact->subscription),
                                   .name = arena_strdup(arena, contact->nick)};
}

/* A group that we could not write is its user's own affair: it is neither wished for nor wished away. */
static void add_group(struct arena *arena, const struct contact *contact, struct roster_item *item)
{
    if (contact->group[0] == '\0' || strchr(contact->group, EJABBERD_GROUP_SEPARATOR) != NULL)
        return;
    const char **groups = room(arena, item->groups, item->group_count, sizeof *groups);
    groups[item->group_count++] = arena_strdup(arena, contact->group);
    item->groups = groups;
}

struct roster_reading {
    struct arena *arena;
    struct roster_item *items;
    size_t count;
};

/* The groups of a contact follow each other. */
static void visit_all(const struct contact *contact, void *arg)
{
    struct roster_reading *reading = arg;
    if (reading->count == 0 || strcmp(reading->items[reading->count - 1].jid, contact->jid) != 0) {
        reading->items = room(reading->arena, reading->items, reading->count, sizeof *reading->items);
        begin_item(reading->arena, contact, &reading->items[reading->count++]);
    }
    add_group(reading->arena, contact, &reading->items[reading->count - 1]);
}

enum err ejabberd_read_roster(const struct buf *answer, struct arena *arena, struct roster *roster_r)
{
    struct roster_reading reading = {.arena = arena};
    const enum err err = walk(answer, visit_all, &reading);
    *roster_r = (struct roster){.group_separator = EJABBERD_GROUP_SEPARATOR};
    if (err == OK) {
        roster_r->items = reading.items;
        roster_r->count = reading.count;
    }
    return err;
}
