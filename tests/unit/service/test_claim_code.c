/* Claim codes as they are made, shown and typed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "component/base/crypto.h"
#include "component/base/text.h"
#include "component/service/claim_code.h"

static void what_is_shown_reads_as_what_was_made(void **state)
{
    (void)state;
    char code[CLAIM_CODE_SIZE], shown[CLAIM_SHOWN_SIZE], read[CLAIM_CODE_SIZE], other[CLAIM_CODE_SIZE];
    for (int i = 0; i < 1000; i++) {
        claim_code_make(code);
        claim_code_show(code, shown);
        assert_int_equal(strlen(code), CLAIM_CODE_LENGTH);
        assert_int_equal(strlen(shown), CLAIM_CODE_LENGTH + 1);
        assert_int_equal(shown[5], '-');
        assert_true(text_only_of(code, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"));
        assert_int_equal(claim_code_read(shown, read), OK);
        assert_string_equal(read, code);
        claim_code_make(other);
        assert_string_not_equal(other, code);
    }
}

static void it_may_be_typed_in_many_ways(void **state)
{
    static const char *const ways[] = {"01ABC-DEFGH",    "01abcdefgh",   "oLabc defgh",
                                       "OI-AB-CD-EF-GH", " 0iAbCdEfGh ", "01ABC--DEFGH"};
    (void)state;
    char read[CLAIM_CODE_SIZE];
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        assert_int_equal(claim_code_read(ways[i], read), OK);
        assert_string_equal(read, "01ABCDEFGH");
    }
}

static void what_cannot_be_one(void **state)
{
    static const char *const texts[] = {"",           "-",           "01ABCDEFG",    "01ABCDEFGH0",       "01ABCDEFGU",
                                        "01ABCDEFG!", "01ABC_DEFGH", "01ABCDEFGH\n", "01ABCDEFG\xc3\x9c", "          "};
    (void)state;
    char read[CLAIM_CODE_SIZE];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(claim_code_read(texts[i], read), ERR_CODE);
}

int main(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_shown_reads_as_what_was_made),
        cmocka_unit_test(it_may_be_typed_in_many_ways),
        cmocka_unit_test(what_cannot_be_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
