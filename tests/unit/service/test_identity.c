/* Identity cards and web addresses (component/service/identity.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "component/service/identity.h"

/* The standard's own examples, and numbers whose checksum was worked out by hand. */
static void right_cards_pass(void **state)
{
    (void)state;
    static const char *const cards[] = {"11010519491231002X", "11010519491231002x", "440524188001010014",
                                        "000000000000000001"};
    for (size_t i = 0; i < sizeof cards / sizeof cards[0]; i++)
        if (!identity_card_is_valid(cards[i]))
            fail_msg("%s", cards[i]);
}

static void old_cards_are_fifteen_digits(void **state)
{
    (void)state;
    assert_true(identity_card_is_valid("110105491231002"));
    assert_false(identity_card_is_valid("11010549123100X"));
    assert_false(identity_card_is_valid("11010549123100"));
    assert_false(identity_card_is_valid("1101054912310022"));
}

static void what_is_no_card(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "11010519491231002",
                                        "11010519491231002XX",
                                        "11010519491231X02X",
                                        "11010519491231002Y",
                                        "1101051949123100 X",
                                        "-1010519491231002X",
                                        "XXXXXXXXXXXXXXXXXX"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (identity_card_is_valid(texts[i]))
            fail_msg("%s", texts[i]);
}

/* The checksum notices every wrong digit and every two neighbours that changed places. */
static void every_slip_is_noticed(void **state)
{
    (void)state;
    static const char right[] = "11010519491231002X";
    char wrong[sizeof right];
    for (size_t i = 0; i < 17; i++) {
        for (const char *digit = "0123456789"; *digit != '\0'; digit++) {
            memcpy(wrong, right, sizeof right);
            wrong[i] = *digit;
            assert_int_equal(identity_card_is_valid(wrong), *digit == right[i]);
        }
        if (i == 16)
            break;
        memcpy(wrong, right, sizeof right);
        wrong[i] = right[i + 1];
        wrong[i + 1] = right[i];
        assert_int_equal(identity_card_is_valid(wrong), right[i] == right[i + 1]);
    }
}

static void one_of_eleven_check_characters_is_right(void **state)
{
    (void)state;
    char card[32];
    for (int64_t number = 11010519491231000; number < 11010519491231500; number++) {
        int right = 0;
        for (const char *last = "0123456789X"; *last != '\0'; last++) {
            snprintf(card, sizeof card, "%017lld%c", (long long)number, *last);
            right += identity_card_is_valid(card);
        }
        assert_int_equal(right, 1);
    }
}

static void web_addresses(void **state)
{
    (void)state;
    assert_true(url_is_web("http://a"));
    assert_true(url_is_web("https://example.org/logo.png?x=1#y"));
    assert_true(url_is_web("HTTPS://例え.jp/ロゴ"));
    assert_true(url_is_web("http://[::1]:8080/"));
    static const char *const texts[] = {
        "",         "http://",      "https://",       "http:///a",     "http://?a",      "http://:80/", "ftp://a",
        "//a",      "example.org",  "http:/a",        " http://a",     "http://a b",     "http://a\n",  "http://a\x7f",
        "http://#", "javascript:1", "http://a\x01/b", "httpx://a.org", "xhttp://a.org/",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (url_is_web(texts[i]))
            fail_msg("%s", texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_cards_pass),
        cmocka_unit_test(old_cards_are_fifteen_digits),
        cmocka_unit_test(what_is_no_card),
        cmocka_unit_test(every_slip_is_noticed),
        cmocka_unit_test(one_of_eleven_check_characters_is_right),
        cmocka_unit_test(web_addresses),
    };
    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
