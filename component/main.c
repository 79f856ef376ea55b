/* registrard: the command line, signals, and the exit status. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/config.h"
#include "component/daemon.h"
#include "component/startup.h"
#include "sql/pg.h"

#ifndef REGISTRARD_VERSION
#define REGISTRARD_VERSION "unknown"
#endif

/* The seed's codes for a server that does not start or stop (003, error codes). */
enum { EXIT_START_FAILED = 7, EXIT_USAGE = 2 };

extern char **environ;

enum action { RUN, CHECK_CONFIG, DUMP_CONFIG, EXAMPLE_CONFIG, CONFIG_REFERENCE, MIGRATE, SHOW_VERSION, HELP, USAGE };

static const char help[] =
    "usage: registrard [--config FILE] [ACTION]\n"
    "Without an action, runs in the foreground until SIGTERM or SIGINT.\n"
    "  --check-config      name each mistake in the configuration; exit 0 when there is none\n"
    "  --dump-config       print the configuration in force, without secrets\n"
    "  --migrate           bring the schema up to this version\n"
    "  --example-config    print a complete commented configuration\n"
    "  --config-reference  print the reference of all settings, as Markdown\n"
    "  --version, --help\n"
    "Exit status: 0 stopped as asked, 1 a mistake in the configuration, 2 a wrong command line, 7 could not start.\n";

static enum action parse_arguments(int argc, char **argv, const char **path_r)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, CHECK_CONFIG},
        {"dump-config", no_argument, NULL, DUMP_CONFIG},
        {"example-config", no_argument, NULL, EXAMPLE_CONFIG},
        {"config-reference", no_argument, NULL, CONFIG_REFERENCE},
        {"migrate", no_argument, NULL, MIGRATE},
        {"version", no_argument, NULL, SHOW_VERSION},
        {"help", no_argument, NULL, HELP},
        {0},
    };
    enum action action = RUN;
    for (int option; (option = getopt_long(argc, argv, "c:", options, NULL)) != -1;) {
        if (option == 'c')
            *path_r = optarg;
        else if (option == '?' || action != RUN)
            return USAGE;
        else
            action = (enum action)option;
    }
    return optind == argc ? action : USAGE;
}

/* SIGHUP, too: it would end us, and is what scripts send after they renewed a certificate. */
static sigset_t own_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

static sigset_t stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

/* Whether we were asked to stop, within so many milliseconds. */
static int interrupted(int milliseconds)
{
    const sigset_t set = stop_signals();
    const struct timespec wait = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L};
    return sigtimedwait(&set, NULL, &wait) > 0;
}

static int run(const struct config *config)
{
    const sigset_t set = own_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL); /* before any thread: they inherit it */
    signal(SIGPIPE, SIG_IGN);
    /* passwords pass through memory: no core file */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    struct daemon *daemon = NULL;
    const enum err err = daemon_start(config, REGISTRARD_VERSION, interrupted, &daemon);
    if (err == ERR_SHUTDOWN)
        return EXIT_SUCCESS;
    if (err != OK) {
        log_error("start_failed", F_ERR(err), F("code", EXIT_START_FAILED));
        return EXIT_START_FAILED;
    }
    int caught = SIGHUP;
    while (sigwait(&set, &caught) != 0 || caught == SIGHUP)
        log_info("signal_ignored", F("signal", caught),
                 F("hint", "a new certificate or configuration needs a restart"));
    log_info("stopping", F("signal", caught));
    daemon_stop(&daemon);
    log_info("stopped");
    return EXIT_SUCCESS;
}

static int migrate_schema(const struct config *config)
{
    const struct pg_config pg = {.url = config->postgres_url,
                                 .connect_timeout_ms = config->postgres_connect_timeout,
                                 .statement_timeout_ms = config->postgres_statement_timeout};
    const enum err err = startup_migrate(&pg);
    if (err != OK)
        log_error("migration_failed", F_ERR(err));
    return err == OK ? EXIT_SUCCESS : EXIT_START_FAILED;
}

static int act(enum action action, const struct config *config)
{
    switch (action) {
    case CHECK_CONFIG:
        puts("The configuration is in order.");
        return EXIT_SUCCESS;
    case DUMP_CONFIG:
        config_dump(config, stdout);
        return EXIT_SUCCESS;
    case MIGRATE:
        return migrate_schema(config);
    default:
        return run(config);
    }
}

static int with_config(enum action action, const char *path)
{
    struct config *config = NULL;
    if (config_load(path, environ, stderr, &config) != OK)
        return EXIT_FAILURE;
    enum log_level level;
    if (log_level_parse(config->log_level, &level))
        log_set_level(level);
    const int status = act(action, config);
    config_free(&config);
    return status;
}

int main(int argc, char **argv)
{
    const char *path = NULL;
    const enum action action = parse_arguments(argc, argv, &path);
    crypto_init();
    switch (action) {
    case USAGE:
        fputs(help, stderr);
        return EXIT_USAGE;
    case HELP:
        fputs(help, stdout);
        return EXIT_SUCCESS;
    case SHOW_VERSION:
        puts("registrard " REGISTRARD_VERSION);
        return EXIT_SUCCESS;
    case EXAMPLE_CONFIG:
        config_example(stdout);
        return EXIT_SUCCESS;
    case CONFIG_REFERENCE:
        config_reference(stdout);
        return EXIT_SUCCESS;
    default:
        return with_config(action, path);
    }
}
