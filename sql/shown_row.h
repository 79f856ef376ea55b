/* struct shown_as as columns of a result: shared by the statements of sql/ that select them, from a table or alias `b`
 * with the columns of bindings. */
#ifndef SQL_SHOWN_ROW_H
#define SQL_SHOWN_ROW_H

#include "sql/binding_names.h"
#include "sql/pg.h"

/* `side`: "low" for how low's roster shows high, "high" for the reverse. */
#define SHOWN_COLUMNS(side) "b." side "_nickname, array_to_string(b." side "_groups, E'\\x1f')"
enum { SHOWN_COLUMN_COUNT = 2 };

/* Reads SHOWN_COLUMNS from `column` on. */
struct shown_as shown_of_row(struct arena *arena, const PGresult *result, int row, int column);

#endif
