/* Records transcripts anew, in place:
 *
 *     REGISTRARD_XMPP_HOST=... REGISTRARD_XMPP_PORT=... REGISTRARD_XMPP_DOMAIN=... REGISTRARD_XMPP_COMPONENT=... \
 *     REGISTRARD_XMPP_SECRET=... [TRANSCRIPT_AUTHORIZED=1] record FILE ...
 *
 * A new one is a file with about, before and call alone. Those that the server is not set up for stay as they are. */
#include <signal.h>
#include <stdio.h>

#include "component/base/buf.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "tests/transcripts/studio.h"
#include "tests/transcripts/transcript.h"

static bool write_file(const char *path, const struct buf *text)
{
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return false;
    const bool written = fwrite(text->data, 1, text->length, file) == text->length;
    return fclose(file) == 0 && written;
}

/* False: it failed. */
static bool record(const struct studio *studio, const char *path)
{
    struct transcript *transcript = transcript_read(path);
    if (transcript == NULL)
        return false;
    struct buf text;
    buf_init(&text, TRANSCRIPT_SIZE_MAX);
    bool good = true;
    if (studio_suits(studio, transcript)) {
        good = studio_record(studio, transcript, &text) && !text.overflowed && write_file(path, &text);
        printf("%s: %s\n", path, good ? "recorded" : "failed");
    } else {
        printf("%s: not for this server\n", path);
    }
    fflush(stdout);
    buf_free(&text);
    transcript_free(&transcript);
    return good;
}

int main(int argc, char **argv)
{
    struct studio studio;
    const char *reason;
    signal(SIGPIPE, SIG_IGN);
    crypto_init();
    log_set_level(LOG_LEVEL_ERROR);
    if (!studio_open(&studio, &reason)) {
        fprintf(stderr, "%s\n", reason);
        return 2;
    }
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed += !record(&studio, argv[i]);
    return failed > 0 ? 1 : 0;
}
