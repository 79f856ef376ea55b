/* A command-line tool over xmpp.h, to try a driver on a real server:
 *
 *     xmpp_probe host port domain component secret [option=value ...] action [argument ...]
 *
 * options: server=auto|openfire|prosody, tls=ca:FILE, tls=pin:HEX, name=NAME, way_protected=1, proof=LINE, timeout=MS,
 * in_flight=N
 * actions: prove; create LOCAL PASSWORD; check LOCAL PASSWORD; password LOCAL PASSWORD; delete LOCAL; roster LOCAL;
 * bind LOCAL LOCAL; unbind LOCAL LOCAL; unbind-deleted LOCAL LOCAL (the second one's account is being deleted);
 * bench COUNT THREADS (accounts made, bound in pairs, unbound, deleted); chaos COUNT THREADS (the same through links
 * that break: each link is proved anew, and what failed is done again); watch MS (prints changes of the status)
 *
 * Prints one line a result, "ok" or the error's name first, with the time it took; ends with 0 when all were ok. Names
 * in the item of LOCAL's partner are "Name of LOCAL", in the group "Bound". */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "xmpp/xmpp.h"

enum { DISAGREEING_MS = 5000 };

struct probe {
    struct xmpp_config config;
    struct xmpp *xmpp;
    const char *proof;
    int64_t timeout_ms;
    bool failed;
    atomic_bool again; /* what fails is done again */
    atomic_uint retries;
};

static void report(struct probe *probe, enum err err, int64_t started_us, const char *what)
{
    printf("%s %s %.1f ms\n", err_name(err), what, (double)(clock_us() - started_us) / 1000.0);
    fflush(stdout);
    if (err != OK)
        probe->failed = true;
}

static int64_t deadline(const struct probe *probe)
{
    return clock_ms() + probe->timeout_ms;
}

