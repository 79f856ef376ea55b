/* The composition root (daemon.h). Each part is made from the configuration and from parts made before it; daemon_stop
 * is the same list backwards, written as an argument. */
#include "component/daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/base/seal.h"
#include "component/cache/news.h"
#include "component/cache/redis.h"
#include "component/cache/token_cache.h"
#include "component/commands/commands.h"
#include "component/config.h"
#include "component/jobs/jobs.h"
#include "component/readiness.h"
#include "component/service/hasher.h"
#include "component/service/services.h"
#include "component/service/waiters.h"
#include "component/sms/sms.h"
#include "component/startup.h"
#include "component/wiring.h"
#include "http/http.h"
#include "sql/instances.h"
#include "sql/pg.h"
#include "xmpp/xmpp.h"

enum { WAITERS = 4096 };

struct daemon {
    const struct config *config;
    struct arena *arena; /* what lives as long as the daemon */
    struct pg_config pg;
    struct redis_config redis;
    _Atomic int64_t pg_latest_ms; /* no statement is waited for beyond this */
    struct keyring *keyring;
    struct services services;
    struct sms_config sms;
    struct instance instance;
    struct readiness *readiness;
    struct ops_server *ops;
    struct token_listener *listener;
    struct news_listener *news;
    struct xmpp_config xmpp_config;
    struct xmpp *xmpp;
    struct jobs_config jobs_config;
    struct jobs *jobs;
    struct commands *commands;
    const struct dialect *dialects[WIRING_DIALECTS + 1];
    struct http_server *http, *https;
    struct tcp_server *tcp;
};

/* --- the workers of the lanes */

static void *db_worker_new(void *arg, unsigned index)
{
    (void)index;
    const struct daemon *daemon = arg;
    struct worker *worker = xcalloc(1, sizeof *worker);
    *worker = (struct worker){.pg = pg_new(&daemon->pg), .redis = redis_new(&daemon->redis)};
    return worker;
}

static void *hash_worker_new(void *arg, unsigned index)
{
    (void)index;
    const struct daemon *daemon = arg;
    struct worker *worker = xcalloc(1, sizeof *worker);
    *worker = (struct worker){.hasher = hasher_new(daemon->services.settings.hash_cost)};
    return worker;
}

static void *sms_lane_worker_new(void *arg, unsigned index)
{
    (void)arg;
    (void)index;
    struct worker *worker = xcalloc(1, sizeof *worker);
    *worker = (struct worker){.sms = sms_worker_new()};
    return worker;
}

static void worker_free(void *arg)
{
    struct worker *worker = arg;
    sms_worker_free(&worker->sms);
    pg_free(&worker->pg);
    redis_free(&worker->redis);
    hasher_free(&worker->hasher);
    free(worker);
}

/* --- services */

static unsigned cores(void)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

static bool xmpp_is_ready(void *arg)
{
    struct daemon *daemon = arg;
    struct xmpp_status status;
    xmpp_status(daemon->xmpp, &status);
    return status.ready;
}

static void heard_news(void *arg, uint64_t key)
{
    struct daemon *daemon = arg;
    waiters_punch(daemon->services.runtime.waiters, key);
}

static void wishes_made(void *arg)
{
    struct daemon *daemon = arg;
    jobs_wake(daemon->jobs);
}

static struct taking *pairs_begin(void *arg, size_t most)
{
    struct daemon *daemon = arg;
    return jobs_begin_pairs(daemon->jobs, most);
}

static void pairs_end(void *arg, struct taking *taking, enum err outcome)
{
    struct daemon *daemon = arg;
    jobs_end_pairs(daemon->jobs, taking, outcome);
}

/* A verifier of what nobody knows, at the configured cost: logins of unknown names take as long as others. */
static enum err make_no_verifier(struct daemon *daemon)
{
    char nobody[33];
    random_text("abcdefghijklmnopqrstuvwxyz", sizeof nobody - 1, nobody);
    struct hasher *hasher = hasher_new(daemon->services.settings.hash_cost);
    const enum err err = hasher_make(hasher, daemon->arena, secret_of_cstr(nobody), &daemon->services.no_verifier);
    hasher_free(&hasher);
    return err;
}

static int open_picture_file(const struct daemon *daemon)
{
    const struct config *config = daemon->config;
    if (!config_is_development(config) || config->server_state_dir[0] == '\0')
        return -1;
    const char *path = arena_printf(daemon->arena, "%s/captcha.jsonl", config->server_state_dir);
    const int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0)
        log_error("picture_file_failed", F("path", path));
    return file;
}

