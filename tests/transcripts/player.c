#include "tests/transcripts/player.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "component/base/clock.h"
#include "tests/transcripts/canonical.h"
#include "tests/transcripts/faults.h"
#include "tests/transcripts/names.h"

enum { READ_SIZE = 16 * 1024, CONTEXT = 40, SHOWN = 200 };

/* ---- complaints ---- */

static bool is_strict(const struct player *player)
{
    return player->fault == NULL && player->complaint.length == 0; /* the first one explains the others */
}

/* From a little before the first difference on. */
static void complain(struct player *player, unsigned number, const char *what, const char *kept, const char *sent)
{
    size_t same = 0;
    while (kept[same] != '\0' && kept[same] == sent[same])
        same++;
    const size_t from = same > CONTEXT ? same - CONTEXT : 0;
    const char *dots = from > 0 ? "..." : "";
    player->hang_up = true; /* nobody has to wait for what does not come */
    buf_printf(&player->complaint, "%s:%u: %s\n", player->transcript->path, number, what);
    if (kept[0] != '\0')
        buf_printf(&player->complaint, "  kept: %s%.*s\n", dots, SHOWN, kept + from);
    if (sent[0] != '\0')
        buf_printf(&player->complaint, "  sent: %s%.*s\n", dots, SHOWN, sent + from);
}

/* The line of ours that is expected next; NULL when there is none. */
static const struct transcript_line *expected(const struct player *player)
{
    for (size_t i = 0; i < player->transcript->count; i++)
        if (player->transcript->lines[i].ours && !player->done[i])
            return &player->transcript->lines[i];
    return NULL;
}

static void complain_of(struct player *player, const char *sent)
{
    const struct transcript_line *line = expected(player);
    struct buf kept;
    buf_init(&kept, TRANSCRIPT_SIZE_MAX);
    if (line != NULL)
        names_guess(player->names, line->text, sent);
    names_show(player->names, line != NULL ? line->text : "", &kept);
    complain(player, line != NULL ? line->number : 0,
             line == NULL      ? "more is sent than before"
             : sent[0] == '\0' ? "this is not sent any more"
                               : "something else is sent",
             buf_cstr(&kept), sent);
    buf_free(&kept);
}

/* ---- what the server says ---- */

static void hang_up(struct player *player)
{
    if (player->fd >= 0)
        close(player->fd);
    player->fd = -1;
    player->hang_up = false;
    canonical_free(&player->heard);
    buf_clear(&player->saying);
}

static void say(struct player *player)
{
    size_t said = 0;
    while (player->fd >= 0 && said < player->saying.length) {
        const ssize_t sent = send(player->fd, player->saying.data + said, player->saying.length - said, MSG_NOSIGNAL);
        if (sent <= 0)
            hang_up(player);
        else
            said += (size_t)sent;
    }
    buf_clear(&player->saying);
    if (player->hang_up)
        hang_up(player);
}

static bool is_ready(const struct player *player, size_t at)
{
    const struct transcript_line *line = &player->transcript->lines[at];
    if (line->ours || player->done[at])
        return false;
    if (player->fault != NULL && player->fault->kind == FAULT_SWAP && player->fault->line == at &&
        !player->done[at + 1])
        return false;
    if (line->answers >= 0)
        return player->done[line->answers];
    for (size_t i = 0; i < at; i++)
        if (player->transcript->lines[i].ours && !player->done[i])
            return false;
    return true;
}

static bool cuts(const struct fault *fault)
{
    return fault->kind == FAULT_CUT_BEFORE || fault->kind == FAULT_CUT_AFTER || fault->kind == FAULT_CUT_WITHIN;
}

