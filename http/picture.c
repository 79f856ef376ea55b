#include "http/picture.h"

void request_picture(const struct request *request, const char **id_r, const char **answer_r)
{
    const char *id = params_text(&request->params, "verify_id");
    *id_r = id != NULL ? id : request->verify_id_cookie;
    *answer_r = params_text(&request->params, "verify_code");
}
