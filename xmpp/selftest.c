/* A list of steps over one state; the first that fails ends it. Removing is a step, and happens once more at the end.
 */
#include "xmpp/selftest.h"

#include <stdio.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/text.h"

enum { ID_BYTES = 10, PASSWORD_LENGTH = 32, DISAGREEING_MS = 5000 };

struct selftest {
    const struct xmpp_server *server;
    struct task *task;
    struct arena *arena;
    char locals[2][SELFTEST_LOCAL_SIZE];
    char jids[2][TASK_JID_SIZE];
    char password[PASSWORD_LENGTH + 1];
    struct roster_side sides[2];
};

static struct secret password_of(const struct selftest *test)
{
    return secret_of_cstr(test->password);
}

static enum err remove_both(struct selftest *test)
{
    enum err first = test->server->remove(test->task, test->locals[0]);
    enum err second = test->server->remove(test->task, test->locals[1]);
    return first != OK ? first : second;
}

/* Each account twice: making what is ours already must be a success. */
static enum err create_both(struct selftest *test)
{
    enum err err = OK;
    for (size_t i = 0; i < 4 && err == OK; i++)
        err = test->server->create(test->task, test->locals[i % 2], password_of(test));
    return err;
}

/* What breaks on the way stays what it is: it says nothing of the server. */
static enum err expect_refused(struct selftest *test, struct secret password)
{
    enum err err = test->server->check(test->task, test->locals[0], password);
    if (err == OK)
        return ERR_XMPP;
    return err == ERR_JID_PASSWORD || err == ERR_UNSUPPORTED ? OK : err;
}

static enum err check_password(struct selftest *test)
{
    if (test->server->check == NULL)
        return OK;
    enum err err = test->server->check(test->task, test->locals[0], password_of(test));
    if (err != OK)
        return err == ERR_UNSUPPORTED ? OK : err;
    return expect_refused(test, secret_of_cstr("another password"));
}

/* Locked, it has no password that we know; unlocked, the one it had. */
static enum err lock_and_unlock(struct selftest *test)
{
    const struct xmpp_server *server = test->server;
    enum err err = server->disable(test->task, test->locals[0]);
    if (err == OK && server->check != NULL)
        err = expect_refused(test, password_of(test));
    return err == OK ? server->enable(test->task, test->locals[0], password_of(test)) : err;
}

/* The accounts are its own: nobody else writes. */
static const struct xmpp_patience patience = {.disagreeing_ms = DISAGREEING_MS};

static enum err bind_both(struct selftest *test)
{
    return server_make(test->server, test->task, test->arena, test->sides, true, &patience);
}

static enum err unbind_both(struct selftest *test)
{
    return server_make(test->server, test->task, test->arena, test->sides, false, &patience);
}

static enum err expect_count(struct selftest *test, size_t count)
{
    for (size_t i = 0; i < 2; i++) {
        struct roster roster;
        enum err err = test->server->roster(test->task, test->arena, test->locals[i], &roster);
        if (err != OK)
            return err;
        if (roster.count != count)
            return ERR_XMPP;
    }
    return OK;
}

static enum err read_bound(struct selftest *test)
{
    return expect_count(test, 1);
}

static enum err read_unbound(struct selftest *test)
{
    return expect_count(test, 0);
}

static enum err expect_gone(struct selftest *test)
{
    struct roster roster;
    enum err err = test->server->roster(test->task, test->arena, test->locals[0], &roster);
    return err == ERR_NOT_FOUND ? OK : err == OK ? ERR_XMPP : err;
}

static const struct {
    const char *name;
    enum err (*run)(struct selftest *test);
} steps[] = {
    {"remove leftovers", remove_both},
    {"create", create_both},
    {"disable", lock_and_unlock},
    {"check password", check_password},
    {"bind", bind_both},
    {"read bound", read_bound},
    {"unbind", unbind_both},
    {"read unbound", read_unbound},
    {"remove", remove_both},
    {"see that it is gone", expect_gone},
};

void selftest_local(const struct xmpp_config *config, unsigned which, char local_r[SELFTEST_LOCAL_SIZE])
{
    uint8_t digest[SHA256_SIZE];
    char id[2 * ID_BYTES + 1];
    hmac_sha256(config->secret, config->component, strlen(config->component), digest);
    hex_encode(digest, ID_BYTES, id);
    snprintf(local_r, SELFTEST_LOCAL_SIZE, "registrar-selftest-%s-%c", id, "ab"[which]);
}

static void name_accounts(struct selftest *test)
{
    for (unsigned i = 0; i < 2; i++) {
        selftest_local(test->task->config, i, test->locals[i]);
        task_jid(test->task, test->locals[i], test->jids[i]);
    }
}

static void describe_binding(struct selftest *test)
{
    static const char *const groups[] = {"Self-test"};
    for (size_t i = 0; i < 2; i++)
        test->sides[i] = (struct roster_side){
            .local = test->locals[i],
            .exists = true,
            .item = {.jid = test->jids[1 - i], .name = "Self-test <&> ä", .groups = groups, .group_count = 1}};
}

enum err selftest_run(const struct xmpp_server *server, struct task *task, const char **step_r)
{
    struct selftest test = {.server = server, .task = task, .arena = arena_new()};
    random_text("abcdefghijklmnopqrstuvwxyz0123456789", PASSWORD_LENGTH, test.password);
    name_accounts(&test);
    describe_binding(&test);
    enum err err = OK;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && err == OK; i++) {
        *step_r = steps[i].name;
        err = steps[i].run(&test);
    }
    if (err != OK) {
        enum err ignored = remove_both(&test); /* the first error counts; the next run removes what is left */
        (void)ignored;
    }
    secret_wipe(test.password, sizeof test.password);
    arena_free(&test.arena);
    return err;
}
