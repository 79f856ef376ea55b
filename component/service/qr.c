/* QR pictures (qr.h): libqrencode makes the matrix, libpng's simplified interface a picture of two colours; the SVG, a
 * path with one stroke a run of dark modules, is written here. */
#include "component/service/qr.h"

#include <png.h>
#include <qrencode.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "component/base/log.h"

enum { QUIET = 4 /* modules, ISO 18004 */, SCALE = 8 /* pixels a module */, SVG_MAX = 256 * 1024, DARK = 1 };

static bool is_dark(const QRcode *code, int x, int y)
{
    return x >= 0 && y >= 0 && x < code->width && y < code->width && (code->data[y * code->width + x] & DARK);
}

static enum err draw_png(struct arena *arena, const QRcode *code, const void **image_r, size_t *length_r)
{
    static const png_byte white_and_black[] = {255, 255, 255, 0, 0, 0};
    const int modules = code->width + 2 * QUIET, side = modules * SCALE;
    png_bytep pixels = arena_array(arena, (size_t)side * (size_t)side, 1);
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            pixels[y * side + x] = is_dark(code, x / SCALE - QUIET, y / SCALE - QUIET);
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)side,
                       .height = (png_uint_32)side,
                       .format = PNG_FORMAT_RGB_COLORMAP,
                       .colormap_entries = 2};
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    void *png = arena_alloc(arena, size);
    if (!png_image_write_to_memory(&image, png, &size, 0, pixels, side, white_and_black)) {
        log_error("qr_not_encoded", F("why", image.message));
        return ERR_INTERNAL;
    }
    *image_r = png;
    *length_r = size;
    return OK;
}

static void write_row(struct buf *svg, const QRcode *code, int y)
{
    for (int x = 0; x < code->width; x++) {
        int end = x;
        while (is_dark(code, end, y))
            end++;
        if (end > x)
            buf_printf(svg, "M%d %dh%dv1h-%dz", x + QUIET, y + QUIET, end - x, end - x);
        x = end;
    }
}

static enum err draw_svg(struct arena *arena, const QRcode *code, const void **image_r, size_t *length_r)
{
    struct buf svg;
    const int side = code->width + 2 * QUIET;
    buf_init(&svg, SVG_MAX);
    buf_printf(&svg,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" shape-rendering=\"crispEdges\">"
               "<path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/><path d=\"",
               side, side, side, side);
    for (int y = 0; y < code->width; y++)
        write_row(&svg, code, y);
    buf_puts(&svg, "\"/></svg>\n");
    const enum err err = svg.overflowed ? ERR_TOO_LARGE : OK;
    if (err == OK) {
        *image_r = arena_copy(arena, svg.data, svg.length);
        *length_r = svg.length;
    }
    buf_free(&svg);
    return err;
}

enum err qr_draw(struct arena *arena, const char *text, enum qr_format format, const void **image_r, size_t *length_r)
{
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    if (code == NULL)
        return ERR_TOO_LARGE;
    const enum err err =
        format == QR_PNG ? draw_png(arena, code, image_r, length_r) : draw_svg(arena, code, image_r, length_r);
    QRcode_free(code);
    return err;
}
