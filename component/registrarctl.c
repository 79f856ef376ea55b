/* registrarctl: the command line, and what the commands (ctl/) work with. */
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/base/seal.h"
#include "component/base/text.h"
#include "component/cache/redis.h"
#include "component/cache/token_cache.h"
#include "component/config.h"
#include "component/ctl/ctl.h"
#include "component/wiring.h"
#include "sql/meta.h"
#include "sql/migrate.h"
#include "sql/pg.h"

#ifndef REGISTRARD_VERSION
#define REGISTRARD_VERSION "unknown"
#endif

enum { RATE = 20, RATE_MAX = 1000, WAIT_S = 10, WAIT_MAX_S = 3600, MS_PER_S = 1000 };

extern char **environ;

enum { OPTION_TYPE = 256, OPTION_JID, OPTION_UID, OPTION_ALL, OPTION_RATE, OPTION_WAIT, OPTION_VERSION, OPTION_HELP };

struct command_line {
    const char *config;
    struct ctl_options options;
    bool version, help;
};

static void print_help(FILE *out)
{
    fputs("usage: registrarctl [--config FILE] [OPTIONS] COMMAND [NAME] [WORD]\n", out);
    for (const struct ctl_command *command = ctl_commands; command->name != NULL; command++) {
        char usage[80];
        snprintf(usage, sizeof usage, "%s%s%s%s%s%s%s", command->name, command->word != NULL ? " " : "",
                 command->word != NULL ? command->word : "", command->names_account ? " NAME" : "",
                 command->may_be_all ? "|--all" : "", command->argument != NULL ? " " : "",
                 command->argument != NULL ? command->argument : "");
        fprintf(out, "  %-38s %s\n", usage, command->help);
    }
    fputs("options:\n"
          "  --type phone|device|wechat   when accounts of several types have the name\n"
          "  --jid JID, --uid N           in place of NAME\n"
          "  --rate N                     of rotate --all: accounts a second (20)\n"
          "  --wait SECONDS               for the XMPP server to follow (10)\n"
          "  --version, --help\n"
          "Exit status: 0 done, 1 a mistake in the configuration, 2 a wrong command line, 3 no such account, 4 "
          "committed\n"
          "but the XMPP server has not followed yet, 5 refused or lost, 7 Postgres or Redis cannot be reached.\n",
          out);
}

static bool parse_type(const char *text, enum account_type *type_r)
{
    static const char *const types[] = {[ACCOUNT_PHONE] = "phone", [ACCOUNT_DEVICE] = "device", "wechat"};
    for (enum account_type type = ACCOUNT_PHONE; type <= ACCOUNT_WECHAT; type++)
        if (strcmp(text, types[type]) == 0) {
            *type_r = type;
            return true;
        }
    return false;
}

static bool parse_number(const char *text, int64_t least, int64_t most, int64_t *number_r)
{
    return parse_i64(text, least, most, number_r) == OK;
}

static bool take_option(struct command_line *line, int option, const char *value)
{
    struct ctl_options *options = &line->options;
    switch (option) {
    case 'c':
        line->config = value;
        return true;
    case OPTION_TYPE:
        return parse_type(value, &options->type);
    case OPTION_JID:
        options->jid = value;
        return options->uid == 0;
    case OPTION_UID:
        return parse_number(value, 1, INT64_MAX, &options->uid) && options->jid == NULL;
    case OPTION_ALL:
        options->all = true;
        return true;
    case OPTION_RATE:
        return parse_number(value, 1, RATE_MAX, &options->rate);
    case OPTION_WAIT:
        options->wait_ms = 0;
        if (!parse_number(value, 0, WAIT_MAX_S, &options->wait_ms))
            return false;
        options->wait_ms *= MS_PER_S;
        return true;
    case OPTION_VERSION:
        return line->version = true;
    case OPTION_HELP:
        return line->help = true;
    default:
        return false;
    }
}

