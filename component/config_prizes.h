/* The text of points.prizes: "yuan:chances in 10,000" entries, comma-separated, such as "0.50:1000,5:10". */
#ifndef COMPONENT_CONFIG_PRIZES_H
#define COMPONENT_CONFIG_PRIZES_H

#include "component/base/err.h"
#include "component/service/prizes.h"

/* ERR_INVALID: malformed, more than PRIZES_MAX, or more than PRIZE_CHANCES chances together. Empty: no prizes. */
MUST_CHECK enum err prizes_parse(const char *text, struct prizes *prizes_r);

#endif
