/* Names as the wire has them (component/service/names.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "component/service/names.h"
#include "tests/unit/arena.h"

enum { CHINA = 86, GERMANY = 49, AMERICA = 1 };

/* --- phone numbers */

struct phone {
    unsigned country;
    const char *text, *e164; /* e164 NULL: none */
};

static const struct phone phones[] = {
    {CHINA, "13912345678", "+8613912345678"},
    {CHINA, "+8613912345678", "+8613912345678"},
    {CHINA, "008613912345678", "+8613912345678"},
    {CHINA, "+4915112345678", "+4915112345678"},
    {CHINA, "004915112345678", "+4915112345678"},
    {CHINA, "1391234567", NULL},    /* 10 digits */
    {CHINA, "139123456789", NULL},  /* 12 digits */
    {CHINA, "+861391234567", NULL}, /* a Chinese number has 11 digits however it is written */
    {CHINA, "+86139123456789", NULL},
    {CHINA, "0086139123456", NULL},
    {CHINA, "8613912345678", NULL}, /* neither national nor international */
    {CHINA, "", NULL},
    {CHINA, "+", NULL},
    {CHINA, "00", NULL},
    {CHINA, "+0013912345678", NULL},
    {CHINA, "+01391234567", NULL},
    {CHINA, "+123456", NULL},        /* 6 digits */
    {CHINA, "+1234567", "+1234567"}, /* 7 */
    {CHINA, "+123456789012345", "+123456789012345"},
    {CHINA, "+1234567890123456", NULL}, /* 16 */
    {CHINA, "139 1234 5678", NULL},
    {CHINA, "139-12345678", NULL},
    {CHINA, " 13912345678", NULL},
    {CHINA, "13912345678 ", NULL},
    {CHINA, "1391234567a", NULL},
    {CHINA, "+86+13912345678", NULL},
    {CHINA, "-13912345678", NULL},
    {CHINA, "１３９１２３４５６７８", NULL}, /* digits, but of another script */
    {CHINA, "00012345678", NULL},
    {GERMANY, "15112345678", "+4915112345678"},
    {GERMANY, "+8613912345678", "+8613912345678"},
    {GERMANY, "13912345678", "+4913912345678"},
    {GERMANY, "1234", NULL}, /* too short with its code */
    {GERMANY, "12345", "+4912345"},
    {AMERICA, "2125550123", "+12125550123"},
};

static void phones_are_parsed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof phones / sizeof phones[0]; i++) {
        const char *got = phone_parse(arena, phones[i].country, phones[i].text);
        if ((got == NULL) != (phones[i].e164 == NULL) || (got != NULL && strcmp(got, phones[i].e164) != 0))
            fail_msg("%s: %s", phones[i].text, got != NULL ? got : "none");
    }
}

static void phones_are_shown_national_at_home(void **state)
{
    (void)state;
    assert_string_equal(phone_show(CHINA, "+8613912345678"), "13912345678");
    assert_string_equal(phone_show(CHINA, "+4915112345678"), "+4915112345678");
    assert_string_equal(phone_show(GERMANY, "+4915112345678"), "15112345678");
    assert_string_equal(phone_show(GERMANY, "+8613912345678"), "+8613912345678");
}

/* What a reply shows can be sent back and means the same number. */
static void what_is_shown_is_parsed_back(void **state)
{
    (void)state;
    static const char *const e164[] = {"+8613912345678", "+8600123456789", "+4915112345678", "+4900123456",
                                       "+49012345678",   "+12125550123",   "+1000123456",    "+8610000000000"};
    static const unsigned countries[] = {CHINA, GERMANY, AMERICA};
    for (size_t i = 0; i < sizeof e164 / sizeof e164[0]; i++)
        for (size_t c = 0; c < sizeof countries / sizeof countries[0]; c++) {
            const char *stored = phone_parse(arena, countries[c], e164[i]);
            if (stored != NULL)
                assert_string_equal(phone_parse(arena, countries[c], phone_show(countries[c], stored)), stored);
        }
    assert_null(phone_parse(arena, CHINA, "+8600123456789")); /* it would come back as +123456789 */
}

/* --- countries */

