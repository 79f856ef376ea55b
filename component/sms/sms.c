/* The providers in order, each behind a breaker (sms.h). The breaker's state is shared by all workers: what one has
 * learnt spares the others. The next provider is asked too when one is silent: a code that comes twice is better than
 * none. */
#include "component/sms/sms.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/log.h"
#include "component/base/metrics.h"

enum {
    PROVIDERS_MAX = 3,
    /* What is left when one provider used up the deadline: its clock may end a little before ours. Nobody answers
     * within this, but somebody might send and not be heard. */
    TOO_SHORT_MS = 20,
};

static const struct sms_provider *const known[] = {&sms_file, &sms_yuntongxun, &sms_http};

struct line {
    const struct sms_provider *provider;
    atomic_uint failures; /* in a row */
    atomic_int_least64_t closed_until_ms;
};

struct sms {
    const struct sms_config *config;
    struct line lines[PROVIDERS_MAX];
    size_t count;
};

static const struct sms_provider *provider_named(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strlen(known[i]->name) == length && strncmp(known[i]->name, name, length) == 0)
            return known[i];
    return NULL;
}

static enum err add(struct sms *sms, const char *name, size_t length)
{
    const struct sms_provider *provider = provider_named(name, length);
    if (provider == NULL || sms->count == PROVIDERS_MAX) {
        log_error("sms_provider_unknown", F("position", sms->count + 1));
        return ERR_INVALID;
    }
    const char *missing = provider->missing(sms->config);
    if (missing != NULL) {
        log_error("sms_provider_lacks_setting", F("provider", provider->name), F("setting", missing));
        return ERR_INVALID;
    }
    sms->lines[sms->count++].provider = provider;
    return OK;
}

enum err sms_new(const struct sms_config *config, struct sms **sms_r)
{
    struct sms *sms = xcalloc(1, sizeof *sms);
    sms->config = config;
    enum err err = OK;
    for (const char *name = config->providers; err == OK && *name != '\0'; name += strspn(name, ", ")) {
        const size_t length = strcspn(name, ", ");
        if (length > 0)
            err = add(sms, name, length);
        name += length;
    }
    if (err == OK)
        *sms_r = sms;
    else
        free(sms);
    return err;
}

void sms_free(struct sms **sms)
{
    free(*sms);
    *sms = NULL;
}

/* Counts a failure; at the limit the provider is left alone, and after each pause tried again by one message. */
static void failed(struct sms *sms, struct line *line)
{
    const unsigned failures = atomic_fetch_add(&line->failures, 1) + 1;
    metric_add(M_SMS_FAILED, line->provider->name, 1);
    if (failures < sms->config->breaker_after)
        return;
    line->closed_until_ms = clock_ms() + sms->config->breaker_pause_ms;
    if (failures == sms->config->breaker_after)
        log_warn("sms_provider_left_alone", F("provider", line->provider->name),
                 F("pause_ms", sms->config->breaker_pause_ms));
}

static void succeeded(struct line *line)
{
    metric_add(M_SMS_SENT, line->provider->name, 1);
    const unsigned failures = atomic_exchange(&line->failures, 0);
    line->closed_until_ms = 0;
    if (failures > 0)
        log_info("sms_provider_works_again", F("provider", line->provider->name));
}

/* It answered, and says nothing against itself: whether it works again is for the next message to find out, without a
 * pause. Else who asks for codes to numbers that are none could keep it from being tried. */
static void answered(struct sms *sms, struct line *line)
{
    if (line->failures >= sms->config->breaker_after)
        line->closed_until_ms = 0;
}

/* Whether it is this message's turn to try. */
static bool is_open(struct sms *sms, struct line *line, int64_t now_ms)
{
    int_least64_t until = line->closed_until_ms;
    if (now_ms < until)
        return false;
    if (line->failures < sms->config->breaker_after)
        return true;
    return atomic_compare_exchange_strong(&line->closed_until_ms, &until, now_ms + sms->config->breaker_pause_ms);
}

static enum err try_one(struct sms *sms, struct line *line, struct sms_worker *worker, struct arena *arena,
                        const struct sms_message *message, int64_t deadline_ms, const char **why_r)
{
    const char *why = "";
    const enum err err = line->provider->send(sms->config, worker, arena, message, deadline_ms, &why);
    if (err == OK)
        succeeded(line);
    else if (err == ERR_INVALID)
        answered(sms, line);
    else
        failed(sms, line);
    if (why[0] != '\0')
        *why_r = why;
    return err;
}

enum err sms_send(struct sms *sms, struct sms_worker *worker, struct arena *arena, const struct sms_message *message,
                  int64_t deadline_ms, const char **why_r)
{
    enum err outcome = ERR_NOT_SENT;
    *why_r = "";
    for (size_t i = 0; i < sms->count; i++) {
        struct line *line = &sms->lines[i];
        const int64_t now_ms = clock_ms(), own_ms = now_ms + sms->config->timeout_ms;
        if (deadline_ms - now_ms < TOO_SHORT_MS)
            break;
        if (!is_open(sms, line, now_ms))
            continue;
        const enum err err =
            try_one(sms, line, worker, arena, message, own_ms < deadline_ms ? own_ms : deadline_ms, why_r);
        if (err == OK)
            return OK;
        if (err == ERR_UNCERTAIN)
            outcome = ERR_UNCERTAIN;
    }
    return outcome;
}
