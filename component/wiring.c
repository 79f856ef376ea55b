#include "component/wiring.h"

#include <string.h>

#include "component/base/arena.h"
#include "component/base/log.h"
#include "component/config.h"
#include "component/config_groups.h"
#include "component/config_prizes.h"
#include "http/dialects/d000.h"
#include "http/dialects/d001.h"
#include "http/dialects/d002.h"
#include "http/dialects/d003.h"
#include "http/dialects/d004.h"
#include "http/dialects/v1.h"
#include "sql/instances.h"

static struct points_settings wiring_points(const struct config *config)
{
    struct points_settings points = {
        .signing_up = config->points_signing_up,
        .invitation = config->points_invitation,
        .shake_cost = config->points_shake,
        .day_budget_fen = config->points_day_budget,
        .utc_offset_s = config->region_utc_offset / 1000,
    };
    if (prizes_parse(config->points_prizes, &points.prizes) != OK)
        points.prizes = (struct prizes){0}; /* which --check-config has refused */
    return points;
}

static struct roster_groups wiring_groups(const char *text, struct arena *arena)
{
    struct roster_groups groups;
    if (groups_parse(arena, text, &groups) != OK)
        groups = (struct roster_groups){0}; /* which --check-config has refused */
    return groups;
}

/* Where the code goes is for the service to fill in. */
static const char *wiring_claim_uri(const struct config *config, struct arena *arena)
{
    static const char mark[] = "{component}";
    const char *uri = config->claims_uri, *at = strstr(uri, mark);
    if (at == NULL)
        return uri;
    return arena_printf(arena, "%.*s%s%s", (int)(at - uri), uri, config->xmpp_component, at + strlen(mark));
}

struct service_settings wiring_services(const struct config *config, const struct instance *instance,
                                        struct arena *arena)
{
    char owner[INSTANCE_OWNER_SIZE];
    instance_owner(instance, owner);
    return (struct service_settings){
        .owner = arena_strdup(arena, owner),
        .xmpp_domain = config->xmpp_domain,
        .country = (unsigned)config->region_country,
        .hash_cost = {.memory_kib = (uint32_t)config->password_memory, .passes = (uint32_t)config->password_passes},
        .password_max = config->password_max_length,
        .password_slow_after = config->password_slow_after,
        .password_slow_delay_ms = config->password_slow_delay,
        .password_slow_delay_max_ms = config->password_slow_delay_max,
        .password_stop_after = config->password_stop_after,
        .token_lifetime_ms = config->tokens_lifetime,
        .tokens_per_account = config->tokens_per_account,
        .token_cache_lifetime_ms = config->tokens_cache_lifetime,
        .picture_lifetime_ms = config->picture_lifetime,
        .picture_length = config->picture_length,
        .binding_wait_ms = config->binding_wait,
        .register_wait_ms = config->binding_register_wait,
        .bindings_per_account = config->binding_per_account,
        .jid_check_interval_ms = config->xmpp_check_interval,
        .limits = config->limits_enabled,
        .session_lifetime_ms = config->sessions_lifetime,
        .code_lifetime_ms = config->codes_lifetime,
        .code_window_ms = config->codes_window,
        .code_verified_ms = config->codes_verified_lifetime,
        .steps_lifetime_ms = config->d004_registration_lifetime,
        .code_countries = config->codes_countries,
        .utc_offset_s = config->region_utc_offset / 1000,
        .codes_per_phone_minute = config->limits_codes_per_phone_minute,
        .codes_per_phone_hour = config->limits_codes_per_phone_hour,
        .codes_per_phone_day = config->limits_codes_per_phone_day,
        .codes_per_address_minute = config->limits_codes_per_address_minute,
        .codes_per_address_hour = config->limits_codes_per_address_hour,
        .codes_per_address_day = config->limits_codes_per_address_day,
        .codes_soft_per_address_minute = config->limits_codes_soft_per_address_minute,
        .codes_per_handle_minute = config->limits_codes_per_handle_minute,
        .codes_per_handle_hour = config->limits_codes_per_handle_hour,
        .codes_per_handle_day = config->limits_codes_per_handle_day,
        .codes_per_country_minute = config->limits_codes_per_country_minute,
        .codes_per_country_hour = config->limits_codes_per_country_hour,
        .codes_per_country_day = config->limits_codes_per_country_day,
        .codes_per_network_day = config->limits_codes_per_network_day,
        .codes_unverified_per_country_day = config->limits_codes_unverified_per_country_day,
        .codes_unverified_per_network_day = config->limits_codes_unverified_per_network_day,
        .codes_soft_per_network_day = config->limits_codes_soft_per_network_day,
        .codes_reserved_per_phone_day = config->limits_codes_reserved_per_phone_day,
        .known_caller_ms = config->codes_known_lifetime,
        .codes_tried_per_address_hour = config->limits_codes_tried_per_address_hour,
        .pictures_per_minute = config->limits_pictures_per_minute,
        .registrations_per_hour = config->limits_registrations_per_hour,
        .logins_per_minute = config->limits_logins_per_minute,
        .logins_per_name_per_minute = config->limits_logins_per_name_per_minute,
        .lookups_per_minute = config->limits_lookups_per_minute,
        .nicknames_per_hour = config->limits_nicknames_per_hour,
        .claim_lifetime_ms = config->claims_lifetime,
        .claim_uri = wiring_claim_uri(config, arena),
        .claims_per_hour = config->claims_per_hour,
        .claim_tries_per_hour = config->claims_tries_per_hour,
        .claim_tries_per_address_hour = config->claims_tries_per_address_hour,
        .ask_lifetime_ms = config->asks_lifetime,
        .refusal_lifetime_ms = config->asks_refusal_lifetime,
        .asks_per_day = config->asks_per_day,
        .commands_per_minute = config->commands_per_minute,
        .points = wiring_points(config),
        .roster = {.groups = {[ACCOUNT_PHONE] = wiring_groups(config->roster_groups_phone, arena),
                              [ACCOUNT_DEVICE] = wiring_groups(config->roster_groups_device, arena),
                              [ACCOUNT_WECHAT] = wiring_groups(config->roster_groups_wechat, arena)}},
    };
}

