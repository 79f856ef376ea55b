#include "tests/transcripts/studio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "component/base/crypto.h"
#include "tests/transcripts/calls.h"
#include "tests/transcripts/learn.h"
#include "tests/transcripts/names.h"
#include "tests/transcripts/tee.h"
#include "tests/transcripts/transcript.h"

enum { TIMEOUT_MS = 20000, TAG_LENGTH = 8, LOCALS_MAX = 9, TEXT_MAX = 4096 };

struct recording {
    const struct studio *studio;
    const struct transcript *transcript;
    struct tee *tee;
    struct caller caller;
    struct caller other; /* who has our domain */
    struct names *names;
    struct outcome outcome;
    struct buf heard; /* "> ..." and "< ..." lines */
    bool ended;       /* the server has closed the connection */
    struct buf open;  /* ids of sessions, a line each */
    unsigned asked;   /* commands of the recorder's own */
};

static void on_line(void *arg, bool ours, const char *text)
{
    struct recording *recording = arg;
    if (!recording->ended) /* who is not let in tries again */
        buf_printf(&recording->heard, "%c %s\n", ours ? '>' : '<', text);
    recording->ended = recording->ended || strcmp(text, "closed") == 0;
}

static bool run(struct recording *recording, const char *call)
{
    caller_run(&recording->caller, call, TIMEOUT_MS, &recording->outcome);
    if (strcmp(recording->outcome.result, err_name(OK)) == 0)
        return true;
    fprintf(stderr, "%s: %s: %s\n", recording->transcript->path, call, recording->outcome.result);
    return false;
}

/* ---- before the call ---- */

/* An action of a command; the id of its session is in the answer. */
static bool command(struct recording *recording, const char *action, const char *session, char session_r[128])
{
    char text[TEXT_MAX], attribute[160] = "";
    if (session[0] != '\0')
        snprintf(attribute, sizeof attribute, " sessionid=\"%s\"", session);
    snprintf(
        text, sizeof text,
        "<iq from=\"%s\" id=\"" TEE_ID "%u\" to=\"%s\" type=\"set\">"
        "<command xmlns=\"http://jabber.org/protocol/commands\" node=\"http://jabber.org/protocol/admin#add-user\" "
        "action=\"%s\"%s/></iq>",
        recording->studio->component, ++recording->asked, recording->studio->domain, action, attribute);
    struct buf answer;
    buf_init(&answer, 64 * 1024);
    const bool said = tee_say(recording->tee, text, &answer);
    const bool has = transcript_attribute(buf_cstr(&answer), "sessionid", session_r, 128);
    buf_free(&answer);
    return said && has;
}

static bool open_sessions(struct recording *recording, const char *count)
{
    bool good = true;
    for (long i = strtol(count, NULL, 10); i > 0 && good; i--) {
        char session[128];
        good = command(recording, "execute", "", session);
        buf_printf(&recording->open, "%s\n", good ? session : "");
    }
    return good;
}

static void close_sessions(struct recording *recording)
{
    for (char *rest = recording->open.data; rest != NULL && *rest != '\0';) {
        char session[128];
        (void)command(recording, "cancel", strsep(&rest, "\n"), session);
    }
}

static void init_caller(struct caller *caller, const struct studio *studio, const char *host, uint16_t port)
{
    caller_init(caller, host, port, studio->domain, studio->component, studio->secret);
    memcpy(caller->proof, studio->proof, sizeof caller->proof);
}

static bool take_domain(struct recording *recording, const char *nothing)
{
    (void)nothing;
    const struct studio *studio = recording->studio;
    struct outcome outcome;
    outcome_init(&outcome);
    init_caller(&recording->other, studio, studio->host, studio->port);
    caller_run(&recording->other, "link", TIMEOUT_MS, &outcome);
    outcome_free(&outcome);
    return recording->other.generation > 0;
}

static bool say(struct recording *recording, const char *stanza)
{
    return tee_say(recording->tee, stanza, NULL);
}

static bool prepare(struct recording *recording, const char *text)
{
    static const struct {
        const char *word;
        bool (*run)(struct recording *recording, const char *rest);
    } words[] = {{"stanza ", say}, {"sessions ", open_sessions}, {"taken", take_domain}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strncmp(text, words[i].word, strlen(words[i].word)) == 0) {
            const bool good = words[i].run(recording, text + strlen(words[i].word));
            if (!good)
                fprintf(stderr, "%s: this cannot be done: %s\n", recording->transcript->path, text);
            return good;
        }
    return run(recording, text);
}

static bool prepare_all(struct recording *recording)
{
    bool good = true;
    for (size_t i = 0; i < recording->transcript->before_count && good; i++) {
        struct buf text;
        buf_init(&text, TEXT_MAX);
        names_fill(recording->names, recording->transcript->before[i], &text);
        good = prepare(recording, buf_cstr(&text));
        buf_free(&text);
    }
    return good;
}

/* ---- the call ---- */

static void make_call(struct recording *recording)
{
    struct buf call;
    buf_init(&call, TEXT_MAX);
    names_fill(recording->names, recording->transcript->call, &call);
    tee_listen(recording->tee, on_line, recording);
    caller_run(&recording->caller, buf_cstr(&call), TIMEOUT_MS, &recording->outcome);
    (void)tee_settle(recording->tee);
    tee_listen(recording->tee, NULL, NULL);
    buf_free(&call);
}

