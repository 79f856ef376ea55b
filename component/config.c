/* Loading: read the sources, choose and parse, check. Every step runs to its end whatever it finds, so that one run of
 * --check-config tells all mistakes. The configuration, its strings and every copy of a secret made on the way lie in
 * one arena, which is wiped when it is freed. One thread; after loading the configuration is constant. */
#include "component/config.h"

#include <string.h>

#include "component/base/arena.h"
#include "component/config_draft.h"

enum err config_load(const char *path, char *const *environment, FILE *mistakes, struct config **config_r)
{
    struct arena *arena = arena_new();
    struct draft *draft = arena_alloc(arena, sizeof *draft);
    draft->arena = arena;
    draft->path = path;
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
