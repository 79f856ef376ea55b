/* QR pictures (libqrencode): black on white with the quiet zone that the standard asks for. */
#ifndef REGISTRAR_SERVICE_QR_H
#define REGISTRAR_SERVICE_QR_H

#include <stddef.h>

#include "component/base/err.h"

struct arena;

enum qr_format { QR_NONE, QR_PNG, QR_SVG };

/* The text as a picture, in the arena. ERR_TOO_LARGE when it does not fit. */
MUST_CHECK enum err qr_draw(struct arena *arena, const char *text, enum qr_format format, const void **image_r,
                            size_t *length_r);

#endif
