/* One row a mistake. */
#include "xmpp/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "component/base/log.h"
#include "component/base/text.h"
#include "xmpp/transport.h"
#include "xmpp/xmpp.h"

enum { DOMAIN_MAX = 255, PIN_BYTES = 32 };

/* Not every label's rule (the server knows them), but nothing that could leave an attribute or a JID. */
static bool is_domain(const char *domain)
{
    return strlen(domain) <= DOMAIN_MAX && text_is_xml(domain, strlen(domain)) && domain[0] != '\0' &&
           strpbrk(domain, " \t\r\n\"&'/:<>@") == NULL;
}

static bool is_pin(const char *pin)
{
    unsigned char bytes[PIN_BYTES];
    return pin[0] == '\0' || hex_decode(pin, sizeof bytes, bytes) == OK;
}

/* Addresses only: what a name stands for is known when it is resolved. */
static bool leaves_machine_unprotected(const struct xmpp_config *config)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    const void *address = NULL;
    if (config->tls == XMPP_TLS_DIRECT || config->way_protected)
        return false;
    if (inet_pton(AF_INET, config->host, &in.sin_addr) == 1)
        address = &in;
    else if (inet_pton(AF_INET6, config->host, &in6.sin6_addr) == 1)
        address = &in6;
    return address != NULL && !transport_is_loopback(address);
}

enum err xmpp_check_config(const struct xmpp_config *config)
{
    const struct {
        bool good;
        const char *mistake;
    } rows[] = {
        {config->host[0] != '\0' && config->port != 0, "host and port are needed"},
        {is_domain(config->domain), "domain is not a domain"},
        {is_domain(config->component), "component is not a domain"},
        {strcmp(config->domain, config->component) != 0, "component must not be the server's own domain"},
        {!secret_is_empty(config->secret), "secret is empty"},
        {is_pin(config->tls_pin_sha256), "tls_pin is not a SHA-256 in hex"},
        {!leaves_machine_unprotected(config), "a plain link off loopback: use TLS, or say way_protected"},
        {config->in_flight > 0, "in_flight must be 1 or more"},
        {config->request_timeout_ms > 0 && config->connect_timeout_ms > 0, "timeouts must be over 0"},
        {config->ping_interval_ms > 0 && config->backoff_base_ms > 0, "intervals must be over 0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (!rows[i].good) {
            log_error("xmpp_configuration", F("mistake", rows[i].mistake));
            return ERR_INVALID;
        }
    return OK;
}
