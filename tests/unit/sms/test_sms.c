/* Providers against real sockets: what they are sent, what their answers mean, the order, the breaker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/base/text.h"
#include "component/sms/sms.h"
#include "tests/unit/sms/provider.h"

#define TAKEN     "{\"statusCode\":\"000000\",\"templateSMS\":{}}"
#define REFUSED   "{\"statusCode\":\"112310\",\"statusMsg\":\"应用未上线\"}"
#define NO_NUMBER "{\"statusCode\":\"160042\",\"statusMsg\":\"号码格式有误\"}"

enum { LOG_SIZE = 4096 };

static const struct sms_message message = {
    .phone = "+8613900001234", .national = "13900001234", .code = "271828", .lifetime_ms = 300000, .purpose = "reset"};

struct world {
    struct provider first, second;
    struct sms_config config;
    struct sms *sms;
    struct sms_worker *worker;
    struct arena *arena;
    const char *why;
};

/* "yuntongxun" is the first provider, "http" the second. */
static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    crypto_init();
    log_set_level(LOG_LEVEL_ERROR);
    provider_start(&world->first, TAKEN);
    provider_start(&world->second, "{\"ok\": true}");
    world->config = (struct sms_config){
        .providers = "yuntongxun",
        .timeout_ms = 2000,
        .breaker_after = 3,
        .breaker_pause_ms = 300,
        .file = "",
        .yuntongxun = {.url = world->first.url,
                       .account = "sid",
                       .token = secret_of_cstr("token"),
                       .application = "app",
                       .template_id = "7",
                       .utc_offset_s = 8 * 3600},
        .http = {.url = secret_of_cstr(world->second.url),
                 .method = "POST",
                 .content_type = "application/json",
                 .headers = secret_of_cstr("X-Key: canary|X-Other: 2"),
                 .body = secret_of_cstr("{\"to\":\"{phone}\",\"n\":\"{national}\",\"c\":\"{code}\",\"m\":{minutes}}"),
                 .success = "\"ok\": true"},
    };
    world->worker = sms_worker_new();
    world->arena = arena_new();
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    provider_stop(&world->first);
    provider_stop(&world->second);
    sms_free(&world->sms);
    sms_worker_free(&world->worker);
    assert_null(world->worker);
    arena_free(&world->arena);
    free(world);
    return 0;
}

static enum err send_one(struct world *world)
{
    if (world->sms == NULL)
        assert_int_equal(sms_new(&world->config, &world->sms), OK);
    return sms_send(world->sms, world->worker, world->arena, &message, clock_ms() + 5000, &world->why);
}

static const char *last_header(struct world *world, struct provider *provider, const char *name)
{
    const char *line = strcasestr(provider_last(provider), name);
    assert_non_null(line);
    line += strlen(name);
    return arena_copy(world->arena, line, strcspn(line, "\r"));
}

/* --- 容联云 */

static void yuntongxun_signs_as_it_should(void **state)
{
    struct world *world = *state;
    assert_int_equal(send_one(world), OK);
    const char *given = last_header(world, &world->first, "Authorization: ");
    char plain[64] = "", when[16] = "", sig[MD5_HEX_SIZE];
    const size_t length = strlen(given) - (strchr(given, '=') != NULL ? strlen(strchr(given, '=')) : 0);
    assert_int_equal(strlen(given) % 4, 0); /* padded */
    assert_int_equal(base64_decode(arena_copy(world->arena, given, length), length * 3 / 4, plain), OK);
    assert_int_equal(sscanf(plain, "sid:%14[0-9]", when), 1);
    assert_int_equal(strlen(when), 14);
    const char *text = arena_printf(world->arena, "sidtoken%s", when);
    md5_hex(text, strlen(text), sig);
    for (char *p = sig; *p != '\0'; p++)
        *p = (char)toupper((unsigned char)*p);
    const char *line =
        arena_printf(world->arena, "POST /2013-12-26/Accounts/sid/SMS/TemplateSMS?sig=%s HTTP/1.1\r\n", sig);
    assert_memory_equal(provider_last(&world->first), line, strlen(line));
    assert_non_null(strstr(provider_last(&world->first),
                           "\r\n\r\n{\"to\":\"13900001234\",\"appId\":\"app\",\"templateId\":\"7\","
                           "\"datas\":[\"271828\",\"5\"]}"));
}

