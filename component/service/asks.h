/* Being asked: what an account is asked, and its answer. (Asking is binding: bind.h.) */
#ifndef REGISTRAR_SERVICE_ASKS_H
#define REGISTRAR_SERVICE_ASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/service/call.h"
#include "component/service/tokens.h"
#include "component/service/wishes.h"
#include "sql/asks.h"

enum { ASKS_MAX = 100 };

/* The oldest ASKS_MAX that wait for an answer. */
struct asks_io {
    struct credential credential;
    /* out */
    struct ask_with *asks;
    size_t count;
};
extern const struct op op_list_asks;

/* Yes binds the two; no is remembered. ERR_NOT_FOUND: nobody asks that (any more); ERR_REFUSED: who asked is banned;
 * ERR_BOUND: they were bound meanwhile; ERR_FULL. */
struct answer_io {
    struct wishes wishes; /* out: whether both rosters were seen to show it */
    struct credential credential;
    int64_t ask_id;
    bool accept;
    /* out */
    struct account peer; /* who asked */
    /* between the steps */
    struct account *account;
};
extern const struct op op_answer_ask;

#endif