static enum err make_services(struct daemon *daemon, int64_t epoch)
{
    const struct config *config = daemon->config;
    struct services *services = &daemon->services;
    services->settings = wiring_services(config, &daemon->instance, daemon->arena);
    services->keyring = daemon->keyring;
    services->epoch = epoch;
    services->token_memory = token_memory_new((size_t)config->tokens_memory_entries, config->tokens_memory_lifetime);
    services->picture_file = open_picture_file(daemon);
    services->xmpp_ready = xmpp_is_ready;
    services->wishes_made = wishes_made;
    services->pairs_begin = pairs_begin;
    services->pairs_end = pairs_end;
    services->xmpp_arg = services->wishes_arg = daemon;
    enum err err = make_no_verifier(daemon);
    if (err == OK)
        err = token_listener_start(&daemon->redis, services->token_memory, &daemon->listener);
    if (err == OK)
        err = waiters_new(WAITERS, &services->runtime.waiters);
    if (err == OK)
        err = news_listener_start(&daemon->redis, heard_news, daemon, &daemon->news);
    daemon->sms = wiring_sms(config, daemon->arena);
    if (err == OK)
        err = sms_new(&daemon->sms, &services->sms);
    return err;
}

/* A lane's own limit leaves room for what was admitted already and comes back for a later step: from hashing, or from
 * waiting. */
static enum err start_lanes(struct daemon *daemon)
{
    const struct config *config = daemon->config;
    struct runtime *runtime = &daemon->services.runtime;
    runtime->db_queue = (unsigned)config->postgres_queue;
    runtime->hash_queue = (unsigned)config->password_queue;
    runtime->sms_queue = (unsigned)config->sms_queue;
    const unsigned hashers = config->password_threads > 0 ? (unsigned)config->password_threads : cores();
    const struct lane_config db = {.name = "db",
                                   .threads = (unsigned)config->postgres_connections,
                                   .queue_limit = runtime->db_queue + runtime->hash_queue + hashers +
                                                  runtime->sms_queue + (unsigned)config->sms_workers + WAITERS,
                                   .worker_new = db_worker_new,
                                   .worker_free = worker_free,
                                   .arg = daemon};
    const struct lane_config hash = {.name = "hash",
                                     .threads = hashers,
                                     .queue_limit = runtime->hash_queue,
                                     .worker_new = hash_worker_new,
                                     .worker_free = worker_free,
                                     .arg = daemon};
    const struct lane_config sms = {.name = "sms",
                                    .threads = (unsigned)config->sms_workers,
                                    .queue_limit = runtime->sms_queue + (unsigned)config->postgres_connections,
                                    .worker_new = sms_lane_worker_new,
                                    .worker_free = worker_free};
    enum err err = lane_start(&db, &runtime->db);
    if (err == OK)
        err = lane_start(&hash, &runtime->hash);
    return err == OK ? lane_start(&sms, &runtime->sms) : err;
}

/* --- XMPP and jobs */

static enum err start_xmpp_and_jobs(struct daemon *daemon, const char *version)
{
    const struct config *config = daemon->config;
    daemon->xmpp_config = wiring_xmpp(config, version);
    enum err err = xmpp_start(&daemon->xmpp_config, &daemon->xmpp);
    if (err != OK)
        return err;
    daemon->jobs_config = (struct jobs_config){
        .instance = daemon->instance,
        .services = &daemon->services,
        .xmpp = daemon->xmpp,
        .pg = &daemon->pg,
        .redis = &daemon->redis,
        .component = config->xmpp_component,
        .workers = (unsigned)config->xmpp_in_flight,
        .lease_ms = config->outbox_lease,
        .backoff_ms = config->outbox_backoff,
        .backoff_max_ms = config->outbox_backoff_max,
        .stuck_after = config->outbox_stuck_after,
        .reconcile = wiring_reconcile(config),
    };
    if ((err = jobs_start(&daemon->jobs_config, &daemon->jobs)) == OK)
        xmpp_on_change(daemon->xmpp, jobs_link_changed, daemon->jobs);
    return err;
}

static void start_commands(struct daemon *daemon)
{
    const struct commands_config commands = wiring_commands(daemon->config, &daemon->services, daemon->xmpp);
    if (daemon->config->commands_enabled)
        daemon->commands = commands_start(&commands);
}

/* --- listeners */