static void yuntongxuns_answers(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *answer, *why;
        enum err err;
    } cases[] = {
        {TAKEN, "", OK},
        {REFUSED, "应用未上线", ERR_NOT_SENT},
        {"{\"statusCode\":\"160038\",\"statusMsg\":\"过于频繁\"}", "过于频繁", ERR_NOT_SENT},
        {"{\"statusCode\":\"112310\"}", "", ERR_NOT_SENT},
        {"{\"statusCode\":0}", "", ERR_NOT_SENT},
        {"{\"statusCode\":\"0\"}", "", ERR_NOT_SENT},
        {"{\"statusMsg\":\"000000\"}", "000000", ERR_NOT_SENT},
        {"[]", "", ERR_NOT_SENT},
        {"", "", ERR_NOT_SENT},
        {"000000", "", ERR_NOT_SENT},
        {"{\"statusCode\":\"000000\"", "", ERR_NOT_SENT},
        {"{\"statusCode\":\"112310\",\"statusMsg\":\"\\u0000\"}", "", ERR_NOT_SENT},
        {PROVIDER_DROPS, "", ERR_UNCERTAIN},
    };
    world->config.breaker_after = 1000;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        world->first.answer = cases[i].answer;
        if (send_one(world) != cases[i].err || strcmp(world->why, cases[i].why) != 0)
            fail_msg("%s", cases[i].answer);
    }
}

/* What went to standard error meanwhile; the caller frees it. */
static char *log_of_one(struct world *world)
{
    int ends[2];
    char *text = calloc(1, LOG_SIZE);
    const int before = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    log_set_level(LOG_LEVEL_WARN);
    assert_int_not_equal(send_one(world), OK);
    log_set_level(LOG_LEVEL_ERROR);
    dup2(before, STDERR_FILENO);
    close(ends[1]);
    close(before);
    assert_true(read(ends[0], text, LOG_SIZE - 1) > 0);
    close(ends[0]);
    return text;
}

static void what_it_calls_its_answer_is_logged_if_it_is_a_number(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *answer, *logged;
    } cases[] = {
        {REFUSED, " code=112310"},
        {"{\"statusCode\":\"12345678\"}", " code=12345678"},
        {"{\"statusCode\":\"123456789\"}", " code=other"},
        {"{\"statusCode\":\"token\"}", " code=other"},
        {"{\"statusCode\":\"1 a=b\"}", " code=other"},
        {"{\"statusCode\":\"\"}", " code=other"},
        {"{\"statusCode\":112310}", " code=other"},
        {"{}", " code=other"},
    };
    world->config.breaker_after = 1000;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        world->first.answer = cases[i].answer;
        char *text = log_of_one(world);
        const char *code = strstr(text, " code=");
        if (code == NULL || strncmp(code, cases[i].logged, strlen(cases[i].logged)) != 0 ||
            strspn(code + strlen(cases[i].logged), " \n") == 0)
            fail_msg("%s: %s", cases[i].answer, text);
        free(text);
    }
}

static void an_endless_text_is_none(void **state)
{
    struct world *world = *state;
    static char answer[9000];
    snprintf(answer, sizeof answer, "{\"statusCode\":\"1\",\"statusMsg\":\"%8000d\"}", 1);
    world->first.answer = answer;
    assert_int_equal(send_one(world), ERR_NOT_SENT);
    assert_string_equal(world->why, "");
}

/* --- the configured one */

static void the_configured_one_gets_what_is_configured(void **state)
{
    struct world *world = *state;
    world->config.providers = "http";
    assert_int_equal(send_one(world), OK);
    assert_memory_equal(provider_last(&world->second), "POST / HTTP/1.1\r\n", 17);
    assert_string_equal(last_header(world, &world->second, "X-Key: "), "canary");
    assert_string_equal(last_header(world, &world->second, "X-Other: "), "2");
    assert_string_equal(last_header(world, &world->second, "Content-Type: "), "application/json");
    assert_non_null(strstr(provider_last(&world->second),
                           "\r\n\r\n{\"to\":\"+8613900001234\",\"n\":\"13900001234\",\"c\":\"271828\",\"m\":5}"));
}

static void urls_and_forms_are_escaped(void **state)
{
    struct world *world = *state;
    world->config.providers = "http";
    world->config.http.url =
        secret_of_cstr(arena_printf(world->arena, "%s/send?to={phone}&x={other}", world->second.url));
    world->config.http.content_type = "application/x-www-form-urlencoded";
    world->config.http.body = secret_of_cstr("to={phone}&c={code}&{");
    world->config.http.method = "PUT";
    assert_int_equal(send_one(world), OK);
    assert_non_null(strstr(provider_last(&world->second), "PUT /send?to=%2B8613900001234&x="));
    assert_non_null(strstr(provider_last(&world->second), "\r\n\r\nto=%2B8613900001234&c=271828&{"));
}

