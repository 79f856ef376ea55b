/* Reading small files whole. */
#include "http/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/log.h"
#include "component/base/secret.h"

enum { FILE_LIMIT = 64 * 1024 };

static enum err refuse(const char *path, const char *reason)
{
    log_error("file_unreadable", F("path", path), F("reason", reason));
    return ERR_INVALID;
}

enum err file_read(const char *path, char **text_r)
{
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    if (file == NULL)
        return refuse(path, path != NULL ? strerror(errno) : "not configured");
    setvbuf(file, NULL, _IONBF, 0); /* no copy of a key in a buffer that is not wiped */
    char *text = xmalloc(FILE_LIMIT + 1);
    size_t length = fread(text, 1, FILE_LIMIT + 1, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed || length == 0 || length > FILE_LIMIT) {
        secret_wipe(text, length);
        free(text);
        return refuse(path, failed ? "read error" : length == 0 ? "empty" : "longer than 64 KiB");
    }
    text[length] = '\0';
    *text_r = text;
    return OK;
}

void file_forget(char **text)
{
    if (*text == NULL)
        return;
    secret_wipe(*text, strlen(*text));
    free(*text);
    *text = NULL;
}
