/* Between a link and a real server, for recording: passes on what both say, line by line (canonical.h), and tells of
 * it.
 *
 * What one side says is passed on when it has been silent for a moment: then a transcript has turns, and the same
 * conversation gives the same one. Stanzas of the recorder's own go to the server in our name, and their answers come
 * back to it alone. One connection at a time. */
#ifndef TESTS_TRANSCRIPTS_TEE_H
#define TESTS_TRANSCRIPTS_TEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEE_ID "recorder-" /* what ids of the recorder's own requests begin with */

struct buf;
struct tee;

/* NULL: no socket. The strings must outlive it. */
struct tee *tee_open(const char *host, uint16_t port, const char *domain, const char *component);
void tee_close(struct tee **tee);
uint16_t tee_port(const struct tee *tee);

/* Until it is told otherwise, `hear` is called for each line, on the tee's thread; NULL: nobody is told. "closed" is
 * the end of the server's side. */
void tee_listen(struct tee *tee, void (*hear)(void *arg, bool ours, const char *text), void *arg);
/* Sends a stanza to the server. For a request, whose id begins with TEE_ID, waits for the answer, which goes to
 * answer_r (NULL: not wanted). False: none came. */
bool tee_say(struct tee *tee, const char *stanza, struct buf *answer_r);
/* Waits until the server has handled all that was sent, and both sides have nothing more to say. */
bool tee_settle(struct tee *tee);

#endif
