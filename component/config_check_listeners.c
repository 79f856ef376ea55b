/* Checks of the ports: addresses, two that want the same place, and the certificate. */
#include <arpa/inet.h>
#include <string.h>

#include "component/base/text.h"
#include "component/config.h"
#include "component/config_draft.h"
#include "component/config_value.h"

enum { LISTENER_COUNT = 4 };

struct listener {
    bool enabled;
    enum setting_id address;
    enum setting_id port;
};

static bool is_address(const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/* "10.0.0.0/8", or an address. */
static bool is_network(const char *text, size_t length)
{
    char address[INET6_ADDRSTRLEN + sizeof "/128"];
    int64_t bits;
    if (length >= sizeof address)
        return false;
    memcpy(address, text, length);
    address[length] = '\0';
    char *slash = strchr(address, '/');
    if (slash == NULL)
        return is_address(address);
    *slash = '\0';
    return is_address(address) && parse_i64(slash + 1, 0, strchr(address, ':') != NULL ? 128 : 32, &bits) == OK;
}

static void check_proxies(struct draft *draft)
{
    for (const char *at = draft->config->http_proxies; *at != '\0'; at += strspn(at, ", ")) {
        const size_t length = strcspn(at, ", ");
        if (!is_network(at, length)) {
            mistake_in(draft, SETTING_http_proxies, "must be addresses and networks, separated by commas");
            return;
        }
        at += length;
    }
}

static bool is_any(const char *address)
{
    return strcmp(address, "::") == 0 || strcmp(address, "0.0.0.0") == 0;
}

/* Two spellings of one address are not noticed; the kernel will. */
static bool collide(const struct config *config, struct listener a, struct listener b)
{
    const char *first = value_str(config, a.address);
    const char *second = value_str(config, b.address);
    return a.enabled && b.enabled && value_int(config, a.port) != 0 &&
           value_int(config, a.port) == value_int(config, b.port) &&
           (is_any(first) || is_any(second) || strcmp(first, second) == 0);
}

static void check_ports(struct draft *draft)
{
    const struct config *config = draft->config;
    struct listener listeners[LISTENER_COUNT] = {
        {config->http_enabled, SETTING_http_address, SETTING_http_port},
        {config->https_enabled, SETTING_https_address, SETTING_https_port},
        {config->tcp_enabled, SETTING_tcp_address, SETTING_tcp_port},
        {true, SETTING_ops_address, SETTING_ops_port},
    };
    for (size_t i = 0; i < LISTENER_COUNT; i++) {
        if (!is_address(value_str(config, listeners[i].address))) {
            mistake_in(draft, listeners[i].address, "must be an IPv4 or IPv6 address");
        }
        for (size_t j = 0; j < i; j++) {
            if (collide(config, listeners[j], listeners[i])) {
                mistake_in(draft, listeners[i].port, "is the port of [%s] too", setting_of(listeners[j].port)->section);
            }
        }
    }
}

static void check_pem(struct draft *draft, enum setting_id id, const char *needed_by)
{
    if (value_str(draft->config, id)[0] == '\0') {
        mistake_in(draft, id, "must be set, because %s", needed_by);
        return;
    }
    draft_check_file(draft, id);
}

void draft_check_listeners(struct draft *draft)
{
    const struct config *config = draft->config;
    check_proxies(draft);
    check_ports(draft);
    if (!config->http_enabled && !config->https_enabled) {
        mistake_in(draft, SETTING_https_enabled, "HTTP and HTTPS are both switched off");
    }
    bool tcp_tls = config->tcp_enabled && config->tcp_tls;
    if (config->https_enabled || tcp_tls) {
        const char *needed_by = config->https_enabled ? "HTTPS is enabled" : "the TCP port speaks TLS";
        check_pem(draft, SETTING_https_certificate, needed_by);
        check_pem(draft, SETTING_https_key, needed_by);
    }
}
