/* How the sides of a binding stand in each other's rosters (sql/binding_names.h), and when the configuration of that
 * has changed (component/service/roster_items.h). */
#include "sql/binding_names.h"

#include "component/service/roster_items.h"
#include "component/service/services.h"
#include "sql/bindings.h"
#include "sql/pairs.h"
#include "tests/live/live_postgres.h"

static int64_t id[3];
static const char *const two[] = {"Living room", "a \"b\", {c}\\"};

static void wish(bool wanted)
{
    struct wish *wishes;
    size_t count;
    assert_int_equal(wanted ? bindings_want(pg, arena, id[1], &id[0], 1,
                                            &(struct want_terms){.agreed = true, .most = 10}, &wishes, &count)
                            : bindings_unwant(pg, arena, id[1], &id[0], 1, NULL, &wishes, &count),
                     OK);
    assert_int_equal(count, 1);
}

static struct pair loaded(void)
{
    struct pair pair;
    struct pair_load load = {.low = id[0], .high = id[1], .arena = arena, .pair = &pair};
    assert_int_equal(pairs_load(pg, arena, &load, 1), OK);
    assert_true(load.found);
    return pair;
}

static void set(int64_t account, int64_t peer, struct rename rename)
{
    int64_t version = 0;
    assert_int_equal(binding_names_set(pg, arena, account, peer, &rename, &version), OK);
    assert_int_equal(ask("select count(*) from bindings b join outbox o using (low, high, version) "
                         "where version = %lld and o.kind = 3 and o.due_at <= now()",
                         (long long)version),
                     1);
}

static void nothing_is_said_at_first(void **state)
{
    (void)state;
    const struct pair pair = loaded();
    for (int side = 0; side < 2; side++) {
        assert_null(pair.shown[side].nickname);
        assert_false(pair.shown[side].has_groups);
        assert_int_equal(pair.shown[side].group_count, 0);
    }
}

static void each_side_has_its_own(void **state)
{
    (void)state;
    set(id[0], id[1], (struct rename){.sets_nickname = true, .to.nickname = "in low's"});
    set(id[1], id[0],
        (struct rename){.sets_nickname = true,
                        .to.nickname = "in high's",
                        .sets_groups = true,
                        .to.has_groups = true,
                        .to.groups = two,
                        .to.group_count = 2});
    const struct pair pair = loaded();
    assert_string_equal(pair.shown[0].nickname, "in low's");
    assert_false(pair.shown[0].has_groups);
    assert_string_equal(pair.shown[1].nickname, "in high's");
    assert_int_equal(pair.shown[1].group_count, 2);
    assert_string_equal(pair.shown[1].groups[0], two[0]);
    assert_string_equal(pair.shown[1].groups[1], two[1]);
}

static void what_is_not_set_stays_and_null_takes_it_back(void **state)
{
    (void)state;
    set(id[0], id[1],
        (struct rename){.sets_nickname = true,
                        .to.nickname = "name",
                        .sets_groups = true,
                        .to.has_groups = true,
                        .to.groups = two,
                        .to.group_count = 1});
    set(id[0], id[1], (struct rename){.sets_groups = true, .to.has_groups = true});
    struct pair pair = loaded();
    assert_string_equal(pair.shown[0].nickname, "name");
    assert_true(pair.shown[0].has_groups); /* that there are none */
    assert_int_equal(pair.shown[0].group_count, 0);
    set(id[0], id[1], (struct rename){.sets_nickname = true, .sets_groups = true});
    pair = loaded();
    assert_null(pair.shown[0].nickname);
    assert_false(pair.shown[0].has_groups);
}

static void they_end_with_the_binding(void **state)
{
    (void)state;
    int64_t version;
    const struct rename rename = {.sets_nickname = true, .to.nickname = "name"};
    set(id[0], id[1], rename);
    wish(false);
    assert_int_equal(binding_names_set(pg, arena, id[0], id[1], &rename, &version), ERR_NOT_BOUND);
    assert_int_equal(binding_names_set(pg, arena, id[0], id[2], &rename, &version), ERR_NOT_BOUND);
    wish(true);
    assert_null(loaded().shown[0].nickname);
    set(id[0], id[1], rename);
    assert_int_equal(bindings_unwant_all(pg, id[1]), OK);
    assert_null(loaded().shown[0].nickname);
}

/* --- the configuration */

static bool changed(const struct service_settings *settings)
{
    bool changed = false;
    assert_int_equal(roster_settings_adopt(pg, arena, settings, &changed), OK);
    return changed;
}

static void other_groups_are_noticed_once(void **state)
{
    (void)state;
    const struct service_settings none = {0};
    const struct service_settings phones = {.roster = {.groups = {[ACCOUNT_PHONE] = {two, 2}}}};
    const struct service_settings devices = {.roster = {.groups = {[ACCOUNT_DEVICE] = {two, 2}}}};
    assert_false(changed(&none)); /* as before there was such a setting */
    assert_true(changed(&phones));
    assert_false(changed(&phones));
    assert_true(changed(&devices));
    assert_true(changed(&none));
    assert_false(changed(&none));
}

static int set_up(void **state)
{
    if (schema_set_up(state) != 0)
        return -1;
    active_accounts(id, 3);
    wish(true);
    return 0;
}

#define NAMES_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, schema_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NAMES_TEST(nothing_is_said_at_first),
        NAMES_TEST(each_side_has_its_own),
        NAMES_TEST(what_is_not_set_stays_and_null_takes_it_back),
        NAMES_TEST(they_end_with_the_binding),
        NAMES_TEST(other_groups_are_noticed_once),
    };
    return cmocka_run_group_tests_name("binding_names", tests, postgres_set_up, postgres_tear_down);
}
