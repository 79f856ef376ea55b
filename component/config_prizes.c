#include "component/config_prizes.h"

#include <string.h>

#include "component/base/text.h"
#include "component/config_draft.h"

enum { NUMBER_MAX = 16, YUAN_MAX = 1000000, FEN_PER_YUAN = 100 };

static enum err parse_part(const char *text, size_t length, int64_t most, int64_t *value_r)
{
    char copy[NUMBER_MAX];
    if (length == 0 || length >= sizeof copy)
        return ERR_INVALID;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return parse_i64(copy, 0, most, value_r);
}

/* "5", "0.50": yuan with two decimals or none. */
static enum err parse_money(const char *text, size_t length, int64_t *fen_r)
{
    const char *point = memchr(text, '.', length);
    const size_t whole = point != NULL ? (size_t)(point - text) : length;
    int64_t yuan = 0, fen = 0;
    enum err err = parse_part(text, whole, YUAN_MAX, &yuan);
    if (err == OK && point != NULL)
        err = length - whole == 3 ? parse_part(point + 1, 2, FEN_PER_YUAN - 1, &fen) : ERR_INVALID;
    *fen_r = yuan * FEN_PER_YUAN + fen;
    return err;
}

enum err prizes_parse(const char *text, struct prizes *prizes_r)
{
    int64_t chances = 0, all = 0;
    *prizes_r = (struct prizes){0};
    if (text[0] != '\0' && text[strlen(text) - 1] == ',')
        return ERR_INVALID;
    for (struct list_entry entry; list_next(&text, &entry);) {
        struct prize *prize = &prizes_r->list[prizes_r->count];
        if (prizes_r->count++ == PRIZES_MAX || parse_money(entry.name, entry.name_length, &prize->fen) != OK ||
            prize->fen == 0 || parse_part(entry.value, entry.value_length, PRIZE_CHANCES, &chances) != OK)
            return ERR_INVALID;
        prize->chances = (uint32_t)chances;
        all += chances;
    }
    return all <= PRIZE_CHANCES ? OK : ERR_INVALID;
}
