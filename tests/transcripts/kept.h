/* For tests: the transcripts that are kept, as a group's state. The working directory is the project's root. */
#ifndef TESTS_TRANSCRIPTS_KEPT_H
#define TESTS_TRANSCRIPTS_KEPT_H

#include <glob.h>
#include <stdlib.h>

#include "tests/transcripts/transcript.h"

#define KEPT      "tests/transcripts/openfire/"
#define KEPT_LINK KEPT "link.txt" /* how a link is made */

struct kept {
    struct transcript *link;
    struct transcript **transcripts; /* all, that one included */
    size_t count;
};

static inline int kept_setup(void **state)
{
    glob_t found;
    struct kept *kept = calloc(1, sizeof *kept);
    *state = kept;
    if (kept == NULL || glob(KEPT "*.txt", 0, NULL, &found) != 0)
        return -1;
    kept->link = transcript_read(KEPT_LINK);
    kept->transcripts = calloc(found.gl_pathc, sizeof *kept->transcripts);
    for (; kept->transcripts != NULL && kept->count < found.gl_pathc; kept->count++) {
        kept->transcripts[kept->count] = transcript_read(found.gl_pathv[kept->count]);
        if (kept->transcripts[kept->count] == NULL)
            return -1;
    }
    globfree(&found);
    return kept->link != NULL ? 0 : -1;
}

static inline int kept_teardown(void **state)
{
    struct kept *kept = *state;
    for (size_t i = 0; i < kept->count; i++)
        transcript_free(&kept->transcripts[i]);
    transcript_free(&kept->link);
    free(kept->transcripts);
    free(kept);
    return 0;
}

#endif
