/* Pictures with a few characters that a person reads and a script should not.
 *
 * Each character is a glyph of libgd's giant font (9 x 15), looked at through an affine map of its own (size, turn,
 * slant) and through waves that bend the whole picture: for every pixel we compute which point of the glyph it shows,
 * and how much ink is there (bilinear, so that edges are smooth). Characters touch, so that cutting them apart is not
 * easy; arcs in the ink's own tone cross them, and specks lie over all. The ink is kept as a field of coverage and
 * turned into 16 tones of grey at the end: a small PNG.
 *
 * It deliberately stays modest: a trained network reads any such picture. It makes each try cost something; limits and
 * one try a picture do the rest. */
#include "component/cache/picture_draw.h"

#include <gd.h>
#include <gdfontg.h>
#include <math.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/log.h"

enum {
    HEIGHT = 70,
    ADVANCE = 30, /* from one character to the next */
    MARGIN = 18,
    TEXT_MAX = 16,
    TONES = 16,
    ARCS = 2,
    SPECKS_PER_CHARACTER = 14,
    PAPER = 250, /* grey of the tones' ends */
    INK = 40,
};

struct field {
    int width;
    float *ink; /* width * HEIGHT, 0 to 1 */
};

struct wave {
    float height, length, phase;
};

/* How a glyph lies in the picture: point = centre + map * (glyph's point - glyph's centre); kept inverted. */
struct placed_glyph {
    gdFontPtr font;
    char character;
    float x, y;       /* centre in the picture */
    float a, b, c, d; /* picture's offset to glyph's offset */
    float weight;     /* above 1: bolder */
};

static float random_between(float low, float high)
{
    return low + (high - low) * (float)random_below(1U << 16) / (float)(1U << 16);
}

static struct wave random_wave(float low, float high)
{
    return (struct wave){random_between(low, high), random_between(35, 60), random_between(0, 2 * (float)M_PI)};
}

static float wave_at(struct wave wave, float at)
{
    return wave.height * sinf(at * 2 * (float)M_PI / wave.length + wave.phase);
}

static void add_ink(struct field *field, int x, int y, float ink)
{
    if (x < 0 || y < 0 || x >= field->width || y >= HEIGHT)
        return;
    float *at = &field->ink[y * field->width + x];
    if (*at < ink)
        *at = ink > 1 ? 1 : ink;
}

static float glyph_pixel(const struct placed_glyph *glyph, int x, int y)
{
    gdFontPtr font = glyph->font;
    int index = (unsigned char)glyph->character - font->offset;
    if (x < 0 || y < 0 || x >= font->w || y >= font->h || index < 0 || index >= font->nchars)
        return 0;
    return font->data[(index * font->h + y) * font->w + x] ? 1 : 0;
}

/* The ink at a point of the glyph, in glyph pixels: bilinear between the four pixels around it. */
static float glyph_ink(const struct placed_glyph *glyph, float x, float y)
{
    float left = floorf(x), top = floorf(y), right_share = x - left, lower_share = y - top;
    int column = (int)left, row = (int)top;
    float upper =
        glyph_pixel(glyph, column, row) * (1 - right_share) + glyph_pixel(glyph, column + 1, row) * right_share;
    float lower =
        glyph_pixel(glyph, column, row + 1) * (1 - right_share) + glyph_pixel(glyph, column + 1, row + 1) * right_share;
    return upper * (1 - lower_share) + lower * lower_share;
}

static struct placed_glyph random_glyph(gdFontPtr font, char character, float x, float y)
{
    float turn = random_between(-0.35F, 0.35F), slant = random_between(-0.25F, 0.25F);
    float wide = random_between(2.8F, 3.3F), high = random_between(2.9F, 3.5F);
    /* The inverse of turn * slant * scale. */
    float co = cosf(turn), si = sinf(turn);
    return (struct placed_glyph){
        .font = font,
        .character = character,
        .x = x,
        .y = y,
        .a = (co + slant * si) / wide,
        .b = (si - slant * co) / wide,
        .c = -si / high,
        .d = co / high,
        .weight = random_between(0.95F, 1.25F),
    };
}

