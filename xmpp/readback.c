#include "xmpp/readback.h"

#include "component/base/metrics.h"
#include "xmpp/readings.h"
#include "xmpp/rosters.h"
#include "xmpp/server.h"
#include "xmpp/slots.h"
#include "xmpp/task.h"

void readback_init(struct readback *readback, const struct xmpp_server *server, struct task *task, struct arena *arena,
                   struct roster_side sides[2])
{
    *readback = (struct readback){.server = server, .task = task, .arena = arena, .sides = sides, .place = UINT64_MAX};
    for (size_t i = 0; i < 2; i++)
        readback->seen[i] = !sides[i].exists;
}

void readback_begin(struct readback *readback)
{
    if (slots_are_busy(readback->task->shared, readback->task->slots))
        return;
    for (size_t i = 0; i < 2; i++)
        if (!readback->seen[i] && readback->own[i] == NULL)
            readback->own[i] = readings_begin(readback->task->readings, readback->sides[i].local);
}

void readback_written(struct readback *readback, uint64_t place)
{
    readback->place = place;
}

bool readback_is_own(const struct readback *readback, size_t side)
{
    return readback->own[side] != NULL;
}

bool readback_has_own(const struct readback *readback)
{
    return readback_is_own(readback, 0) || readback_is_own(readback, 1);
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

static void fail(struct readback *readback, size_t side, enum err err)
{
    if (readback_is_own(readback, side))
        readback_hand_in(readback, side, ERR_BUSY, NULL); /* which says nothing of the roster to others */
    readback->results[side] = err;
    readback->seen[side] = true;
}

/* Has the driver make what is its own. */
static void make_own(struct readback *readback)
{
    if (!readback_has_own(readback))
        return;
    enum err err = task_hold(readback->task, readback->server->account_requests);
    if (err == OK)
        err = readback->server->read_own(readback);
    for (size_t i = 0; i < 2; i++)
        if (readback_is_own(readback, i))
            fail(readback, i, err != OK ? err : ERR_INTERNAL);
}

/* Readings of the sides that are left: the driver's own, or others' to wait for. */
static void join(struct readback *readback, struct reading *others[2])
{
    for (size_t i = 0; i < 2; i++) {
        enum reading_part part = READING_ANOTHERS;
        others[i] = NULL;
        if (readback->seen[i] || readback_is_own(readback, i))
            continue;
        struct reading *reading =
            readings_join(readback->task->readings, readback->sides[i].local, readback->place, &part);
        if (part == READING_MINE)
            readback->own[i] = reading;
        else
            others[i] = reading;
    }
}

/* With nothing of its own to read, which others may be waiting for. */
static void await(struct readback *readback, size_t side, struct reading *reading)
{
    enum reading_part part = READING_ANOTHERS;
    task_let_go(readback->task);
    const enum err err = reading_wait(reading, readback->task->deadline_ms, &part);
    if (err != OK) {
        reading_drop(&reading);
        if (err != ERR_BUSY)
            fail(readback, side, err);
    } else if (part == READING_MINE) {
        readback->own[side] = reading;
        make_own(readback);
    } else {
        metric_add(M_XMPP_ROSTER_READS, "shared", 1);
        see(readback, side, reading);
    }
}

enum err readback_end(struct readback *readback, enum err err)
{
    for (size_t i = 0; i < 2 && err != OK; i++)
        if (readback_is_own(readback, i))
            fail(readback, i, err);
    while (err == OK && !(readback->seen[0] && readback->seen[1])) {
        struct reading *others[2];
        join(readback, others);
        make_own(readback);
        for (size_t i = 0; i < 2; i++)
            if (others[i] != NULL)
                await(readback, i, others[i]);
    }
    for (size_t i = 0; i < 2 && err == OK; i++)
        err = readback->results[i];
    return err;
}