static void what_success_looks_like(void **state)
{
    struct world *world = *state;
    world->config.providers = "http";
    world->config.breaker_after = 1000;
    static const struct {
        const char *answer;
        int status;
        enum err err;
    } cases[] = {
        {"{\"ok\": true}", 200, OK},
        {"{\"ok\": true}", 302, ERR_NOT_SENT},
        {"{\"ok\": true}", 500, ERR_NOT_SENT},
        {"{\"ok\": false}", 200, ERR_NOT_SENT},
        {"", 200, ERR_NOT_SENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        world->second.answer = cases[i].answer;
        world->second.status = cases[i].status;
        assert_int_equal(send_one(world), cases[i].err);
    }
    world->second.answer = "anything";
    world->second.status = 201;
    world->config.http.success = "";
    assert_int_equal(send_one(world), OK);
}

/* --- order, deadlines, the breaker */

static void the_second_takes_over(void **state)
{
    struct world *world = *state;
    static const char *const failures[] = {REFUSED, PROVIDER_DROPS, PROVIDER_HANGS};
    world->config.providers = "yuntongxun, http";
    world->config.timeout_ms = 200;
    world->config.breaker_after = 1000;
    for (int i = 0; i < 3; i++) {
        world->first.answer = failures[i];
        assert_int_equal(send_one(world), OK);
        assert_int_equal(world->second.requests, i + 1);
    }
    world->first.answer = TAKEN;
    assert_int_equal(send_one(world), OK);
    assert_int_equal(world->second.requests, 3);
}

static void the_text_of_who_had_one_is_kept(void **state)
{
    struct world *world = *state;
    world->config.providers = "yuntongxun,http";
    world->first.answer = REFUSED;
    world->second.status = 500;
    assert_int_equal(send_one(world), ERR_NOT_SENT);
    assert_string_equal(world->why, "应用未上线");
    world->first.answer = PROVIDER_DROPS; /* one that may have taken it is enough for doubt */
    assert_int_equal(send_one(world), ERR_UNCERTAIN);
}

static void nobody_waits_longer_than_the_deadline(void **state)
{
    struct world *world = *state;
    world->config.providers = "yuntongxun,http";
    world->first.answer = world->second.answer = PROVIDER_HANGS;
    assert_int_equal(sms_new(&world->config, &world->sms), OK);
    const int64_t begun = clock_ms();
    assert_int_equal(sms_send(world->sms, world->worker, world->arena, &message, begun + 300, &world->why),
                     ERR_UNCERTAIN);
    assert_in_range(clock_ms() - begun, 250, 1500);
    assert_int_equal(world->second.requests, 0); /* no time was left */
    assert_int_equal(sms_send(world->sms, world->worker, world->arena, &message, begun, &world->why), ERR_NOT_SENT);
}

static void who_cannot_be_reached_has_sent_nothing(void **state)
{
    struct world *world = *state;
    struct provider gone;
    provider_start(&gone, TAKEN);
    provider_stop(&gone);
    world->config.yuntongxun.url = gone.url;
    assert_int_equal(send_one(world), ERR_NOT_SENT);
    world->config.yuntongxun.url = "file:///etc/passwd";
    assert_int_equal(send_one(world), ERR_NOT_SENT);
}

static void who_fails_is_left_alone_for_a_while(void **state)
{
    struct world *world = *state;
    world->first.answer = REFUSED;
    for (int i = 0; i < 10; i++)
        assert_int_equal(send_one(world), ERR_NOT_SENT);
    assert_int_equal(world->first.requests, 3);
    usleep(350 * 1000);
    for (int i = 0; i < 5; i++) /* one tries it */
        assert_int_equal(send_one(world), ERR_NOT_SENT);
    assert_int_equal(world->first.requests, 4);
    world->first.answer = TAKEN;
    usleep(350 * 1000);
    for (int i = 0; i < 5; i++) /* and finds that it works: all do */
        assert_int_equal(send_one(world), OK);
    assert_int_equal(world->first.requests, 9);
    world->first.answer = REFUSED;
    for (int i = 0; i < 2; i++)
        assert_int_equal(send_one(world), ERR_NOT_SENT);
    world->first.answer = TAKEN; /* not in a row */
    assert_int_equal(send_one(world), OK);
    world->first.answer = REFUSED;
    for (int i = 0; i < 2; i++)
        assert_int_equal(send_one(world), ERR_NOT_SENT);
    assert_int_equal(world->first.requests, 14);
}

static void a_number_it_will_not_take_is_no_failure(void **state)
{
    struct world *world = *state;
    world->first.answer = NO_NUMBER;
    for (int i = 0; i < 10; i++)
        assert_int_equal(send_one(world), ERR_NOT_SENT);
    assert_int_equal(world->first.requests, 10);
}

/* Nor does it use up the one try after a pause, which a stranger could send it with. */
static void a_number_it_will_not_take_is_no_try(void **state)
{
    struct world *world = *state;
    world->first.answer = REFUSED;
    for (int i = 0; i < 3; i++)
        assert_int_equal(send_one(world), ERR_NOT_SENT);
    usleep(350 * 1000);
    world->first.answer = NO_NUMBER;
    assert_int_equal(send_one(world), ERR_NOT_SENT);
    assert_int_equal(world->first.requests, 4);
    world->first.answer = TAKEN;
    assert_int_equal(send_one(world), OK);
}

struct sender {
    struct world *world;
    atomic_int *ok;
};

static void *send_many(void *arg)
{
    const struct sender *sender = arg;
    struct sms_worker *worker = sms_worker_new();
    for (int i = 0; i < 20; i++) {
        struct arena *arena = arena_new();
        const char *why;
        if (sms_send(sender->world->sms, worker, arena, &message, clock_ms() + 5000, &why) == OK)
            atomic_fetch_add(sender->ok, 1);
        arena_free(&arena);
    }
    sms_worker_free(&worker);
    return NULL;
}

static void workers_share_what_they_know(void **state)
{
    struct world *world = *state;
    pthread_t threads[4];
    atomic_int ok = 0;
    world->config.providers = "yuntongxun,http";
    world->config.breaker_pause_ms = 60000;
    world->first.answer = REFUSED;
    assert_int_equal(sms_new(&world->config, &world->sms), OK);
    struct sender sender = {world, &ok};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, &sender), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(ok, 80);
    assert_in_range(world->first.requests, 3, 6); /* those that were on their way */
}

