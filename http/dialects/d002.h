/* Dialect 002, `/user/...` (seed 002, dialects.md): form posts, every value a string. */
#ifndef HTTP_DIALECTS_D002_H
#define HTTP_DIALECTS_D002_H

#include "http/dialects/reg_user.h"

/* The dialect, in the arena. */
const struct dialect *d002_new(struct arena *arena, const struct reg_user_settings *settings);

#endif
