/* Pictures: whole PNGs of the promised size that differ each time, and whose ink lies where the characters are. Whether
 * a person can read them, a person looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <gd.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/cache/picture_draw.h"

enum { MARGIN_BOTH = 36, ADVANCE = 30, HEIGHT = 70, DARK = 128 };

static gdImagePtr draw(const char *text)
{
    struct arena *arena = arena_new();
    const void *png = NULL;
    size_t length = 0;
    assert_int_equal(picture_draw(arena, text, &png, &length), OK);
    assert_memory_equal(png, "\x89PNG\r\n\x1a\n", 8);
    assert_in_range(length, 500, 8000);
    gdImagePtr image = gdImageCreateFromPngPtr((int)length, (void *)(uintptr_t)png);
    assert_non_null(image);
    arena_free(&arena);
    return image;
}

/* Dark pixels in the columns from `left` to `right`. */
static int ink(gdImagePtr image, int left, int right)
{
    int dark = 0;
    for (int y = 0; y < gdImageSY(image); y++)
        for (int x = left; x < right; x++)
            dark += gdImageRed(image, gdImageGetPixel(image, x, y)) < DARK;
    return dark;
}

static void has_the_promised_size(void **state)
{
    (void)state;
    const char *texts[] = {"A", "ACEF", "ACEFH", "ACEFHJKM", "ACEFHJKMNPRTUWXY"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        gdImagePtr image = draw(texts[i]);
        assert_int_equal(gdImageSX(image), MARGIN_BOTH + ADVANCE * (int)strlen(texts[i]));
        assert_int_equal(gdImageSY(image), HEIGHT);
        gdImageDestroy(image);
    }
}

static void every_character_of_the_alphabet_has_ink(void **state)
{
    (void)state;
    for (const char *c = PICTURE_ALPHABET; *c; c++) {
        gdImagePtr image = draw((char[]){*c, '\0'});
        int width = gdImageSX(image);
        int middle = ink(image, width / 4, width - width / 4), all = ink(image, 0, width);
        assert_true(middle > 150); /* a glyph's strokes, more than arcs and specks have there */
        assert_true(middle < 33 * 70 / 2);
        assert_true(all - middle < middle);
        gdImageDestroy(image);
    }
}

static void ink_is_spread_over_all_places(void **state)
{
    (void)state;
    gdImagePtr image = draw("HHHHH");
    for (int i = 0; i < 5; i++) {
        int left = MARGIN_BOTH / 2 + i * ADVANCE;
        assert_true(ink(image, left, left + ADVANCE) > 120);
    }
    gdImageDestroy(image);
}

static void no_two_are_the_same(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const void *first = NULL, *second = NULL;
    size_t first_length = 0, second_length = 0;
    assert_int_equal(picture_draw(arena, "ACEFH", &first, &first_length), OK);
    assert_int_equal(picture_draw(arena, "ACEFH", &second, &second_length), OK);
    assert_true(first_length != second_length || memcmp(first, second, first_length) != 0);
    arena_free(&arena);
}

static void odd_texts_are_refused_or_harmless(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const void *png = NULL;
    size_t length = 0;
    assert_int_equal(picture_draw(arena, "", &png, &length), ERR_INVALID);
    assert_int_equal(picture_draw(arena, "ACEFHJKMNPRTUWXY2", &png, &length), ERR_INVALID);
    assert_int_equal(picture_draw(arena, "\x01\xff\x7f \xe4\xbd\xa0", &png, &length), OK);
    arena_free(&arena);
}

static void the_alphabet_has_no_look_alikes(void **state)
{
    (void)state;
    assert_null(strpbrk(PICTURE_ALPHABET, "BDGILOQSVZ014abcdefghijklmnopqrstuvwxyz"));
    for (const char *c = PICTURE_ALPHABET; *c; c++)
        assert_ptr_equal(strrchr(PICTURE_ALPHABET, *c), c);
}

static void takes_a_few_milliseconds(void **state)
{
    (void)state;
    enum { PICTURES = 20, ALLOWED_US = 100000 /* sanitizers included */ };
    int64_t quickest_us = INT64_MAX; /* which nobody else had a part in */
    for (int i = 0; i < PICTURES; i++) {
        int64_t before_us = clock_us();
        gdImageDestroy(draw("ACEFH"));
        int64_t took_us = clock_us() - before_us;
        quickest_us = took_us < quickest_us ? took_us : quickest_us;
    }
    print_message("a picture took %ld us\n", (long)quickest_us);
    assert_true(quickest_us < ALLOWED_US);
}

int main(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_promised_size),
        cmocka_unit_test(every_character_of_the_alphabet_has_ink),
        cmocka_unit_test(ink_is_spread_over_all_places),
        cmocka_unit_test(no_two_are_the_same),
        cmocka_unit_test(odd_texts_are_refused_or_harmless),
        cmocka_unit_test(the_alphabet_has_no_look_alikes),
        cmocka_unit_test(takes_a_few_milliseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