struct xmpp_config wiring_xmpp(const struct config *config, const char *version)
{
    return (struct xmpp_config){
        .host = config->xmpp_host,
        .port = (uint16_t)config->xmpp_port,
        .tls = config->xmpp_tls ? XMPP_TLS_DIRECT : XMPP_TLS_NEVER,
        .tls_ca_file = config->xmpp_tls_ca,
        .tls_name = config->xmpp_tls_name,
        .tls_pin_sha256 = config->xmpp_tls_pin,
        .way_protected = config->xmpp_way_protected,
        .domain = config->xmpp_domain,
        .component = config->xmpp_component,
        .secret = config->xmpp_secret,
        .server = config->xmpp_server,
        .api_url = config->xmpp_api_url,
        .api_user = config->xmpp_api_user,
        .api_secret = config->xmpp_api_secret,
        .in_flight = (unsigned)config->xmpp_in_flight,
        .request_timeout_ms = config->xmpp_request_timeout,
        .connect_timeout_ms = config->xmpp_connect_timeout,
        .ping_interval_ms = config->xmpp_ping_interval,
        .backoff_base_ms = config->xmpp_backoff,
        .backoff_cap_ms = config->xmpp_backoff_max,
        .version = version,
    };
}

struct sms_config wiring_sms(const struct config *config, struct arena *arena)
{
    const char *dir = config->server_state_dir;
    return (struct sms_config){
        .providers = config->sms_providers,
        .timeout_ms = config->sms_timeout,
        .breaker_after = (unsigned)config->sms_breaker_after,
        .breaker_pause_ms = config->sms_breaker_pause,
        .file = dir[0] != '\0' ? arena_printf(arena, "%s/sms.jsonl", dir) : "",
        .yuntongxun = {.url = config->yuntongxun_url,
                       .account = config->yuntongxun_account,
                       .token = config->yuntongxun_token,
                       .application = config->yuntongxun_application,
                       .template_id = config->yuntongxun_template,
                       .utc_offset_s = config->region_utc_offset / 1000},
        .http = {.url = config->smshttp_url,
                 .method = config->smshttp_method,
                 .content_type = config->smshttp_content_type,
                 .headers = config->smshttp_headers,
                 .body = config->smshttp_body,
                 .success = config->smshttp_success},
    };
}

struct commands_config wiring_commands(const struct config *config, struct services *services, struct xmpp *xmpp)
{
    return (struct commands_config){
        .services = services,
        .xmpp = xmpp,
        .keyring = services->keyring,
        .domain = config->xmpp_domain,
        .component = config->xmpp_component,
        .country = (unsigned)config->region_country,
        .in_flight = (unsigned)config->commands_in_flight,
        .timeout_ms = config->commands_timeout,
        .session_ms = config->commands_session_lifetime,
        .register_text = config->commands_register_text[0] != '\0' ? config->commands_register_text : NULL,
        .register_url = config->commands_register_url,
    };
}

enum err wiring_dialects(const struct config *config, struct arena *arena,
                         const struct dialect *dialects_r[WIRING_DIALECTS + 1])
{
    const struct d003_settings d003 = {
        .country = (unsigned)config->region_country,
        .password_max = config->password_max_length,
        .picture_lifetime_ms = config->picture_lifetime,
        .xmpp_domain = config->xmpp_domain,
        .sign_required = config->d003_param_sign,
        .app_secrets = config->d003_app_secrets,
        .backend_secrets = config->d003_backend_secrets,
    };
    const struct d000_settings d000 = {
        .country = (unsigned)config->region_country,
        .password_max = config->password_max_length,
        .code_digits = config->d000_code_digits,
        .code_tries = config->d000_code_tries,
        .session_lifetime_ms = config->sessions_lifetime,
        .xmpp_domain = config->xmpp_domain,
    };
    const struct d004_settings d004 = {
        .country = (unsigned)config->region_country,
        .password_min = config->d004_password_min,
        .password_max = config->d004_password_max,
        .code_tries = config->codes_tries,
        .steps_lifetime_ms = config->d004_registration_lifetime,
    };
    const struct reg_user_settings reg_user = {
        .country = (unsigned)config->region_country,
        .password_max = config->password_max_length,
        .code_tries = config->codes_tries,
    };
    const struct v1_settings v1 = {
        .country = (unsigned)config->region_country,
        .xmpp_domain = config->xmpp_domain,
    };
    size_t count = 0;
    enum err err = OK;
    if (config->d003_enabled)
        err = d003_new(arena, &d003, &dialects_r[count++]);
    if (config->d000_enabled)
        dialects_r[count++] = d000_new(arena, &d000);
    if (config->d001_enabled)
        dialects_r[count++] = d001_new(arena, &reg_user);
    if (config->d002_enabled)
        dialects_r[count++] = d002_new(arena, &reg_user);
    if (config->d004_enabled)
        dialects_r[count++] = d004_new(arena, &d004);
    if (config->v1_enabled)
        dialects_r[count++] = v1_new(arena, &v1);
    if (err != OK)
        log_error("dialect_secrets_malformed", F("dialect", "003"));
    return err;
}
