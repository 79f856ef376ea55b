/* A configuration while it is being read: what each source gave, and the mistakes so far. Private to config*.c.
 *
 * It is filled in three steps, none of which stops at a mistake: the sources are read (config_file.c,
 * config_environment.c), what stands in force is parsed (config_resolve.c), and then all of it is checked together
 * (config_check*.c). */
#ifndef COMPONENT_CONFIG_DRAFT_H
#define COMPONENT_CONFIG_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "component/base/err.h"
#include "component/config_table.h"

struct arena;
struct config;

/* The later stands above the earlier. The two *_PATH name a file that holds the value; each follows its text. */
enum source {
    SOURCE_DEFAULT,
    SOURCE_FILE,
    SOURCE_FILE_PATH,
    SOURCE_ENVIRONMENT,
    SOURCE_ENVIRONMENT_PATH,
    SOURCE_COUNT
};

struct given {
    const char *text; /* NULL: this source says nothing; the arena's */
    unsigned line;    /* of the INI file */
};

struct draft_setting {
    struct given given[SOURCE_COUNT];
    enum source in_force;
    bool broken;         /* it could not be read or parsed, so the checks pass over it */
    bool world_readable; /* a secret that everyone on the machine can read */
};

struct draft {
    struct config *config;
    struct arena *arena;
    const char *path;         /* the INI file, NULL without one */
    bool path_world_readable; /* everyone on the machine can read it */
    bool for_tool;            /* only what registrarctl needs */
    FILE *mistakes;
    unsigned mistake_count;
    struct draft_setting settings[SETTING_COUNT];
};

/* Whether the setting is looked at. */
bool draft_concerns(const struct draft *draft, enum setting_id id);

/* The three steps. */
void draft_read_file(struct draft *draft);
void draft_read_environment(struct draft *draft, char *const *environment);
void draft_resolve(struct draft *draft);
void draft_check(struct draft *draft);
/* The parts of draft_check that have files of their own. */
void draft_check_listeners(struct draft *draft);
void draft_check_xmpp(struct draft *draft);
void draft_check_production(struct draft *draft);

/* A file that a library will read later: a mistake unless it can be read. */
void draft_check_file(struct draft *draft, enum setting_id id);
/* Takes the next entry off a list such as "app:secret,app:secret": its length up to the comma, and where its value
 * begins. False at the end of the list. An entry without a colon has an empty value. */
struct list_entry {
    const char *name;
    size_t name_length;
    const char *value;
    size_t value_length;
};
bool list_next(const char **list, struct list_entry *entry_r);

/* Notes what SOURCE_FILE or SOURCE_ENVIRONMENT says, under its *_PATH when the name is a file's. False when it said
 * something before: the first stands, and that is a mistake. */
MUST_CHECK bool draft_give(struct draft *draft, struct setting_name name, enum source source, const char *text,
                           unsigned line);

/* One line about a line of the INI file, about a variable, or about a setting where that source gave it. The text must
 * not hold what may be a secret's value. */
void mistake_on_line(struct draft *draft, unsigned line, const char *format, ...) PRINTF_LIKE(3, 4);
void mistake_in_variable(struct draft *draft, const char *variable, const char *format, ...) PRINTF_LIKE(3, 4);
void mistake_in_source(struct draft *draft, enum setting_id id, enum source source, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* The same about the value in force, for the checks; nothing when the setting is broken, which was said already. */
void mistake_in(struct draft *draft, enum setting_id id, const char *format, ...) PRINTF_LIKE(3, 4);

/* A whole regular file of at most `limit` bytes, with a NUL behind it, in the arena. NULL when that worked, else a
 * complaint such as "cannot be read: Permission denied" (without the path: someone may have written the secret there).
 */
struct content {
    char *bytes;
    size_t length;
    bool world_readable;
};
const char *content_read(struct arena *arena, const char *path, size_t limit, struct content *content_r);
#endif
