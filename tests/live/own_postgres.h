/* A Postgres of the test's own, on a socket in a directory that only its user reaches, which may be stopped, ended and
 * started again. Run by root it is another user's, because Postgres refuses root. */
#ifndef TESTS_OWN_POSTGRES_H
#define TESTS_OWN_POSTGRES_H

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define POSTGRES_BIN "/usr/lib/postgresql/15/bin/"

struct own_postgres {
    char directory[32]; /* holds data/ and the socket */
    char url[80];
    pid_t pid; /* of the postmaster; 0: not running */
};

static inline pid_t own_postgres_fork(const struct own_postgres *own, char *const argv[])
{
    const pid_t pid = fork();
    if (pid != 0)
        return pid;
    const struct passwd *user = getuid() == 0 ? getpwnam("postgres") : NULL;
    if (getuid() == 0 && (user == NULL || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    const int null = open("/dev/null", O_RDWR);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    if (chdir(own->directory) == 0)
        execv(argv[0], argv);
    _exit(127);
}

static inline void own_postgres_start(struct own_postgres *own)
{
    char *const argv[] = {POSTGRES_BIN "postgres", "-D", "data",      "-k", own->directory,           "-c",
                          "listen_addresses=",     "-c", "fsync=off", "-c", "deadlock_timeout=100ms", NULL};
    own->pid = own_postgres_fork(own, argv);
}

static inline bool own_postgres_new(struct own_postgres *own)
{
    char *const initdb[] = {
        POSTGRES_BIN "initdb", "-D", "data", "-U", "registrar", "-A", "trust", "--no-sync", "-E", "UTF8",
        "--locale=C.UTF-8",    NULL};
    int status = -1;
    strcpy(own->directory, "/tmp/registrar-XXXXXX");
    if (mkdtemp(own->directory) == NULL)
        return false;
    const struct passwd *user = getuid() == 0 ? getpwnam("postgres") : NULL;
    if (user != NULL && chown(own->directory, user->pw_uid, user->pw_gid) != 0)
        return false;
    snprintf(own->url, sizeof own->url, "host=%s user=registrar dbname=postgres", own->directory);
    const pid_t pid = own_postgres_fork(own, initdb);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        return false;
    own_postgres_start(own);
    return own->pid > 0;
}

/* To the postmaster and to all that serve clients: they do not share a process group. */
static inline void own_postgres_signal_all(const struct own_postgres *own, int signal)
{
    char path[64];
    int child;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", own->pid, own->pid);
    kill(own->pid, signal);
    FILE *children = fopen(path, "re");
    while (children != NULL && fscanf(children, "%d", &child) == 1)
        kill(child, signal);
    if (children != NULL)
        fclose(children);
}

/* Ends every session at once, as a crash does. */
static inline void own_postgres_end(struct own_postgres *own)
{
    if (own->pid > 0) {
        kill(own->pid, SIGQUIT);
        waitpid(own->pid, NULL, 0);
    }
    own->pid = 0;
}

static inline void own_postgres_free(struct own_postgres *own)
{
    char command[64];
    own_postgres_end(own);
    snprintf(command, sizeof command, "rm -rf '%s'", own->directory);
    if (system(command) != 0)
        perror(command);
}

#endif
