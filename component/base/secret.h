/* Secrets have a type of their own. There is no log field for it (see log.h), so that logging one does not compile; who
 * needs the bytes says so by calling secret_expose, which is easy to find in a review. */
#ifndef REGISTRAR_BASE_SECRET_H
#define REGISTRAR_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes followed by a NUL that does not count. Passed by value; does not own its memory. */
struct secret {
    const char *exposed_;
    size_t length;
};

/* Wraps memory of the caller, which must outlive the secret. */
struct secret secret_of(const char *bytes, size_t length);
struct secret secret_of_cstr(const char *text);  /* NULL gives the empty secret */
const char *secret_expose(struct secret secret); /* never NULL */
bool secret_is_empty(struct secret secret);
/* In a time that depends on the lengths only. */
bool secret_equal(struct secret a, struct secret b);
bool bytes_equal_ct(const void *a, const void *b, size_t length);
/* A wipe that the compiler does not remove. */
void secret_wipe(void *bytes, size_t length);

#endif
