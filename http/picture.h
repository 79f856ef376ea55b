/* A picture that was solved, as a request of any dialect carries it beside its own parameters: its id as `verify_id` or
 * as the cookie that came with it, what it says as `verify_code`. */
#ifndef HTTP_PICTURE_H
#define HTTP_PICTURE_H

#include "http/request.h"

/* NULL where there is none. */
void request_picture(const struct request *request, const char **id_r, const char **answer_r);

#endif
