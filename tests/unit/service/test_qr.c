/* QR pictures: what is drawn is the matrix, in both formats, with a quiet zone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <png.h>
#include <qrencode.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/service/qr.h"

static const char text[] = "xmpp:registrar.example.org?command;node=bind;code=01ABC-DEFGH";

static bool is_dark(const QRcode *code, int x, int y)
{
    return x >= 0 && y >= 0 && x < code->width && y < code->width && (code->data[y * code->width + x] & 1);
}

static void the_png_shows_the_matrix(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const void *bytes = NULL;
    size_t length = 0;
    assert_int_equal(qr_draw(arena, text, QR_PNG, &bytes, &length), OK);
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_memory(&image, bytes, length));
    image.format = PNG_FORMAT_GRAY;
    unsigned char *pixels = calloc(image.width, image.height);
    assert_true(png_image_finish_read(&image, NULL, pixels, (int)image.width, NULL));
    assert_int_equal(image.width, (code->width + 8) * 8);
    assert_int_equal(image.height, image.width);
    for (int y = 0; y < (int)image.height; y++)
        for (int x = 0; x < (int)image.width; x++)
            assert_int_equal(pixels[y * (int)image.width + x], is_dark(code, x / 8 - 4, y / 8 - 4) ? 0 : 255);
    free(pixels);
    QRcode_free(code);
    arena_free(&arena);
}

/* Draws the path's strokes into a matrix: "M4 4h7v1h-7z". */
static void the_svg_shows_the_matrix(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const void *bytes = NULL;
    size_t length = 0;
    assert_int_equal(qr_draw(arena, text, QR_SVG, &bytes, &length), OK);
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    const char *svg = bytes, *head = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ";
    assert_int_equal(strlen(svg), length);
    assert_memory_equal(svg, head, strlen(head));
    assert_int_equal(strtol(svg + strlen(head), NULL, 10), code->width + 8);
    bool *drawn = calloc((size_t)code->width * (size_t)code->width, sizeof *drawn);
    int x, y, run, back, used;
    const char *at = strstr(svg, "<path d=\"") + strlen("<path d=\"");
    for (; sscanf(at, "M%d %dh%dv1h-%dz%n", &x, &y, &run, &back, &used) == 4; at += used) {
        assert_int_equal(run, back);
        for (int i = 0; i < run; i++)
            drawn[(y - 4) * code->width + x - 4 + i] = true;
    }
    assert_string_equal(at, "\"/></svg>\n");
    for (int i = 0; i < code->width * code->width; i++)
        assert_int_equal(drawn[i], code->data[i] & 1);
    free(drawn);
    QRcode_free(code);
    arena_free(&arena);
}

static void what_does_not_fit_is_an_error(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const void *bytes = NULL;
    size_t length = 0;
    static char long_text[4000];
    memset(long_text, 'x', sizeof long_text - 1);
    assert_int_equal(qr_draw(arena, long_text, QR_PNG, &bytes, &length), ERR_TOO_LARGE);
    long_text[2000] = '\0';
    assert_int_equal(qr_draw(arena, long_text, QR_PNG, &bytes, &length), OK);
    assert_int_equal(qr_draw(arena, long_text, QR_SVG, &bytes, &length), OK);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_png_shows_the_matrix),
        cmocka_unit_test(the_svg_shows_the_matrix),
        cmocka_unit_test(what_does_not_fit_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
