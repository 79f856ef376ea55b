/* Buffers: growth up to the limit and not a byte beyond, the NUL behind, consuming, wiping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "component/base/buf.h"
#include "component/base/secret.h"

/* Taken by the linker in place of the archive's: counts what was wiped while it held the watched text. */
static const char *watched_text;
static unsigned watched_wipes;

void secret_wipe(void *bytes, size_t length)
{
    if (watched_text && memmem(bytes, length, watched_text, strlen(watched_text)))
        watched_wipes++;
    memset(bytes, 0, length);
}

static void empty_is_a_c_string(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 10);
    assert_null(buf.data);
    assert_string_equal(buf_cstr(&buf), "");
    buf_append(&buf, NULL, 0);
    buf_puts(&buf, "");
    buf_printf(&buf, "%s", "");
    buf_consume(&buf, 5);
    assert_null(buf.data);
    buf_clear(&buf);
    buf_free(&buf);
}

static void appends_in_every_way(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1000);
    buf_append(&buf, "ab\0c", 4);
    buf_puts(&buf, "de");
    buf_putc(&buf, 'f');
    buf_printf(&buf, "-%03d", 7);
    assert_int_equal(buf.length, 11);
    assert_memory_equal(buf.data, "ab\0cdef-007", 12);
    assert_false(buf.overflowed);
    buf_free(&buf);
}

static void limit_is_exact(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 600; limit += 7) {
        struct buf buf;
        buf_init(&buf, limit);
        for (size_t i = 0; i < limit; i++)
            buf_putc(&buf, (char)('a' + i % 26));
        assert_false(buf.overflowed);
        assert_int_equal(buf.length, limit);
        assert_true(buf.capacity <= (limit ? limit + 1 : 0));
        buf_putc(&buf, '!');
        assert_true(buf.overflowed);
        assert_int_equal(buf.length, limit);
        assert_int_equal(strlen(buf_cstr(&buf)), limit);
        buf_free(&buf);
    }
}

static void what_does_not_fit_is_not_appended_in_part(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 5);
    buf_puts(&buf, "abc");
    buf_puts(&buf, "def");
    assert_true(buf.overflowed);
    assert_string_equal(buf_cstr(&buf), "abc");
    buf_printf(&buf, "%d", 123);
    assert_string_equal(buf_cstr(&buf), "abc");
    buf_clear(&buf);
    assert_false(buf.overflowed);
    assert_string_equal(buf_cstr(&buf), "");
    buf_printf(&buf, "%d", 12345);
    assert_string_equal(buf_cstr(&buf), "12345");
    assert_false(buf.overflowed);
    buf_free(&buf);
}

static void grows_and_keeps_content(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1 << 20);
    for (unsigned i = 0; i < 10000; i++)
        buf_printf(&buf, "%05u,", i);
    assert_int_equal(buf.length, 60000);
    assert_memory_equal(buf.data, "00000,00001,", 12);
    assert_string_equal(buf.data + 60000 - 6, "09999,");
    assert_true(buf.capacity <= 2 * 65536);
    buf_free(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.capacity, 0);
}

static void consumes_from_the_front(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 100);
    buf_puts(&buf, "line one\nline two\n");
    buf_consume(&buf, 9);
    assert_string_equal(buf_cstr(&buf), "line two\n");
    buf_consume(&buf, 0);
    assert_int_equal(buf.length, 9);
    buf_consume(&buf, 1000);
    assert_int_equal(buf.length, 0);
    assert_string_equal(buf_cstr(&buf), "");
    buf_free(&buf);
}

static void wipes_what_it_leaves(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 10000);
    buf_puts(&buf, "hunter2");
    watched_text = "hunter2";
    watched_wipes = 0;
    char filler[500];
    memset(filler, 'x', sizeof filler);
    buf_append(&buf, filler, sizeof filler);
    assert_int_equal(watched_wipes, 1); /* the memory that became too small */
    buf_clear(&buf);
    buf_puts(&buf, "A longer text than the password was: hunter2");
    buf_free(&buf);
    assert_int_equal(watched_wipes, 2);
    watched_text = NULL;
}

static void free_buffers_can_be_used_again(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 3);
    buf_puts(&buf, "abc");
    buf_free(&buf);
    buf_free(&buf);
    buf_init(&buf, 6);
    buf_puts(&buf, "abcdef");
    assert_string_equal(buf_cstr(&buf), "abcdef");
    buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_is_a_c_string),     cmocka_unit_test(appends_in_every_way),
        cmocka_unit_test(limit_is_exact),          cmocka_unit_test(what_does_not_fit_is_not_appended_in_part),
        cmocka_unit_test(grows_and_keeps_content), cmocka_unit_test(consumes_from_the_front),
        cmocka_unit_test(wipes_what_it_leaves),    cmocka_unit_test(free_buffers_can_be_used_again),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
