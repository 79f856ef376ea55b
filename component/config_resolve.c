/* Which source stands in force for each setting, and its value from there.
 *
 * Texts are parsed even where a higher source overrides them: the file is checked whole. A file that holds a secret is
 * only opened when it is the one in force, so that the environment can stand in for a file that is not there. */
#include <string.h>

#include "component/base/arena.h"
#include "component/config.h"
#include "component/config_draft.h"
#include "component/config_value.h"

static void broken(struct draft *draft, enum setting_id id, enum source source, const char *complaint)
{
    mistake_in_source(draft, id, source, "%s", complaint);
    draft->settings[id].broken = true;
}

static void refuse_both(struct draft *draft, enum setting_id id, enum source text, enum source path)
{
    const struct given *given = draft->settings[id].given;
    if (given[text].text != NULL && given[path].text != NULL) {
        broken(draft, id, path, "the secret itself is given as well; give one of the two");
    }
}

/* The secret that the file holds, without the newline that editors leave at the end. NULL after a complaint. */
static const char *read_secret(struct draft *draft, enum setting_id id, enum source source)
{
    struct content content;
    const char *path = draft->settings[id].given[source].text;
    const char *complaint = content_read(draft->arena, path, (size_t)setting_of(id)->max + 1, &content);
    if (complaint == NULL && memchr(content.bytes, '\0', content.length) != NULL) {
        complaint = "holds a NUL byte";
    }
    if (complaint != NULL) {
        broken(draft, id, source, complaint);
        return NULL;
    }
    if (content.length > 0 && content.bytes[content.length - 1] == '\n') {
        content.bytes[content.length - 1] = '\0';
    }
    draft->settings[id].world_readable = content.world_readable;
    return content.bytes;
}

static void parse(struct draft *draft, enum setting_id id, enum source source)
{
    const char *text = draft->settings[id].given[source].text;
    if (source == SOURCE_FILE_PATH || source == SOURCE_ENVIRONMENT_PATH) {
        text = source == draft->settings[id].in_force ? read_secret(draft, id, source) : NULL;
    }
    const char *complaint = text != NULL ? value_set(draft->config, id, text, draft->arena) : NULL;
    if (complaint != NULL) {
        broken(draft, id, source, complaint);
    }
}

static void resolve(struct draft *draft, enum setting_id id, bool development)
{
    struct draft_setting *setting = &draft->settings[id];
    const char *loosened = development ? setting_development_default(id) : NULL;
    setting->given[SOURCE_DEFAULT].text = loosened != NULL ? loosened : setting_of(id)->fallback;
    for (enum source source = SOURCE_DEFAULT; source < SOURCE_COUNT; source++) {
        setting->in_force = setting->given[source].text != NULL ? source : setting->in_force;
    }
    setting->world_readable =
        setting_of(id)->type == TYPE_SECRET && setting->in_force == SOURCE_FILE && draft->path_world_readable;
    refuse_both(draft, id, SOURCE_FILE, SOURCE_FILE_PATH);
    refuse_both(draft, id, SOURCE_ENVIRONMENT, SOURCE_ENVIRONMENT_PATH);
    for (enum source source = SOURCE_DEFAULT; source < SOURCE_COUNT; source++) {
        parse(draft, id, source);
    }
}

void draft_resolve(struct draft *draft)
{
    resolve(draft, SETTING_server_profile, false); /* the others' defaults depend on it */
    bool development = config_is_development(draft->config);
    for (enum setting_id id = 0; id < SETTING_COUNT; id++) {
        if (id != SETTING_server_profile && draft_concerns(draft, id)) {
            resolve(draft, id, development);
        }
    }
}