static void pause_ms(long ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

static bool wait_until_up(struct probe *probe)
{
    int64_t until = deadline(probe);
    struct xmpp_status status;
    xmpp_status(probe->xmpp, &status);
    while (!status.up && clock_ms() < until) {
        pause_ms(5);
        xmpp_status(probe->xmpp, &status);
    }
    if (!status.up)
        printf("xmpp_down %s\n", status.reason);
    return status.up;
}

static enum err prove(struct probe *probe)
{
    char proof[XMPP_PROOF_SIZE];
    int64_t started = clock_us();
    enum err err = xmpp_prove(probe->xmpp, probe->proof, proof);
    struct xmpp_status status;
    xmpp_status(probe->xmpp, &status);
    report(probe, err, started, err == OK ? proof : status.reason);
    return err;
}

static void print_item(const char *prefix, const struct roster_item *item)
{
    printf("%s jid=%s subscription=%s name='%s' groups=", prefix, item->jid, xmpp_subscription_name(item->subscription),
           item->name);
    for (size_t i = 0; i < item->group_count; i++)
        printf("%s%s", i > 0 ? "," : "", item->groups[i]);
    printf("\n");
}

/* What is wanted between two accounts; the strings are the arena's. */
static void describe(const struct probe *probe, struct arena *arena, char **locals, struct roster_side sides[2])
{
    static const char *const groups[] = {"Bound"};
    for (size_t i = 0; i < 2; i++)
        sides[i] =
            (struct roster_side){.local = locals[i],
                                 .exists = true,
                                 .item = {.jid = arena_printf(arena, "%s@%s", locals[1 - i], probe->config.domain),
                                          .name = arena_printf(arena, "Name of %s", locals[i]),
                                          .groups = groups,
                                          .group_count = 1}};
}

static void act_on_pair(struct probe *probe, const char *action, char **locals)
{
    struct arena *arena = arena_new();
    struct roster_side sides[2];
    describe(probe, arena, locals, sides);
    sides[1].exists = strcmp(action, "unbind-deleted") != 0;
    int64_t started = clock_us();
    const struct xmpp_patience patience = {.disagreeing_ms = DISAGREEING_MS, .deadline_ms = deadline(probe)};
    enum err err = strcmp(action, "bind") == 0 ? xmpp_bind(probe->xmpp, arena, sides, &patience)
                                               : xmpp_unbind(probe->xmpp, arena, sides, &patience);
    report(probe, err, started, action);
    for (size_t i = 0; i < 2; i++)
        if (sides[i].seen_present)
            print_item(sides[i].local, &sides[i].seen);
    arena_free(&arena);
}

static void show_roster(struct probe *probe, const char *local)
{
    struct arena *arena = arena_new();
    struct roster roster = {0};
    int64_t started = clock_us();
    report(probe, xmpp_roster(probe->xmpp, arena, local, &roster, deadline(probe)), started, "roster");
    for (size_t i = 0; i < roster.count; i++)
        print_item("item", &roster.items[i]);
    arena_free(&arena);
}

static void watch(struct probe *probe, long ms)
{
    struct xmpp_status before = {0};
    for (int64_t until = clock_ms() + ms; clock_ms() < until; pause_ms(5)) {
        struct xmpp_status status;
        xmpp_status(probe->xmpp, &status);
        if (status.up != before.up || status.generation != before.generation ||
            strcmp(status.reason, before.reason) != 0)
            printf("up=%d ready=%d link=%" PRIu64 " %s\n", status.up, status.ready, status.generation, status.reason);
        fflush(stdout);
        before = status;
    }
}

/* ---- bench ---- */

struct worker {
    struct probe *probe;
    unsigned index;
    unsigned workers;
    unsigned count;
    enum err (*step)(struct probe *probe, unsigned number);
    unsigned failures;
};

static void bench_local(unsigned number, char local_r[32])
{
    snprintf(local_r, 32, "bench-%u", number);
}

static enum err bench_create(struct probe *probe, unsigned number)
{
    char local[32];
    bench_local(number, local);
    return xmpp_jid_create(probe->xmpp, local, secret_of_cstr("bench-password"), deadline(probe));
}

static enum err bench_delete(struct probe *probe, unsigned number)
{
    char local[32];
    bench_local(number, local);
    return xmpp_jid_delete(probe->xmpp, local, deadline(probe));
}

static enum err bench_pair(struct probe *probe, unsigned number, bool bind)
{
    char a[32], b[32];
    bench_local(number, a);
    bench_local(number ^ 1U, b);
    char *locals[2] = {a, b};
    if (number % 2 == 1)
        return OK;
    struct arena *arena = arena_new();
    struct roster_side sides[2];
    describe(probe, arena, locals, sides);
    const struct xmpp_patience patience = {.disagreeing_ms = DISAGREEING_MS, .deadline_ms = deadline(probe)};
    enum err err =
        bind ? xmpp_bind(probe->xmpp, arena, sides, &patience) : xmpp_unbind(probe->xmpp, arena, sides, &patience);
    arena_free(&arena);
    return err;
}

static enum err bench_bind(struct probe *probe, unsigned number)
{
    return bench_pair(probe, number, true);
}

static enum err bench_unbind(struct probe *probe, unsigned number)
{
    return bench_pair(probe, number, false);
}

static enum err bench_once(struct worker *worker, unsigned number)
{
    enum err err = worker->step(worker->probe, number);
    for (int i = 0; i < 1000 && err != OK && atomic_load(&worker->probe->again); i++) {
        atomic_fetch_add(&worker->probe->retries, 1);
        pause_ms(20);
        err = worker->step(worker->probe, number);
    }
    return err;
}

static void *bench_worker(void *arg)
{
    struct worker *worker = arg;
    for (unsigned number = worker->index; number < worker->count / 2; number += worker->workers)
        for (unsigned half = 0; half < 2; half++)
            worker->failures += bench_once(worker, 2 * number + half) != OK;
    return NULL;
}

/* Proves each new link, as a job's thread would. */
static void *mender(void *arg)
{
    struct probe *probe = arg;
    char proof[XMPP_PROOF_SIZE] = "";
    for (; atomic_load(&probe->again); pause_ms(5)) {
        struct xmpp_status status;
        char fresh[XMPP_PROOF_SIZE];
        xmpp_status(probe->xmpp, &status);
        if (status.up && !status.ready && xmpp_prove(probe->xmpp, proof, fresh) == OK)
            memcpy(proof, fresh, sizeof proof);
    }
    return NULL;
}

static void bench_step(struct probe *probe, const char *name, enum err (*step)(struct probe *, unsigned),
                       unsigned count, unsigned threads, unsigned operations)
{
    enum { THREADS_MAX = 128 };
    static pthread_t ids[THREADS_MAX];
    static struct worker workers[THREADS_MAX];
    int64_t started = clock_us();
    unsigned failures = 0;
    threads = threads < THREADS_MAX ? threads : THREADS_MAX;
    for (unsigned i = 0; i < threads; i++) {
        workers[i] = (struct worker){.probe = probe, .index = i, .workers = threads, .count = count, .step = step};
        if (pthread_create(&ids[i], NULL, bench_worker, &workers[i]) != 0)
            exit(1);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        failures += workers[i].failures;
    }
    double seconds = (double)(clock_us() - started) / 1e6;
    printf("%s %s %u in %.2f s, %.0f/s, %u failed\n", failures == 0 ? "ok" : "failed", name, operations, seconds,
           operations / seconds, failures);
    probe->failed = probe->failed || failures > 0;
}

static void bench(struct probe *probe, unsigned count, unsigned threads)
{
    bench_step(probe, "create", bench_create, count, threads, count);
    bench_step(probe, "bind", bench_bind, count, threads, count / 2);
    bench_step(probe, "unbind", bench_unbind, count, threads, count / 2);
    bench_step(probe, "delete", bench_delete, count, threads, count);
}

static void chaos(struct probe *probe, unsigned count, unsigned threads)
{
    pthread_t thread;
    atomic_store(&probe->again, true);
    if (pthread_create(&thread, NULL, mender, probe) != 0)
        exit(1);
    bench(probe, count, threads);
    atomic_store(&probe->again, false);
    pthread_join(thread, NULL);
    struct xmpp_status status;
    xmpp_status(probe->xmpp, &status);
    printf("%u times again, over %" PRIu64 " links\n", atomic_load(&probe->retries), status.generation);
}

/* ---- the command line ---- */

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool take_option(struct probe *probe, const char *text)
{
    const char *value = strchr(text, '=');
    if (value == NULL)
        return false;
    value++;
    if (has_prefix(text, "server="))
        probe->config.server = value;
    else if (has_prefix(text, "tls=ca:"))
        probe->config.tls_ca_file = value + 3;
    else if (has_prefix(text, "tls=pin:"))
        probe->config.tls_pin_sha256 = value + 4;
    else if (has_prefix(text, "name="))
        probe->config.tls_name = value;
    else if (has_prefix(text, "way_protected="))
        probe->config.way_protected = true;
    else if (has_prefix(text, "proof="))
        probe->proof = value;
    else if (has_prefix(text, "timeout="))
        probe->timeout_ms = atol(value);
    else if (has_prefix(text, "in_flight="))
        probe->config.in_flight = (unsigned)atoi(value);
    else
        return false;
    if (has_prefix(text, "tls="))
        probe->config.tls = XMPP_TLS_DIRECT;
    return true;
}

static void act(struct probe *probe, const char *action, int count, char **arguments)
{
    struct secret password = secret_of_cstr(count > 1 ? arguments[1] : "");
    int64_t started = clock_us();
    if (strcmp(action, "create") == 0 && count == 2)
        report(probe, xmpp_jid_create(probe->xmpp, arguments[0], password, deadline(probe)), started, action);
    else if (strcmp(action, "check") == 0 && count == 2)
        report(probe, xmpp_jid_check(probe->xmpp, arguments[0], password, deadline(probe)), started, action);
    else if (strcmp(action, "password") == 0 && count == 2)
        report(probe, xmpp_jid_set_password(probe->xmpp, arguments[0], password, deadline(probe)), started, action);
    else if (strcmp(action, "delete") == 0 && count == 1)
        report(probe, xmpp_jid_delete(probe->xmpp, arguments[0], deadline(probe)), started, action);
    else if (strcmp(action, "roster") == 0 && count == 1)
        show_roster(probe, arguments[0]);
    else if (strcmp(action, "bench") == 0 && count == 2)
        bench(probe, (unsigned)atoi(arguments[0]), (unsigned)atoi(arguments[1]));
    else if (strcmp(action, "chaos") == 0 && count == 2)
        chaos(probe, (unsigned)atoi(arguments[0]), (unsigned)atoi(arguments[1]));
    else if (strcmp(action, "watch") == 0 && count == 1)
        watch(probe, atol(arguments[0]));
    else if (count == 2)
        act_on_pair(probe, action, arguments);
    else if (strcmp(action, "prove") != 0)
        probe->failed = true;
}

static struct xmpp_config config_of(char **argv)
{
    return (struct xmpp_config){.host = argv[1],
                                .port = (uint16_t)atoi(argv[2]),
                                .domain = argv[3],
                                .component = argv[4],
                                .secret = secret_of_cstr(argv[5]),
                                .tls_ca_file = "",
                                .tls_name = "",
                                .tls_pin_sha256 = "",
                                .server = "auto",
                                .api_url = "",
                                .api_user = "",
                                .api_secret = secret_of_cstr(""),
                                .in_flight = 16,
                                .request_timeout_ms = 10000,
                                .connect_timeout_ms = 5000,
                                .ping_interval_ms = 10000,
                                .backoff_base_ms = 250,
                                .backoff_cap_ms = 10000,
                                .version = "probe"};
}

int main(int argc, char **argv)
{
    if (argc < 7) {
        fprintf(stderr,
                "usage: xmpp_probe host port domain component secret [option=value ...] action [argument ...]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    crypto_init();
    struct probe probe = {.config = config_of(argv), .proof = "", .timeout_ms = 15000};
    int next = 6;
    while (next < argc - 1 && take_option(&probe, argv[next]))
        next++;
    const char *action = argv[next++];
    if (xmpp_start(&probe.config, &probe.xmpp) != OK)
        return 1;
    if (strcmp(action, "watch") == 0 || strcmp(action, "chaos") == 0)
        act(&probe, action, argc - next, argv + next);
    else if (wait_until_up(&probe) && prove(&probe) == OK)
        act(&probe, action, argc - next, argv + next);
    else
        probe.failed = true;
    xmpp_close(&probe.xmpp);
    return probe.failed ? 1 : 0;
}
