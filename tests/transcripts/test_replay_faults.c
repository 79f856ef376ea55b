/* Every transcript with every fault at every line of the server's: the call ends, in time, with what can be known then
 * and never with more; and the same call on the same link, or on the next one when it was cut, comes to what is kept.
 *
 * Calls that wait for what does not come take their time, so many run at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/lane.h"
#include "component/base/log.h"
#include "component/base/metrics.h"
#include "tests/transcripts/faults.h"
#include "tests/transcripts/kept.h"
#include "tests/transcripts/replay.h"

enum {
    THREADS = 24,
    SHORT_MS = 60,
    HASTY_LINK_MS = 1000,
    HASTY_PROOF_MS = 200,
    NO_TIME_MS = 10000,
    COMPLAINTS_MAX = 5
};

struct trial {
    const struct transcript *link, *transcript;
    struct fault fault;
};

struct trials {
    struct trial *list;
    size_t count;
    atomic_size_t next;
    atomic_uint failed;
};

/* ---- one trial ---- */

static bool fails(const struct trial *trial, const char *when, const char *what)
{
    const struct transcript_line *line = &trial->transcript->lines[trial->fault.line];
    fprintf(stderr, "%s:%u: %s: %s: %s\n", trial->transcript->path, line->number, fault_name(trial->fault.kind), when,
            what);
    return false;
}

static bool needs_link(const struct trial *trial)
{
    return !transcript_is_call(trial->transcript, "link");
}

/* Links and self-tests have a patience of their own; a link that is too hasty is no good for another try. */
static bool is_hasty(const struct trial *trial)
{
    return fault_takes_time(trial->transcript, &trial->fault) &&
           (transcript_is_call(trial->transcript, "link") || transcript_is_call(trial->transcript, "prove"));
}

static int64_t patience(const struct trial *trial)
{
    return !is_hasty(trial) ? 0 : needs_link(trial) ? HASTY_PROOF_MS : HASTY_LINK_MS;
}

/* On a machine that is busy, a hasty link may not come up at once. */
static bool link_up(const struct trial *trial, struct replay *replay)
{
    bool up = false;
    for (int tries = is_hasty(trial) ? 10 : 1; tries > 0 && !up; tries--)
        up = replay_link(replay);
    return up;
}

static bool play_with_fault(const struct trial *trial, struct replay *replay, struct outcome *outcome)
{
    const bool slow = fault_takes_time(trial->transcript, &trial->fault);
    if (needs_link(trial) && !link_up(trial, replay))
        return fails(trial, "no link", buf_cstr(&replay->player.complaint));
    const int64_t began = clock_ms();
    if (!replay_play(replay, trial->transcript, &trial->fault, slow && !is_hasty(trial) ? SHORT_MS : 0, outcome))
        return fails(trial, "with it", buf_cstr(&replay->player.complaint));
    if (!slow && clock_ms() - began > NO_TIME_MS)
        return fails(trial, "with it", "it waits, though nothing is to come");
    return fault_allows(trial->transcript, &trial->fault, outcome->result) || fails(trial, "with it", outcome->result);
}

static bool play_again(const struct trial *trial, struct replay *replay, struct outcome *outcome)
{
    if (is_hasty(trial) || (!needs_link(trial) && strcmp(trial->transcript->result, err_name(OK)) != 0))
        return true;
    if (needs_link(trial) && !replay_is_up(replay) && !replay_link(replay))
        return fails(trial, "no link afterwards", buf_cstr(&replay->player.complaint));
    return replay_play(replay, trial->transcript, NULL, 0, outcome) ||
           fails(trial, "afterwards", buf_cstr(&replay->player.complaint));
}

static bool leaves_nothing(const struct trial *trial, struct replay *replay)
{
    player_expect_no_sessions(&replay->player);
    return replay->player.complaint.length == 0 || fails(trial, "in the end", buf_cstr(&replay->player.complaint));
}

