#include "xmpp/said.h"

#include <stdio.h>
#include <string.h>

enum { FIRST_PAUSE_MS = 10 * 1000, LONGEST_PAUSE_MS = 3600 * 1000 };

bool said_first(struct said *said, const char *text)
{
    for (size_t i = 0; i < said->count; i++)
        if (strncmp(said->texts[i], text, SAID_SIZE - 1) == 0)
            return false;
    if (said->count == SAID_MAX)
        return false;
    snprintf(said->texts[said->count++], SAID_SIZE, "%s", text);
    return true;
}

void said_forget(struct said *said)
{
    said->count = 0;
}

enum trouble_line trouble_down(struct trouble *trouble, bool was_up, const char *reason)
{
    trouble->failures++;
    if (said_first(&trouble->reasons, reason))
        return TROUBLE_DOWN;
    if (!was_up || trouble->unsteady)
        return TROUBLE_NOTHING;
    trouble->unsteady = true;
    return TROUBLE_UNSTEADY;
}

enum trouble_line trouble_up(const struct trouble *trouble)
{
    return trouble->unsteady ? TROUBLE_NOTHING : TROUBLE_UP;
}

enum trouble_line trouble_lasted(struct trouble *trouble)
{
    bool unsteady = trouble->unsteady;
    said_forget(&trouble->reasons);
    trouble->unsteady = false;
    trouble->failures = 0;
    return unsteady ? TROUBLE_UP : TROUBLE_NOTHING;
}

bool repeated_say(struct repeated *repeated, int64_t now_ms, uint64_t *times_r)
{
    repeated->unsaid++;
    if (now_ms < repeated->next_ms)
        return false;
    bool goes_on = now_ms < repeated->next_ms + repeated->pause_ms;
    int64_t longer = 2 * repeated->pause_ms < LONGEST_PAUSE_MS ? 2 * repeated->pause_ms : LONGEST_PAUSE_MS;
    repeated->pause_ms = goes_on ? longer : FIRST_PAUSE_MS;
    repeated->next_ms = now_ms + repeated->pause_ms;
    *times_r = repeated->unsaid;
    repeated->unsaid = 0;
    return true;
}
