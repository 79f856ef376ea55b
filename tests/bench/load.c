/* Load for registrard's ports, and for anything that speaks as they do:
 *
 *     load [options] http|https|lines|redis PORT FILE
 *
 * PORT is one of 127.0.0.1, or the path of a Unix socket. FILE holds a request a line: "METHOD PATH [BODY]" for http
 * and https (a form, or JSON when it begins with a brace), the line itself for lines, a command's words with one space
 * between them for redis, which must be one that answers with one line. They are sent in turn over keep-alive
 * connections, in a circle. Prints one JSON object: answers per second that are right (hold the expected text) and that
 * are wrong, and the times that they took.
 *
 *     -c N     connections (16)
 *     -d N     unanswered requests on each (1)
 *     -w S     seconds before counting begins (0.5)
 *     -t S     seconds of counting (3)
 *     -e TEXT  what a right answer holds ("200 OK")
 *     -o       once: each request is sent once; ends earlier when all are answered
 *     -k       keep the connections afterwards, until standard input ends
 *
 * One thread: on two cores the server has the other one. What is unanswered when time is up is waited for, uncounted,
 * so that nothing of this run is left in the server when the next begins. */
#include <getopt.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "component/base/clock.h"
#include "tests/bench/client.h"
#include "tests/bench/die.h"

enum { CONNECTIONS_MAX = 4096, EVENTS = 256, LINGER_MS = 15000 };

struct load {
    unsigned connections, depth;
    double warm_s, count_s;
    const char *expected;
    bool once, keep, redis;
    struct client_config config;

    struct buf wire; /* all requests, one after the other */
    size_t *ends;    /* of each, in wire */
    size_t count, next;

    struct client *clients[CONNECTIONS_MAX];
    bool counting, over;
    unsigned unanswered;
    uint32_t *times_us; /* of right answers */
    size_t right, capacity;
    unsigned long wrong;
};

/* ---- requests ---- */

static void add_http(struct load *load, char *line)
{
    char *save = NULL;
    const char *method = strtok_r(line, " ", &save), *path = strtok_r(NULL, " ", &save);
    const char *body = strtok_r(NULL, "", &save);
    if (method == NULL || path == NULL)
        die("not a request: %s", line);
    buf_printf(&load->wire, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path);
    if (body != NULL)
        buf_printf(&load->wire, "Content-Type: application/%s\r\nContent-Length: %zu\r\n",
                   body[0] == '{' ? "json" : "x-www-form-urlencoded", strlen(body));
    buf_printf(&load->wire, "\r\n%s", body != NULL ? body : "");
}

/* As an array of bulk strings, which is what clients send. */
static void add_command(struct load *load, char *line)
{
    size_t words = 1;
    for (const char *c = line; *c != '\0'; c++)
        words += *c == ' ';
    buf_printf(&load->wire, "*%zu\r\n", words);
    for (const char *word; (word = strsep(&line, " ")) != NULL;)
        buf_printf(&load->wire, "$%zu\r\n%s\r\n", strlen(word), word);
}

static void read_requests(struct load *load, const char *path)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    if (file == NULL)
        die("cannot read %s", path);
    buf_init(&load->wire, SIZE_MAX);
    while (getline(&line, &size, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (load->config.protocol == CLIENT_HTTP)
            add_http(load, line);
        else if (load->redis)
            add_command(load, line);
        else
            buf_printf(&load->wire, "%s\n", line);
        load->ends = reallocarray(load->ends, load->count + 1, sizeof *load->ends);
        if (load->ends == NULL)
            die("out of memory");
        load->ends[load->count++] = load->wire.length;
    }
    free(line);
    fclose(file);
    if (load->count == 0)
        die("no requests in %s", path);
}

static bool may_send(const struct load *load)
{
    return !load->over && !(load->once && load->next == load->count);
}

static void send_next(struct load *load, struct client *client)
{
    const size_t number = load->next++ % load->count;
    const size_t start = number > 0 ? load->ends[number - 1] : 0;
    client_send(client, load->wire.data + start, load->ends[number] - start);
    load->unanswered++;
}

/* ---- answers ---- */

static void keep_time(struct load *load, int64_t took_us)
{
    if (load->right == load->capacity) {
        load->capacity = load->capacity == 0 ? 4096 : 2 * load->capacity;
        load->times_us = reallocarray(load->times_us, load->capacity, sizeof *load->times_us);
        if (load->times_us == NULL)
            die("out of memory");
    }
    load->times_us[load->right++] = (uint32_t)took_us;
}

static void answered(void *arg, const char *answer, size_t length, int64_t took_us)
{
    struct load *load = arg;
    const bool right = memmem(answer, length, load->expected, strlen(load->expected)) != NULL;
    load->unanswered--;
    if (!right && load->wrong++ == 0)
        fprintf(stderr, "a wrong answer: %.*s\n", (int)(length < 600 ? length : 600), answer);
    if (right && load->counting)
        keep_time(load, took_us);
}

/* ---- the run ---- */

