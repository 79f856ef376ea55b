/* Direct TLS against an OpenSSL server with a certificate made on the spot: who is trusted, and who is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "component/base/crypto.h"
#include "component/base/lane.h"
#include "component/base/text.h"
#include "tests/unit/xmpp/peer.h"
#include "xmpp/resolve.h"
#include "xmpp/transport.h"

struct fixture {
    struct peer peer; /* its listening socket */
    struct xmpp_config config;
    SSL_CTX *server;
    char ca_file[32];
    char pin[2 * SHA256_SIZE + 1];
    pthread_t thread;
    char heard[64]; /* by the server */
    int wake_fd;
};

/* For xmpp.example.org and 127.0.0.1. */
static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:xmpp.example.org, IP:127.0.0.1");
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

static void write_ca(struct fixture *fixture, X509 *certificate)
{
    snprintf(fixture->ca_file, sizeof fixture->ca_file, "/tmp/xmpp-ca-XXXXXX");
    int fd = mkstemp(fixture->ca_file);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    fclose(file);
}

static void note_pin(struct fixture *fixture, X509 *certificate)
{
    unsigned char digest[SHA256_SIZE];
    unsigned length = 0;
    assert_int_equal(X509_digest(certificate, EVP_sha256(), digest, &length), 1);
    hex_encode(digest, sizeof digest, fixture->pin);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    peer_open(&fixture->peer);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = make_certificate(key);
    fixture->server = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(fixture->server, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(fixture->server, key), 1);
    write_ca(fixture, certificate);
    note_pin(fixture, certificate);
    X509_free(certificate);
    EVP_PKEY_free(key);
    fixture->config = peer_config(&fixture->peer);
    fixture->config.tls = XMPP_TLS_DIRECT;
    fixture->config.tls_ca_file = fixture->ca_file;
    fixture->wake_fd = eventfd(0, EFD_NONBLOCK);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    peer_close(&fixture->peer);
    SSL_CTX_free(fixture->server);
    unlink(fixture->ca_file);
    close(fixture->wake_fd);
    free(fixture);
    return 0;
}