static void say_text(struct player *player, const struct fault *fault, const char *text)
{
    const size_t before = player->saying.length;
    if (fault == NULL)
        buf_puts(&player->saying, text);
    else
        fault_write(fault, text, &player->saying);
    if (fault != NULL && fault->kind == FAULT_LATE)
        buf_puts(&player->late, text);
    player->hang_up = fault != NULL && cuts(fault);
    if (strstr(buf_cstr(&player->saying) + before, text) != NULL) /* it is said, and by the server */
        sessions_see_said(&player->sessions, text, player->hang_up);
}

static void say_line(struct player *player, size_t at)
{
    const struct fault *fault = player->fault != NULL && player->fault->line == at ? player->fault : NULL;
    const char *text = player->transcript->lines[at].text;
    player->done[at] = true;
    if (strcmp(text, "closed") == 0) {
        player->hang_up = true;
        return;
    }
    struct buf filled;
    buf_init(&filled, TRANSCRIPT_SIZE_MAX);
    names_fill(player->names, text, &filled);
    say_text(player, fault, buf_cstr(&filled));
    buf_free(&filled);
}

static void say_what_is_ready(struct player *player)
{
    for (size_t i = 0; i < player->transcript->count && !player->hang_up;) {
        const bool ready = is_ready(player, i);
        if (ready)
            say_line(player, i);
        i = ready ? 0 : i + 1;
    }
    say(player);
}

/* ---- what it hears ---- */

static bool is_own_iq(const char *text)
{
    const char *end = strchr(text, '>');
    const char *from = strstr(text, " from=\"$component\"");
    return transcript_is(text, "iq") && from != NULL && from < end;
}

/* Which line it is; -1 when it is none that may come. */
static int find_line(struct player *player, const char *text)
{
    bool first = true;
    for (size_t i = 0; i < player->transcript->count; i++) {
        const struct transcript_line *line = &player->transcript->lines[i];
        if (player->done[i])
            continue;
        if (!line->ours || (!first && !is_own_iq(line->text)))
            return -1;
        if (names_match(player->names, line->text, text))
            return (int)i;
        if (!is_own_iq(line->text))
            return -1;
        first = false;
    }
    return -1;
}

/* What is asked in another way because of a fault, the transcript has no answer to. */
static void refuse(struct player *player, const char *text)
{
    char id[128], from[256], to[256];
    if (transcript_attribute(text, "id", id, sizeof id) && transcript_attribute(text, "from", from, sizeof from) &&
        transcript_attribute(text, "to", to, sizeof to))
        buf_printf(&player->saying,
                   "<iq from=\"%s\" id=\"%s\" to=\"%s\" type=\"error\"><error type=\"cancel\">"
                   "<service-unavailable xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error></iq>",
                   to, id, from);
}

static void on_line(void *arg, const char *text)
{
    struct player *player = arg;
    char id[sizeof player->asked];
    if (player->asked[0] != '\0' && transcript_attribute(text, "id", id, sizeof id) && strcmp(id, player->asked) == 0) {
        player->asked[0] = '\0';
        return;
    }
    const bool tidies_up = sessions_see_heard(&player->sessions, text);
    const int at = find_line(player, text);
    if (at >= 0)
        player->done[at] = true;
    else if (is_strict(player) && !tidies_up)
        complain_of(player, text);
    else if (player->fault != NULL && transcript_is_iq(text, "get", "set"))
        refuse(player, text);
}

/* ---- the connection ---- */

static bool begins_with_header(const struct transcript *transcript)
{
    return transcript->count > 0 && transcript_is(transcript->lines[0].text, "stream:stream");
}

static void accept_one(struct player *player)
{
    player->fd = accept4(player->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (player->fd < 0)
        return;
    (void)setsockopt(player->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1},
                     sizeof(int)); /* or each answer waits for an ACK */
    player->heard = canonical_new(on_line, player);
}

static bool is_done(const struct player *player)
{
    for (size_t i = 0; i < player->transcript->count; i++)
        if (!player->done[i])
            return false;
    return true;
}

