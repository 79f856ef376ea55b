/* The INI file with any bytes in it: reading it ends, a configuration comes only without mistakes, and a secret of the
 * environment shows nowhere. The input is a file in memory, so that the way is config_load's own. */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "component/base/crypto.h"
#include "component/config.h"

#define CANARY "canary-of-the-environment"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    crypto_init();
    return 0;
}

static void require(int holds)
{
    if (!holds) {
        abort();
    }
}

static void load(const char *path)
{
    static const char *const environment[] = {"REGISTRARD_SERVER_PROFILE=development",
                                              "REGISTRARD_HTTPS_ENABLED=false",
                                              "REGISTRARD_POSTGRES_URL=" CANARY,
                                              "REGISTRARD_XMPP_DOMAIN=example.org",
                                              "REGISTRARD_XMPP_COMPONENT=registrar.example.org",
                                              "REGISTRARD_XMPP_SECRET=" CANARY,
                                              "REGISTRARD_KEYS_SEAL=" CONFIG_DEVELOPMENT_SEAL,
                                              NULL};
    char *text = NULL;
    size_t length = 0;
    struct config *config = NULL;
    FILE *out = open_memstream(&text, &length);
    require(out != NULL);
    enum err err = config_load(path, (char *const *)environment, out, &config);
    (void)fflush(out);
    require((err == OK) == (config != NULL) && (err == OK) == (length == 0));
    if (config != NULL) {
        config_dump(config, out);
    }
    (void)fclose(out);
    require(strstr(text, CANARY) == NULL);
    free(text);
    config_free(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    if (memmem(data, size, CANARY, strlen(CANARY)) != NULL) {
        return 0; /* what is no secret may be printed */
    }
    int file = memfd_create("registrard.conf", MFD_CLOEXEC);
    require(file >= 0 && write(file, data, size) == (ssize_t)size);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    load(path);
    (void)close(file);
    return 0;
}
