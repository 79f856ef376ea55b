/* Any provider that takes an HTTP request: URL, headers, body and what success looks like come from the configuration.
 * In the URL the placeholders are percent-encoded; in the body as its content type asks (JSON strings, or form values).
 */
#include <string.h>

#include "component/base/arena.h"
#include "component/base/log.h"
#include "component/base/text.h"
#include "component/sms/post.h"
#include "component/sms/sms.h"

enum { ANSWER_MAX = 16384, HEADERS_MAX = 16, REQUEST_MAX = 16384 };

static const char *missing(const struct sms_config *config)
{
    return secret_is_empty(config->http.url) ? "smshttp.url" : NULL;
}

/* What a placeholder stands for; NULL for another name. Phones and codes are digits and a "+": only that one needs
 * care. */
static const char *value_of(const struct sms_message *message, struct arena *arena, const char *name, size_t length)
{
    if (strncmp(name, "phone", length) == 0 && length == 5)
        return message->phone;
    if (strncmp(name, "national", length) == 0 && length == 8)
        return message->national;
    if (strncmp(name, "code", length) == 0 && length == 4)
        return message->code;
    if (strncmp(name, "minutes", length) == 0 && length == 7)
        return arena_printf(arena, "%lld", (long long)message->lifetime_ms / 60000);
    return NULL;
}

static void put(struct buf *out, struct arena *arena, const char *value, bool percent)
{
    if (!percent) {
        buf_puts(out, value);
        return;
    }
    char *encoded = arena_alloc(arena, 3 * strlen(value) + 1);
    percent_encode(value, strlen(value), encoded);
    buf_puts(out, encoded);
}

static const char *fill(struct arena *arena, const char *pattern, const struct sms_message *message, bool percent)
{
    struct buf out;
    buf_init(&out, REQUEST_MAX);
    for (const char *p = pattern; *p != '\0';) {
        const char *end = *p == '{' ? strchr(p, '}') : NULL;
        const char *value = end != NULL ? value_of(message, arena, p + 1, (size_t)(end - p - 1)) : NULL;
        if (value == NULL) {
            buf_putc(&out, *p++);
            continue;
        }
        put(&out, arena, value, percent);
        p = end + 1;
    }
    const char *text = arena_copy(arena, buf_cstr(&out), out.length);
    buf_free(&out);
    return text;
}

static void split_headers(const struct sms_config *config, struct arena *arena, const char *headers_r[HEADERS_MAX + 2])
{
    size_t count = 0;
    headers_r[count++] = arena_printf(arena, "Content-Type: %s", config->http.content_type);
    char *text = arena_copy(arena, secret_expose(config->http.headers), config->http.headers.length);
    for (char *save, *line = strtok_r(text, "|", &save); line != NULL && count <= HEADERS_MAX;
         line = strtok_r(NULL, "|", &save))
        headers_r[count++] = line;
    headers_r[count] = NULL;
}

static enum err send_by_http(const struct sms_config *config, struct sms_worker *worker, struct arena *arena,
                             const struct sms_message *message, int64_t deadline_ms, const char **why_r)
{
    const char *headers[HEADERS_MAX + 2];
    const bool form = strstr(config->http.content_type, "form-urlencoded") != NULL;
    split_headers(config, arena, headers);
    const struct post post = {.url = fill(arena, secret_expose(config->http.url), message, true),
                              .method = config->http.method,
                              .headers = headers,
                              .body = fill(arena, secret_expose(config->http.body), message, form),
                              .deadline_ms = deadline_ms};
    struct buf answer;
    long status = 0;
    buf_init(&answer, ANSWER_MAX);
    *why_r = "";
    enum err err = sms_post(worker, &post, &status, &answer);
    if (err == OK && (status < 200 || status > 299 || strstr(buf_cstr(&answer), config->http.success) == NULL)) {
        log_warn("sms_refused", F("provider", "http"), F("status", status));
        err = ERR_NOT_SENT;
    }
    buf_free(&answer);
    return err;
}

const struct sms_provider sms_http = {"http", missing, send_by_http};
