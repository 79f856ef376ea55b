/* The ledger of points and of money, what the shake may give away in a day, and who was given points before. Whatever
 * the program does, the sum of an account's entries is its balance and never below zero, and a day's budget is not
 * overrun: the constraints of the tables see to it (migration 0002). The statements here make it so that nobody runs
 * into them. */
#ifndef SQL_POINTS_H
#define SQL_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"

struct arena;
struct keyed_mac;
struct pg;

enum currency { CURRENCY_POINTS = 1, CURRENCY_MONEY = 2 }; /* money in fen */
enum entry_reason { ENTRY_SIGNING_UP = 1, ENTRY_INVITATION = 2, ENTRY_SHAKE = 3, ENTRY_PRIZE = 4 };

/* In a transaction: an entry of `amount`, which is negative for what is spent and not 0. Other entries of the account
 * and currency wait until the transaction has ended. ERR_BALANCE: it would leave less than nothing. */
MUST_CHECK enum err ledger_add(struct pg *pg, int64_t account_id, enum currency currency, enum entry_reason reason,
                               int64_t amount);
/* 0 for an account without entries. */
MUST_CHECK enum err ledger_balance(struct pg *pg, int64_t account_id, enum currency currency, int64_t *balance_r);

/* In a transaction: takes `amount` fen from the budget of today, which begins at midnight of UTC + utc_offset_s.
 * ERR_BALANCE: it does not hold so much any more. */
MUST_CHECK enum err prize_day_spend(struct pg *pg, int64_t utc_offset_s, int64_t budget, int64_t amount);

/* A name that was welcomed, by its MACs under all keys of the ring (component/base/seal.h). */
MUST_CHECK enum err welcomed_note(struct pg *pg, struct arena *arena, const struct keyed_mac *macs, size_t count);
/* Whether it was noted, under whichever of the keys. */
MUST_CHECK enum err welcomed_look(struct pg *pg, struct arena *arena, const struct keyed_mac *macs, size_t count,
                                  bool *welcomed_r);

#endif
