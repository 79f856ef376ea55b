/* Drawing a picture (libgd). */
#ifndef CACHE_PICTURE_DRAW_H
#define CACHE_PICTURE_DRAW_H

#include <stddef.h>

#include "component/base/err.h"

struct arena;

/* The characters that answers are made of: no two that look alike once they are bent (so no B, D, G, I, L, O, Q, S, V,
 * Z, 0, 1, 4). */
#define PICTURE_ALPHABET "ACEFHJKMNPRTUWXY2356789"

/* A PNG of `text`, distorted at random, in the arena. Hard enough for a script, easy for a person. 1 to 16 characters
 * (ERR_INVALID otherwise); 36 + 30 a character wide, 70 high. Takes a few ms of CPU; no fonts are needed (libgd's
 * built-in glyphs, scaled, turned, and bent). */
MUST_CHECK enum err picture_draw(struct arena *arena, const char *text, const void **png_r, size_t *length_r);

#endif
