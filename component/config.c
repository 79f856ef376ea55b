/* Loading: read the sources, choose and parse, check. Every step runs to its end whatever it finds, so that one run of
 * --check-config tells all mistakes. The configuration, its strings and every copy of a secret made on the way lie in
 * one arena, which is wiped when it is freed. One thread; after loading the configuration is constant. */
#include "component/config.h"

#include <string.h>

#include "component/base/arena.h"
#include "component/config_draft.h"

bool draft_concerns(const struct draft *draft, enum setting_id id)
{
    static const char *const sections[] = {"log", "postgres", "redis", "keys", "reconcile"};
    if (!draft->for_tool) {
        return true;
    }
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        if (strcmp(setting_of(id)->section, sections[i]) == 0) {
            return true;
        }
    }
    return id == SETTING_server_profile || id == SETTING_xmpp_domain || id == SETTING_region_country ||
           id == SETTING_tokens_cache_lifetime;
}

static enum err load(const char *path, char *const *environment, bool for_tool, FILE *mistakes,
                     struct config **config_r)
{
    struct arena *arena = arena_new();
    struct draft *draft = arena_alloc(arena, sizeof *draft);
    draft->arena = arena;
    draft->path = path;
    draft->for_tool = for_tool;
    draft->mistakes = mistakes;
    draft->config = arena_alloc(arena, sizeof *draft->config);
    draft->config->memory_ = arena;
    if (path != NULL) {
        draft_read_file(draft);
    }
    draft_read_environment(draft, environment);
    draft_resolve(draft);
    draft_check(draft);
    if (draft->mistake_count > 0) {
        arena_free(&arena);
        return ERR_INVALID;
    }
    *config_r = draft->config;
    return OK;
}

enum err config_load(const char *path, char *const *environment, FILE *mistakes, struct config **config_r)
{
    return load(path, environment, false, mistakes, config_r);
}

enum err config_load_for_tool(const char *path, char *const *environment, FILE *mistakes, struct config **config_r)
{
    return load(path, environment, true, mistakes, config_r);
}

void config_free(struct config **config)
{
    if (*config == NULL) {
        return;
    }
    struct arena *arena = (*config)->memory_;
    *config = NULL;
    arena_free(&arena);
}

bool config_is_development(const struct config *config)
{
    return strcmp(config->server_profile, "development") == 0;
}