static bool parse_options(int argc, char **argv, struct command_line *line)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},       {"type", required_argument, NULL, OPTION_TYPE},
        {"jid", required_argument, NULL, OPTION_JID},   {"uid", required_argument, NULL, OPTION_UID},
        {"all", no_argument, NULL, OPTION_ALL},         {"rate", required_argument, NULL, OPTION_RATE},
        {"wait", required_argument, NULL, OPTION_WAIT}, {"version", no_argument, NULL, OPTION_VERSION},
        {"help", no_argument, NULL, OPTION_HELP},       {0},
    };
    *line = (struct command_line){.options = {.rate = RATE, .wait_ms = (int64_t)WAIT_S * MS_PER_S}};
    for (int option; (option = getopt_long(argc, argv, "c:", options, NULL)) != -1;)
        if (!take_option(line, option, optarg))
            return false;
    return true;
}

/* Whose command it is, for the audit. */
static const char *who(struct arena *arena)
{
    const struct passwd *user = getpwuid(getuid());
    const char *name = user != NULL ? user->pw_name : "?", *sudo = getenv("SUDO_USER");
    return sudo != NULL ? arena_printf(arena, "%s (sudo: %s)", name, sudo) : arena_strdup(arena, name);
}

/* The database is of this version, and belongs to the XMPP domain of the configuration. */
static enum err look_at_database(struct pg *pg, struct arena *arena, const char *domain)
{
    const char *claimed = NULL;
    enum err err = migrate(pg, false);
    if (err == OK)
        err = meta_get(pg, arena, "xmpp_domain", &claimed);
    if (err == OK && (claimed == NULL || strcmp(claimed, domain) != 0)) {
        log_error("wrong_xmpp_domain", F("database_belongs_to", claimed), F("configured", domain));
        err = ERR_CONFLICT;
    }
    return err;
}

static enum ctl_status run(const struct config *config, const struct command_line *line, char *const *words, int count)
{
    const struct pg_config pg = {.url = config->postgres_url,
                                 .connect_timeout_ms = config->postgres_connect_timeout,
                                 .statement_timeout_ms = config->postgres_statement_timeout};
    const struct redis_config redis = {.address = config->redis_address,
                                       .password = config->redis_password,
                                       .database = config->redis_database,
                                       .timeout_ms = config->redis_timeout};
    struct keyring *keyring = NULL;
    if (keyring_new(config->keys_seal, &keyring) != OK)
        return CTL_CONFIGURATION;
    struct ctl ctl = {.services = {.settings = {.owner = "registrarctl",
                                                .xmpp_domain = config->xmpp_domain,
                                                .country = (unsigned)config->region_country,
                                                .token_cache_lifetime_ms = config->tokens_cache_lifetime},
                                   .keyring = keyring,
                                   .token_memory = token_memory_new(0, 0)},
                      .worker = {.pg = pg_new(&pg), .redis = redis_new(&redis)},
                      .arena = arena_new(),
                      .options = line->options,
                      .reconcile = wiring_reconcile(config)};
    ctl.by = who(ctl.arena);
    const enum err err = look_at_database(ctl.worker.pg, ctl.arena, config->xmpp_domain);
    const enum ctl_status status = err == OK ? ctl_run(&ctl, words, count) : ctl_failed(err);
    pg_free(&ctl.worker.pg);
    redis_free(&ctl.worker.redis);
    token_memory_free(&ctl.services.token_memory);
    keyring_free(&keyring);
    arena_free(&ctl.arena);
    return status;
}

int main(int argc, char **argv)
{
    struct command_line line;
    struct config *config = NULL;
    if (!parse_options(argc, argv, &line) || (optind == argc && !line.help && !line.version)) {
        print_help(stderr);
        return CTL_USAGE;
    }
    if (line.help || line.version) {
        if (line.help)
            print_help(stdout);
        else
            puts("registrarctl " REGISTRARD_VERSION);
        return CTL_DONE;
    }
    crypto_init();
    openlog("registrarctl", LOG_PID, LOG_AUTHPRIV);
    if (config_load_for_tool(line.config, environ, stderr, &config) != OK)
        return CTL_CONFIGURATION;
    const enum ctl_status status = run(config, &line, argv + optind, argc - optind);
    config_free(&config);
    return (int)status;
}
