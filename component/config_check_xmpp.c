/* Checks of the link to the XMPP server: the two domains, how the link is protected, and what ejabberd needs more: its
 * HTTP API, which is protected in the same way. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "component/base/secret.h"
#include "component/base/text.h"
#include "component/config.h"
#include "component/config_draft.h"
#include "component/config_value.h"

enum { PIN_SIZE = 32, HOST_SIZE = 256 };

/* RFC 7622, 3.2, as far as it can be told without tables of Unicode. Upper case is refused because domains are compared
 * byte by byte, and servers answer in lower case. */
static bool is_domain(const char *domain)
{
    return text_is_xml(domain, strlen(domain)) && strpbrk(domain, "ABCDEFGHIJKLMNOPQRSTUVWXYZ @/\\\"&'<>") == NULL &&
           domain[0] != '.' && strstr(domain, "..") == NULL && domain[strlen(domain) - 1] != '.';
}

static void check_domain(struct draft *draft, enum setting_id id)
{
    const char *domain = value_str(draft->config, id);
    if (domain[0] != '\0' && !is_domain(domain)) {
        mistake_in(draft, id, "must be a domain in lower case");
    }
}

static void check_domains(struct draft *draft)
{
    const struct config *config = draft->config;
    check_domain(draft, SETTING_xmpp_domain);
    check_domain(draft, SETTING_xmpp_component);
    if (config->xmpp_domain[0] != '\0' && strcmp(config->xmpp_domain, config->xmpp_component) == 0) {
        mistake_in(draft, SETTING_xmpp_component, "must be a domain of its own, not the server's");
    }
}

/* An address that is certainly another machine's. Of a name nobody knows that before it is resolved, so the link itself
 * looks again at each connection. */
static bool is_off_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        return ntohl(v4.s_addr) >> 24 != IN_LOOPBACKNET;
    }
    return inet_pton(AF_INET6, host, &v6) == 1 && !IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool is_https(const char *url)
{
    return strncmp(url, "https://", 8) == 0;
}

static void check_plain(struct draft *draft)
{
    const struct config *config = draft->config;
    static const enum setting_id of_tls[] = {SETTING_xmpp_tls_ca, SETTING_xmpp_tls_name, SETTING_xmpp_tls_pin};
    for (size_t i = 0; i < sizeof of_tls / sizeof of_tls[0]; i++) {
        const bool of_api = of_tls[i] == SETTING_xmpp_tls_ca && is_https(config->xmpp_api_url);
        if (value_str(config, of_tls[i])[0] != '\0' && !of_api) {
            mistake_in(draft, of_tls[i], "has no effect, because [xmpp] tls is false");
        }
    }
    if (is_off_loopback(config->xmpp_host) && !config->xmpp_way_protected) {
        mistake_in(draft, SETTING_xmpp_tls,
                   "must be true for a host on another machine, unless way_protected says that something else "
                   "protects the way");
    }
}

static void check_tls(struct draft *draft)
{
    const struct config *config = draft->config;
    unsigned char pin[PIN_SIZE];
    if (config->xmpp_tls_pin[0] != '\0' && hex_decode(config->xmpp_tls_pin, PIN_SIZE, pin) != OK) {
        mistake_in(draft, SETTING_xmpp_tls_pin, "must be 64 hex digits");
    }
}

/* The host of a URL, without the brackets of an IPv6 address; what is behind it is libcurl's to judge. */
static void host_of(const char *url, char host_r[HOST_SIZE])
{
    const char *host = strstr(url, "://") + 3;
    const bool v6 = *host == '[';
    const size_t length = strcspn(host + v6, v6 ? "]" : ":/?#");
    snprintf(host_r, HOST_SIZE, "%.*s", (int)length, host + v6);
}

/* RFC 7617, 2: a colon would end it. */
static bool is_api_user(const char *user)
{
    return strchr(user, '@') != NULL && strchr(user, ':') == NULL;
}

static void check_api_url(struct draft *draft)
{
    const struct config *config = draft->config;
    const char *url = config->xmpp_api_url;
    char host[HOST_SIZE];
    if (strncmp(url, "http://", 7) != 0 && !is_https(url)) {
        mistake_in(draft, SETTING_xmpp_api_url, "must begin with http:// or https://");
        return;
    }
    if (strchr(url, '@') != NULL) {
        mistake_in(draft, SETTING_xmpp_api_url, "must not name a user; that is for api_user and api_secret");
    }
    host_of(url, host);
    if (!is_https(url) && is_off_loopback(host) && !config->xmpp_way_protected) {
        mistake_in(draft, SETTING_xmpp_api_url,
                   "must begin with https:// for a host on another machine, unless way_protected says that something "
                   "else protects the way");
    }
}

static void check_api(struct draft *draft)
{
    const struct config *config = draft->config;
    if (config->xmpp_api_url[0] == '\0') {
        if (strcmp(config->xmpp_server, "ejabberd") == 0) {
            mistake_in(draft, SETTING_xmpp_api_url, "must be set, because the server is ejabberd");
        }
        return;
    }
    check_api_url(draft);
    if (config->xmpp_api_user[0] != '\0' && !is_api_user(config->xmpp_api_user)) {
        mistake_in(draft, SETTING_xmpp_api_user, "must be a JID, such as registrar-api@example.org");
    }
    if (secret_is_empty(config->xmpp_api_secret)) {
        mistake_in(draft, SETTING_xmpp_api_secret, "must be set, because api_url is");
    }
}

void draft_check_xmpp(struct draft *draft)
{
    check_domains(draft);
    if (draft->config->xmpp_tls) {
        check_tls(draft);
    } else {
        check_plain(draft);
    }
    if (draft->config->xmpp_tls_ca[0] != '\0') {
        draft_check_file(draft, SETTING_xmpp_tls_ca);
    }
    check_api(draft);
}
