/* Sending codes by SMS: providers behind one interface, tried in the configured order, each with a circuit breaker.
 *
 * A provider that fails several times in a row is left alone for a while, so that one that hangs delays nobody for
 * longer than it takes to notice. Thread-safe; each thread that sends has a worker of its own (its connections). */
#ifndef SMS_SMS_H
#define SMS_SMS_H

#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "component/base/secret.h"

struct arena;
struct sms;
struct sms_worker;

struct sms_message {
    const char *phone;    /* E.164 */
    const char *national; /* as the default region writes it, else E.164 */
    const char *code;
    int64_t lifetime_ms; /* of the code */
    const char *purpose; /* "register", "reset" or "any": static */
};

struct sms_config {
    const char *providers;  /* names in order, comma-separated: "file", "yuntongxun", "http"; "" for none */
    int64_t timeout_ms;     /* for one try with one provider */
    unsigned breaker_after; /* failures in a row */
    int64_t breaker_pause_ms;
    const char *file; /* provider file: appended to, a JSON object a line */
    struct {
        const char *url;     /* "https://app.cloopen.com:8883" */
        const char *account; /* the sid */
        struct secret token;
        const char *application, *template_id;
        int64_t utc_offset_s; /* of the timestamp in its signature */
    } yuntongxun;
    struct {
        struct secret url; /* a provider may want its key there */
        const char *method, *content_type;
        struct secret headers; /* "Name: value" lines, separated by "|" */
        struct secret body;    /* {phone}, {national}, {code}, {minutes} are replaced, escaped for the content type */
        const char *success;   /* what the answer's body must hold; "" for any 2xx */
    } http;
};

/* ERR_INVALID (logged): an unknown provider, or one that lacks a setting. The config must outlive it. */
MUST_CHECK enum err sms_new(const struct sms_config *config, struct sms **sms_r);
void sms_free(struct sms **sms);
struct sms_worker *sms_worker_new(void);
void sms_worker_free(struct sms_worker **worker);

/* OK: a provider took it. ERR_NOT_SENT: none did; *why_r is a provider's own text for the user, the last one of several
 * ("" without any), in the arena. ERR_UNCERTAIN: none said so, but one may have. Blocks until deadline_ms at most. */
MUST_CHECK enum err sms_send(struct sms *sms, struct sms_worker *worker, struct arena *arena,
                             const struct sms_message *message, int64_t deadline_ms, const char **why_r);

/* One provider: a const struct of functions, one file each. */
struct sms_provider {
    const char *name;
    /* What is missing in the configuration for it; NULL when nothing is. */
    const char *(*missing)(const struct sms_config *config);
    /* OK, or ERR_NOT_SENT with the provider's text (the arena's, "" without one). ERR_UNCERTAIN: it may have taken it.
     * ERR_INVALID, with a text: it will not take this number or template, which says nothing against the provider. */
    enum err (*send)(const struct sms_config *config, struct sms_worker *worker, struct arena *arena,
                     const struct sms_message *message, int64_t deadline_ms, const char **why_r);
};
extern const struct sms_provider sms_file, sms_yuntongxun, sms_http;

#endif
