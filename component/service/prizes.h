/* The shake's prizes: what can be won, and with how many chances in 10,000. Pure. */
#ifndef REGISTRAR_SERVICE_PRIZES_H
#define REGISTRAR_SERVICE_PRIZES_H

#include <stddef.h>
#include <stdint.h>

struct arena;

enum { PRIZES_MAX = 16, PRIZE_CHANCES = 10000 };

struct prize {
    int64_t fen;
    uint32_t chances;
};

struct prizes {
    struct prize list[PRIZES_MAX];
    size_t count;
};

/* What the number, which is below PRIZE_CHANCES, wins in fen; 0: nothing. */
int64_t prizes_won(const struct prizes *prizes, uint32_t drawn);
/* Fen as yuan with two decimals ("0.50"); the arena's. */
const char *money_show(struct arena *arena, int64_t fen);

#endif