static struct http_config http_config_of(const struct daemon *daemon, bool tls)
{
    const struct config *config = daemon->config;
    return (struct http_config){
        .address = tls ? config->https_address : config->http_address,
        .port = (uint16_t)(tls ? config->https_port : config->http_port),
        .tls = tls,
        .tls_cert_file = config->https_certificate,
        .tls_key_file = config->https_key,
        .threads = config->http_threads > 0 ? (unsigned)config->http_threads : (cores() + 1) / 2,
        .connection_limit = (unsigned)config->http_connections,
        .connections_per_address = (unsigned)config->http_connections_per_address,
        .proxies = config->http_proxies,
        .headers_timeout_ms = config->http_headers_timeout,
        .body_timeout_ms = config->http_body_timeout,
        .call_timeout_ms = config->http_call_timeout,
        .send_timeout_ms = config->http_send_timeout,
        .dialects = daemon->dialects,
        .services = (struct services *)&daemon->services,
    };
}

static enum err start_listeners(struct daemon *daemon)
{
    const struct config *config = daemon->config;
    const struct http_config http = http_config_of(daemon, false), https = http_config_of(daemon, true);
    const struct tcp_config tcp = {
        .address = config->tcp_address,
        .port = (uint16_t)config->tcp_port,
        .tls = config->tcp_tls,
        .tls_cert_file = config->https_certificate,
        .tls_key_file = config->https_key,
        .connection_limit = (unsigned)config->tcp_connections,
        .connections_per_address = (unsigned)config->tcp_connections_per_address,
        .line_limit = (size_t)config->tcp_line_limit,
        .idle_timeout_ms = config->tcp_idle_timeout,
        .call_timeout_ms = config->http_call_timeout,
        .dialects = daemon->dialects,
        .services = &daemon->services,
    };
    enum err err = config->http_enabled ? http_start(&http, &daemon->http) : OK;
    if (err == OK && config->https_enabled)
        err = http_start(&https, &daemon->https);
    if (err == OK && config->tcp_enabled)
        err = tcp_start(&tcp, &daemon->tcp);
    return err;
}

static void log_listening(const struct daemon *daemon)
{
    log_info("listening", F("http", daemon->http != NULL ? (int)http_port(daemon->http) : 0),
             F("https", daemon->https != NULL ? (int)http_port(daemon->https) : 0),
             F("tcp", daemon->tcp != NULL ? (int)tcp_port(daemon->tcp) : 0), F("ops", (int)ops_port(daemon->ops)));
}

/* --- up */

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static struct instance make_instance(const struct daemon *daemon, const char *version)
{
    char process[INSTANCE_PROCESS_SIZE];
    random_text("0123456789abcdef", sizeof process - 1, process);
    return (struct instance){.name = startup_instance(daemon->config),
                             .process = arena_strdup(daemon->arena, process),
                             .component = daemon->config->xmpp_component,
                             .version = version};
}

/* Postgres and Redis may come after us, or leave again: wait for them. What nobody knows of, such as whether the schema
 * was made, is looked at anew. The ops port says so meanwhile. */
static enum err wait_for_stores(struct daemon *daemon, int (*interrupted)(int), int64_t *epoch_r)
{
    for (;;) {
        const enum err err = startup_run(daemon->config, &daemon->instance, &daemon->pg, &daemon->redis, epoch_r);
        if (err != ERR_DB_DOWN && err != ERR_UNCERTAIN && err != ERR_CACHE_DOWN)
            return err;
        if (interrupted(1000))
            return ERR_SHUTDOWN;
    }
}

static enum err start_ops(struct daemon *daemon)
{
    const struct config *config = daemon->config;
    daemon->readiness = readiness_new(&daemon->pg, &daemon->redis);
    const struct ops_config ops = {.address = config->ops_address,
                                   .port = (uint16_t)config->ops_port,
                                   .ready = readiness_check,
                                   .arg = daemon->readiness};
    return ops_start(&ops, &daemon->ops);
}

static enum err build(struct daemon *daemon, const char *version, int (*interrupted)(int))
{
    int64_t epoch = 0;
    daemon->instance = make_instance(daemon, version);
    enum err err = keyring_new(daemon->config->keys_seal, &daemon->keyring);
    if (err == OK)
        err = wiring_dialects(daemon->config, daemon->arena, daemon->dialects);
    if (err == OK)
        err = start_ops(daemon);
    if (err == OK)
        err = wait_for_stores(daemon, interrupted, &epoch);
    if (err == OK)
        err = make_services(daemon, epoch);
    if (err == OK)
        err = start_lanes(daemon);
    if (err == OK)
        err = start_xmpp_and_jobs(daemon, version);
    if (err == OK)
        err = start_listeners(daemon);
    if (err == OK)
        start_commands(daemon);
    return err;
}

