/* Sessions lie in two lists: all of them, to be woken when we stop, and those that nobody uses. One that is in use
 * belongs to its thread; only the waking, which libcurl allows, comes from another. */
#include "xmpp/http_api.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/log.h"
#include "component/base/metrics.h"
#include "xmpp/transport.h"
#include "xmpp/xmpp.h"

enum { URL_SIZE = 640, ARGUMENTS_MAX = 64 * 1024, LONGEST_WAIT_MS = 60 * 1000 };

struct http_session {
    CURLM *multi; /* keeps the connections */
    CURL *handles[HTTP_API_CALLS_MAX];
    bool left_machine; /* a connection was refused because it would */
    struct http_session *next, *next_idle;
};

struct http_api {
    const struct xmpp_config *config;
    struct curl_slist *headers;

    pthread_mutex_t lock; /* of what follows */
    struct http_session *sessions, *idle;
    bool refusing;
    const char *failing; /* the command whose failure the log has; NULL: all is well */
    char reason[HTTP_API_REASON_SIZE];
};

/* ---- calls ---- */

void http_call_init(struct http_call *call, const char *command)
{
    *call = (struct http_call){.command = command};
    buf_init(&call->arguments, ARGUMENTS_MAX);
    buf_init(&call->answer, HTTP_API_ANSWER_MAX);
}

void http_call_free(struct http_call *call)
{
    buf_free(&call->arguments);
    buf_free(&call->answer);
}

/* ---- handles ---- */

static size_t take(char *bytes, size_t size, size_t count, void *arg)
{
    struct buf *answer = arg;
    buf_append(answer, bytes, size * count);
    return answer->overflowed ? 0 : size * count; /* 0 ends the transfer */
}

/* What a host's name stands for is known here only. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http_session *session = arg;
    (void)purpose;
    session->left_machine = !transport_is_loopback(&address->addr);
    if (session->left_machine)
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void set_credentials(CURL *handle, const struct xmpp_config *config)
{
    const char *secret = secret_expose(config->api_secret);
    if (config->api_user[0] == '\0') {
        curl_easy_setopt(handle, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(handle, CURLOPT_XOAUTH2_BEARER, secret);
    } else {
        curl_easy_setopt(handle, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(handle, CURLOPT_USERNAME, config->api_user);
        curl_easy_setopt(handle, CURLOPT_PASSWORD, secret);
    }
}

/* What is the same for all calls. */
static CURL *handle_new(const struct http_api *api, struct http_session *session)
{
    const struct xmpp_config *config = api->config;
    CURL *handle = curl_easy_init();
    if (handle == NULL)
        log_fatal("curl_easy_init");
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_PROXY, ""); /* what the environment names is none of the configuration's */
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, api->headers);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, (long)config->connect_timeout_ms);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take);
    if (config->tls_ca_file[0] != '\0')
        curl_easy_setopt(handle, CURLOPT_CAINFO, config->tls_ca_file);
    if (strncmp(config->api_url, "https:", 6) != 0 && !config->way_protected) {
        curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, session);
    }
    set_credentials(handle, config);
    return handle;
}

static void begin_call(const struct http_api *api, struct http_session *session, size_t number, struct http_call *call)
{
    CURL *handle = session->handles[number];
    char url[URL_SIZE];
    const size_t length = strlen(api->config->api_url);
    const bool slash = length > 0 && api->config->api_url[length - 1] == '/';
    snprintf(url, sizeof url, "%s%s%s", api->config->api_url, slash ? "" : "/", call->command);
    buf_clear(&call->answer);
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, (long)call->arguments.length);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, buf_cstr(&call->arguments));
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &call->answer);
    curl_easy_setopt(handle, CURLOPT_PRIVATE, (char *)call);
    curl_multi_add_handle(session->multi, handle);
}

/* ---- sessions ---- */

static struct http_session *session_new(const struct http_api *api)
{
    struct http_session *session = xcalloc(1, sizeof *session);
    session->multi = curl_multi_init();
    if (session->multi == NULL)
        log_fatal("curl_multi_init");
    curl_multi_setopt(session->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_API_CALLS_MAX);
    for (size_t i = 0; i < HTTP_API_CALLS_MAX; i++)
        session->handles[i] = handle_new(api, session);
    return session;
}

