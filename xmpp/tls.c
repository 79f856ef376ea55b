/* TLS 1.3, and 1.2 with forward secrecy and authenticated encryption alone.
 *
 * SNI and the name check take the configured name, or the host; an address is checked as an address and not sent as
 * SNI (RFC 6066, 3). */
#include "xmpp/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "component/base/crypto.h"
#include "component/base/secret.h"
#include "component/base/text.h"
#include "xmpp/xmpp.h"

/* Of TLS 1.2; all of TLS 1.3's are of that kind. */
static const char suites[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

static bool is_address(const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static bool is_pinned(const struct xmpp_config *config)
{
    return config->tls_pin_sha256[0] != '\0';
}

static const char *expected_name(const struct xmpp_config *config)
{
    return config->tls_name[0] != '\0' ? config->tls_name : config->host;
}

static SSL_CTX *context_new(const struct xmpp_config *config)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL)
        return NULL;
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(context, is_pinned(config) ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    int trusted = SSL_CTX_set_cipher_list(context, suites);
    if (trusted == 1 && !is_pinned(config))
        trusted = config->tls_ca_file[0] != '\0' ? SSL_CTX_load_verify_file(context, config->tls_ca_file)
                                                 : SSL_CTX_set_default_verify_paths(context);
    if (trusted != 1)
        SSL_CTX_free(context);
    return trusted == 1 ? context : NULL;
}

/* 1 on success, as in OpenSSL. */
static int expect_name(SSL *ssl, const char *name)
{
    if (is_address(name))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name);
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1;
}

enum err tls_new(const struct xmpp_config *config, int fd, SSL **ssl_r, char *reason_r, size_t size)
{
    ERR_clear_error();
    SSL_CTX *context = context_new(config);
    if (context == NULL) {
        snprintf(reason_r, size, "the CA file cannot be read");
        return ERR_INVALID;
    }
    SSL *ssl = SSL_new(context);
    SSL_CTX_free(context); /* the connection holds it now */
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || expect_name(ssl, expected_name(config)) != 1) {
        SSL_free(ssl);
        snprintf(reason_r, size, "TLS cannot be set up for this name");
        return ERR_INTERNAL;
    }
    *ssl_r = ssl;
    return OK;
}

enum err tls_check_pin(const struct xmpp_config *config, SSL *ssl)
{
    if (!is_pinned(config))
        return OK;
    uint8_t expected[SHA256_SIZE];
    if (hex_decode(config->tls_pin_sha256, sizeof expected, expected) != OK)
        return ERR_FORBIDDEN;
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    unsigned char *der = NULL;
    int length = certificate != NULL ? i2d_X509(certificate, &der) : -1;
    if (length < 0)
        return ERR_FORBIDDEN;
    uint8_t found[SHA256_SIZE];
    sha256(der, (size_t)length, found);
    OPENSSL_free(der);
    return bytes_equal_ct(expected, found, sizeof found) ? OK : ERR_FORBIDDEN;
}

void tls_reason(SSL *ssl, char *reason_r, size_t size)
{
    long verified = SSL_get_verify_result(ssl);
    const char *why = ERR_reason_error_string(ERR_peek_last_error());
    if (verified != X509_V_OK && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE)
        snprintf(reason_r, size, "certificate: %s", X509_verify_cert_error_string(verified));
    else
        snprintf(reason_r, size, "TLS: %s", why != NULL ? why : "the server hung up");
    ERR_clear_error();
}
