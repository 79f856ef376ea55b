#include "xmpp/readback.h"

#include <string.h>

#include "component/base/metrics.h"
#include "xmpp/readings.h"
#include "xmpp/rosters.h"
#include "xmpp/server.h"
#include "xmpp/task.h"

void readback_init(struct readback *readback, const struct xmpp_server *server, struct task *task, struct arena *arena,
                   struct roster_side sides[2])
{
    *readback = (struct readback){.server = server, .task = task, .arena = arena, .sides = sides};
    for (size_t i = 0; i < 2; i++)
        readback->seen[i] = !sides[i].exists;
}

void readback_begin(struct readback *readback)
{
    for (size_t i = 0; i < 2; i++)
        if (!readback->seen[i] && readback->own[i] == NULL)
            readback->own[i] = readings_begin(readback->task->readings, readback->sides[i].local);
}

bool readback_is_own(const struct readback *readback, size_t side)
{
    return readback->own[side] != NULL;
}

struct arena *readback_arena(const struct readback *readback, size_t side)
{
    return reading_arena(readback->own[side]);
}

/* Takes over what a reading has shown, and drops it. */
static void see(struct readback *readback, size_t side, struct reading *reading)
{
    const struct roster *roster;
    readback->results[side] = reading_result(reading, &roster);
    readback->seen[side] = true;
    if (roster != NULL)
        roster_look(roster, readback->arena, &readback->sides[side]);
    reading_drop(&reading);
}

void readback_hand_in(struct readback *readback, size_t side, enum err result, const struct roster *roster)
{
    struct reading *reading = readback->own[side];
    readback->own[side] = NULL;
    if (result == OK)
        metric_add(M_XMPP_ROSTER_READS, "made", 1);
    reading_finish(reading, result, roster);
    see(readback, side, reading);
}

static void make(struct readback *readback, size_t side)
{
    struct roster roster = {0};
    const enum err held = task_hold(readback->task, readback->server->account_requests);
    const enum err err = held == OK ? readback->server->read_back(readback->task, readback_arena(readback, side),
                                                                  readback->sides[side].local, &roster)
                                    : held;
    readback_hand_in(readback, side, err, &roster);
}

static void await(struct readback *readback, size_t side)
{
    struct task *task = readback->task;
    struct reading *reading = NULL;
    bool mine = false;
    task_let_go(task);
    const enum err err =
        readings_await(task->readings, readback->sides[side].local, task->deadline_ms, &reading, &mine);
    if (mine) {
        readback->own[side] = reading;
        make(readback, side);
    } else if (err == OK) {
        metric_add(M_XMPP_ROSTER_READS, "shared", 1);
        see(readback, side, reading);
    } else {
        readback->results[side] = err;
        readback->seen[side] = true;
    }
}

enum err readback_end(struct readback *readback, enum err err)
{
    for (size_t i = 0; i < 2; i++) /* before anything is waited for: others wait for these */
        if (readback_is_own(readback, i)) {
            if (err == OK)
                make(readback, i);
            else
                readback_hand_in(readback, i, ERR_BUSY, NULL); /* which says nothing of the roster to others */
        }
    for (size_t i = 0; i < 2 && err == OK; i++)
        if (!readback->seen[i])
            await(readback, i);
    for (size_t i = 0; i < 2 && err == OK; i++)
        err = readback->results[i];
    return err;
}
