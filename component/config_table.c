/* The table of settings and the look-ups in it. With about a hundred rows that are read once at start, a walk from the
 * first to the last is quick enough and has nothing to go stale. */
#include "component/config_table.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "component/config.h"

#define VARIABLE_PREFIX "REGISTRARD_"
#define VARIABLE_SUFFIX "_FILE"
#define KEY_SUFFIX      "_file"

static const struct setting settings[SETTING_COUNT] = {
#define SETTING(section_, key_, type_, fallback_, min_, max_, flags_, help_)                                           \
    [SETTING_##section_##_##key_] = {.section = #section_,                                                             \
                                     .key = #key_,                                                                     \
                                     .type = TYPE_##type_,                                                             \
                                     .fallback = fallback_,                                                            \
                                     .min = min_,                                                                      \
                                     .max = max_,                                                                      \
                                     .flags = flags_,                                                                  \
                                     .help = help_,                                                                    \
                                     .offset = offsetof(struct config, section_##_##key_)},
#include "component/settings.def"
#undef SETTING
};

static const char *const development_defaults[SETTING_COUNT] = {
#define DEVELOPMENT(section_, key_, default_) [SETTING_##section_##_##key_] = default_,
#include "component/settings_development.def"
#undef DEVELOPMENT
};

/* Words between single spaces. */
static const char *const choices[SETTING_COUNT] = {
    [SETTING_server_profile] = "production development",
    [SETTING_log_level] = "debug info warn error",
    [SETTING_xmpp_server] = "auto openfire prosody ejabberd",
    [SETTING_reconcile_policy] = "restore follow",
};

const struct setting *setting_of(enum setting_id id)
{
    return &settings[id];
}

const char *setting_development_default(enum setting_id id)
{
    return development_defaults[id];
}

const char *setting_choices(enum setting_id id)
{
    return choices[id];
}

/* What follows the prefix, or NULL when the text does not begin with it. */
static const char *after(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

struct setting_name setting_by_key(const char *section, const char *key)
{
    for (enum setting_id id = 0; id < SETTING_COUNT; id++) {
        if (strcmp(section, settings[id].section) != 0) {
            continue;
        }
        const char *rest = after(key, settings[id].key);
        if (rest != NULL && rest[0] == '\0') {
            return (struct setting_name){.id = id};
        }
        if (rest != NULL && settings[id].type == TYPE_SECRET && strcmp(rest, KEY_SUFFIX) == 0) {
            return (struct setting_name){.id = id, .is_file = true};
        }
    }
    return (struct setting_name){.id = SETTING_COUNT};
}

struct setting_name setting_by_variable(const char *variable)
{
    for (enum setting_id id = 0; id < SETTING_COUNT; id++) {
        char name[VARIABLE_SIZE];
        for (int is_file = 0; is_file <= (settings[id].type == TYPE_SECRET); is_file++) {
            struct setting_name candidate = {.id = id, .is_file = is_file};
            setting_variable(candidate, name);
            if (strcmp(name, variable) == 0) {
                return candidate;
            }
        }
    }
    return (struct setting_name){.id = SETTING_COUNT};
}

bool section_exists(const char *section)
{
    for (enum setting_id id = 0; id < SETTING_COUNT; id++) {
        if (strcmp(section, settings[id].section) == 0) {
            return true;
        }
    }
    return false;
}

void setting_variable(struct setting_name name, char variable_r[VARIABLE_SIZE])
{
    const struct setting *setting = &settings[name.id];
    (void)snprintf(variable_r, VARIABLE_SIZE, VARIABLE_PREFIX "%s_%s%s", setting->section, setting->key,
                   name.is_file ? VARIABLE_SUFFIX : "");
    for (char *c = variable_r; *c != '\0'; c++) {
        *c = (char)toupper((unsigned char)*c);
    }
}
