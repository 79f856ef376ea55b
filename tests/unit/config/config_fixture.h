/* What the configuration's tests share: a directory of their own, in which they run, and a way to load an INI text with
 * an environment. */
#ifndef TESTS_CONFIG_FIXTURE_H
#define TESTS_CONFIG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "component/base/crypto.h"
#include "component/config.h"

#define UNUSED __attribute__((unused))

/* A seal key that is neither published nor weak. */
#define GOOD_SEAL "7:00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef"

enum { ENVIRONMENT_LIMIT = 48, PATH_LIMIT = 256 };

/* All that is required, in profile development without HTTPS. */
static const char *const DEVELOPMENT[] = {
    "REGISTRARD_SERVER_PROFILE=development",           "REGISTRARD_HTTPS_ENABLED=false",
    "REGISTRARD_POSTGRES_URL=host=/run/postgresql",    "REGISTRARD_XMPP_DOMAIN=example.org",
    "REGISTRARD_XMPP_COMPONENT=registrar.example.org", "REGISTRARD_XMPP_SECRET=development-component",
    "REGISTRARD_KEYS_SEAL=" CONFIG_DEVELOPMENT_SEAL,   NULL};

/* All that is required in production, with certificate.pem and key.pem of the fixture. */
static const char *const PRODUCTION[] = {"REGISTRARD_HTTPS_CERTIFICATE=certificate.pem",
                                         "REGISTRARD_HTTPS_KEY=key.pem",
                                         "REGISTRARD_POSTGRES_URL=host=/run/postgresql",
                                         "REGISTRARD_XMPP_DOMAIN=example.org",
                                         "REGISTRARD_XMPP_COMPONENT=registrar.example.org",
                                         "REGISTRARD_XMPP_SECRET=correct horse battery",
                                         "REGISTRARD_KEYS_SEAL=" GOOD_SEAL,
                                         NULL};

struct outcome {
    enum err err;
    struct config *config; /* NULL after mistakes */
    char *mistakes;
};

static UNUSED void write_bytes(const char *path, const void *bytes, size_t length, mode_t mode)
{
    (void)unlink(path);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, length), (ssize_t)length);
    assert_int_equal(fchmod(file, mode), 0);
    assert_int_equal(close(file), 0);
}

static UNUSED void write_text(const char *path, const char *text, mode_t mode)
{
    write_bytes(path, text, strlen(text), mode);
}

static bool is_same_variable(const char *a, const char *b)
{
    size_t length = strcspn(a, "=");
    return strcspn(b, "=") == length && strncmp(a, b, length) == 0;
}

/* `base` without what `extra` (NULL at its end, may be NULL) sets anew, and then `extra`. */
static UNUSED struct outcome load_path(const char *path, const char *const *base, const char *const *extra)
{
    static const char *const none[] = {NULL};
    const char *environment[ENVIRONMENT_LIMIT];
    size_t count = 0;
    extra = extra != NULL ? extra : none;
    for (size_t i = 0; base[i] != NULL; i++) {
        bool replaced = false;
        for (size_t j = 0; extra[j] != NULL; j++) {
            replaced = replaced || is_same_variable(base[i], extra[j]);
        }
        if (!replaced) {
            environment[count++] = base[i];
        }
    }
    for (size_t j = 0; extra[j] != NULL; j++) {
        environment[count++] = extra[j];
    }
    assert_true(count < ENVIRONMENT_LIMIT);
    environment[count] = NULL;

    struct outcome outcome = {.config = NULL};
    size_t size;
    FILE *mistakes = open_memstream(&outcome.mistakes, &size);
    outcome.err = config_load(path, (char *const *)environment, mistakes, &outcome.config);
    assert_int_equal(fclose(mistakes), 0);
    assert_int_equal(outcome.err == OK, outcome.config != NULL);
    assert_int_equal(outcome.err == OK, size == 0);
    return outcome;
}

/* `ini` (NULL: no file) is written to registrard.conf. */
static UNUSED struct outcome load(const char *ini, const char *const *base, const char *const *extra)
{
    if (ini != NULL) {
        write_text("registrard.conf", ini, 0600);
    }
    return load_path(ini != NULL ? "registrard.conf" : NULL, base, extra);
}

static UNUSED void outcome_free(struct outcome *outcome)
{
    config_free(&outcome->config);
    free(outcome->mistakes);
    outcome->mistakes = NULL;
}

/* The whole of what is said about this INI text. */
static UNUSED void assert_mistakes(const char *ini, const char *mistakes)
{
    struct outcome outcome = load(ini, DEVELOPMENT, NULL);
    assert_string_equal(outcome.mistakes, mistakes);
    outcome_free(&outcome);
}

/* The whole of what is said about these one or two variables over `base`. */
static UNUSED void assert_mistakes_of(const char *const *base, const char *first, const char *second,
                                      const char *mistakes)
{
    struct outcome outcome = load(NULL, base, (const char *const[]){first, second, NULL});
    assert_string_equal(outcome.mistakes, mistakes);
    outcome_free(&outcome);
}

/* A group's setup and teardown. */
static UNUSED int enter_directory(void **state)
{
    static char directory[PATH_LIMIT];
    crypto_init();
    (void)snprintf(directory, sizeof directory, "/tmp/config-test-XXXXXX");
    *state = directory;
    if (mkdtemp(directory) == NULL || chdir(directory) != 0) {
        return -1;
    }
    write_text("certificate.pem", "a certificate\n", 0644);
    write_text("key.pem", "a key\n", 0600);
    return 0;
}

static UNUSED int leave_directory(void **state)
{
    static const char *const files[] = {"certificate.pem", "key.pem", "registrard.conf", "secret", "other"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)unlink(files[i]);
    }
    return chdir("/") == 0 ? rmdir(*state) : -1;
}

#endif
