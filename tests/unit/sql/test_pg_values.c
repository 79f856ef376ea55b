/* Parameters of statements (sql/pg.h): what is sent, byte for byte. That Postgres reads it back the same is in
 * tests/live/test_postgres.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "sql/pg.h"
#include "tests/unit/arena.h"

static void expect_texts(const char *expected, const char *const *texts, size_t count)
{
    struct pg_args args = {0};
    pg_arg_texts(&args, arena, texts, count);
    assert_int_equal(args.count, 1);
    assert_int_equal(args.formats[0], 0);
    assert_string_equal(args.values[0], expected);
}

#define EXPECT_TEXTS(expected, ...)                                                                                    \
    expect_texts(expected, (const char *const[]){__VA_ARGS__},                                                         \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void arrays_of_texts_are_quoted(void **state)
{
    (void)state;
    expect_texts("{}", NULL, 0);
    EXPECT_TEXTS("{\"\"}", "");
    EXPECT_TEXTS("{\"a\",\"b\"}", "a", "b");
    EXPECT_TEXTS("{\"a,b\",\"{c}\"}", "a,b", "{c}");
    EXPECT_TEXTS("{\"\\\"\"}", "\"");
    EXPECT_TEXTS("{\"\\\\\"}", "\\");
    EXPECT_TEXTS("{\"\\\\\\\"\",\"\\\"\\\\\"}", "\\\"", "\"\\");
    EXPECT_TEXTS("{\"\\\",\\\"\"}", "\",\""); /* one element, whatever it tries to look like */
    EXPECT_TEXTS("{\"名前\",\" \"}", "名前", " ");
}

static void a_null_is_told_from_its_name(void **state)
{
    (void)state;
    EXPECT_TEXTS("{NULL,\"NULL\",\"\",NULL}", NULL, "NULL", "", NULL);
}

static void arrays_of_numbers_are_digits(void **state)
{
    (void)state;
    const int64_t numbers[] = {0, -1, INT64_MAX, INT64_MIN};
    struct pg_args args = {0};
    pg_arg_i64s(&args, arena, numbers, 4);
    pg_arg_i64s(&args, arena, numbers, 1);
    pg_arg_i64s(&args, arena, numbers, 0);
    assert_string_equal(args.values[0], "{0,-1,9223372036854775807,-9223372036854775808}");
    assert_string_equal(args.values[1], "{0}");
    assert_string_equal(args.values[2], "{}");
}

static void long_arrays_are_whole(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    const char **texts = arena_array(arena, COUNT, sizeof *texts);
    for (size_t i = 0; i < COUNT; i++)
        texts[i] = "0123456789";
    struct pg_args args = {0};
    pg_arg_texts(&args, arena, texts, COUNT);
    assert_int_equal(strlen(args.values[0]), 2 + COUNT * 12 + COUNT - 1);
    assert_string_equal(args.values[0] + strlen(args.values[0]) - 13, "\"0123456789\"}");
}

static void scalars_keep_their_place(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0, 1, 0};
    struct pg_args args = {0};
    pg_arg_i64(&args, INT64_MIN);
    pg_arg_text(&args, NULL);
    pg_arg_bool(&args, true);
    pg_arg_bytes(&args, bytes, sizeof bytes);
    pg_arg_bool(&args, false);
    pg_arg_i64(&args, INT64_MAX);
    pg_arg_text(&args, "text");
    assert_int_equal(args.count, 7);
    assert_string_equal(args.values[0], "-9223372036854775808");
    assert_null(args.values[1]);
    assert_string_equal(args.values[2], "t");
    assert_memory_equal(args.values[3], bytes, sizeof bytes);
    assert_int_equal(args.lengths[3], sizeof bytes);
    assert_int_equal(args.formats[3], 1); /* binary */
    assert_string_equal(args.values[4], "f");
    assert_string_equal(args.values[5], "9223372036854775807");
    assert_string_equal(args.values[6], "text");
    for (int i = 0; i < args.count; i++)
        assert_int_equal(args.formats[i], i == 3);
}

static void there_is_room_for_all(void **state)
{
    (void)state;
    struct pg_args args = {0};
    for (int64_t i = 0; i < PG_ARGS_MAX; i++)
        pg_arg_i64(&args, i);
    assert_int_equal(args.count, PG_ARGS_MAX);
    for (int i = 0; i < PG_ARGS_MAX; i++)
        assert_int_equal(strtol(args.values[i], NULL, 10), i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_of_texts_are_quoted),   cmocka_unit_test(a_null_is_told_from_its_name),
        cmocka_unit_test(arrays_of_numbers_are_digits), cmocka_unit_test(long_arrays_are_whole),
        cmocka_unit_test(scalars_keep_their_place),     cmocka_unit_test(there_is_room_for_all),
    };
    return cmocka_run_group_tests_name("statement parameters", tests, arena_set_up, arena_tear_down);
}
