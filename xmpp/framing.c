/* Byte by byte, but for long runs that cannot change the place. */
#include "xmpp/framing.h"

#include <string.h>

#include "xmpp/parser.h"

static const char section_start[] = "<![CDATA[";

void framing_begin(struct framing *framing)
{
    *framing = (struct framing){.place = PLACE_TEXT, .depth = 1};
}

/* What a byte did. */
struct step {
    enum framing_result result;
    const char *reason;
};

static const struct step nothing = {FRAMING_MORE, NULL};

static struct step over(struct framing *framing, const char *reason)
{
    if (framing->skipping)
        return nothing;
    framing->skipping = true;
    return (struct step){FRAMING_OVER, reason};
}

static struct step refused(const char *reason)
{
    return (struct step){FRAMING_REFUSED, reason};
}

/* A tag has ended. */
static struct step after_tag(struct framing *framing)
{
    framing->place = PLACE_TEXT;
    return framing->depth > 1 ? nothing : (struct step){FRAMING_END, NULL};
}

static struct step begin_start_tag(struct framing *framing)
{
    framing->place = PLACE_START_TAG;
    framing->attributes = 0;
    framing->elements = framing->depth == 1 ? 1 : framing->elements + 1;
    if (framing->depth >= PARSER_DEPTH_MAX)
        return over(framing, "elements too deep");
    if (framing->elements > PARSER_ELEMENTS_MAX)
        return over(framing, "a stanza of too many elements");
    return nothing;
}

static struct step in_markup(struct framing *framing, char c)
{
    if (c == '?')
        return refused("a processing instruction");
    if (c == '/')
        framing->place = PLACE_END_TAG;
    else if (c == '!')
        framing->place = PLACE_SECTION_START;
    else
        return begin_start_tag(framing);
    framing->matched = 2; /* of section_start */
    return nothing;
}

static struct step in_start_tag(struct framing *framing, char c)
{
    if (c == '>') {
        framing->depth += framing->last != '/';
        return after_tag(framing);
    }
    if (c != '"' && c != '\'')
        return nothing;
    framing->place = PLACE_VALUE;
    framing->quote = c;
    if (++framing->attributes > PARSER_ATTRIBUTES_MAX)
        return over(framing, "an element with too many attributes");
    return nothing;
}

static struct step in_end_tag(struct framing *framing, char c)
{
    if (c != '>')
        return nothing;
    framing->depth--;
    return after_tag(framing);
}

static struct step in_section_start(struct framing *framing, char c)
{
    if (c != section_start[framing->matched])
        return refused(c == '-' ? "a comment" : "a DTD");
    if (++framing->matched == sizeof section_start - 1) {
        framing->place = PLACE_SECTION;
        framing->matched = 0;
    }
    return nothing;
}

/* Any number of "]" may stand before "]]>". */
static struct step in_section(struct framing *framing, char c)
{
    if (c == '>' && framing->matched == 2)
        framing->place = PLACE_TEXT;
    framing->matched = c != ']' ? 0 : framing->matched < 2 ? framing->matched + 1 : 2;
    return nothing;
}

static struct step step(struct framing *framing, char c)
{
    switch (framing->place) {
    case PLACE_TEXT:
        if (c == '<')
            framing->place = PLACE_MARKUP;
        return nothing;
    case PLACE_MARKUP:
        return in_markup(framing, c);
    case PLACE_START_TAG:
        return in_start_tag(framing, c);
    case PLACE_VALUE:
        if (c == framing->quote)
            framing->place = PLACE_START_TAG;
        return nothing;
    case PLACE_END_TAG:
        return in_end_tag(framing, c);
    case PLACE_SECTION_START:
        return in_section_start(framing, c);
    case PLACE_SECTION:
        return in_section(framing, c);
    }
    return nothing;
}

/* How many bytes follow that mean nothing where we are. */
static size_t run_length(const struct framing *framing, const char *bytes, size_t length)
{
    char end;
    if (framing->place == PLACE_TEXT)
        end = '<';
    else if (framing->place == PLACE_VALUE)
        end = framing->quote;
    else if (framing->place == PLACE_SECTION && framing->matched == 0)
        end = ']';
    else
        return 0;
    const char *found = memchr(bytes, end, length);
    return found != NULL ? (size_t)(found - bytes) : length;
}

/* Counts bytes that are about to be taken; `opens`: they are the "<" of a tag or a section. */
static struct step count(struct framing *framing, size_t length, bool opens)
{
    bool in_tag = framing->place != PLACE_TEXT && framing->place != PLACE_SECTION;
    bool in_stanza = framing->depth > 1 || in_tag || opens;
    framing->stanza = in_stanza ? framing->stanza + length : 0;
    framing->tag = opens ? length : in_tag ? framing->tag + length : 0;
    if (framing->stanza > PARSER_SKIPPED_MAX)
        return refused("a stanza over 1 GiB");
    if (framing->stanza > PARSER_STANZA_MAX)
        return over(framing, "a stanza over 4 MiB");
    if (framing->tag > PARSER_TAG_MAX)
        return over(framing, "a tag over 64 KiB");
    return nothing;
}

/* What is over a limit is left for the next scan, which looks for the end alone: it might be the end. */
enum framing_result framing_scan(struct framing *framing, const char *bytes, size_t length, size_t *used_r,
                                 const char **reason_r)
{
    struct step done = nothing;
    size_t used = 0;
    while (used < length && done.result == FRAMING_MORE) {
        size_t run = run_length(framing, bytes + used, length - used);
        char c = bytes[used];
        done = count(framing, run > 0 ? run : 1, framing->place == PLACE_TEXT && c == '<');
        if (done.result != FRAMING_MORE)
            break;
        used += run > 0 ? run : 1;
        if (run > 0)
            continue;
        done = step(framing, c);
        framing->last = c;
    }
    if (done.result == FRAMING_END) {
        framing->stanza = 0;
        framing->skipping = false;
    }
    *used_r = used;
    *reason_r = done.reason;
    return done.result;
}

bool framing_skip(struct framing *framing, enum framing_result result)
{
    framing->skipping = framing->stanza > 0;
    return framing->skipping || (result == FRAMING_END && framing->depth == 1);
}
