/* Values of settings: from text into the configuration and back. Private to config*.c. */
#ifndef COMPONENT_CONFIG_VALUE_H
#define COMPONENT_CONFIG_VALUE_H

#include <stdint.h>
#include <stdio.h>

#include "component/base/secret.h"
#include "component/config_table.h"

struct arena;
struct config;

/* Sets the member to what `text` says. NULL when that is possible, else what is wrong with it, as the end of a sentence
 * ("must be a whole number from 1 to 64"); it holds nothing of the text, which may be a secret. Both the value and the
 * complaint are the arena's. */
const char *value_set(struct config *config, enum setting_id id, const char *text, struct arena *arena);

/* The member, which must be of that type (MS counts as INT). */
const char *value_str(const struct config *config, enum setting_id id);
int64_t value_int(const struct config *config, enum setting_id id);
struct secret value_secret(const struct config *config, enum setting_id id);

/* As it would be written; a secret as "(set)" or "(not set)". */
void value_print(const struct config *config, enum setting_id id, FILE *out);
/* What it may be: "1 to 64", "100ms to 1m", "at most 255 bytes", "true or false", "one of: debug info". */
void bounds_print(enum setting_id id, FILE *out);

#endif
