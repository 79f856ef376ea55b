#include "tests/transcripts/faults.h"

#include <string.h>

#include "component/base/buf.h"
#include "component/base/err.h"
#include "tests/transcripts/transcript.h"

enum { VALUE_SIZE = 256 };

#define STRANGER "user@elsewhere.example"

/* What the call may come to. When the line was not awaited, that is what was recorded, whatever the fault. */
enum outcome_of_fault {
    AS_RECORDED, /* nothing is lost */
    TIMES_OUT,
    GOES_DOWN,
    FAILS,       /* in some way */
    IS_UNCERTAIN /* as recorded, or fails */
};

static const struct {
    const char *name;
    bool of_answers; /* to our requests, not of the stream itself */
    enum outcome_of_fault outcome;
} kinds[FAULT_KINDS] = {
    [FAULT_OMIT] = {"left out", false, TIMES_OUT},
    [FAULT_LATE] = {"late", true, TIMES_OUT},
    [FAULT_CUT_BEFORE] = {"link cut before", false, GOES_DOWN},
    [FAULT_CUT_AFTER] = {"link cut after", false, GOES_DOWN},
    [FAULT_CUT_WITHIN] = {"link cut within", false, GOES_DOWN},
    [FAULT_TWICE] = {"said twice", true, AS_RECORDED},
    [FAULT_SWAP] = {"said after the next answer", true, AS_RECORDED},
    [FAULT_ERROR] = {"an error instead", true, FAILS},
    [FAULT_FORGED_FIRST] = {"a forged error first", true, AS_RECORDED},
    [FAULT_FORGED_INSTEAD] = {"from somebody else", true, TIMES_OUT},
};

const char *fault_name(enum fault_kind kind)
{
    return kinds[kind].name;
}

bool fault_applies(const struct transcript *transcript, const struct fault *fault)
{
    const struct transcript_line *line = &transcript->lines[fault->line];
    if (line->ours || strcmp(line->text, "closed") == 0 || (kinds[fault->kind].of_answers && line->answers < 0))
        return false;
    /* The self-test is long, and made of what the other transcripts have one by one: its lines take turns. */
    if (transcript_is_call(transcript, "prove") && fault->line % FAULT_KINDS != (size_t)fault->kind)
        return false;
    return fault->kind != FAULT_SWAP || (fault->line + 1 < transcript->count && line[1].answers >= 0);
}

bool fault_takes_time(const struct transcript *transcript, const struct fault *fault)
{
    return transcript->lines[fault->line].awaited && kinds[fault->kind].outcome == TIMES_OUT;
}

/* It tells why there is none. */
static bool is_link(const struct transcript *transcript)
{
    return transcript_is_call(transcript, "link");
}

static bool is_last_awaited(const struct transcript *transcript, size_t at)
{
    for (size_t i = at + 1; i < transcript->count; i++)
        if (transcript->lines[i].awaited)
            return false;
    return true;
}

/* A ping asks nothing but whether there is an answer: an error is as good as a result. One to an account is unanswered
 * when there is none, which is concluded from the answer to the ping behind it (xmpp/task.h, batch_barrier): of a
 * server that loses or overtakes it the call cannot know. */
static bool answers_ping(const struct transcript *transcript, const struct transcript_line *line, bool *of_account_r)
{
    const char *request = transcript->lines[line->answers].text;
    char to[VALUE_SIZE];
    *of_account_r = transcript_attribute(request, "to", to, sizeof to) && strchr(to, '@') != NULL;
    return strstr(request, "urn:xmpp:ping") != NULL;
}

static enum outcome_of_fault outcome(const struct transcript *transcript, const struct fault *fault)
{
    const struct transcript_line *line = &transcript->lines[fault->line];
    const enum outcome_of_fault usual = kinds[fault->kind].outcome;
    if (!line->awaited && usual != GOES_DOWN)
        return AS_RECORDED;
    if (line->answers < 0)
        return usual == TIMES_OUT ? FAILS : usual;
    bool of_account;
    const bool ping = answers_ping(transcript, line, &of_account);
    if (ping && fault->kind == FAULT_ERROR)
        return AS_RECORDED;
    if (ping && of_account)
        return fault->kind == FAULT_SWAP ? IS_UNCERTAIN : usual == TIMES_OUT ? FAILS : usual;
    return usual;
}

bool fault_allows(const struct transcript *transcript, const struct fault *fault, const char *result)
{
    const bool as_recorded = strcmp(result, transcript->result) == 0;
    const bool may_fail_early = as_recorded && strcmp(result, err_name(OK)) != 0;
    const struct transcript_line *line = &transcript->lines[fault->line];
    const bool complete =
        is_last_awaited(transcript, fault->line) && (fault->kind == FAULT_CUT_AFTER || !line->awaited);
    switch (outcome(transcript, fault)) {
    case AS_RECORDED:
        return as_recorded;
    case TIMES_OUT:
        return strcmp(result, err_name(ERR_TIMEOUT)) == 0 || may_fail_early;
    case GOES_DOWN:
        return (complete && as_recorded) || may_fail_early || strcmp(result, err_name(ERR_XMPP_DOWN)) == 0 ||
               (is_link(transcript) && strcmp(result, err_name(OK)) != 0);
    case IS_UNCERTAIN:
        return as_recorded || strcmp(result, err_name(OK)) != 0;
    default:
        return strcmp(result, err_name(OK)) != 0;
    }
}

/* ---- what is sent ---- */

static void write_error(const char *text, const char *from, struct buf *out)
{
    char id[VALUE_SIZE] = "", to[VALUE_SIZE] = "";
    (void)transcript_attribute(text, "id", id, sizeof id);
    (void)transcript_attribute(text, "to", to, sizeof to);
    buf_printf(
        out,
        "<iq from=\"%s\" id=\"%s\" to=\"%s\" type=\"error\"><error type=\"wait\">"
        "<internal-server-error xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"></internal-server-error></error></iq>",
        from, id, to);
}

static void write_from(const char *text, const char *from, struct buf *out)
{
    const char *old = strstr(text, " from=\"");
    const char *rest = old != NULL ? strchr(old + strlen(" from=\""), '"') : NULL;
    if (rest == NULL)
        return;
    buf_append(out, text, (size_t)(old - text));
    buf_printf(out, " from=\"%s%s", from, rest);
}

void fault_write(const struct fault *fault, const char *text, struct buf *out)
{
    char from[VALUE_SIZE] = "";
    (void)transcript_attribute(text, "from", from, sizeof from);
    if (fault->kind == FAULT_ERROR || fault->kind == FAULT_FORGED_FIRST)
        write_error(text, fault->kind == FAULT_ERROR ? from : STRANGER, out);
    if (fault->kind == FAULT_FORGED_INSTEAD)
        write_from(text, STRANGER, out);
    if (fault->kind == FAULT_CUT_WITHIN)
        buf_append(out, text, strlen(text) / 2);
    if (fault->kind == FAULT_CUT_AFTER || fault->kind == FAULT_TWICE || fault->kind == FAULT_SWAP ||
        fault->kind == FAULT_FORGED_FIRST)
        buf_puts(out, text);
    if (fault->kind == FAULT_TWICE)
        buf_puts(out, text);
}