/* Accepts one connection, hears once, and sends it back twice in one record. */
static void *serve(void *arg)
{
    struct fixture *fixture = arg;
    if (!peer_readable(fixture->peer.listen_fd, PEER_WAIT_MS))
        return NULL;
    int fd = accept(fixture->peer.listen_fd, NULL, NULL);
    SSL *ssl = SSL_new(fixture->server);
    SSL_set_fd(ssl, fd);
    char bytes[40];
    int got = SSL_accept(ssl) == 1 ? SSL_read(ssl, bytes, 20) : 0;
    if (got > 0) {
        snprintf(fixture->heard, sizeof fixture->heard, "%.*s", got, bytes);
        memcpy(bytes + got, bytes, (size_t)got);
        SSL_write(ssl, bytes, 2 * got);
        SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    close(fd);
    return NULL;
}

static enum err open_transport(struct fixture *fixture, struct transport **transport_r,
                               char reason_r[TRANSPORT_REASON_SIZE])
{
    struct resolver *resolver = resolver_new(fixture->config.host, fixture->config.port);
    assert_int_equal(thread_start("server", 0, serve, fixture, &fixture->thread), OK);
    enum err err =
        transport_open(&fixture->config, resolver, fixture->wake_fd, clock_ms() + 3000, transport_r, reason_r);
    resolver_free(&resolver);
    return err;
}

static void wait_for_data(struct transport *transport)
{
    struct pollfd fd = {.fd = transport_fd(transport), .events = transport_events(transport, false)};
    assert_int_equal(poll(&fd, 1, PEER_WAIT_MS), 1);
}

static size_t read_all(struct transport *transport, char *bytes_r, size_t size)
{
    size_t total = 0;
    for (;;) {
        size_t length = 0;
        enum transport_result result = transport_read(transport, bytes_r + total, size - total, &length);
        if (result == TRANSPORT_BROKEN)
            return total;
        if (result == TRANSPORT_AGAIN)
            wait_for_data(transport);
        else
            total += length;
    }
}

static void expect_trusted(struct fixture *fixture)
{
    struct transport *transport = NULL;
    char reason[TRANSPORT_REASON_SIZE] = "";
    assert_int_equal(open_transport(fixture, &transport, reason), OK);
    size_t written = 0;
    assert_int_equal(transport_write(transport, "hello", 5, &written), TRANSPORT_DONE);
    assert_int_equal(written, 5);
    char bytes[64] = "";
    assert_int_equal(read_all(transport, bytes, 3 + 1), 4); /* less than the record holds, then the rest */
    transport_close(&transport);
    assert_null(transport);
    pthread_join(fixture->thread, NULL);
    assert_string_equal(fixture->heard, "hello");
}

static void expect_refused(struct fixture *fixture, const char *expected)
{
    struct transport *transport = NULL;
    char reason[TRANSPORT_REASON_SIZE] = "";
    assert_int_not_equal(open_transport(fixture, &transport, reason), OK);
    assert_null(transport);
    assert_string_equal(reason, expected);
    pthread_join(fixture->thread, NULL);
    assert_string_equal(fixture->heard, ""); /* nothing was sent to whom we do not know */
}

static void a_ca_and_an_address(void **state)
{
    expect_trusted(*state);
}

static void a_ca_and_a_name(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.tls_name = "xmpp.example.org";
    expect_trusted(fixture);
}

static void a_pin_alone(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.tls_ca_file = "";
    fixture->config.tls_name = "another.example.org";
    fixture->config.tls_pin_sha256 = fixture->pin;
    expect_trusted(fixture);
}

static void another_name(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.tls_name = "another.example.org";
    expect_refused(fixture, "certificate: hostname mismatch");
}

static void an_unknown_ca(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.tls_ca_file = "";
    expect_refused(fixture, "certificate: self-signed certificate");
}

static void another_pin(void **state)
{
    struct fixture *fixture = *state;
    fixture->pin[0] = fixture->pin[0] == '0' ? '1' : '0';
    fixture->config.tls_pin_sha256 = fixture->pin;
    expect_refused(fixture, "the server's certificate is not the pinned one");
}

static void a_ca_file_that_is_none(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.tls_ca_file = "/dev/null";
    expect_refused(fixture, "the CA file cannot be read");
}

static void an_old_version(void **state)
{
    struct fixture *fixture = *state;
    SSL_CTX_set_security_level(fixture->server, 0);
    SSL_CTX_set_min_proto_version(fixture->server, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(fixture->server, TLS1_1_VERSION);
    struct transport *transport = NULL;
    char reason[TRANSPORT_REASON_SIZE] = "";
    assert_int_equal(open_transport(fixture, &transport, reason), ERR_XMPP_DOWN);
    assert_memory_equal(reason, "TLS: ", 5);
    pthread_join(fixture->thread, NULL);
}

static void tls_12_will_do(void **state)
{
    struct fixture *fixture = *state;
    SSL_CTX_set_max_proto_version(fixture->server, TLS1_2_VERSION);
    expect_trusted(fixture);
}

static void a_suite_without_forward_secrecy_or_authenticated_encryption(void **state)
{
    static const char *const refused[] = {"ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA"};
    struct fixture *fixture = *state;
    SSL_CTX_set_max_proto_version(fixture->server, TLS1_2_VERSION);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_int_equal(SSL_CTX_set_cipher_list(fixture->server, refused[i]), 1);
        struct transport *transport = NULL;
        char reason[TRANSPORT_REASON_SIZE] = "";
        assert_int_equal(open_transport(fixture, &transport, reason), ERR_XMPP_DOWN);
        pthread_join(fixture->thread, NULL);
    }
    assert_int_equal(SSL_CTX_set_cipher_list(fixture->server, "ECDHE-ECDSA-AES256-GCM-SHA384"), 1);
    expect_trusted(fixture);
}

static void *hang(void *arg)
{
    struct fixture *fixture = arg;
    int fd = accept(fixture->peer.listen_fd, NULL, NULL);
    char byte;
    while (recv(fd, &byte, 1, 0) == 1)
        ;
    close(fd);
    return NULL;
}

static void a_server_that_says_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct resolver *resolver = resolver_new("127.0.0.1", fixture->config.port);
    assert_int_equal(thread_start("server", 0, hang, fixture, &fixture->thread), OK);
    struct transport *transport = NULL;
    char reason[TRANSPORT_REASON_SIZE] = "";
    int64_t started = clock_ms();
    assert_int_equal(transport_open(&fixture->config, resolver, fixture->wake_fd, clock_ms() + 500, &transport, reason),
                     ERR_TIMEOUT);
    assert_in_range(clock_ms() - started, 490, 3000);
    assert_string_equal(reason, "no TLS handshake in time");
    pthread_join(fixture->thread, NULL);

    assert_int_equal(thread_start("server", 0, hang, fixture, &fixture->thread), OK);
    eventfd_write(fixture->wake_fd, 1); /* we are to stop */
    started = clock_ms();
    assert_int_equal(
        transport_open(&fixture->config, resolver, fixture->wake_fd, clock_ms() + 60000, &transport, reason),
        ERR_SHUTDOWN);
    assert_in_range(clock_ms() - started, 0, 2000);
    shutdown(fixture->peer.listen_fd, SHUT_RDWR); /* it may not have got as far as a connection */
    pthread_join(fixture->thread, NULL);
    resolver_free(&resolver);
}

static void plain_links_stay_on_the_machine(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.tls = XMPP_TLS_NEVER;
    fixture->config.host = "192.0.2.1"; /* as a name would be resolved */
    struct resolver *resolver = resolver_new(fixture->config.host, 5275);
    struct transport *transport = NULL;
    char reason[TRANSPORT_REASON_SIZE] = "";
    assert_int_equal(
        transport_open(&fixture->config, resolver, fixture->wake_fd, clock_ms() + 2000, &transport, reason),
        ERR_XMPP_DOWN);
    assert_string_equal(reason, "a plain link off loopback is refused");
    resolver_free(&resolver);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_ca_and_an_address),
        TEST(a_ca_and_a_name),
        TEST(a_pin_alone),
        TEST(another_name),
        TEST(an_unknown_ca),
        TEST(another_pin),
        TEST(a_ca_file_that_is_none),
        TEST(an_old_version),
        TEST(tls_12_will_do),
        TEST(a_suite_without_forward_secrecy_or_authenticated_encryption),
        TEST(a_server_that_says_nothing),
        TEST(plain_links_stay_on_the_machine),
    };
    signal(SIGPIPE, SIG_IGN); /* as main does */
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
