/* 容联云 (Yuntongxun), TemplateSMS (dialects.md, 004): sig is the upper-case MD5 of sid, token and time, and goes into
 * the URL; Authorization is the Base64 of "sid:time". "000000" is success, anything else comes with a text for the
 * user. */
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/base/text.h"
#include "component/sms/post.h"
#include "component/sms/sms.h"

enum { ANSWER_MAX = 16384, TIME_SIZE = 16, TEXT_MAX = 300, CODE_MAX = 8 };

static const char *missing(const struct sms_config *config)
{
    return config->yuntongxun.url[0] == '\0'           ? "yuntongxun.url"
           : config->yuntongxun.account[0] == '\0'     ? "yuntongxun.account"
           : secret_is_empty(config->yuntongxun.token) ? "yuntongxun.token"
           : config->yuntongxun.application[0] == '\0' ? "yuntongxun.application"
           : config->yuntongxun.template_id[0] == '\0' ? "yuntongxun.template"
                                                       : NULL;
}

static void write_time(const struct sms_config *config, char text_r[TIME_SIZE])
{
    const time_t now = (time_t)(clock_unix() + config->yuntongxun.utc_offset_s);
    struct tm date;
    gmtime_r(&now, &date);
    strftime(text_r, TIME_SIZE, "%Y%m%d%H%M%S", &date);
}

static const char *url_of(const struct sms_config *config, struct arena *arena, const char *when)
{
    char sig[MD5_HEX_SIZE];
    const char *text =
        arena_printf(arena, "%s%s%s", config->yuntongxun.account, secret_expose(config->yuntongxun.token), when);
    md5_hex(text, strlen(text), sig);
    for (char *p = sig; *p != '\0'; p++)
        *p = (char)toupper((unsigned char)*p);
    return arena_printf(arena, "%s/2013-12-26/Accounts/%s/SMS/TemplateSMS?sig=%s", config->yuntongxun.url,
                        config->yuntongxun.account, sig);
}

static const char *authorization_of(const struct sms_config *config, struct arena *arena, const char *when)
{
    const char *text = arena_printf(arena, "%s:%s", config->yuntongxun.account, when);
    static const char *const padding[] = {"", "==", "="};
    char *encoded = arena_alloc(arena, BASE64_SIZE(strlen(text)));
    base64_encode(text, strlen(text), encoded);
    return arena_printf(arena, "Authorization: %s%s", encoded, padding[strlen(text) % 3]);
}

/* NULL when a setting is not UTF-8. */
static const char *body_of(const struct sms_config *config, struct arena *arena, const struct sms_message *message)
{
    const char *minutes = arena_printf(arena, "%lld", (long long)message->lifetime_ms / 60000);
    json_t *body =
        json_pack("{s:s, s:s, s:s, s:[s, s]}", "to", message->national, "appId", config->yuntongxun.application,
                  "templateId", config->yuntongxun.template_id, "datas", message->code, minutes);
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    const char *copy = NULL;
    if (text != NULL) {
        copy = arena_strdup(arena, text);
        secret_wipe(text, strlen(text));
    }
    free(text);
    json_decref(body);
    return copy;
}

/* 160xxx: this number or template was refused, and the provider works. */
static bool is_about_message(const char *code)
{
    return strncmp(code, "160", 3) == 0;
}

/* What the provider wrote is its own, and could be what it was sent. */
static const char *for_log(const char *code)
{
    return code != NULL && strlen(code) <= CODE_MAX && text_only_of(code, "0123456789") ? code : "other";
}

static enum err read_answer(struct arena *arena, long status, const struct buf *answer, const char **why_r)
{
    json_t *object = json_loadb(buf_cstr(answer), answer->length, 0, NULL);
    const char *code = json_string_value(json_object_get(object, "statusCode"));
    const char *text = json_string_value(json_object_get(object, "statusMsg"));
    enum err err = code != NULL && strcmp(code, "000000") == 0 ? OK : ERR_NOT_SENT;
    if (err != OK) {
        log_warn("sms_refused", F("provider", "yuntongxun"), F("status", status), F("code", for_log(code)));
        if (text != NULL && strlen(text) <= TEXT_MAX)
            *why_r = arena_strdup(arena, text);
        if (code != NULL && is_about_message(code))
            err = ERR_INVALID;
    }
    json_decref(object);
    return err;
}

static enum err send_by_yuntongxun(const struct sms_config *config, struct sms_worker *worker, struct arena *arena,
                                   const struct sms_message *message, int64_t deadline_ms, const char **why_r)
{
    char when[TIME_SIZE];
    write_time(config, when);
    const char *const headers[] = {"Accept: application/json", "Content-Type: application/json;charset=utf-8",
                                   authorization_of(config, arena, when), NULL};
    const struct post post = {.url = url_of(config, arena, when),
                              .method = "POST",
                              .headers = headers,
                              .body = body_of(config, arena, message),
                              .deadline_ms = deadline_ms};
    struct buf answer;
    long status = 0;
    *why_r = "";
    if (post.body == NULL)
        return ERR_NOT_SENT;
    buf_init(&answer, ANSWER_MAX);
    enum err err = sms_post(worker, &post, &status, &answer);
    if (err == OK)
        err = read_answer(arena, status, &answer, why_r);
    buf_free(&answer);
    return err;
}

const struct sms_provider sms_yuntongxun = {"yuntongxun", missing, send_by_yuntongxun};