static void session_free(struct http_session *session)
{
    for (size_t i = 0; i < HTTP_API_CALLS_MAX; i++)
        curl_easy_cleanup(session->handles[i]);
    curl_multi_cleanup(session->multi);
    free(session);
}

/* NULL: refused. */
static struct http_session *take_session(struct http_api *api)
{
    pthread_mutex_lock(&api->lock);
    struct http_session *session = api->idle;
    if (api->refusing) {
        session = NULL;
    } else if (session != NULL) {
        api->idle = session->next_idle;
    } else {
        session = session_new(api);
        session->next = api->sessions;
        api->sessions = session;
    }
    pthread_mutex_unlock(&api->lock);
    return session;
}

static void give_session(struct http_api *api, struct http_session *session)
{
    pthread_mutex_lock(&api->lock);
    session->next_idle = api->idle;
    api->idle = session;
    pthread_mutex_unlock(&api->lock);
}

static bool is_refusing(struct http_api *api)
{
    pthread_mutex_lock(&api->lock);
    const bool refusing = api->refusing;
    pthread_mutex_unlock(&api->lock);
    return refusing;
}

/* ---- results ---- */

static enum err result_of_status(long status)
{
    if (status == 200)
        return OK;
    if (status == 401 || status == 403)
        return ERR_FORBIDDEN;
    return status == 404 ? ERR_UNSUPPORTED : ERR_XMPP;
}

static enum err result_of(CURLcode code, long status, const struct http_call *call)
{
    switch (code) {
    case CURLE_OK:
        return result_of_status(status);
    case CURLE_WRITE_ERROR:
        return call->answer.overflowed ? ERR_TOO_LARGE : ERR_XMPP_DOWN;
    default: /* a timeout, too: libcurl is given one for connecting alone */
        return ERR_XMPP_DOWN;
    }
}

static void describe(const struct http_session *session, const struct http_call *call, CURLcode code, long status,
                     char reason_r[HTTP_API_REASON_SIZE])
{
    if (session->left_machine)
        snprintf(reason_r, HTTP_API_REASON_SIZE, "plain HTTP to another machine");
    else if (code != CURLE_OK)
        snprintf(reason_r, HTTP_API_REASON_SIZE, "%s", curl_easy_strerror(code));
    else if (status == 401)
        snprintf(reason_r, HTTP_API_REASON_SIZE, "api_user or api_secret refused (401)");
    else
        snprintf(reason_r, HTTP_API_REASON_SIZE, "%s: %s (%ld)", call->command,
                 status == 403 ? "not permitted" : "no such command", status);
}

/* Tells the log once that the API is of no use, and once that it is again. */
static void notice(struct http_api *api, const struct http_call *call, const char *reason)
{
    const bool useless =
        call->result == ERR_XMPP_DOWN || call->result == ERR_FORBIDDEN || call->result == ERR_UNSUPPORTED;
    if (call->asking && call->result == ERR_FORBIDDEN)
        return;
    pthread_mutex_lock(&api->lock);
    const bool fails = useless && api->failing == NULL;
    const bool works = call->result == OK && api->failing != NULL && strcmp(api->failing, call->command) == 0;
    if (fails) {
        api->failing = call->command;
        snprintf(api->reason, sizeof api->reason, "%s", reason);
    } else if (works) {
        api->failing = NULL;
        api->reason[0] = '\0';
    }
    pthread_mutex_unlock(&api->lock);
    if (fails)
        log_warn("xmpp_api_fails", F("command", call->command), F("reason", reason));
    else if (works)
        log_info("xmpp_api_works_again", F("command", call->command));
}

static void settle(struct http_api *api, const struct http_session *session, CURL *handle, CURLcode code)
{
    struct http_call *call = NULL;
    long status = 0;
    char reason[HTTP_API_REASON_SIZE];
    curl_easy_getinfo(handle, CURLINFO_PRIVATE, (char **)&call);
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    call->result = result_of(code, status, call);
    describe(session, call, code, status, reason);
    metric_add(M_XMPP_REQUESTS, err_name(call->result), 1);
    notice(api, call, reason);
}