enum err daemon_start(const struct config *config, const char *version, int (*interrupted)(int),
                      struct daemon **daemon_r)
{
    raise_descriptor_limit();
    struct daemon *daemon = xcalloc(1, sizeof *daemon);
    daemon->config = config;
    daemon->arena = arena_new();
    daemon->services.picture_file = -1;
    daemon->pg_latest_ms = INT64_MAX;
    daemon->pg = (struct pg_config){.url = config->postgres_url,
                                    .connect_timeout_ms = config->postgres_connect_timeout,
                                    .statement_timeout_ms = config->postgres_statement_timeout,
                                    .latest_ms = &daemon->pg_latest_ms};
    daemon->redis = (struct redis_config){.address = config->redis_address,
                                          .password = config->redis_password,
                                          .database = config->redis_database,
                                          .timeout_ms = config->redis_timeout};
    const enum err err = build(daemon, version, interrupted);
    if (err != OK) {
        daemon_stop(&daemon);
        return err;
    }
    readiness_open(daemon->readiness, daemon->xmpp, &daemon->services.name_taken);
    log_listening(daemon);
    *daemon_r = daemon;
    return OK;
}

/* --- down */

static unsigned in_flight(const struct daemon *daemon)
{
    unsigned active = 0;
    if (daemon->http != NULL)
        active += http_active(daemon->http);
    if (daemon->https != NULL)
        active += http_active(daemon->https);
    if (daemon->tcp != NULL)
        active += tcp_active(daemon->tcp);
    if (daemon->commands != NULL)
        active += commands_active(daemon->commands);
    return active;
}

static void quiesce(struct daemon *daemon)
{
    if (daemon->http != NULL)
        http_quiesce(daemon->http);
    if (daemon->https != NULL)
        http_quiesce(daemon->https);
    if (daemon->tcp != NULL)
        tcp_quiesce(daemon->tcp);
    if (daemon->commands != NULL)
        commands_quiesce(daemon->commands);
}

static void finish_in_flight(struct daemon *daemon, int64_t deadline_ms)
{
    while (in_flight(daemon) > 0 && clock_ms() < deadline_ms)
        poll(NULL, 0, 10);
}

static void close_lane(struct lane *lane, int64_t deadline_ms)
{
    if (lane != NULL)
        lane_close(lane, clock_left(deadline_ms, 60000));
}

void daemon_stop(struct daemon **daemon_ref)
{
    struct daemon *daemon = *daemon_ref;
    struct runtime *runtime = &daemon->services.runtime;
    const int64_t now = clock_ms(), time = daemon->config->server_stop_timeout;
    daemon->pg_latest_ms = now + time * 65 / 100; /* then a Postgres that hangs has failed */
    if (daemon->readiness != NULL)
        readiness_close(daemon->readiness); /* balancers look elsewhere */
    quiesce(daemon);                        /* no new connections and commands; what is open may still finish */
    finish_in_flight(daemon, now + time * 6 / 10);
    if (runtime->waiters != NULL)
        waiters_close(runtime->waiters); /* nobody waits for the outbox any more */
    if (daemon->xmpp != NULL) {
        xmpp_on_change(daemon->xmpp, NULL, NULL); /* no job is told of the link any more */
        xmpp_refuse(daemon->xmpp); /* nor for the XMPP server: errands end, their wishes stay in the outbox */
    }
    close_lane(runtime->sms, now + time * 7 / 10);
    close_lane(runtime->hash, now + time * 7 / 10);
    close_lane(runtime->db, now + time * 8 / 10); /* every call has finished: none is suspended; new ones are refused */
    jobs_stop(&daemon->jobs, clock_left(now + time * 9 / 10, 60000)); /* what errands did is recorded */
    http_stop(&daemon->http);
    http_stop(&daemon->https);
    tcp_stop(&daemon->tcp);
    commands_free(&daemon->commands); /* nobody is left who could ask for anything */
    lane_stop(&runtime->sms, 0);
    lane_stop(&runtime->hash, 0);
    lane_stop(&runtime->db, 0);
    xmpp_close(&daemon->xmpp);
    ops_stop(&daemon->ops);
    readiness_free(&daemon->readiness);
    token_listener_stop(&daemon->listener);
    news_listener_stop(&daemon->news);
    waiters_free(&runtime->waiters);
    token_memory_free(&daemon->services.token_memory);
    sms_free(&daemon->services.sms);
    if (daemon->services.picture_file >= 0)
        close(daemon->services.picture_file);
    keyring_free(&daemon->keyring);
    arena_free(&daemon->arena);
    free(daemon);
    *daemon_ref = NULL;
}
