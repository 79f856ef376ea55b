/* Secrets: wrapping, copying, comparing, wiping. That one cannot be logged is tests/lint/secret_does_not_compile.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "component/base/secret.h"

static void wraps_without_copying(void **state)
{
    (void)state;
    char bytes[] = "a\0b";
    struct secret secret = secret_of(bytes, 3);
    assert_int_equal(secret.length, 3);
    assert_ptr_equal(secret_expose(secret), bytes);
    assert_false(secret_is_empty(secret));
    assert_int_equal(secret_of_cstr("four").length, 4);
}

static void absent_is_empty(void **state)
{
    (void)state;
    struct secret none = secret_of_cstr(NULL);
    assert_true(secret_is_empty(none));
    assert_string_equal(secret_expose(none), "");
    assert_true(secret_is_empty(secret_of_cstr("")));
    assert_true(secret_equal(none, secret_of_cstr("")));
    assert_string_equal(secret_expose((struct secret){0}), "");
}

static void equality_is_of_all_bytes(void **state)
{
    (void)state;
    assert_true(secret_equal(secret_of_cstr("abc"), secret_of("abcd", 3)));
    assert_false(secret_equal(secret_of_cstr("abc"), secret_of_cstr("abd")));
    assert_false(secret_equal(secret_of_cstr("abc"), secret_of_cstr("Abc")));
    assert_false(secret_equal(secret_of_cstr("abc"), secret_of_cstr("abcd")));
    assert_false(secret_equal(secret_of("a\0b", 3), secret_of("a\0c", 3)));
    assert_true(bytes_equal_ct("xy", "xz", 1));
    assert_false(bytes_equal_ct("xy", "xz", 2));
    assert_true(bytes_equal_ct("", "", 0));
}

static void wipes_exactly(void **state)
{
    (void)state;
    char bytes[] = "0123456789";
    secret_wipe(bytes + 2, 3);
    assert_memory_equal(bytes,
                        "01\0\0\0"
                        "56789",
                        11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wraps_without_copying),
        cmocka_unit_test(absent_is_empty),
        cmocka_unit_test(equality_is_of_all_bytes),
        cmocka_unit_test(wipes_exactly),
    };
    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
