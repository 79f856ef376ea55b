/* What can only be seen once all values are there: forms that a type does not express, and settings that must fit
 * together. What needs the network or a library's parser (whether a certificate fits its key, whether Postgres answers)
 * is found by the part that uses it.
 *
 * A mistake names one setting, the one that most likely has to change. */
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "component/base/arena.h"
#include "component/base/seal.h"
#include "component/base/text.h"
#include "component/config.h"
#include "component/config_draft.h"
#include "component/config_groups.h"
#include "component/config_prizes.h"
#include "component/config_value.h"

enum { PEM_LIMIT = 1024 * 1024 };

static bool is_empty(const struct config *config, enum setting_id id)
{
    return setting_of(id)->type == TYPE_SECRET ? secret_is_empty(value_secret(config, id))
                                               : value_str(config, id)[0] == '\0';
}

static void check_required(struct draft *draft)
{
    for (enum setting_id id = 0; id < SETTING_COUNT; id++) {
        if ((setting_of(id)->flags & REQUIRED) != 0 && draft_concerns(draft, id) && is_empty(draft->config, id)) {
            mistake_in(draft, id, "must be set");
        }
    }
}

void draft_check_file(struct draft *draft, enum setting_id id)
{
    struct content content;
    const char *complaint = content_read(draft->arena, value_str(draft->config, id), PEM_LIMIT, &content);
    if (complaint != NULL) {
        mistake_in(draft, id, "%s", complaint);
        return;
    }
    draft->settings[id].world_readable = content.world_readable;
}

static void check_server(struct draft *draft)
{
    const char *instance = draft->config->server_instance;
    if (instance[0] != '\0' && !text_only_of(instance, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                       "0123456789.-_")) {
        mistake_in(draft, SETTING_server_instance, "may hold letters, digits, \".\", \"-\" and \"_\" only");
    }
    const char *directory = draft->config->server_state_dir;
    struct stat status;
    if (directory[0] != '\0' && (stat(directory, &status) != 0 || !S_ISDIR(status.st_mode))) {
        mistake_in(draft, SETTING_server_state_dir, "is not a directory");
    }
}

static bool is_host_and_port(const char *address)
{
    const char *colon = strrchr(address, ':');
    int64_t port;
    return colon != NULL && colon != address && parse_i64(colon + 1, 1, UINT16_MAX, &port) == OK;
}

static void check_redis(struct draft *draft)
{
    const char *address = draft->config->redis_address;
    size_t longest = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    if (strchr(address, '/') == NULL && !is_host_and_port(address)) {
        mistake_in(draft, SETTING_redis_address, "must be host:port or the path of a socket");
    }
    if (strchr(address, '/') != NULL && strlen(address) > longest) {
        mistake_in(draft, SETTING_redis_address, "is longer than the %zu bytes that a socket's path may have", longest);
    }
}

static void check_pauses(struct draft *draft)
{
    const struct config *config = draft->config;
    if (config->xmpp_backoff > config->xmpp_backoff_max) {
        mistake_in(draft, SETTING_xmpp_backoff_max, "must not be below backoff");
    }
    if (config->outbox_backoff > config->outbox_backoff_max) {
        mistake_in(draft, SETTING_outbox_backoff_max, "must not be below backoff");
    }
    if (config->password_slow_delay > config->password_slow_delay_max) {
        mistake_in(draft, SETTING_password_slow_delay_max, "must not be below slow_delay");
    }
}

/* Fewer digits are guessed sooner. */
static void check_codes(struct draft *draft)
{
    enum { DIGITS_OF_FIVE_TRIES = 6, TRIES_OF_FEWER = 3 };
    if (draft->config->d000_code_digits < DIGITS_OF_FIVE_TRIES && draft->config->d000_code_tries > TRIES_OF_FEWER) {
        mistake_in(draft, SETTING_d000_code_tries, "must be at most %d with codes of fewer than %d digits",
                   TRIES_OF_FEWER, DIGITS_OF_FIVE_TRIES);
    }
}

