/* The configuration as INI text: the one in force (--dump-config) and the example with every setting
 * (--example-config). */
#include <string.h>

#include "component/config.h"
#include "component/config_table.h"
#include "component/config_value.h"

static void print_header(enum setting_id id, FILE *out)
{
    const char *section = setting_of(id)->section;
    bool first = id == 0;
    if (first || strcmp(section, setting_of(id - 1)->section) != 0) {
        (void)fprintf(out, "%s[%s]\n", first ? "" : "\n", section);
    }
}

void config_dump(const struct config *config, FILE *out)
{
    for (enum setting_id id = 0; id < SETTING_COUNT; id++) {
        print_header(id, out);
        bool is_secret = setting_of(id)->type == TYPE_SECRET;
        (void)fprintf(out, "%s%s = ", is_secret ? "#" : "", setting_of(id)->key);
        value_print(config, id, out);
        (void)fputc('\n', out);
    }
}

static void print_example(enum setting_id id, FILE *out)
{
    const struct setting *setting = setting_of(id);
    const char *development = setting_development_default(id);
    (void)fprintf(out, "\n# %s\n# ", setting->help);
    bounds_print(id, out);
    if ((setting->flags & REQUIRED) != 0) {
        (void)fputs("; required", out);
    }
    if (setting->type == TYPE_SECRET) {
        (void)fprintf(out, "; or %s_file = the file that holds it", setting->key);
    }
    if (development != NULL) {
        (void)fprintf(out, "; %s in profile development", development);
    }
    (void)fprintf(out, "\n#%s =%s%s\n", setting->key, setting->fallback[0] != '\0' ? " " : "", setting->fallback);
}

void config_example(FILE *out)
{
    (void)fputs(
        "# Every setting of registrard with its default. To change one, remove the # before its key.\n"
        "# How this file is read: docs/configuration.md. What has to be set at least: registrard-minimal.conf.\n"
        "# Made by registrard --example-config.\n\n",
        out);
    for (enum setting_id id = 0; id < SETTING_COUNT; id++) {
        print_header(id, out);
        print_example(id, out);
    }
}
