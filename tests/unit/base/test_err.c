/* Errors: every row has its own name and a text, and what is no error is shown as an internal one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "component/base/err.h"

static void names_are_distinct_tokens(void **state)
{
    (void)state;
    for (enum err a = 0; a < ERR_COUNT; a++) {
        const char *name = err_name(a);
        assert_true(strlen(name) > 0);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        for (enum err b = 0; b < a; b++)
            assert_string_not_equal(name, err_name(b));
    }
}

static void every_error_has_a_text(void **state)
{
    (void)state;
    for (enum err err = 0; err < ERR_COUNT; err++)
        assert_true(strlen(err_text(err)) > 0);
    assert_string_equal(err_name(OK), "ok");
    assert_string_equal(err_name(ERR_NO_SUCH_NAME), "no_such_name");
    assert_string_equal(err_text(ERR_BUSY), "overloaded");
}

static void unknown_values_are_internal(void **state)
{
    (void)state;
    assert_string_equal(err_name(ERR_COUNT), "internal");
    assert_string_equal(err_name((enum err) - 1), "internal");
    assert_string_equal(err_text((enum err)1000), err_text(ERR_INTERNAL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_distinct_tokens),
        cmocka_unit_test(every_error_has_a_text),
        cmocka_unit_test(unknown_values_are_internal),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
