/* An arena for all tests of a program: the group's set-up makes it, its tear-down frees it. */
#ifndef TESTS_UNIT_ARENA_H
#define TESTS_UNIT_ARENA_H

#include "component/base/arena.h"

static struct arena *arena;

static inline int arena_set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static inline int arena_tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

#endif