/* A connection that was made before we looked, and given up meanwhile, is no sign of anything. */
static void restart_unless_done(struct player *player)
{
    hang_up(player);
    if (begins_with_header(player->transcript) && player->fault == NULL && !is_done(player))
        memset(player->done, 0, sizeof player->done);
}

static void hear(struct player *player)
{
    char bytes[READ_SIZE + 1];
    const ssize_t got = recv(player->fd, bytes, READ_SIZE, 0);
    if (got <= 0) {
        restart_unless_done(player);
        return;
    }
    bytes[got] = '\0';
    if (!canonical_feed(player->heard, bytes, (size_t)got))
        complain(player, 0, "what is sent is no XML", "", bytes);
    say_what_is_ready(player);
}

bool player_open(struct player *player)
{
    memset(player, 0, sizeof *player);
    player->fd = -1;
    buf_init(&player->complaint, 64 * 1024);
    buf_init(&player->saying, TRANSCRIPT_SIZE_MAX);
    buf_init(&player->late, TRANSCRIPT_SIZE_MAX);
    player->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const bool open = bind(player->listen_fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                      listen(player->listen_fd, 8) == 0 &&
                      getsockname(player->listen_fd, (struct sockaddr *)&address, &size) == 0;
    player->port = ntohs(address.sin_port);
    return open;
}

void player_close(struct player *player)
{
    hang_up(player);
    close(player->listen_fd);
    buf_free(&player->complaint);
    buf_free(&player->saying);
    buf_free(&player->late);
}

void player_begin(struct player *player, const struct transcript *transcript, struct names *names,
                  const struct fault *fault)
{
    player->transcript = transcript;
    player->names = names;
    player->fault = fault;
    memset(player->done, 0, sizeof player->done);
    buf_clear(&player->complaint);
    buf_clear(&player->late);
    sessions_age(&player->sessions);
    if (begins_with_header(transcript))
        hang_up(player);
}

void player_turn(struct player *player, int wake_fd, int timeout_ms)
{
    const bool listening = player->fd < 0 && begins_with_header(player->transcript) && !player->done[0];
    struct pollfd fds[2] = {{.fd = wake_fd, .events = POLLIN},
                            {.fd = listening ? player->listen_fd : player->fd, .events = POLLIN}};
    if (poll(fds, 2, timeout_ms) <= 0 || fds[1].revents == 0)
        return;
    if (listening)
        accept_one(player);
    else
        hear(player);
}

void player_expect_done(struct player *player)
{
    if (is_strict(player) && expected(player) != NULL)
        complain_of(player, "");
}

void player_expect_no_sessions(struct player *player)
{
    for (size_t i = 0; i < player->sessions.count; i++)
        if (!player->sessions.open[i].ended)
            buf_printf(&player->complaint, "the session %s stays open\n", player->sessions.open[i].id);
}

void player_say_late(struct player *player)
{
    sessions_see_said(&player->sessions, buf_cstr(&player->late), false);
    buf_append(&player->saying, player->late.data, player->late.length);
    say(player);
}

static void ask(struct player *player, int64_t deadline_ms)
{
    static const char question[] = "<iq from=\"$domain\" id=\"%s\" to=\"$component\" type=\"get\">"
                                   "<ping xmlns=\"urn:xmpp:ping\"></ping></iq>";
    char text[sizeof question + sizeof player->asked];
    snprintf(player->asked, sizeof player->asked, "catch-up");
    snprintf(text, sizeof text, question, player->asked);
    names_fill(player->names, text, &player->saying);
    say(player);
    while (player->fd >= 0 && player->asked[0] != '\0' && clock_ms() < deadline_ms)
        player_turn(player, -1, clock_left(deadline_ms, 1000));
}

void player_catch_up(struct player *player, int64_t deadline_ms)
{
    for (int i = 0; i < 2; i++) /* what waits to be sent may be overtaken by the first answer */
        ask(player, deadline_ms);
}