static bool run_trial(const struct trial *trial)
{
    struct replay replay;
    struct outcome outcome;
    outcome_init(&outcome);
    const bool good = replay_open(&replay, trial->link, patience(trial)) && play_with_fault(trial, &replay, &outcome) &&
                      play_again(trial, &replay, &outcome) && leaves_nothing(trial, &replay);
    replay_close(&replay);
    outcome_free(&outcome);
    return good;
}

/* ---- all of them ---- */

static void *worker(void *arg)
{
    struct trials *trials = arg;
    size_t next;
    while ((next = atomic_fetch_add(&trials->next, 1)) < trials->count && atomic_load(&trials->failed) < COMPLAINTS_MAX)
        if (!run_trial(&trials->list[next]))
            atomic_fetch_add(&trials->failed, 1);
    return NULL;
}

static void run_trials(struct trials *trials)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(thread_start("trial", 1024 * 1024, worker, trials, &threads[i]), OK);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* What was said on both sides, whatever was there before. */
static bool say_the_same(const struct transcript *one, const struct transcript *other)
{
    bool same = one->count == other->count && strcmp(one->call, other->call) == 0;
    for (size_t i = 0; same && i < one->count; i++)
        same = strcmp(one->lines[i].text, other->lines[i].text) == 0;
    return same;
}

static bool was_tried(const struct kept *kept, size_t number)
{
    size_t i = 0;
    while (i < number && !say_the_same(kept->transcripts[i], kept->transcripts[number]))
        i++;
    return i < number;
}

static void collect(const struct kept *kept, enum fault_kind kind, struct trials *trials)
{
    for (size_t i = 0; i < kept->count; i++)
        for (size_t line = 0; line < kept->transcripts[i]->count && !was_tried(kept, i); line++) {
            const struct trial trial = {kept->link, kept->transcripts[i], {kind, line}};
            if (!fault_applies(trial.transcript, &trial.fault))
                continue;
            trials->list = realloc(trials->list, (trials->count + 1) * sizeof *trials->list);
            assert_non_null(trials->list);
            trials->list[trials->count++] = trial;
        }
}

static void with(const struct kept *kept, enum fault_kind kind)
{
    struct trials trials = {0};
    collect(kept, kind, &trials);
    assert_true(trials.count >= 20);
    run_trials(&trials);
    free(trials.list);
    assert_int_equal(atomic_load(&trials.failed), 0);
    assert_int_equal(metric_get(M_XMPP_IN_FLIGHT, ""), 0);
}

#define TEST_WITH(name, kind)                                                                                          \
    static void name(void **state)                                                                                     \
    {                                                                                                                  \
        with(*state, kind);                                                                                            \
    }

TEST_WITH(a_line_is_left_out, FAULT_OMIT)
TEST_WITH(an_answer_is_late, FAULT_LATE)
TEST_WITH(the_link_is_cut_before_a_line, FAULT_CUT_BEFORE)
TEST_WITH(the_link_is_cut_after_a_line, FAULT_CUT_AFTER)
TEST_WITH(the_link_is_cut_within_a_line, FAULT_CUT_WITHIN)
TEST_WITH(an_answer_comes_twice, FAULT_TWICE)
TEST_WITH(two_answers_change_places, FAULT_SWAP)
TEST_WITH(an_error_comes_instead, FAULT_ERROR)
TEST_WITH(a_forged_error_comes_first, FAULT_FORGED_FIRST)
TEST_WITH(an_answer_comes_from_somebody_else, FAULT_FORGED_INSTEAD)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_left_out),
        cmocka_unit_test(an_answer_is_late),
        cmocka_unit_test(the_link_is_cut_before_a_line),
        cmocka_unit_test(the_link_is_cut_after_a_line),
        cmocka_unit_test(the_link_is_cut_within_a_line),
        cmocka_unit_test(an_answer_comes_twice),
        cmocka_unit_test(two_answers_change_places),
        cmocka_unit_test(an_error_comes_instead),
        cmocka_unit_test(a_forged_error_comes_first),
        cmocka_unit_test(an_answer_comes_from_somebody_else),
    };
    signal(SIGPIPE, SIG_IGN);
    crypto_init();
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, kept_setup, kept_teardown);
}
