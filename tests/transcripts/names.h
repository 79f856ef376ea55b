/* Names for what differs from one conversation to the next: "$id3" for the id of a stanza, "$local1" for an account,
 * "$component" for our domain. A name stands for one value throughout a conversation. It is "$", small letters and,
 * where there are several of a kind, a number. */
#ifndef TESTS_TRANSCRIPTS_NAMES_H
#define TESTS_TRANSCRIPTS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct names;

/* `tag` is part of all values that are made, so that no other conversation has them: small letters and digits. */
struct names *names_new(const char *tag);
void names_free(struct names **names);

/* Names are given without "$" here. Setting one again changes its value. */
void names_set(struct names *names, const char *name, const char *value);

/* Appends the text of a transcript with values for its names. A name without a value gets one that is made up
 * (names_fill), or stays (names_show). */
void names_fill(struct names *names, const char *text, struct buf *out);
void names_show(const struct names *names, const char *text, struct buf *out);
/* Whether `actual` is what the transcript says; names without a value then get theirs from it. */
bool names_match(struct names *names, const char *text, const char *actual);
/* For telling a difference: takes values from it as far as they are the same. */
void names_guess(struct names *names, const char *text, const char *actual);

/* The other way, for recording. Gives a value the next name of its kind ("id", "local"), unless it has a name. */
void names_learn(struct names *names, const char *kind, const char *value, size_t length);
/* Appends the text with names for the values. */
void names_abstract(const struct names *names, const char *text, struct buf *out);

#endif
