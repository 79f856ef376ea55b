/* Dialect 001, `/reg/...` (seed 001, dialects.md): form posts, every value a string. */
#ifndef HTTP_DIALECTS_D001_H
#define HTTP_DIALECTS_D001_H

#include "http/dialects/reg_user.h"

/* The dialect, in the arena. */
const struct dialect *d001_new(struct arena *arena, const struct reg_user_settings *settings);

#endif
