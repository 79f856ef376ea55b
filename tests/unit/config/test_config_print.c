/* What is printed, and what lies in docs/ and examples/ because of it. Runs from the project's root. */
#include "config_fixture.h"

#include "component/base/log.h"
#include "component/config_table.h"

enum { DOCUMENT_LIMIT = 128 * 1024 };

static char root[PATH_LIMIT];

static int remember_root(void **state)
{
    return getcwd(root, sizeof root) != NULL ? enter_directory(state) : -1;
}

/* A file of the project; free() it. */
static char *read_document(const char *path)
{
    char full[PATH_LIMIT * 2];
    (void)snprintf(full, sizeof full, "%s/%s", root, path);
    FILE *file = fopen(full, "r");
    assert_non_null(file);
    char *text = calloc(1, DOCUMENT_LIMIT + 1);
    assert_non_null(text);
    size_t length = fread(text, 1, DOCUMENT_LIMIT, file);
    assert_true(length > 0 && length < DOCUMENT_LIMIT);
    assert_int_equal(fclose(file), 0);
    return text;
}

static char *printed(void (*print)(FILE *out))
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    print(out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static char *dumped(const struct config *config)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    config_dump(config, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void assert_printed(const char *path, void (*print)(FILE *out), const char *option)
{
    char *document = read_document(path);
    char *text = printed(print);
    if (strcmp(document, text) != 0) {
        fail_msg("%s is out of date: registrard %s > %s", path, option, path);
    }
    free(document);
    free(text);
}

static void the_reference_is_up_to_date(void **state)
{
    (void)state;
    assert_printed("docs/configuration.md", config_reference, "--config-reference");
}

static void the_example_is_up_to_date(void **state)
{
    (void)state;
    assert_printed("examples/registrard.conf", config_example, "--example-config");
}

static void every_setting_is_documented(void **state)
{
    (void)state;
    char *reference = printed(config_reference);
    char *example = printed(config_example);
    for (enum setting_id id = 0; id < SETTING_COUNT; id++) {
        const struct setting *setting = setting_of(id);
        char row[96];
        char line[96];
        (void)snprintf(row, sizeof row, "\n| `%s`", setting->key);
        (void)snprintf(line, sizeof line, "\n#%s =", setting->key);
        assert_non_null(strstr(reference, row));
        assert_non_null(strstr(example, line));
        assert_non_null(strstr(example, setting->help));
        assert_true(setting->help[strlen(setting->help) - 1] == '.');
    }
    free(reference);
    free(example);
}

/* As an operator does who removes the # before every key; what has no default is left as it is. */
static void uncomment(char *example)
{
    for (char *line = example; *line != '\0';) {
        char *end = strchr(line, '\n');
        bool is_key = line[0] == '#' && line[1] != ' ' && end[-1] != '=';
        if (is_key) {
            line[0] = ' ';
        }
        line = end + 1;
    }
}

static void the_example_holds_the_defaults(void **state)
{
    (void)state;
    struct outcome defaults = load(NULL, PRODUCTION, NULL);
    assert_string_equal(defaults.mistakes, "");
    char *example = printed(config_example);
    uncomment(example);
    struct outcome outcome = load(example, PRODUCTION, NULL);
    assert_string_equal(outcome.mistakes, "");
    char *wanted = dumped(defaults.config);
    char *got = dumped(outcome.config);
    assert_string_equal(got, wanted);
    free(wanted);
    free(got);
    free(example);
    outcome_free(&outcome);
    outcome_free(&defaults);
}

/* Nothing but the files it names is missing: with these in the environment's place it is a whole configuration. */
static void the_minimal_example_is_enough(void **state)
{
    (void)state;
    char *text = read_document("examples/registrard-minimal.conf");
    write_text("registrard.conf", text, 0644);
    struct outcome outcome = load_path(
        "registrard.conf", (const char *const[]){NULL},
        (const char *const[]){PRODUCTION[0], PRODUCTION[1], PRODUCTION[2], PRODUCTION[5], PRODUCTION[6], NULL});
    assert_string_equal(outcome.mistakes, "");
    assert_string_equal(outcome.config->xmpp_domain, "example.org");
    assert_false(config_is_development(outcome.config));
    outcome_free(&outcome);
    free(text);
}

static void the_minimal_example_sets_nothing_that_could_be_left_out(void **state)
{
    (void)state;
    char *text = read_document("examples/registrard-minimal.conf");
    size_t keys = 0;
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        keys += *line >= 'a' && *line <= 'z';
    }
    size_t required = 2; /* certificate and key */
    for (enum setting_id id = 0; id < SETTING_COUNT; id++) {
        const struct setting *setting = setting_of(id);
        required += (setting->flags & REQUIRED) != 0 && setting->fallback[0] == '\0';
    }
    assert_int_equal(keys, required + 2); /* host and port stand there to be changed */
    free(text);
}

static void a_dump_can_be_loaded_again(void **state)
{
    (void)state;
    struct outcome first =
        load("[tokens]\nlifetime = 90s\n[binding]\nwait = 0s\n[http]\nbody_timeout = 1500ms\n", DEVELOPMENT, NULL);
    assert_string_equal(first.mistakes, "");
    char *text = dumped(first.config);
    assert_non_null(strstr(text, "\n[tokens]\nlifetime = 90s\n"));
    assert_non_null(strstr(text, "\nwait = 0s\n"));
    assert_non_null(strstr(text, "\nbody_timeout = 1500ms\n"));
    assert_non_null(strstr(text, "\nheaders_timeout = 1m\n"));
    assert_non_null(strstr(text, "\nprofile = development\n"));
    struct outcome second = load(text, DEVELOPMENT, NULL);
    assert_string_equal(second.mistakes, "");
    char *again = dumped(second.config);
    assert_string_equal(text, again);
    free(text);
    free(again);
    outcome_free(&first);
    outcome_free(&second);
}

/* REGISTRARD_A_B_C must not be both [a] b_c and [a_b] c, nor a secret's _FILE a setting of its own. */
static void names_are_unambiguous(void **state)
{
    (void)state;
    for (enum setting_id id = 0; id < SETTING_COUNT; id++) {
        const struct setting *setting = setting_of(id);
        assert_null(strchr(setting->section, '_'));
        char variable[VARIABLE_SIZE];
        setting_variable((struct setting_name){.id = id, .is_file = true}, variable);
        assert_true(strlen(variable) < VARIABLE_SIZE - 1);
        struct setting_name name = setting_by_variable(variable);
        assert_int_equal(name.id, setting->type == TYPE_SECRET ? id : SETTING_COUNT);
        setting_variable((struct setting_name){.id = id}, variable);
        name = setting_by_variable(variable);
        assert_int_equal(name.id, id);
        assert_false(name.is_file);
        name = setting_by_key(setting->section, setting->key);
        assert_int_equal(name.id, id);
        assert_false(name.is_file);
    }
}

/* The sections' rows stand together, or the printers would print a header twice. */
static void sections_are_whole(void **state)
{
    (void)state;
    for (enum setting_id id = 1; id < SETTING_COUNT; id++) {
        for (enum setting_id earlier = 0; earlier + 1 < id; earlier++) {
            bool same = strcmp(setting_of(id)->section, setting_of(earlier)->section) == 0;
            assert_true(!same || strcmp(setting_of(id)->section, setting_of(earlier + 1)->section) == 0);
        }
    }
}

static void the_log_knows_its_levels(void **state)
{
    (void)state;
    char words[64];
    (void)snprintf(words, sizeof words, "%s", setting_choices(SETTING_log_level));
    char *rest = NULL;
    size_t count = 0;
    for (char *word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        enum log_level level;
        assert_true(log_level_parse(word, &level));
        count++;
    }
    assert_int_equal(count, LOG_LEVEL_ERROR + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_is_up_to_date),
        cmocka_unit_test(the_example_is_up_to_date),
        cmocka_unit_test(every_setting_is_documented),
        cmocka_unit_test(the_example_holds_the_defaults),
        cmocka_unit_test(the_minimal_example_is_enough),
        cmocka_unit_test(the_minimal_example_sets_nothing_that_could_be_left_out),
        cmocka_unit_test(a_dump_can_be_loaded_again),
        cmocka_unit_test(names_are_unambiguous),
        cmocka_unit_test(sections_are_whole),
        cmocka_unit_test(the_log_knows_its_levels),
    };
    return cmocka_run_group_tests(tests, remember_root, leave_directory);
}
