/* The configuration: one INI file and REGISTRARD_<SECTION>_<KEY> variables over it, checked whole before anything
 * starts.
 *
 * The rows are in settings.def; a member's name is <section>_<key>. Precedence: environment, then file, then default. A
 * secret may also come from a file named by <key>_file in the INI or REGISTRARD_<SECTION>_<KEY>_FILE (a trailing
 * newline is dropped). Unknown sections, keys and REGISTRARD_* variables are mistakes. In profile development the
 * limits take the looser values of dialects.md unless set. */
#ifndef COMPONENT_CONFIG_H
#define COMPONENT_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "component/base/err.h"
#include "component/base/secret.h"

typedef const char *config_STR;
typedef int64_t config_INT;
typedef bool config_BOOL;
typedef int64_t config_MS;
typedef struct secret config_SECRET;

struct config {
#define SETTING(section, key, type, fallback, min, max, flags, help) config_##type section##_##key;
#include "component/settings.def"
#undef SETTING
    void *memory_; /* the arena of all strings */
};

/* The seal key of every development machine (keys.seal). It is published here, so production refuses it. */
#define CONFIG_DEVELOPMENT_SEAL "1:2f837bc648df987addc98fbf0ce69c75acbf44577e8f3a1d844d6dab8e0d2d99"
/* Secrets that hold this are made for development, and refused in production likewise. */
#define CONFIG_DEVELOPMENT_MARK "development-"

/* After crypto_init. Reads the file (NULL: none) and `environ`-like list of NAME=value, and checks everything. Each
 * mistake is one line on `mistakes`, with file, line and key ("registrard.conf:12: [http] port: ..." or "environment:
 * REGISTRARD_HTTP_PORT:
 * ..."), never a secret's value. ERR_INVALID when there was one; the config is made only on OK and is the caller's. */
MUST_CHECK enum err config_load(const char *path, char *const *environment, FILE *mistakes, struct config **config_r);
/* The same for registrarctl, which needs the databases, the keys and little else: all other settings keep no value, and
 * nothing is said of them. So it works for who may not read the component's secret, and beside a broken certificate. */
MUST_CHECK enum err config_load_for_tool(const char *path, char *const *environment, FILE *mistakes,
                                         struct config **config_r);
void config_free(struct config **config); /* wipes */
bool config_is_development(const struct config *config);
/* The configuration in force as an INI file, secrets as "(set)" or "(not set)". */
void config_dump(const struct config *config, FILE *out);
/* A complete commented INI file with every setting at its default (registrard --example-config). */
void config_example(FILE *out);
/* The reference in Markdown that docs/configuration.md holds (registrard --config-reference). */
void config_reference(FILE *out);

#endif
