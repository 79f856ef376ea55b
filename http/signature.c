#include "http/signature.h"

#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "component/base/crypto.h"
#include "component/base/text.h"

enum { SIGN_LENGTH = 2 * SHA256_SIZE };

enum err app_secrets_parse(struct arena *arena, struct secret text, struct app_secrets *secrets_r)
{
    char *rest = arena_copy(arena, secret_expose(text), text.length);
    size_t most = 1;
    for (const char *p = rest; *p != '\0'; p++)
        most += *p == ',';
    struct app_secret *list = arena_array(arena, most, sizeof *list);
    *secrets_r = (struct app_secrets){.list = list};
    for (char *save, *entry = strtok_r(rest, ", \t\n", &save); entry != NULL; entry = strtok_r(NULL, ", \t\n", &save)) {
        char *colon = strchr(entry, ':');
        if (colon == NULL || colon == entry || colon[1] == '\0')
            return ERR_INVALID;
        *colon = '\0';
        for (size_t i = 0; i < secrets_r->count; i++)
            if (strcmp(list[i].id, entry) == 0)
                return ERR_INVALID;
        list[secrets_r->count++] = (struct app_secret){.id = entry, .key = secret_of_cstr(colon + 1)};
    }
    return OK;
}

/* --- what is signed */

struct member {
    const char *name, *value; /* encoded */
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->name, ((const struct member *)b)->name);
}

static const char *encoded(struct arena *arena, const char *bytes, size_t length)
{
    char *text = arena_alloc(arena, 3 * length + 1);
    percent_encode(bytes, length, text);
    return text;
}

static void sign(struct secret key, const char *path, struct member *members, size_t count, char hex_r[SIGN_LENGTH + 1])
{
    struct buf text;
    buf_init(&text, SIZE_MAX);
    qsort(members, count, sizeof *members, by_name);
    buf_puts(&text, path);
    buf_putc(&text, '\n');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_putc(&text, '&');
        buf_puts(&text, members[i].name);
        buf_putc(&text, '=');
        buf_puts(&text, members[i].value);
    }
    uint8_t digest[SHA256_SIZE];
    hmac_sha256(key, buf_cstr(&text), text.length, digest);
    hex_encode(digest, sizeof digest, hex_r);
    buf_free(&text);
}

/* --- requests */

static const struct app_secret *chosen(const struct app_secrets *secrets, const char *id)
{
    if (id == NULL)
        return secrets->count > 0 ? &secrets->list[0] : NULL;
    for (size_t i = 0; i < secrets->count; i++)
        if (strcmp(secrets->list[i].id, id) == 0)
            return &secrets->list[i];
    return NULL;
}

static void lower(const char *text, char copy_r[SIGN_LENGTH + 1])
{
    for (size_t i = 0; i <= SIGN_LENGTH; i++)
        copy_r[i] = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] - 'A' + 'a') : text[i];
}

static bool signed_by(const struct app_secret *secret, const char *path, struct member *members, size_t count,
                      const char *given)
{
    char hex[SIGN_LENGTH + 1], given_lower[SIGN_LENGTH + 1];
    if (secret == NULL || strlen(given) != SIGN_LENGTH)
        return false;
    sign(secret->key, path, members, count, hex);
    lower(given, given_lower);
    return bytes_equal_ct(hex, given_lower, SIGN_LENGTH);
}

enum err signature_check(struct arena *arena, const struct app_secrets *applications,
                         const struct app_secrets *backends, const char *path, const struct params *params,
                         struct signature *signature_r)
{
    *signature_r = (struct signature){0};
    const char *given = params_text(params, "param_sign");
    if (given == NULL)
        return OK;
    if (params_find(params, "result") != NULL)
        return ERR_SIGN; /* every reply of ours has one, and is signed in the same way: none passes for a request */
    struct member *members = arena_array(arena, params->count, sizeof *members);
    size_t count = 0;
    for (size_t i = 0; i < params->count; i++) {
        const struct param *param = &params->list[i];
        if (strcmp(param->name, "param_sign") != 0)
            members[count++] = (struct member){encoded(arena, param->name, strlen(param->name)),
                                               encoded(arena, param->value, param->length)};
    }
    const char *id = params_text(params, "app_id");
    const struct app_secret *application = chosen(applications, id), *backend = chosen(backends, id);
    signature_r->application = signed_by(application, path, members, count, given);
    signature_r->backend = !signature_r->application && signed_by(backend, path, members, count, given);
    if (signature_r->application)
        signature_r->id = application->id;
    else if (signature_r->backend)
        signature_r->id = backend->id;
    return signature_r->id != NULL ? OK : ERR_SIGN;
}

/* --- replies */

static const char *value_as_sent(struct arena *arena, const json_t *value)
{
    if (json_is_string(value))
        return encoded(arena, json_string_value(value), json_string_length(value));
    const size_t length = json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
    char *text = arena_alloc(arena, length + 1);
    json_dumpb(value, text, length, JSON_COMPACT | JSON_ENCODE_ANY);
    return encoded(arena, text, length);
}

void signature_add(struct arena *arena, const struct app_secrets *applications, const char *path, json_t *reply)
{
    if (applications->count == 0) {
        json_object_set_new(reply, "sign", json_string(""));
        return;
    }
    struct member *members = arena_array(arena, json_object_size(reply), sizeof *members);
    size_t count = 0;
    const char *name;
    json_t *value;
    json_object_foreach(reply, name, value)
    {
        members[count++] = (struct member){encoded(arena, name, strlen(name)), value_as_sent(arena, value)};
    }
    char hex[SIGN_LENGTH + 1];
    sign(applications->list[0].key, path, members, count, hex);
    json_object_set_new(reply, "sign", json_string(hex));
}
