/* From what was heard to the lines of a transcript. What has no name yet gets one: ids of stanzas, streams and command
 * sessions, the handshake, passwords in forms, local parts at the domain, the server's operating system. Rosters and
 * the groups in them are sets, which a server tells in any order: they are put into one. */
#ifndef TESTS_TRANSCRIPTS_LEARN_H
#define TESTS_TRANSCRIPTS_LEARN_H

struct buf;
struct names;

/* `heard` is "> ..." and "< ..." lines. */
void learn_and_write(struct names *names, const char *domain, const char *heard, struct buf *out);

#endif
