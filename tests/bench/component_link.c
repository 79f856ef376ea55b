#include "tests/bench/component_link.h"

#include <errno.h>
#include <expat.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "tests/bench/die.h"

enum { READ_SIZE = 64 * 1024, HANDSHAKE_US = 10 * 1000 * 1000 };

struct component_link {
    struct component_handlers handlers;
    int fd;
    XML_Parser parser;
    unsigned depth;
    const char *secret;
    bool up;
    struct buf out;
};

const char *component_attribute(const char **attributes, const char *name)
{
    for (size_t i = 0; attributes[i] != NULL; i += 2)
        if (strcmp(attributes[i], name) == 0)
            return attributes[i + 1];
    return "";
}

/* XEP-0114, 3: the digest of the stream's id and the secret. */
static void shake_hands(struct component_link *link, const char **attributes)
{
    struct buf text;
    char digest[41];
    buf_init(&text, 4096);
    buf_printf(&text, "%s%s", component_attribute(attributes, "id"), link->secret);
    sha1_hex(buf_cstr(&text), text.length, digest);
    buf_free(&text);
    component_write(link, "<handshake>%s</handshake>", digest);
}

static void XMLCALL opened(void *arg, const char *name, const char **attributes)
{
    struct component_link *link = arg;
    const unsigned depth = link->depth++;
    if (depth == 0)
        shake_hands(link, attributes);
    else if (depth == 1 && strcmp(name, "handshake") == 0)
        link->up = true;
    else if (depth == 1 && strcmp(name, "stream:error") == 0)
        die("the XMPP server ends the stream with an error");
    else
        link->handlers.opened(link->handlers.arg, depth, name, attributes);
}

static void XMLCALL closed(void *arg, const char *name)
{
    struct component_link *link = arg;
    (void)name;
    link->depth--;
    if (link->up)
        link->handlers.closed(link->handlers.arg, link->depth);
}

static int connect_to(const char *host, const char *port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    const int on = 1;
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        die("no address for %s", host);
    int fd = -1;
    for (const struct addrinfo *address = found; fd < 0 && address != NULL; address = address->ai_next) {
        fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol);
        if (fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        die("cannot connect to %s port %s", host, port);
    return fd;
}

struct component_link *component_open(const char *host, const char *port, const struct component_handlers *handlers)
{
    crypto_init();
    struct component_link *link = xcalloc(1, sizeof *link);
    link->handlers = *handlers;
    link->fd = connect_to(host, port);
    link->parser = XML_ParserCreate("UTF-8");
    XML_SetUserData(link->parser, link);
    XML_SetElementHandler(link->parser, opened, closed);
    buf_init(&link->out, SIZE_MAX);
    return link;
}

void component_shake_hands(struct component_link *link, const char *component, const char *secret)
{
    link->secret = secret;
    component_write(link,
                    "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' "
                    "to='%s'>",
                    component);
    for (const int64_t until_us = clock_us() + HANDSHAKE_US; !link->up;) {
        if (clock_us() >= until_us)
            die("no handshake with the XMPP server");
        component_turn(link, until_us);
    }
}

void component_close(struct component_link **link)
{
    XML_ParserFree((*link)->parser);
    close((*link)->fd);
    buf_free(&(*link)->out);
    free(*link);
    *link = NULL;
}

void component_write(struct component_link *link, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof text)
        die("a stanza too long");
    buf_append(&link->out, text, (size_t)length);
}

static void write_some(struct component_link *link)
{
    const ssize_t written = send(link->fd, link->out.data, link->out.length, MSG_NOSIGNAL);
    if (written < 0 && errno != EAGAIN)
        die("the XMPP link broke: %s", strerror(errno));
    if (written > 0)
        buf_consume(&link->out, (size_t)written);
}

static void read_some(struct component_link *link)
{
    static char bytes[READ_SIZE];
    const ssize_t length = recv(link->fd, bytes, sizeof bytes, 0);
    if (length == 0 || (length < 0 && errno != EAGAIN))
        die("the XMPP link broke");
    if (length > 0 && XML_Parse(link->parser, bytes, (int)length, 0) != XML_STATUS_OK)
        die("the XMPP server sends no XML");
}

void component_turn(struct component_link *link, int64_t until_us)
{
    if (link->out.length > 0)
        write_some(link);
    const int64_t left_ms = (until_us - clock_us() + 999) / 1000;
    struct pollfd ready = {.fd = link->fd, .events = (short)(link->out.length > 0 ? POLLIN | POLLOUT : POLLIN)};
    if (poll(&ready, 1, left_ms > 0 ? (int)left_ms : 0) > 0 && (ready.revents & ~POLLOUT) != 0)
        read_some(link);
}
