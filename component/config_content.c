/* Files that the configuration is made of: read whole, into memory that is wiped with the configuration. stdio would
 * leave a copy of the secrets in its buffers. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/config_draft.h"

static const char *unreadable(struct arena *arena, int error)
{
    return arena_printf(arena, "cannot be read: %s", strerror(error));
}

static const char *read_all(struct arena *arena, int file, size_t limit, struct content *content_r)
{
    struct stat status;
    if (fstat(file, &status) != 0) {
        return unreadable(arena, errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return "is not a regular file";
    }
    /* One byte more than fits tells a file that is too long, also one that grows meanwhile. */
    char *bytes = arena_alloc(arena, limit + 2);
    size_t length = 0;
    while (length <= limit) {
        ssize_t got = read(file, bytes + length, limit + 1 - length);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return unreadable(arena, errno);
        }
        if (got == 0) {
            break;
        }
        length += (size_t)got;
    }
    if (length > limit) {
        return arena_printf(arena, "is a file of more than %zu bytes", limit);
    }
    *content_r = (struct content){.bytes = bytes, .length = length, .world_readable = (status.st_mode & S_IROTH) != 0};
    return NULL;
}

const char *content_read(struct arena *arena, const char *path, size_t limit, struct content *content_r)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would wait for its writer */
    if (file < 0) {
        return unreadable(arena, errno);
    }
    const char *complaint = read_all(arena, file, limit, content_r);
    (void)close(file);
    return complaint;
}
