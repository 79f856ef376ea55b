/* What production refuses beyond that: loose limits, files with codes in them, hashing that is too cheap, and secrets
 * that others know. Fail closed: what is not said to be development is production. */
#include <string.h>

#include "component/config.h"
#include "component/config_draft.h"
#include "component/config_value.h"

/* OWASP's least for argon2id with one lane. XEP-0114 sends a SHA-1 of the stream's id and the secret: who sees a plain
 * link can guess a short one. */
enum { LEAST_MEMORY_KIB = 19456, LEAST_PASSES = 2, LEAST_COMPONENT_SECRET = 12, LEAST_APPLICATION_SECRET = 16 };

static void check_switches(struct draft *draft)
{
    const struct config *config = draft->config;
    if (config->server_state_dir[0] != '\0') {
        mistake_in(draft, SETTING_server_state_dir, "must be empty in production: codes would be written to files");
    }
    if (!config->limits_enabled) {
        mistake_in(draft, SETTING_limits_enabled, "must be true in production");
    }
    if (config->redis_allow_eviction) {
        mistake_in(draft, SETTING_redis_allow_eviction, "must be false in production");
    }
    if (config->password_memory < LEAST_MEMORY_KIB) {
        mistake_in(draft, SETTING_password_memory, "must be at least %d in production", LEAST_MEMORY_KIB);
    }
    if (config->password_passes < LEAST_PASSES) {
        mistake_in(draft, SETTING_password_passes, "must be at least %d in production", LEAST_PASSES);
    }
}

static bool is_of_development(struct secret secret)
{
    const char *published = strchr(CONFIG_DEVELOPMENT_SEAL, ':') + 1;
    const char *text = secret_expose(secret);
    return strstr(text, CONFIG_DEVELOPMENT_MARK) != NULL || strcasestr(text, published) != NULL;
}

static void check_secrets(struct draft *draft)
{
    for (enum setting_id id = 0; id < SETTING_COUNT; id++) {
        if (setting_of(id)->type != TYPE_SECRET || secret_is_empty(value_secret(draft->config, id))) {
            continue;
        }
        if (is_of_development(value_secret(draft->config, id))) {
            mistake_in(draft, id, "is a secret for development");
        }
        if (draft->settings[id].world_readable) {
            mistake_in(draft, id, "everyone on this machine can read the file (chmod o-r)");
        }
    }
    if (draft->settings[SETTING_https_key].world_readable) {
        mistake_in(draft, SETTING_https_key, "everyone on this machine can read the file (chmod o-r)");
    }
}

/* All digits the same: what people write to get past a form. */
static void check_seal_strength(struct draft *draft)
{
    const char *list = secret_expose(draft->config->keys_seal);
    for (struct list_entry entry; list_next(&list, &entry);) {
        char first[2] = {entry.value[0], '\0'};
        if (entry.value_length > 0 && strspn(entry.value, first) >= entry.value_length) {
            mistake_in(draft, SETTING_keys_seal, "holds a key that is one digit repeated");
        }
    }
}

static void check_application_strength(struct draft *draft, enum setting_id id)
{
    const char *list = secret_expose(value_secret(draft->config, id));
    for (struct list_entry entry; list_next(&list, &entry);) {
        if (entry.value_length < LEAST_APPLICATION_SECRET) {
            mistake_in(draft, id, "holds a secret of fewer than %d bytes", LEAST_APPLICATION_SECRET);
            return;
        }
    }
}

void draft_check_production(struct draft *draft)
{
    check_switches(draft);
    check_secrets(draft);
    check_seal_strength(draft);
    check_application_strength(draft, SETTING_d003_app_secrets);
    check_application_strength(draft, SETTING_d003_backend_secrets);
    struct secret component = draft->config->xmpp_secret;
    if (!secret_is_empty(component) && component.length < LEAST_COMPONENT_SECRET) {
        mistake_in(draft, SETTING_xmpp_secret, "must be at least %d bytes long in production", LEAST_COMPONENT_SECRET);
    }
}
