/* Ids of command sessions: for one JID and one command, for a while. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/seal.h"
#include "component/commands/session.h"

enum { NOW = 1800000000, LIFETIME_MS = 600000, LIFETIME_S = 600 };
#define JID "a@example.org/r"

static struct arena *arena;
static struct keyring *ring, *other_ring;

static enum err check(const char *id, const char *jid, const char *node, int64_t now)
{
    return session_check(arena, ring, id, jid, node, now, LIFETIME_MS);
}

static void it_is_good_for_a_while(void **state)
{
    (void)state;
    const char *id = session_make(arena, ring, JID, "bind", NOW);
    assert_int_equal(check(id, JID, "bind", NOW), OK);
    assert_int_equal(check(id, JID, "bind", NOW + LIFETIME_S), OK);
    assert_int_equal(check(id, JID, "bind", NOW + LIFETIME_S + 1), ERR_TIMEOUT);
    assert_int_equal(check(id, JID, "bind", NOW - 5), OK); /* a clock that was set back, or another process's */
    assert_string_not_equal(session_make(arena, ring, JID, "bind", NOW), id);
}

static void it_is_nobody_elses(void **state)
{
    (void)state;
    const char *id = session_make(arena, ring, JID, "bind", NOW);
    assert_int_equal(check(id, "b@example.org/r", "bind", NOW), ERR_INVALID);
    assert_int_equal(check(id, "a@example.org/s", "bind", NOW), ERR_INVALID);
    assert_int_equal(check(id, "a@example.org", "bind", NOW), ERR_INVALID);
    assert_int_equal(check(id, JID, "unbind", NOW), ERR_INVALID);
    assert_int_equal(check(id, "bind\n" JID, "", NOW), ERR_INVALID);
    assert_int_equal(session_check(arena, other_ring, id, JID, "bind", NOW, LIFETIME_MS), ERR_INVALID);
}

static void what_was_changed_is_none(void **state)
{
    (void)state;
    const char *id = session_make(arena, ring, JID, "bind", NOW);
    for (size_t i = 0; i < strlen(id); i++) {
        char *changed = arena_strdup(arena, id);
        changed[i] = changed[i] == '0' ? '1' : '0';
        assert_int_equal(check(changed, JID, "bind", NOW), ERR_INVALID);
    }
    assert_int_equal(check("", JID, "bind", NOW), ERR_INVALID);
    assert_int_equal(check(id + 1, JID, "bind", NOW), ERR_INVALID);
    assert_int_equal(check(arena_printf(arena, "%s0", id), JID, "bind", NOW), ERR_INVALID);
    assert_int_equal(check(arena_copy(arena, id, strlen(id) - 1), JID, "bind", NOW), ERR_INVALID);
}

static int set_up(void **state)
{
    (void)state;
    crypto_init();
    arena = arena_new();
    const char *one = "1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
               *other = "1:100102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    return keyring_new(secret_of_cstr(one), &ring) == OK && keyring_new(secret_of_cstr(other), &other_ring) == OK ? 0
                                                                                                                  : -1;
}

static int tear_down(void **state)
{
    (void)state;
    keyring_free(&ring);
    keyring_free(&other_ring);
    arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_good_for_a_while),
        cmocka_unit_test(it_is_nobody_elses),
        cmocka_unit_test(what_was_changed_is_none),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
