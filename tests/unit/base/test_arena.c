/* Arenas: contents, alignment, growth, and that all that was handed out is wiped before it is freed.
 *
 * The wipe is observed at the linker's seam: this file's secret_wipe is taken in place of the archive's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/secret.h"

static size_t wiped_bytes;
static const char *watched; /* an address inside an arena */
static size_t watched_length;
static char watched_was[16];
static bool watched_wiped;

void secret_wipe(void *bytes, size_t length)
{
    const char *start = bytes;
    wiped_bytes += length;
    if (watched && watched >= start && watched + watched_length <= start + length) {
        memcpy(watched_was, watched, watched_length);
        watched_wiped = true;
    }
    memset(bytes, 0, length);
}

static void memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    static const unsigned char zeros[300];
    struct arena *arena = arena_new();
    for (size_t size = 0; size < sizeof zeros; size++) {
        unsigned char *memory = arena_alloc(arena, size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
        assert_memory_equal(memory, zeros, size);
        memset(memory, 0xff, size);
    }
    arena_free(&arena);
    assert_null(arena);
    arena_free(&arena);
}

static void allocations_do_not_overlap(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    unsigned char *pieces[COUNT];
    struct arena *arena = arena_new();
    for (size_t i = 0; i < COUNT; i++) {
        pieces[i] = arena_alloc(arena, i + 1);
        memset(pieces[i], (int)(i & 0xff), i + 1);
    }
    for (size_t i = 0; i < COUNT; i++)
        for (size_t k = 0; k <= i; k++)
            assert_int_equal(pieces[i][k], i & 0xff);
    arena_free(&arena);
}

static void zero_sized_pieces_are_distinct(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    void *a = arena_alloc(arena, 0);
    void *b = arena_alloc(arena, 0);
    assert_non_null(a);
    assert_ptr_not_equal(a, b);
    arena_free(&arena);
}

static void large_pieces_and_many_blocks(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    char *small = arena_strdup(arena, "before");
    char *large = arena_alloc(arena, 1 << 20);
    memset(large, 'x', 1 << 20);
    for (int i = 0; i < 1000; i++)
        arena_alloc(arena, 1000);
    assert_string_equal(small, "before");
    assert_int_equal(large[(1 << 20) - 1], 'x');
    assert_true(arena_used(arena) >= (1 << 20) + 1000 * 1000);
    arena_free(&arena);
}

static void used_counts_what_was_taken(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    assert_int_equal(arena_used(arena), 0);
    arena_alloc(arena, 100);
    size_t used = arena_used(arena);
    assert_in_range(used, 100, 100 + alignof(max_align_t));
    arena_alloc(arena, 1);
    assert_int_equal(arena_used(arena), used + alignof(max_align_t));
    arena_free(&arena);
}

static void copies_end_in_nul(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const char bytes[] = {'a', '\0', 'b'};
    char *copy = arena_copy(arena, bytes, sizeof bytes);
    assert_memory_equal(copy, "a\0b\0", 4);
    assert_string_equal(arena_copy(arena, NULL, 0), "");
    assert_string_equal(arena_strdup(arena, "text"), "text");
    assert_string_equal(arena_printf(arena, "%s-%d", "n", 7), "n-7");
    char *wide = arena_printf(arena, "%9000d", 1);
    assert_int_equal(strlen(wide), 9000);
    arena_free(&arena);
}

static void all_is_wiped(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    char *password = arena_strdup(arena, "secret");
    for (int i = 0; i < 100; i++)
        arena_alloc(arena, 1000); /* several blocks follow */
    size_t used = arena_used(arena);
    watched = password;
    watched_length = strlen(password);
    watched_wiped = false;
    wiped_bytes = 0;
    arena_free(&arena);
    watched = NULL;
    assert_true(watched_wiped);
    assert_memory_equal(watched_was, "secret", 6);
    assert_true(wiped_bytes >= used);
}

static void arrays(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    uint64_t *numbers = arena_array(arena, 1000, sizeof *numbers);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(numbers[i], 0);
    assert_true(arena_used(arena) >= 8000);
    arena_free(&arena);
}

static void plain_allocations(void **state)
{
    (void)state;
    char *text = xstrdup("abc");
    assert_string_equal(text, "abc");
    free(text);
    uint32_t *zeros = xcalloc(10, sizeof *zeros);
    for (int i = 0; i < 10; i++)
        assert_int_equal(zeros[i], 0);
    free(zeros);
    void *nothing = xmalloc(0);
    assert_non_null(nothing);
    free(nothing);
}

int main(void)
{
    mallopt(M_PERTURB, 0x55); /* new memory is not zero by luck */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(allocations_do_not_overlap),
        cmocka_unit_test(zero_sized_pieces_are_distinct),
        cmocka_unit_test(large_pieces_and_many_blocks),
        cmocka_unit_test(used_counts_what_was_taken),
        cmocka_unit_test(copies_end_in_nul),
        cmocka_unit_test(all_is_wiped),
        cmocka_unit_test(arrays),
        cmocka_unit_test(plain_allocations),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