/* ---- running ---- */

/* How many calls are over. */
static size_t settle_finished(struct http_api *api, struct http_session *session)
{
    size_t over = 0;
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(session->multi, &left)) != NULL; over++) {
        CURL *handle = message->easy_handle;
        const CURLcode code = message->data.result;
        curl_multi_remove_handle(session->multi, handle);
        settle(api, session, handle, code);
    }
    return over;
}

/* Those that have no result are given up; their connections with them. */
static void abandon(struct http_session *session, struct http_call *calls, size_t begun, size_t count, enum err why)
{
    for (size_t i = 0; i < count; i++) {
        if (i < begun)
            curl_multi_remove_handle(session->multi, session->handles[i]); /* harmless when it is over */
        if (calls[i].result == ERR_INTERNAL) {
            calls[i].result = why;
            metric_add(M_XMPP_REQUESTS, err_name(why), 1);
        }
    }
}

static void run(struct http_api *api, struct http_session *session, struct http_call *calls, size_t count,
                unsigned at_once, int64_t deadline_ms)
{
    size_t begun = 0, over = 0;
    enum err why = OK;
    while (over < count && why == OK) {
        int running = 0;
        while (begun < count && begun - over < at_once) {
            begin_call(api, session, begun, &calls[begun]);
            begun++;
        }
        curl_multi_perform(session->multi, &running);
        const size_t finished = settle_finished(api, session);
        over += finished;
        if (is_refusing(api))
            why = ERR_SHUTDOWN;
        else if (clock_ms() >= deadline_ms)
            why = ERR_TIMEOUT;
        else if (finished == 0)
            curl_multi_poll(session->multi, NULL, 0, clock_left(deadline_ms, LONGEST_WAIT_MS), NULL);
    }
    abandon(session, calls, begun, count, why);
}

enum err http_api_run(struct http_api *api, struct http_call *calls, size_t count, unsigned at_once,
                      int64_t deadline_ms)
{
    struct http_session *session = take_session(api);
    enum err first = session == NULL ? ERR_SHUTDOWN : OK;
    for (size_t i = 0; i < count; i++)
        calls[i].result = session == NULL ? ERR_SHUTDOWN : ERR_INTERNAL;
    if (session == NULL)
        return first;
    const int64_t own_ms = clock_ms() + api->config->request_timeout_ms;
    metric_move(M_XMPP_IN_FLIGHT, (int64_t)count);
    session->left_machine = false;
    run(api, session, calls, count, at_once > 0 ? at_once : 1, own_ms < deadline_ms ? own_ms : deadline_ms);
    metric_move(M_XMPP_IN_FLIGHT, -(int64_t)count);
    give_session(api, session);
    for (size_t i = 0; i < count && first == OK; i++)
        first = calls[i].result;
    return first;
}

/* ---- life ---- */

struct http_api *http_api_new(const struct xmpp_config *config)
{
    struct http_api *api = xcalloc(1, sizeof *api);
    api->config = config;
    api->headers = curl_slist_append(curl_slist_append(NULL, "Content-Type: application/json"), "Expect:");
    pthread_mutex_init(&api->lock, NULL);
    return api;
}

void http_api_free(struct http_api **api_ref)
{
    struct http_api *api = *api_ref;
    if (api == NULL)
        return;
    for (struct http_session *session = api->sessions; session != NULL;) {
        struct http_session *next = session->next;
        session_free(session);
        session = next;
    }
    curl_slist_free_all(api->headers);
    pthread_mutex_destroy(&api->lock);
    free(api);
    *api_ref = NULL;
}

void http_api_refuse(struct http_api *api)
{
    pthread_mutex_lock(&api->lock);
    api->refusing = true;
    for (struct http_session *session = api->sessions; session != NULL; session = session->next)
        curl_multi_wakeup(session->multi);
    pthread_mutex_unlock(&api->lock);
}

void http_api_reason(struct http_api *api, char reason_r[HTTP_API_REASON_SIZE])
{
    pthread_mutex_lock(&api->lock);
    memcpy(reason_r, api->reason, HTTP_API_REASON_SIZE);
    pthread_mutex_unlock(&api->lock);
}