/* The codes of two digits, by region, as ITU-T E.164's list has them. */
static const char two_digits[] = " 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 "
                                 "60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 ";

/* Whatever follows: no code begins with another. */
static void a_country_is_its_whole_calling_code(void **state)
{
    (void)state;
    for (int prefix = 100; prefix <= 999; prefix++) {
        const char *e164 = arena_printf(arena, "+%d5550123", prefix);
        const char *pair = arena_printf(arena, " %d ", prefix / 10);
        const char *country = prefix / 100 == 1 || prefix / 100 == 7 ? arena_printf(arena, "%d", prefix / 100)
                              : strstr(two_digits, pair) != NULL     ? arena_printf(arena, "%d", prefix / 10)
                                                                     : arena_printf(arena, "%d", prefix);
        if (strcmp(phone_country(arena, e164), country) != 0)
            fail_msg("%s: %s, not %s", e164, phone_country(arena, e164), country);
    }
}

static void countries_one_knows(void **state)
{
    (void)state;
    static const struct {
        const char *e164, *country;
    } cases[] = {
        {"+8613912345678", "86"}, {"+85212345678", "852"},   {"+85312345678", "853"},  {"+886912345678", "886"},
        {"+12125550123", "1"},    {"+18765550123", "1"},     {"+79161234567", "7"},    {"+77011234567", "7"},
        {"+447911123456", "44"},  {"+4915112345678", "49"},  {"+420601123456", "420"}, {"+3519123456", "351"},
        {"+37061234567", "370"},  {"+599912345", "599"},     {"+5511987654321", "55"}, {"+6591234567", "65"},
        {"+67012345", "670"},     {"+8801712345678", "880"}, {"+9715012345", "971"},   {"+919812345678", "91"},
        {"+998901234567", "998"}, {"+2012345678", "20"},     {"+211912345678", "211"}, {"+27821234567", "27"},
        {"+290123456", "290"},    {"+1234567", "1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(phone_country(arena, cases[i].e164), cases[i].country);
}

static void codes_go_to_the_countries_that_are_allowed(void **state)
{
    (void)state;
    assert_true(phone_country_allowed("86", "+8613912345678"));
    assert_false(phone_country_allowed("86", "+85212345678"));
    assert_true(phone_country_allowed("44, 1,852", "+85212345678"));
    assert_true(phone_country_allowed("44,1", "+12125550123"));
    assert_false(phone_country_allowed("44,1", "+8613912345678"));
    assert_true(phone_country_allowed("*", "+998901234567"));
    assert_false(phone_country_allowed("", "+8613912345678"));
}

/* --- names of other types */

static enum err parse(enum account_type type, const char *text)
{
    const char *name = NULL;
    const enum err err = name_parse(arena, CHINA, type, text, &name);
    if (err == OK && type != ACCOUNT_PHONE)
        assert_string_equal(name, text);
    return err;
}

static const char *repeated(char letter, size_t count)
{
    char *text = arena_alloc(arena, count + 1);
    memset(text, letter, count);
    return text;
}

static void names_hold_what_their_type_allows(void **state)
{
    (void)state;
    assert_int_equal(parse(ACCOUNT_DEVICE, "Az09._:-"), OK);
    assert_int_equal(parse(ACCOUNT_WECHAT, "Az09_-"), OK);
    assert_int_equal(parse(ACCOUNT_WECHAT, "a.b"), ERR_INVALID);
    assert_int_equal(parse(ACCOUNT_WECHAT, "a:b"), ERR_INVALID);
    assert_int_equal(parse(ACCOUNT_PHONE, "lamp"), ERR_INVALID);
    assert_int_equal(parse(ACCOUNT_ANY, "lamp"), ERR_INVALID);
    for (enum account_type type = ACCOUNT_DEVICE; type <= ACCOUNT_WECHAT; type++) {
        static const char *const bad[] = {"", " ", "a b", "a@b", "a/b", "ä", "a\n", "a\x01", "a%", "a\"", "a&"};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
            assert_int_equal(parse(type, bad[i]), ERR_INVALID);
        assert_int_equal(parse(type, repeated('x', 64)), OK);
        assert_int_equal(parse(type, repeated('x', 65)), ERR_INVALID);
    }
}

static void a_name_without_a_type_may_be_several(void **state)
{
    (void)state;
    struct account_name name;
    assert_int_equal(name_parse_any(arena, CHINA, ACCOUNT_ANY, "13912345678", &name), OK);
    assert_string_equal(name.phone, "+8613912345678");
    assert_string_equal(name.plain, "13912345678");
    assert_int_equal(name_parse_any(arena, CHINA, ACCOUNT_PHONE, "13912345678", &name), OK);
    assert_string_equal(name.phone, "+8613912345678");
    assert_null(name.plain);
    assert_int_equal(name_parse_any(arena, CHINA, ACCOUNT_DEVICE, "13912345678", &name), OK);
    assert_null(name.phone);
    assert_string_equal(name.plain, "13912345678");
    assert_int_equal(name_parse_any(arena, CHINA, ACCOUNT_ANY, "+8613912345678", &name), OK);
    assert_string_equal(name.phone, "+8613912345678");
    assert_null(name.plain);
    assert_int_equal(name_parse_any(arena, CHINA, ACCOUNT_PHONE, "lamp", &name), ERR_INVALID);
    assert_int_equal(name_parse_any(arena, CHINA, ACCOUNT_ANY, "no name", &name), ERR_INVALID);
}

/* --- how accounts are shown */

static void an_account_is_called_by_its_nickname_in_rosters_alone(void **state)
{
    (void)state;
    struct account account = {.type = ACCOUNT_PHONE, .name = "+8613912345678", .nickname = ""};
    assert_string_equal(name_show(CHINA, &account), "13912345678");
    assert_string_equal(name_in_rosters(CHINA, &account), "13912345678");
    account.nickname = "Li";
    assert_string_equal(name_show(CHINA, &account), "13912345678");
    assert_string_equal(name_in_rosters(CHINA, &account), "Li");
    account = (struct account){.type = ACCOUNT_DEVICE, .name = "+86", .nickname = ""};
    assert_string_equal(name_show(CHINA, &account), "+86"); /* no phone, whatever it looks like */
    account = (struct account){.type = ACCOUNT_PHONE, .name = NULL, .nickname = ""};
    assert_string_equal(name_in_rosters(CHINA, &account), ""); /* cancelled */
}

static void a_nickname_that_no_roster_holds_is_none(void **state)
{
    (void)state;
    static const char *const fitting[] = {"Li", " outer spaces ", " ", "\xc2\xa0", "<&\"'>", "\xf0\x9f\x98\x80"};
    static const char *const not_fitting[] = {"",     "a\tb",     "a\nb", "\r",          "\x01",
                                              "\x7f", "\xc2\x85", "\xff", "\xef\xbf\xbf"};
    struct account account = {.type = ACCOUNT_DEVICE, .name = "lamp"};
    for (size_t i = 0; i < sizeof fitting / sizeof fitting[0]; i++) {
        assert_true(nickname_fits(account.nickname = fitting[i]));
        assert_string_equal(name_in_rosters(CHINA, &account), fitting[i]);
    }
    for (size_t i = 0; i < sizeof not_fitting / sizeof not_fitting[0]; i++) {
        assert_false(nickname_fits(account.nickname = not_fitting[i]));
        assert_string_equal(name_in_rosters(CHINA, &account), "lamp");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phones_are_parsed),
        cmocka_unit_test(phones_are_shown_national_at_home),
        cmocka_unit_test(what_is_shown_is_parsed_back),
        cmocka_unit_test(a_country_is_its_whole_calling_code),
        cmocka_unit_test(countries_one_knows),
        cmocka_unit_test(codes_go_to_the_countries_that_are_allowed),
        cmocka_unit_test(names_hold_what_their_type_allows),
        cmocka_unit_test(a_name_without_a_type_may_be_several),
        cmocka_unit_test(an_account_is_called_by_its_nickname_in_rosters_alone),
        cmocka_unit_test(a_nickname_that_no_roster_holds_is_none),
    };
    return cmocka_run_group_tests_name("names", tests, arena_set_up, arena_tear_down);
}
