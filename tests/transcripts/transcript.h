/* A transcript: what was said on the link while one call ran on a real server, kept as a file.
 *
 *     about: a wrong password is refused, and a ping tells that there is such an account
 *     before: create $local1 $password1
 *     call: check $local1 $password2
 *     server: Openfire 5.2.0
 *     recorded: 2026-11-21
 *     result: jid_password
 *
 *     > <iq from="$component" id="$id1" to="$domain" type="set">...
 *     < <iq from="$domain" id="$id1" to="$component" type="result">...
 *
 * People write about, before and call (calls.h, studio.h say which there are), and `needs: authorized` where the server
 * must be set up for it; the rest is recorded. `shows` lines tell what the call saw of rosters. Behind ">" stands what
 * we sent, behind "<" what the server did, as canonical.h writes it and with names.h's names; "< closed" is the end of
 * the connection. */
#ifndef TESTS_TRANSCRIPTS_TRANSCRIPT_H
#define TESTS_TRANSCRIPTS_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "component/base/err.h"

struct arena;
struct buf;

enum { TRANSCRIPT_LINES_MAX = 512, TRANSCRIPT_BEFORE_MAX = 16, TRANSCRIPT_SIZE_MAX = 1024 * 1024 };

struct transcript_line {
    bool ours; /* ">" */
    const char *text;
    unsigned number; /* in the file, from 1 */
    int answers;     /* the line of ours that it answers; -1: none */
    bool awaited;    /* somebody waits for it: of no use is only the answer to a cancellation */
};

struct transcript {
    struct arena *arena;
    const char *path;
    const char *about, *needs, *call, *server, *recorded, *result; /* "" without one */
    const char *before[TRANSCRIPT_BEFORE_MAX];
    size_t before_count;
    const char *shows; /* lines, each with its end; "" without any */
    struct transcript_line lines[TRANSCRIPT_LINES_MAX];
    size_t count;
};

/* NULL when there is no such file or it is none: a line on standard error says why. */
struct transcript *transcript_read(const char *path);
/* The same of a text, which is copied; `path` is for messages. */
struct transcript *transcript_parse(const char *path, const char *text);
void transcript_free(struct transcript **transcript);

bool transcript_is_call(const struct transcript *transcript, const char *name);
/* Appends what people write of it. */
void transcript_write_head(const struct transcript *transcript, struct buf *out);
/* The value of the first `name="..."` in the text goes to value_r; false when there is none. */
bool transcript_attribute(const char *text, const char *name, char *value_r, size_t size);
/* The first tag of a line has it. */
bool transcript_is(const char *text, const char *element);

/* The line is an iq of one of the two types. */
bool transcript_is_iq(const char *text, const char *type, const char *other);

#endif
