#include "component/sms/post.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/log.h"
#include "component/sms/sms.h"

struct sms_worker {
    CURL *curl; /* keeps its connections */
};

struct sms_worker *sms_worker_new(void)
{
    struct sms_worker *worker = xcalloc(1, sizeof *worker);
    worker->curl = curl_easy_init();
    return worker;
}

void sms_worker_free(struct sms_worker **worker)
{
    if (*worker == NULL)
        return;
    curl_easy_cleanup((*worker)->curl);
    free(*worker);
    *worker = NULL;
}

static size_t take(char *bytes, size_t size, size_t count, void *arg)
{
    struct buf *body = arg;
    buf_append(body, bytes, size * count);
    return body->overflowed ? 0 : size * count; /* 0 ends the transfer */
}

static struct curl_slist *header_list(const char *const *headers)
{
    struct curl_slist *list = NULL;
    for (; *headers != NULL; headers++)
        list = curl_slist_append(list, *headers);
    return list;
}

static void set_up(CURL *curl, const struct post *post, struct curl_slist *headers, struct buf *body)
{
    const int left = clock_left(post->deadline_ms, 600000);
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, post->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* what the environment names is none of the configuration's */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(left > 0 ? left : 1));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, post->method);
    if (strcmp(post->method, "GET") != 0)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, post->body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
}

/* Headers may hold a provider's secret. */
static void forget(struct curl_slist *headers)
{
    for (struct curl_slist *line = headers; line != NULL; line = line->next)
        secret_wipe(line->data, strlen(line->data));
    curl_slist_free_all(headers);
}

enum err sms_post(struct sms_worker *worker, const struct post *post, long *status_r, struct buf *body_r)
{
    long sent = 0;
    if (worker->curl == NULL)
        return ERR_NOT_SENT;
    struct curl_slist *headers = header_list(post->headers);
    set_up(worker->curl, post, headers, body_r);
    const CURLcode code = curl_easy_perform(worker->curl);
    curl_easy_getinfo(worker->curl, CURLINFO_RESPONSE_CODE, status_r);
    curl_easy_getinfo(worker->curl, CURLINFO_REQUEST_SIZE, &sent);
    curl_easy_reset(worker->curl); /* forgets URL, headers and body; keeps the connection */
    forget(headers);
    if (code == CURLE_OK)
        return OK;
    log_warn("sms_provider_unreachable", F("reason", curl_easy_strerror(code)));
    return sent > 0 ? ERR_UNCERTAIN : ERR_NOT_SENT;
}
