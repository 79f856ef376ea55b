/* The rows of settings.def as data: what the parser, the checks and the printers of the configuration share. Private to
 * config*.c and its tests; everyone else sees component/config.h. All of it is constant. */
#ifndef COMPONENT_CONFIG_TABLE_H
#define COMPONENT_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_type { TYPE_STR, TYPE_INT, TYPE_BOOL, TYPE_MS, TYPE_SECRET };
enum setting_flags { REQUIRED = 1 };

/* SETTING_http_port and so on, in the order of the table. */
enum setting_id {
#define SETTING(section, key, type, fallback, min, max, flags, help) SETTING_##section##_##key,
#include "component/settings.def"
#undef SETTING
    SETTING_COUNT
};

struct setting {
    const char *section;
    const char *key;
    enum setting_type type;
    const char *fallback; /* in the form it would be written */
    int64_t min, max;     /* INT and MS: bounds; STR and SECRET: max is the longest length in bytes */
    unsigned flags;
    const char *help;
    size_t offset; /* of the member in struct config */
};

/* id < SETTING_COUNT. */
const struct setting *setting_of(enum setting_id id);
/* The default in profile development, or NULL where it is the same as in production. */
const char *setting_development_default(enum setting_id id);
/* The words that a STR may be, with single spaces between them, or NULL where any text will do. */
const char *setting_choices(enum setting_id id);

/* What a name stands for: the setting itself, or (secrets only) the file that holds it. */
struct setting_name {
    enum setting_id id; /* SETTING_COUNT: there is no such name */
    bool is_file;
};
struct setting_name setting_by_key(const char *section, const char *key);
struct setting_name setting_by_variable(const char *variable);
bool section_exists(const char *section);

/* REGISTRARD_HTTP_PORT, with _FILE behind it when is_file. */
enum { VARIABLE_SIZE = 96 };
void setting_variable(struct setting_name name, char variable_r[VARIABLE_SIZE]);

#endif