static void fill(struct load *load, struct client *client)
{
    while (client_unanswered(client) < load->depth && may_send(load))
        send_next(load, client);
    client_flush(client);
}

static void turn(struct load *load, int epoll_fd, int64_t until_us)
{
    struct epoll_event events[EVENTS];
    const int64_t left_ms = (until_us - clock_us() + 999) / 1000;
    const int count = epoll_wait(epoll_fd, events, EVENTS, left_ms > 0 ? (int)left_ms : 0);
    for (int i = 0; i < count; i++) {
        client_read(events[i].data.ptr);
        fill(load, events[i].data.ptr);
    }
}

static void run_until(struct load *load, int epoll_fd, int64_t until_us)
{
    while (clock_us() < until_us && (load->unanswered > 0 || may_send(load)))
        turn(load, epoll_fd, until_us);
}

/* Seconds that were counted. */
static double run(struct load *load, int epoll_fd)
{
    const int64_t start_us = clock_us();
    for (unsigned i = 0; i < load->connections; i++)
        fill(load, load->clients[i]);
    run_until(load, epoll_fd, start_us + (int64_t)(load->warm_s * 1e6));
    load->counting = true;
    const int64_t counting_us = clock_us();
    run_until(load, epoll_fd, counting_us + (int64_t)(load->count_s * 1e6));
    const double counted_s = (double)(clock_us() - counting_us) / 1e6;
    load->counting = false;
    load->over = true;
    const int64_t linger_us = clock_us() + LINGER_MS * 1000LL;
    run_until(load, epoll_fd, linger_us);
    if (load->unanswered > 0)
        die("%u requests were not answered", load->unanswered);
    return counted_s;
}

static int open_clients(struct load *load)
{
    const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        die("no epoll");
    load->config.answered = answered;
    load->config.arg = load;
    for (unsigned i = 0; i < load->connections; i++) {
        load->clients[i] = client_open(&load->config);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = load->clients[i]};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client_fd(load->clients[i]), &event) != 0)
            die("epoll_ctl failed");
    }
    return epoll_fd;
}

/* ---- the result ---- */

static int by_value(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile_ms(const struct load *load, double share)
{
    return load->right == 0 ? 0 : load->times_us[(size_t)(share * (double)(load->right - 1))] / 1000.0;
}

static void report(const struct load *load, double seconds)
{
    if (load->right > 0)
        qsort(load->times_us, load->right, sizeof *load->times_us, by_value);
    printf("{\"right\": %zu, \"wrong\": %lu, \"seconds\": %.3f, \"per_second\": %.1f, \"p50_ms\": %.3f, "
           "\"p99_ms\": %.3f}\n",
           load->right, load->wrong, seconds, (double)load->right / seconds, percentile_ms(load, 0.5),
           percentile_ms(load, 0.99));
    fflush(stdout);
}

static void use_protocol(struct load *load, const char *name)
{
    load->redis = strcmp(name, "redis") == 0;
    load->config.protocol = load->redis || strcmp(name, "lines") == 0 ? CLIENT_LINES : CLIENT_HTTP;
    if (strcmp(name, "https") == 0)
        load->config.tls = SSL_CTX_new(TLS_client_method());
    else if (load->config.protocol == CLIENT_HTTP && strcmp(name, "http") != 0)
        die("no such protocol: %s", name);
}

static void read_arguments(struct load *load, int argc, char **argv)
{
    for (int option; (option = getopt(argc, argv, "c:d:w:t:e:ok")) != -1;) {
        switch (option) {
        case 'c':
            load->connections = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'd':
            load->depth = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'w':
            load->warm_s = strtod(optarg, NULL);
            break;
        case 't':
            load->count_s = strtod(optarg, NULL);
            break;
        case 'e':
            load->expected = optarg;
            break;
        case 'o':
            load->once = true;
            break;
        case 'k':
            load->keep = true;
            break;
        default:
            die("see the head of load.c");
        }
    }
    if (argc - optind != 3 || load->connections > CONNECTIONS_MAX || load->depth > CLIENT_DEPTH_MAX)
        die("usage: load [options] http|https|lines|redis PORT FILE");
    use_protocol(load, argv[optind]);
    load->config.path = argv[optind + 1][0] == '/' ? argv[optind + 1] : NULL;
    load->config.port = (uint16_t)strtoul(argv[optind + 1], NULL, 10);
    read_requests(load, argv[optind + 2]);
}

int main(int argc, char **argv)
{
    struct load load = {.connections = 16, .depth = 1, .warm_s = 0.5, .count_s = 3, .expected = "200 OK"};
    read_arguments(&load, argc, argv);
    const int epoll_fd = open_clients(&load);
    report(&load, run(&load, epoll_fd));
    for (char byte; load.keep && read(STDIN_FILENO, &byte, 1) > 0;)
        ;
    for (unsigned i = 0; i < load.connections; i++)
        client_close(&load.clients[i]);
    SSL_CTX_free(load.config.tls);
    buf_free(&load.wire);
    free(load.ends);
    free(load.times_us);
    close(epoll_fd);
    return 0;
}
