/* Each type of setting has one way to be written. There are no synonyms (yes, on, 1), no signs, no hexadecimal and no
 * durations without a unit, so that a value can be misread neither by us nor by who reads the file next. */
#include "component/config_value.h"

#include <inttypes.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/text.h"
#include "component/config.h"

static const struct {
    const char *name;
    int64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

enum { UNIT_COUNT = sizeof units / sizeof units[0] };

static void *member_of(struct config *config, enum setting_id id)
{
    return (char *)config + setting_of(id)->offset;
}

static const void *const_member_of(const struct config *config, enum setting_id id)
{
    return (const char *)config + setting_of(id)->offset;
}

static const char *set_int(const struct setting *setting, const char *text, struct arena *arena, int64_t *value)
{
    if (parse_i64(text, setting->min, setting->max, value) == OK) {
        return NULL;
    }
    return arena_printf(arena, "must be a whole number from %" PRId64 " to %" PRId64, setting->min, setting->max);
}

static const char *set_bool(const char *text, bool *value)
{
    *value = strcmp(text, "true") == 0;
    return *value || strcmp(text, "false") == 0 ? NULL : "must be true or false";
}

/* Milliseconds of one unit, 0 for an unknown one. */
static int64_t unit_ms(const char *name)
{
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (strcmp(name, units[i].name) == 0) {
            return units[i].ms;
        }
    }
    return 0;
}

static enum err parse_ms(const char *text, int64_t min, int64_t max, int64_t *ms_r)
{
    char number[20];
    size_t digits = strspn(text, "0123456789");
    int64_t unit = unit_ms(text + digits);
    if (digits == 0 || digits >= sizeof number || unit == 0) {
        return ERR_INVALID;
    }
    memcpy(number, text, digits);
    number[digits] = '\0';
    int64_t count;
    if (parse_i64(number, 0, INT64_MAX / unit, &count) != OK || count * unit < min || count * unit > max) {
        return ERR_INVALID;
    }
    *ms_r = count * unit;
    return OK;
}

enum { DURATION_SIZE = 24 };

/* In the largest unit that divides it; nothing is 0s. */
static const char *write_ms(int64_t ms, char text_r[DURATION_SIZE])
{
    size_t i = 0;
    while (ms == 0 ? units[i].ms != 1000 : ms % units[i].ms != 0) {
        i++;
    }
    (void)snprintf(text_r, DURATION_SIZE, "%" PRId64 "%s", ms / units[i].ms, units[i].name);
    return text_r;
}

static const char *set_ms(const struct setting *setting, const char *text, struct arena *arena, int64_t *value)
{
    if (parse_ms(text, setting->min, setting->max, value) == OK) {
        return NULL;
    }
    char min[DURATION_SIZE];
    char max[DURATION_SIZE];
    return arena_printf(arena, "must be a duration with its unit (250ms, 10s, 5m, 2h, 30d) from %s to %s",
                        write_ms(setting->min, min), write_ms(setting->max, max));
}

static bool is_one_of(const char *word, const char *words)
{
    for (size_t length; *words != '\0'; words += length + strspn(words + length, " ")) {
        length = strcspn(words, " ");
        if (strlen(word) == length && strncmp(word, words, length) == 0) {
            return true;
        }
    }
    return false;
}

/* What any text must be, secrets too: these go into stanzas, headers, file names and log lines. */
static const char *check_text(const struct setting *setting, const char *text, struct arena *arena)
{
    size_t length = strlen(text);
    if (length > (size_t)setting->max) {
        return arena_printf(arena, "is longer than %" PRId64 " bytes", setting->max);
    }
    if (!text_is_utf8(text, length)) {
        return "is not UTF-8";
    }
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            return "holds a control character (a line break or tab, for instance)";
        }
    }
    return NULL;
}

const char *value_set(struct config *config, enum setting_id id, const char *text, struct arena *arena)
{
    const struct setting *setting = setting_of(id);
    void *member = member_of(config, id);
    if (setting->type == TYPE_INT) {
        return set_int(setting, text, arena, member);
    }
    if (setting->type == TYPE_BOOL) {
        return set_bool(text, member);
    }
    if (setting->type == TYPE_MS) {
        return set_ms(setting, text, arena, member);
    }
    const char *complaint = check_text(setting, text, arena);
    if (complaint != NULL) {
        return complaint;
    }
    const char *words = setting_choices(id);
    if (words != NULL && !is_one_of(text, words)) {
        return arena_printf(arena, "must be one of: %s", words);
    }
    const char *copy = arena_strdup(arena, text);
    if (setting->type == TYPE_SECRET) {
        *(struct secret *)member = secret_of_cstr(copy);
    } else {
        *(const char **)member = copy;
    }
    return NULL;
}

const char *value_str(const struct config *config, enum setting_id id)
{
    return *(const char *const *)const_member_of(config, id);
}

int64_t value_int(const struct config *config, enum setting_id id)
{
    return *(const int64_t *)const_member_of(config, id);
}

struct secret value_secret(const struct config *config, enum setting_id id)
{
    return *(const struct secret *)const_member_of(config, id);
}

void value_print(const struct config *config, enum setting_id id, FILE *out)
{
    char duration[DURATION_SIZE];
    switch (setting_of(id)->type) {
    case TYPE_STR:
        (void)fputs(value_str(config, id), out);
        break;
    case TYPE_INT:
        (void)fprintf(out, "%" PRId64, value_int(config, id));
        break;
    case TYPE_BOOL:
        (void)fputs(*(const bool *)const_member_of(config, id) ? "true" : "false", out);
        break;
    case TYPE_MS:
        (void)fputs(write_ms(value_int(config, id), duration), out);
        break;
    case TYPE_SECRET:
        (void)fputs(secret_is_empty(value_secret(config, id)) ? "(not set)" : "(set)", out);
        break;
    }
}

void bounds_print(enum setting_id id, FILE *out)
{
    const struct setting *setting = setting_of(id);
    const char *words = setting_choices(id);
    char min[DURATION_SIZE];
    char max[DURATION_SIZE];
    switch (setting->type) {
    case TYPE_STR:
    case TYPE_SECRET:
        if (words != NULL) {
            (void)fprintf(out, "one of: %s", words);
        } else {
            (void)fprintf(out, "at most %" PRId64 " bytes", setting->max);
        }
        break;
    case TYPE_INT:
        (void)fprintf(out, "%" PRId64 " to %" PRId64, setting->min, setting->max);
        break;
    case TYPE_BOOL:
        (void)fputs("true or false", out);
        break;
    case TYPE_MS:
        (void)fprintf(out, "%s to %s", write_ms(setting->min, min), write_ms(setting->max, max));
        break;
    }
}