static void check_passwords(struct draft *draft)
{
    const struct config *config = draft->config;
    if (config->d004_password_min > config->d004_password_max) {
        mistake_in(draft, SETTING_d004_password_max, "must not be below password_min");
    }
    if (config->password_slow_after > config->password_stop_after) {
        mistake_in(draft, SETTING_password_stop_after, "must not be below slow_after");
    }
}

static void check_seal(struct draft *draft)
{
    struct keyring *ring;
    struct secret keys = draft->config->keys_seal;
    if (secret_is_empty(keys)) {
        return;
    }
    if (strchr(secret_expose(keys), ' ') != NULL || keyring_new(keys, &ring) != OK) {
        mistake_in(draft, SETTING_keys_seal,
                   "must be id:64 hex digits, comma-separated, with distinct ids from 1 to 2147483647");
        return;
    }
    keyring_free(&ring);
}

bool list_next(const char **list, struct list_entry *entry_r)
{
    if (**list == '\0') {
        return false;
    }
    size_t length = strcspn(*list, ",");
    size_t name_length = strcspn(*list, ":,");
    size_t colon = name_length < length ? 1 : 0;
    *entry_r = (struct list_entry){.name = *list,
                                   .name_length = name_length,
                                   .value = *list + name_length + colon,
                                   .value_length = length - name_length - colon};
    *list += length + ((*list)[length] == ',' ? 1 : 0);
    return true;
}

static void check_applications(struct draft *draft, enum setting_id id)
{
    const char *list = secret_expose(value_secret(draft->config, id));
    size_t length = strlen(list);
    bool malformed = strpbrk(list, " \t") != NULL || (length > 0 && list[length - 1] == ',');
    for (struct list_entry entry; list_next(&list, &entry);) {
        malformed = malformed || entry.name_length == 0 || entry.value_length == 0;
        struct list_entry other;
        for (const char *rest = list; list_next(&rest, &other);) {
            malformed = malformed || (other.name_length == entry.name_length &&
                                      memcmp(other.name, entry.name, entry.name_length) == 0);
        }
    }
    if (malformed) {
        mistake_in(draft, id, "must be app_id:secret, comma-separated, without spaces, each app_id once");
    }
}

static void check_prizes(struct draft *draft)
{
    struct prizes prizes;
    if (prizes_parse(draft->config->points_prizes, &prizes) != OK) {
        mistake_in(draft, SETTING_points_prizes,
                   "must be yuan:chances, comma-separated, with at most %d chances together", PRIZE_CHANCES);
    }
}

static void check_groups(struct draft *draft, enum setting_id id, const char *text)
{
    struct roster_groups groups;
    if (groups_parse(draft->arena, text, &groups) != OK)
        mistake_in(draft, id,
                   "must be names of up to %d groups, comma-separated, each once, of at most %d characters, none of "
                   "them a semicolon",
                   ROSTER_GROUPS_MAX, ROSTER_NAME_MAX);
}

void draft_check(struct draft *draft)
{
    check_required(draft);
    check_redis(draft);
    check_seal(draft);
    if (draft->for_tool) {
        return;
    }
    check_server(draft);
    check_pauses(draft);
    check_passwords(draft);
    check_codes(draft);
    check_prizes(draft);
    check_groups(draft, SETTING_roster_groups_phone, draft->config->roster_groups_phone);
    check_groups(draft, SETTING_roster_groups_device, draft->config->roster_groups_device);
    check_groups(draft, SETTING_roster_groups_wechat, draft->config->roster_groups_wechat);
    check_applications(draft, SETTING_d003_app_secrets);
    check_applications(draft, SETTING_d003_backend_secrets);
    draft_check_listeners(draft);
    draft_check_xmpp(draft);
    if (!config_is_development(draft->config)) {
        draft_check_production(draft);
    }
}
