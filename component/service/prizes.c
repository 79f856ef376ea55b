#include "component/service/prizes.h"

#include <inttypes.h>

#include "component/base/arena.h"

enum { FEN_PER_YUAN = 100 };

int64_t prizes_won(const struct prizes *prizes, uint32_t drawn)
{
    uint32_t below = 0;
    for (size_t i = 0; i < prizes->count; i++)
        if (drawn < (below += prizes->list[i].chances))
            return prizes->list[i].fen;
    return 0;
}

const char *money_show(struct arena *arena, int64_t fen)
{
    return arena_printf(arena, "%" PRId64 ".%02d", fen / FEN_PER_YUAN, (int)(fen % FEN_PER_YUAN));
}