static void draw_glyph(struct field *field, const struct placed_glyph *glyph, struct wave across, struct wave down)
{
    int reach = HEIGHT / 2 + ADVANCE / 2; /* no glyph is larger */
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = (int)glyph->x - reach; x <= (int)glyph->x + reach; x++) {
            float dx = (float)x + wave_at(across, (float)y) - glyph->x;
            float dy = (float)y + wave_at(down, (float)x) - glyph->y;
            float gx = glyph->a * dx + glyph->b * dy + (float)glyph->font->w / 2 - 0.5F;
            float gy = glyph->c * dx + glyph->d * dy + (float)glyph->font->h / 2 - 0.5F;
            add_ink(field, x, y, glyph_ink(glyph, gx, gy) * glyph->weight);
        }
    }
}

/* A wavy line from edge to edge. */
static void draw_arc(struct field *field)
{
    float from = random_between(12, HEIGHT - 12), to = random_between(12, HEIGHT - 12);
    struct wave bend = random_wave(3, 8);
    float thickness = random_between(0.8F, 1.4F);
    for (int x = 0; x < field->width; x++) {
        float centre = from + (to - from) * (float)x / (float)field->width + wave_at(bend, (float)x * 0.6F);
        for (int y = (int)centre - 2; y <= (int)centre + 3; y++)
            add_ink(field, x, y, 0.8F * (thickness + 0.5F - fabsf((float)y - centre)));
    }
}

static void draw_specks(struct field *field, int count)
{
    for (int i = 0; i < count; i++) {
        int x = (int)random_below((uint32_t)field->width), y = (int)random_below(HEIGHT);
        float ink = random_between(0.3F, 0.9F);
        add_ink(field, x, y, ink);
        add_ink(field, x + 1, y, ink * random_between(0, 1));
        add_ink(field, x, y + 1, ink * random_between(0, 1));
    }
}

static void draw_text(struct field *field, const char *text)
{
    gdFontPtr font = gdFontGetGiant();
    struct wave across = random_wave(1, 2.2F), down = random_wave(1.5F, 3);
    float x = MARGIN + ADVANCE / 2.0F;
    for (const char *c = text; *c; c++) {
        struct placed_glyph glyph =
            random_glyph(font, *c, x + random_between(-1.5F, 1.5F), HEIGHT / 2.0F + random_between(-5, 5));
        draw_glyph(field, &glyph, across, down);
        x += ADVANCE;
    }
}

/* The field as a PNG in the arena. */
static enum err encode(struct arena *arena, const struct field *field, const void **png_r, size_t *length_r)
{
    gdImagePtr image = gdImageCreate(field->width, HEIGHT);
    if (!image)
        return ERR_INTERNAL;
    int tones[TONES];
    for (int i = 0; i < TONES; i++) {
        int grey = PAPER + (INK - PAPER) * i / (TONES - 1);
        tones[i] = gdImageColorAllocate(image, grey, grey, grey);
    }
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < field->width; x++)
            gdImageSetPixel(image, x, y, tones[(int)(field->ink[y * field->width + x] * (TONES - 1) + 0.5F)]);
    int length = 0;
    void *png = gdImagePngPtr(image, &length);
    gdImageDestroy(image);
    if (!png) {
        log_error("picture_not_encoded");
        return ERR_INTERNAL;
    }
    *png_r = arena_copy(arena, png, (size_t)length);
    *length_r = (size_t)length;
    gdFree(png);
    return OK;
}

enum err picture_draw(struct arena *arena, const char *text, const void **png_r, size_t *length_r)
{
    size_t characters = strlen(text);
    if (characters == 0 || characters > TEXT_MAX)
        return ERR_INVALID;
    struct field field = {.width = 2 * MARGIN + ADVANCE * (int)characters};
    field.ink = arena_array(arena, (size_t)field.width * HEIGHT, sizeof *field.ink);
    draw_text(&field, text);
    for (int i = 0; i < ARCS; i++)
        draw_arc(&field);
    draw_specks(&field, SPECKS_PER_CHARACTER * (int)characters);
    return encode(arena, &field, png_r, length_r);
}
