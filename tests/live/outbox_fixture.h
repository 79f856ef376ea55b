/* What the tests of the outbox share: taking rows, wishes to be taken. */
#ifndef TESTS_LIVE_OUTBOX_FIXTURE_H
#define TESTS_LIVE_OUTBOX_FIXTURE_H

#include "sql/outbox.h"

#include "sql/bindings.h"
#include "tests/live/live_postgres.h"

enum { LEASE_MS = 60000, REGISTER_WAIT_MS = 10000, MOST = 10, ROWS = 60 };

static struct outbox_item *items;
static size_t count;

static inline size_t take_as(const char *owner, bool creates_only, size_t most)
{
    const struct outbox_claim claim = {.owner = owner,
                                       .lease_ms = LEASE_MS,
                                       .register_wait_ms = REGISTER_WAIT_MS,
                                       .creates_only = creates_only,
                                       .most = most};
    assert_int_equal(outbox_take(pg, arena, &claim, &items, &count), OK);
    return count;
}

static inline size_t take(void)
{
    return take_as("here", false, MOST);
}

static inline struct outbox_item take_one(void)
{
    assert_int_equal(take(), 1);
    return items[0];
}

static inline void leases_run_out(void)
{
    ask("update outbox set due_at = now() where lease is not null");
}

static inline void add(enum outbox_kind kind, int64_t account_id)
{
    assert_int_equal(outbox_add(pg, kind, account_id, "here"), OK);
}

static inline void bind_pair(int64_t a, int64_t b, bool wanted)
{
    struct wish *wishes;
    size_t changed;
    assert_int_equal(wanted ? bindings_want(pg, arena, a, &b, 1, &(struct want_terms){.agreed = true, .most = ROWS},
                                            &wishes, &changed)
                            : bindings_unwant(pg, arena, a, &b, 1, NULL, &wishes, &changed),
                     OK);
    assert_int_equal(changed, 1);
}

#endif
