/* What becomes of wishes whose workers are slow, fail or die (component/jobs/errand.h, sql/outbox.h). The steps are run
 * in an order that chance chooses, also one in which registrations are given up and accounts cancelled while workers
 * are at them; a few variables stand for the server, so that its state after any of the orders is known. What a real
 * server does is tested in tests/e2e/. In the end nothing may be half-made: a JID for each account that is active and
 * for no other, and rosters that show what is bound and no more. */
#include "tests/live/errands_fixture.h"

enum { STEPS = 400, RUNS = 8 };

static void one_step(void)
{
    const size_t what = chance(100);
    if (what < 6)
        register_one();
    else if (what < 8)
        end_one(ACCOUNT_PENDING);
    else if (what < 11)
        end_one(ACCOUNT_ACTIVE);
    else if (what < 30)
        bind_or_unbind();
    else if (what < 35)
        drift_one();
    else if (what < 58)
        take_one();
    else
        work_on_one();
}

static void nothing_is_half_made(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= RUNS; seed++) {
        srandom(seed);
        memset(&server, 0, sizeof server);
        made = 0;
        first_id = 0;
        ask("truncate accounts, outbox cascade");
        for (int step = 0; step < STEPS; step++)
            one_step();
        finish_all();
        drain();
        compare_all();
        expect_whole(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ERRAND_TEST(nothing_is_half_made),
    };
    return cmocka_run_group_tests_name("errands", tests, postgres_set_up, postgres_tear_down);
}
