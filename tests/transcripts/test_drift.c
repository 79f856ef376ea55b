/* Whether a real Openfire still says what is kept: each transcript is recorded anew, and compared. Left out where the
 * environment names no Openfire (studio.h says how it does). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "component/base/buf.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "tests/transcripts/kept.h"
#include "tests/transcripts/studio.h"

enum { CONTEXT = 40, SHOWN = 200 };

/* The next line that says what happened, and not when and where. */
static char *next_line(char **rest)
{
    char *line;
    do
        line = strsep(rest, "\n");
    while (line != NULL && (strncmp(line, "recorded: ", 10) == 0 || strncmp(line, "server: ", 8) == 0));
    return line;
}

/* Prints the first difference. */
static bool are_same(const char *path, char *kept, char *fresh)
{
    const char *one, *other;
    do {
        one = next_line(&kept);
        other = next_line(&fresh);
    } while (one != NULL && other != NULL && strcmp(one, other) == 0);
    if (one == NULL && other == NULL)
        return true;
    one = one != NULL ? one : "";
    other = other != NULL ? other : "";
    size_t same = 0;
    while (one[same] != '\0' && one[same] == other[same])
        same++;
    const size_t from = same > CONTEXT ? same - CONTEXT : 0;
    fprintf(stderr, "%s\n  kept:  %.1s ...%.*s\n  fresh: %.1s ...%.*s\n", path, one, SHOWN, one + from, other, SHOWN,
            other + from);
    return false;
}

static char *read_file(const char *path, char *text_r)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    text_r[fread(text_r, 1, TRANSCRIPT_SIZE_MAX - 1, file)] = '\0';
    fclose(file);
    return text_r;
}

static bool is_as_kept(const struct studio *studio, const struct transcript *transcript)
{
    static char kept[TRANSCRIPT_SIZE_MAX];
    struct buf fresh;
    buf_init(&fresh, TRANSCRIPT_SIZE_MAX);
    const bool same = studio_record(studio, transcript, &fresh) &&
                      are_same(transcript->path, read_file(transcript->path, kept), fresh.data);
    buf_free(&fresh);
    return same;
}

/* On a machine that is busy, a turn may be torn in two: a difference is believed when it is there twice. */
static void a_real_one_says_what_is_kept(void **state)
{
    const struct kept *kept = *state;
    struct studio studio;
    const char *reason;
    if (!studio_open(&studio, &reason)) {
        if (studio.host[0] != '\0')
            fail_msg("%s", reason);
        skip();
    }
    if (strncmp(studio.server, "Openfire ", strlen("Openfire ")) != 0)
        skip();
    unsigned differ = 0;
    for (size_t i = 0; i < kept->count; i++)
        if (studio_suits(&studio, kept->transcripts[i]))
            differ += !is_as_kept(&studio, kept->transcripts[i]) && !is_as_kept(&studio, kept->transcripts[i]);
    if (differ > 0)
        fail_msg("%u differ; they were recorded from %s, and this is %s", differ, kept->link->server, studio.server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_real_one_says_what_is_kept),
    };
    signal(SIGPIPE, SIG_IGN);
    crypto_init();
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, kept_setup, kept_teardown);
}