/* --- configuration, the file */

static void what_is_missing_is_told_at_the_start(void **state)
{
    struct world *world = *state;
    struct sms *sms = NULL;
    static const char *const unknown[] = {"pigeon", "fil", "file2", "yuntongxun,pigeon", "file"}; /* no directory */
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        world->config.providers = unknown[i];
        assert_int_equal(sms_new(&world->config, &sms), ERR_INVALID);
        assert_null(sms);
    }
    world->config.providers = "yuntongxun";
    world->config.yuntongxun.token = secret_of_cstr("");
    assert_int_equal(sms_new(&world->config, &sms), ERR_INVALID);
    world->config.providers = "http";
    world->config.http.url = secret_of_cstr("");
    assert_int_equal(sms_new(&world->config, &sms), ERR_INVALID);
    world->config.providers = "";
    assert_int_equal(send_one(world), ERR_NOT_SENT);
}

static void the_file_gets_whole_lines(void **state)
{
    struct world *world = *state;
    char path[] = "/tmp/test-sms-XXXXXX", text[256];
    struct stat status;
    close(mkstemp(path));
    unlink(path);
    world->config.providers = "file";
    world->config.file = path;
    assert_int_equal(send_one(world), OK);
    assert_int_equal(send_one(world), OK);
    FILE *file = fopen(path, "r");
    for (int i = 0; i < 2; i++) {
        assert_non_null(fgets(text, sizeof text, file));
        assert_string_equal(text, "{\"to\":\"+8613900001234\",\"code\":\"271828\",\"purpose\":\"reset\"}\n");
    }
    assert_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    unlink(path);
    world->config.file = "/nonexistent/sms.jsonl";
    assert_int_equal(send_one(world), ERR_NOT_SENT);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(yuntongxun_signs_as_it_should),
        TEST(yuntongxuns_answers),
        TEST(what_it_calls_its_answer_is_logged_if_it_is_a_number),
        TEST(an_endless_text_is_none),
        TEST(the_configured_one_gets_what_is_configured),
        TEST(urls_and_forms_are_escaped),
        TEST(what_success_looks_like),
        TEST(the_second_takes_over),
        TEST(the_text_of_who_had_one_is_kept),
        TEST(nobody_waits_longer_than_the_deadline),
        TEST(who_cannot_be_reached_has_sent_nothing),
        TEST(who_fails_is_left_alone_for_a_while),
        TEST(a_number_it_will_not_take_is_no_failure),
        TEST(a_number_it_will_not_take_is_no_try),
        TEST(workers_share_what_they_know),
        TEST(what_is_missing_is_told_at_the_start),
        TEST(the_file_gets_whole_lines),
    };
    return cmocka_run_group_tests_name("sms", tests, NULL, NULL);
}
