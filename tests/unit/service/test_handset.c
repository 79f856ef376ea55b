/* Check digits and handsets (component/service/handset.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/service/handset.h"

static void the_remainder_fits(void **state)
{
    (void)state;
    /* 13390633695 - 12345678 = 13378288017 = 270394 * 49477 + 4079 */
    assert_true(handset_sec_fits("13390633695", 12345678, 4079));
    assert_false(handset_sec_fits("13390633695", 12345678, 4080));
    assert_false(handset_sec_fits("13390633695", 12345678, 4079 - 49477));
    assert_false(handset_sec_fits("13390633695", 12345678, 4079 + 49477));
    assert_false(handset_sec_fits("13390633696", 12345678, 4079));
    assert_false(handset_sec_fits("13390633695", 12345679, 4079));
}

static void no_remainder_is_zero(void **state)
{
    (void)state;
    assert_true(handset_sec_fits("13390633695", 13390633695, 0));
    assert_true(handset_sec_fits("13390633695", 13390633695 - 49477, 0));
    assert_true(handset_sec_fits("13390633695", 13390633695 + 49477, 0));
    assert_false(handset_sec_fits("13390633695", 13390633695 + 49477, 49477));
}

static void a_negative_difference_has_two_remainders(void **state)
{
    (void)state;
    /* 13390633695 - 13390633700 = -5 */
    assert_true(handset_sec_fits("13390633695", 13390633700, -5));
    assert_true(handset_sec_fits("13390633695", 13390633700, 49472));
    assert_false(handset_sec_fits("13390633695", 13390633700, 5));
    assert_false(handset_sec_fits("13390633695", 13390633700, -5 - 49477));
    assert_false(handset_sec_fits("13390633695", 13390633700, 49472 + 49477));
}

static void the_longest_time_overflows_nothing(void **state)
{
    (void)state;
    const int64_t utime = 9999999999999, remainder = (13390633695 - utime) % 49477;
    assert_true(remainder < 0);
    assert_true(handset_sec_fits("13390633695", utime, remainder));
    assert_true(handset_sec_fits("13390633695", utime, remainder + 49477));
}

static void a_foreign_phone_is_read_past_its_plus(void **state)
{
    (void)state;
    assert_true(handset_sec_fits("+4915112345678", 0, 4915112345678 % 49477));
    assert_false(handset_sec_fits("", 0, 0));
    assert_false(handset_sec_fits("x", 0, 0));
}

static void a_handset_is_known_by_its_hash(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const char *xid = "12345678123456781234567812345678", *hash = handset_hash(arena, xid);
    assert_int_equal(strlen(hash), 64);
    assert_null(strstr(hash, "12345678"));
    assert_true(handset_is(arena, xid, hash));
    assert_false(handset_is(arena, "12345678123456781234567812345679", hash));
    assert_false(handset_is(arena, xid, ""));
    assert_false(handset_is(arena, "", ""));
    arena_free(&arena);
}

static int set_up(void **state)
{
    (void)state;
    crypto_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_remainder_fits),
        cmocka_unit_test(no_remainder_is_zero),
        cmocka_unit_test(a_negative_difference_has_two_remainders),
        cmocka_unit_test(the_longest_time_overflows_nothing),
        cmocka_unit_test(a_foreign_phone_is_read_past_its_plus),
        cmocka_unit_test(a_handset_is_known_by_its_hash),
    };
    return cmocka_run_group_tests_name("handset", tests, set_up, NULL);
}
