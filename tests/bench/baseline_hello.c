/* What libmicrohttpd does at best: five bytes to every request, with epoll and a pool of a thread a core.
 *
 *     baseline_hello [CERTIFICATE KEY]
 *
 * Plain HTTP, or HTTPS with the PEM files. Prints {"port": …} and serves on 127.0.0.1 until standard input ends. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/die.h"

enum { PEM_MAX = 64 * 1024 };

static enum MHD_Result hello(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
                             const char *version, const char *data, size_t *size, void **context)
{
    static int seen;
    (void)url, (void)method, (void)version, (void)data;
    if (*context == NULL) { /* the headers; the reply follows the (empty) body, as libmicrohttpd wants it */
        *context = &seen;
        return MHD_YES;
    }
    *size = 0;
    return MHD_queue_response(connection, MHD_HTTP_OK, arg);
}

static char *read_pem(const char *path)
{
    static char texts[2][PEM_MAX + 1];
    static unsigned used;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        die("cannot read %s", path);
    char *text = texts[used++];
    text[fread(text, 1, PEM_MAX, file)] = '\0';
    fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    if (argc != 1 && argc != 3)
        die("usage: baseline_hello [CERTIFICATE KEY]");
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct MHD_OptionItem tls[] = {{MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD;
    if (argc == 3) {
        flags |= MHD_USE_TLS;
        tls[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, read_pem(argv[1])};
        tls[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, read_pem(argv[2])};
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(5, "hello", MHD_RESPMEM_PERSISTENT);
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct MHD_Daemon *daemon = MHD_start_daemon(flags, 0, NULL, NULL, hello, response, MHD_OPTION_SOCK_ADDR, &address,
                                                 MHD_OPTION_THREAD_POOL_SIZE, cores > 1 ? (unsigned)cores : 0,
                                                 MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (daemon == NULL)
        die("libmicrohttpd does not start");
    printf("{\"port\": %d}\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    for (char byte; read(STDIN_FILENO, &byte, 1) > 0;)
        ;
    MHD_stop_daemon(daemon);
    MHD_destroy_response(response);
    return 0;
}