static void write_all(struct recording *recording, struct buf *text_r)
{
    char today[16];
    const time_t now = time(NULL);
    struct tm utc;
    strftime(today, sizeof today, "%Y-%m-%d", gmtime_r(&now, &utc));
    transcript_write_head(recording->transcript, text_r);
    buf_printf(text_r, "server: %s\nrecorded: %s\n", recording->studio->server, today);
    buf_printf(text_r, "result: %s\n", recording->outcome.result);
    names_abstract(recording->names, buf_cstr(&recording->outcome.shows), text_r);
    buf_putc(text_r, '\n');
    learn_and_write(recording->names, recording->studio->domain, buf_cstr(&recording->heard), text_r);
}

/* Accounts that the transcript's own text names. */
static void clean_up(struct recording *recording)
{
    close_sessions(recording);
    for (unsigned i = 1; i <= LOCALS_MAX && recording->caller.xmpp != NULL; i++) {
        char name[16];
        struct buf call;
        buf_init(&call, TEXT_MAX);
        snprintf(name, sizeof name, "$local%u", i);
        buf_puts(&call, "delete ");
        names_show(recording->names, name, &call);
        if (strchr(buf_cstr(&call), '$') == NULL)
            (void)run(recording, buf_cstr(&call));
        buf_free(&call);
    }
}

static void init_recording(struct recording *recording, const struct studio *studio,
                           const struct transcript *transcript)
{
    char tag[TAG_LENGTH + 1];
    *recording = (struct recording){.studio = studio, .transcript = transcript};
    random_text("abcdefghijklmnopqrstuvwxyz0123456789", TAG_LENGTH, tag);
    recording->names = names_new(tag);
    names_set(recording->names, "domain", studio->domain);
    names_set(recording->names, "component", studio->component);
    const char *version = strchr(studio->server, ' ');
    names_set(recording->names, "version", version != NULL ? version + 1 : "?");
    buf_init(&recording->heard, TRANSCRIPT_SIZE_MAX);
    buf_init(&recording->open, 64 * 1024);
    outcome_init(&recording->outcome);
    recording->tee = tee_open(studio->host, studio->port, studio->domain, studio->component);
    init_caller(&recording->caller, studio, "127.0.0.1", recording->tee != NULL ? tee_port(recording->tee) : 0);
}

static void free_recording(struct recording *recording)
{
    caller_close(&recording->caller);
    caller_close(&recording->other);
    tee_close(&recording->tee);
    names_free(&recording->names);
    buf_free(&recording->heard);
    buf_free(&recording->open);
    outcome_free(&recording->outcome);
}

bool studio_record(const struct studio *studio, const struct transcript *transcript, struct buf *text_r)
{
    struct recording recording;
    init_recording(&recording, studio, transcript);
    const bool of_link = transcript_is_call(transcript, "link");
    const bool good = recording.tee != NULL && (of_link || run(&recording, "link")) && prepare_all(&recording);
    if (good) {
        make_call(&recording);
        write_all(&recording, text_r);
    }
    if (!of_link)
        clean_up(&recording);
    free_recording(&recording);
    return good;
}

bool studio_suits(const struct studio *studio, const struct transcript *transcript)
{
    return studio->authorized == (strcmp(transcript->needs, "authorized") == 0);
}

/* ---- the server ---- */

static bool ask_version(struct recording *recording, char server_r[256])
{
    char text[TEXT_MAX];
    struct buf answer;
    buf_init(&answer, 64 * 1024);
    snprintf(text, sizeof text,
             "<iq from=\"%s\" id=\"" TEE_ID
             "version\" to=\"%s\" type=\"get\"><query xmlns=\"jabber:iq:version\"/></iq>",
             recording->studio->component, recording->studio->domain);
    const bool said = tee_say(recording->tee, text, &answer);
    const char *name = strstr(buf_cstr(&answer), "<name>"), *version = strstr(buf_cstr(&answer), "<version>");
    if (name != NULL && version != NULL)
        snprintf(server_r, 256, "%.*s %.*s", (int)strcspn(name + 6, "<"), name + 6, (int)strcspn(version + 9, "<"),
                 version + 9);
    buf_free(&answer);
    return said && name != NULL && version != NULL;
}

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    return value != NULL ? value : "";
}

bool studio_open(struct studio *studio, const char **reason_r)
{
    static const struct transcript none = {.path = "the server"};
    *studio = (struct studio){.host = setting("REGISTRARD_XMPP_HOST"),
                              .port = (uint16_t)strtol(setting("REGISTRARD_XMPP_PORT"), NULL, 10),
                              .domain = setting("REGISTRARD_XMPP_DOMAIN"),
                              .component = setting("REGISTRARD_XMPP_COMPONENT"),
                              .secret = setting("REGISTRARD_XMPP_SECRET"),
                              .authorized = getenv("TRANSCRIPT_AUTHORIZED") != NULL};
    *reason_r = "REGISTRARD_XMPP_HOST and its like name no server";
    if (studio->host[0] == '\0' || studio->port == 0 || studio->domain[0] == '\0' || studio->component[0] == '\0')
        return false;
    *reason_r = "there is no link, or the self-test fails";
    struct recording recording;
    init_recording(&recording, studio, &none);
    const bool good = recording.tee != NULL && run(&recording, "link") && ask_version(&recording, studio->server);
    memcpy(studio->proof, recording.caller.proof, sizeof studio->proof);
    free_recording(&recording);
    return good;
}
