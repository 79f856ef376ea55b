/* A Redis of the test's own, on a socket in a directory of its own, which may be killed, stopped and started again. */
#ifndef TESTS_OWN_REDIS_H
#define TESTS_OWN_REDIS_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct own_redis {
    char directory[32];
    char socket[40];
    const char *fsync; /* "always": what was answered is kept, "everysec": up to two seconds of it are not */
    pid_t pid;         /* 0: not running */
};

static inline void own_redis_start(struct own_redis *own)
{
    unlink(own->socket);
    own->pid = fork();
    if (own->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int null = open("/dev/null", O_RDWR);
        dup2(null, STDOUT_FILENO);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", own->socket, "--dir", own->directory,
               "--appendonly", "yes", "--appendfsync", own->fsync, "--save", "", "--maxmemory-policy", "noeviction",
               (char *)NULL);
        _exit(127);
    }
}

static inline bool own_redis_new(struct own_redis *own)
{
    own->fsync = "always";
    strcpy(own->directory, "/tmp/registrar-XXXXXX");
    if (!mkdtemp(own->directory))
        return false;
    snprintf(own->socket, sizeof own->socket, "%s/s", own->directory);
    own_redis_start(own);
    return own->pid > 0;
}

static inline void own_redis_signal(const struct own_redis *own, int signal)
{
    kill(own->pid, signal);
}

static inline void own_redis_kill(struct own_redis *own)
{
    if (own->pid > 0) {
        kill(own->pid, SIGKILL);
        waitpid(own->pid, NULL, 0);
    }
    own->pid = 0;
}

static inline void own_redis_free(struct own_redis *own)
{
    char command[64];
    own_redis_kill(own);
    snprintf(command, sizeof command, "rm -rf '%s'", own->directory);
    if (system(command) != 0)
        perror(command);
}

#endif
