/* Names and public texts of the errors, generated from the one table in err.h. */
#include "component/base/err.h"

static const struct {
    const char *name;
    const char *text;
} rows[ERR_COUNT] = {
#define X(constant, error_name, public_text) [constant] = {error_name, public_text},
    ERR_TABLE(X)
#undef X
};

/* A value outside the table can only come from a bug on our side, so it is shown as one. */
static enum err known(enum err err)
{
    return (unsigned)err < ERR_COUNT ? err : ERR_INTERNAL;
}

const char *err_name(enum err err)
{
    return rows[known(err)].name;
}

const char *err_text(enum err err)
{
    return rows[known(err)].text;
}
