/* The reference in Markdown. docs/configuration.md is what this prints, and a test fails when it differs: so a setting
 * cannot be undocumented, and what is documented cannot be out of date. */
#include <ctype.h>
#include <string.h>

#include "component/config.h"
#include "component/config_table.h"
#include "component/config_value.h"

static const char introduction[] =
    "# Configuration\n"
    "\n"
    "<!-- Made by `registrard --config-reference` from component/settings.def; do not edit. -->\n"
    "\n"
    "`registrard --config FILE` reads one INI file; without `--config` the defaults and the environment are all there\n"
    "is. `--check-config` tells every mistake with file, line and key, `--dump-config` prints what is in force "
    "(secrets\n"
    "as `(set)`), `--example-config` prints a file with every setting. "
    "[registrard-minimal.conf](../examples/registrard-minimal.conf)\n"
    "is what has to be set at least, [registrard.conf](../examples/registrard.conf) is all there is.\n"
    "\n"
    "## Where a value comes from\n"
    "\n"
    "1. The environment: `REGISTRARD_<SECTION>_<KEY>` in upper case, such as `REGISTRARD_HTTP_PORT`.\n"
    "2. The file.\n"
    "3. The default.\n"
    "\n"
    "The first that says something counts. A secret may also lie in a file of its own, named by `<key>_file` in the "
    "INI\n"
    "file or by `REGISTRARD_<SECTION>_<KEY>_FILE`; one newline at its end is dropped, and a relative path starts "
    "where\n"
    "registrard was started. The same source may not give both. Files are better than variables, which child "
    "processes\n"
    "inherit and which anyone who may look at the process can read.\n"
    "\n"
    "Unknown sections, unknown keys, repeated keys and unknown `REGISTRARD_*` variables are mistakes, and with a "
    "mistake\n"
    "nothing starts. A mistake never shows a value.\n"
    "\n"
    "## How the file is written\n"
    "\n"
    "- `[section]`, then `key = value` lines; blank lines and lines that begin with `#` or `;` are passed over.\n"
    "- Spaces around key and value do not count. There are no quotes, no escapes and no continued lines.\n"
    "- No comment behind a value: ` ;` in one is a mistake, because the parser would drop the rest.\n"
    "- A line holds at most 199 bytes. Longer values come from the environment or, for secrets, from files.\n"
    "- UTF-8 without control characters.\n"
    "- Durations have a unit: `250ms`, `10s`, `5m`, `2h`, `30d`. Switches are `true` or `false`.\n"
    "\n"
    "## Production and development\n"
    "\n"
    "`[server] profile` is `production` unless it is set. Production refuses to start with\n"
    "\n"
    "- a secret for development: one that holds `" CONFIG_DEVELOPMENT_MARK "`, or the published seal key\n"
    "  `" CONFIG_DEVELOPMENT_SEAL "`;\n"
    "- a seal key that is one digit repeated, an `[xmpp] secret` under 12 bytes, an application's secret under 16;\n"
    "- a file with a secret or the private key that everyone on the machine can read;\n"
    "- `[server] state_dir`, `[limits] enabled = false` or `[redis] allow_eviction = true`;\n"
    "- argon2id below 19456 KiB or 2 passes.\n"
    "\n"
    "Development, for machines that no stranger reaches, writes codes to files in `state_dir` and has looser "
    "defaults,\n"
    "which the tables show.\n"
    "\n"
    "## Settings\n";

static void print_upper(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        (void)fputc(toupper((unsigned char)*text), out);
    }
}

static void print_section(const char *section, FILE *out)
{
    (void)fprintf(out, "\n### [%s]\n\nIn the environment: `REGISTRARD_", section);
    print_upper(section, out);
    (void)fputs("_<KEY>`.\n\n| Key | Default | Values | Meaning |\n|---|---|---|---|\n", out);
}

/* A cell of a table ends at "|", and "<" begins HTML. */
static void print_cell(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        if (strchr("|<\\", *text) != NULL) {
            (void)fputc('\\', out);
        }
        (void)fputc(*text, out);
    }
}

static void print_default(enum setting_id id, FILE *out)
{
    const struct setting *setting = setting_of(id);
    const char *development = setting_development_default(id);
    if ((setting->flags & REQUIRED) != 0 && setting->fallback[0] == '\0') {
        (void)fputs("**required**", out);
    } else if (setting->fallback[0] == '\0') {
        (void)fputs("none", out);
    } else {
        (void)fprintf(out, "`%s`", setting->fallback);
    }
    if (development != NULL) {
        (void)fprintf(out, "; development: `%s`", development);
    }
}

static void print_row(enum setting_id id, FILE *out)
{
    const struct setting *setting = setting_of(id);
    (void)fprintf(out, "| `%s`", setting->key);
    if (setting->type == TYPE_SECRET) {
        (void)fprintf(out, ", `%s_file`", setting->key);
    }
    (void)fputs(" | ", out);
    print_default(id, out);
    (void)fputs(" | ", out);
    bounds_print(id, out);
    (void)fputs(setting->type == TYPE_SECRET ? ", secret | " : " | ", out);
    print_cell(setting->help, out);
    (void)fputs(" |\n", out);
}

void config_reference(FILE *out)
{
    (void)fputs(introduction, out);
    for (enum setting_id id = 0; id < SETTING_COUNT; id++) {
        const char *section = setting_of(id)->section;
        if (id == 0 || strcmp(section, setting_of(id - 1)->section) != 0) {
            print_section(section, out);
        }
        print_row(id, out);
    }
}
