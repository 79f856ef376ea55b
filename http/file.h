/* Certificates and keys are given as files; libmicrohttpd wants them in memory. */
#ifndef HTTP_FILE_H
#define HTTP_FILE_H

#include "component/base/err.h"

/* The whole file as a C string, at most 64 KiB. ERR_INVALID, logged with the reason, when it cannot be read. */
MUST_CHECK enum err file_read(const char *path, char **text_r);
/* Wipes and frees it, and nulls the pointer; a null pointer in it is fine. */
void file_forget(char **text);

#endif
