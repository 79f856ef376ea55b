/* Servers show a roster as it was written at once, as far as was measured; one that does not is read again. */
#include "xmpp/server.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/base/text.h"
#include "xmpp/ns.h"
#include "xmpp/readings.h"
#include "xmpp/rosters.h"
#include "xmpp/unreadable.h"

enum { REREAD_FIRST_MS = 10, REREAD_LONGEST_MS = 500, REWRITE_MS = 1000 };

static const struct xmpp_server *const servers[] = {&server_openfire, &server_prosody, &server_ejabberd};

static void read_version(const struct element *iq, struct server_facts *facts)
{
    const struct element *query = element_child(iq, NS_VERSION, "query");
    const struct element *name = element_child(query, NS_VERSION, "name");
    const struct element *version = element_child(query, NS_VERSION, "version");
    snprintf(facts->name, sizeof facts->name, "%s", name != NULL ? name->text : "");
    snprintf(facts->version, sizeof facts->version, "%s", version != NULL ? version->text : "");
}

enum err server_identify(struct task *task, struct server_facts *facts)
{
    struct batch batch;
    batch_init(&batch, task);
    batch_request(&batch, "get", task->config->domain);
    stanza_open(batch.builder, "query", NS_VERSION);
    batch_end(&batch);
    enum err err = batch_send(&batch);
    if (err == OK)
        read_version(batch.requests[0].answer->root, facts);
    batch_free(&batch);
    return err;
}

bool server_read_advertisement(const char *domain, const struct element *stanza, struct server_facts *facts)
{
    const struct element *privilege = element_child(stanza, NS_PRIVILEGE, "privilege");
    if (privilege == NULL || !element_is(stanza, NS_COMPONENT, "message") ||
        !element_attribute_is(stanza, "from", domain))
        return false;
    facts->may_read_rosters = false;
    facts->may_write_rosters = false;
    for (const struct element *perm = element_child(privilege, NS_PRIVILEGE, "perm"); perm != NULL;
         perm = element_next(perm, NS_PRIVILEGE, "perm")) {
        if (!element_attribute_is(perm, "access", "roster"))
            continue;
        bool both = element_attribute_is(perm, "type", "both");
        facts->may_read_rosters = both || element_attribute_is(perm, "type", "get");
        facts->may_write_rosters = both || element_attribute_is(perm, "type", "set");
    }
    return true;
}

const struct xmpp_server *server_choose(const char *configured, const struct server_facts *facts)
{
    bool automatic = strcmp(configured, "auto") == 0;
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++)
        if (strcmp(automatic ? facts->name : configured, automatic ? servers[i]->says : servers[i]->name) == 0)
            return servers[i];
    return NULL;
}

void server_proof(const struct xmpp_config *config, const struct xmpp_server *server, const struct server_facts *facts,
                  char proof_r[XMPP_PROOF_SIZE])
{
    char all[2560];
    int length = snprintf(all, sizeof all, "%s\n%u\n%s\n%s\n%s\n%s\n%s\n%u\n%s\n%s\n%d%d%d", server->name,
                          server->revision, facts->name, facts->version, config->version, config->domain,
                          config->component, config->in_flight, config->api_url, config->api_user,
                          facts->may_read_rosters, facts->may_write_rosters, facts->may_check_passwords);
    uint8_t digest[SHA256_SIZE];
    sha256(all, (size_t)length < sizeof all ? (size_t)length : sizeof all - 1, digest);
    char hex[2 * SHA256_SIZE + 1];
    hex_encode(digest, sizeof digest, hex);
    snprintf(proof_r, XMPP_PROOF_SIZE, "proved %s %s", server->name, hex);
}

static void sleep_ms(int64_t ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
}

/* What is written while a JID is just being made again may be lost without a word (Openfire): so it is written again,
 * too. */
static enum err edit_again(struct readback *readback, bool bind)
{
    const enum err err = task_hold(readback->task, readback->server->edit_requests);
    return err == OK ? readback->server->edit(readback, bind) : err;
}

static bool rests(struct task *task, const struct roster_side sides[2], bool again)
{
    const int parts = again ? UNREADABLE_AGAIN : UNREADABLE_FIRST;
    return (sides[0].exists && readings_rest(task->readings, sides[0].local, parts)) ||
           (sides[1].exists && readings_rest(task->readings, sides[1].local, parts));
}

enum err server_make(const struct xmpp_server *server, struct task *task, struct arena *arena,
                     struct roster_side sides[2], bool bind, const struct xmpp_patience *patience)
{
    struct readback readback;
    if (rests(task, sides, bind && patience->again)) /* what ends is written soon, for the other side's sake */
        return ERR_TOO_LARGE;
    readback_init(&readback, server, task, arena, sides);
    enum err err = readback_end(&readback, server->edit(&readback, bind));
    const int64_t began_ms = clock_ms();
    int64_t again_ms = began_ms + REWRITE_MS;
    for (int64_t pause = REREAD_FIRST_MS; err == OK; pause = 2 * pause < REREAD_LONGEST_MS ? 2 * pause : pause) {
        if (roster_side_is(&sides[0], bind) && roster_side_is(&sides[1], bind))
            return OK;
        if (clock_ms() + pause - began_ms > patience->disagreeing_ms)
            return ERR_CONFLICT;
        if (clock_ms() + pause >= task->deadline_ms)
            return ERR_TIMEOUT;
        sleep_ms(pause);
        readback_init(&readback, server, task, arena, sides);
        const bool again = clock_ms() >= again_ms;
        err = readback_end(&readback, again ? edit_again(&readback, bind) : OK);
        if (again)
            again_ms = clock_ms() + REWRITE_MS;
    }
    return err;
}
