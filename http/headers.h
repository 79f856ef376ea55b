/* Whether a request's headers say in one way only where its body ends; see headers.c. */
#ifndef HTTP_HEADERS_H
#define HTTP_HEADERS_H

struct MHD_Connection;

/* NULL when they do. Else what is wrong with them, static: the request must be refused, and the connection closed,
 * because what follows on it may be a body or another request. */
const char *headers_fault(struct MHD_Connection *mhd);

#endif
