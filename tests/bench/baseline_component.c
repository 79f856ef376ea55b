/* What an XMPP server gives a plain, pipelined component that does nothing else:
 *
 *     baseline_component [options] openfire|prosody add|bind|delete FILE
 *
 * FILE names accounts by their local parts, one a line. `add` makes them, both round trips of add-user each; `bind`
 * binds them in pairs with the stanzas that registrard's driver for that server sends, and reads both rosters back;
 * `delete` removes them, to leave a server as it was. So many at a time as -n says, in order, until the names or the
 * time are used up. Prints {"per_second": …, "begun": …, "failed": …}: a binding counts when both rosters showed it.
 *
 *     -n N  in flight (16)           -w S  seconds before counting begins (0.5)    -t S  seconds of counting (3)
 *
 * REGISTRARD_XMPP_HOST, _PORT, _DOMAIN, _COMPONENT, _SECRET say where. */
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "component/base/arena.h"
#include "component/base/clock.h"
#include "tests/bench/component_link.h"
#include "tests/bench/die.h"

enum { JOBS_MAX = 256, JID_SIZE = 256, SESSION_SIZE = 256, LINGER_US = 15 * 1000 * 1000 };

#define PASSWORD "Kq7mVt2XcR9dLw4HsZ8bNf3JyGp6Ua5e"

enum work { ADD, BIND, DELETE };

/* One account being made or deleted, or one pair being bound; the parts are what is answered for itself. */
struct job {
    unsigned serial; /* 0: free; else in its stanzas' ids, so that late answers are known */
    char jids[2][JID_SIZE];
    unsigned awaited; /* parts */
    unsigned seen;    /* rosters that show the other side */
    bool refused;
};

struct bench {
    const char *domain, *component;
    bool openfire;
    enum work work;
    unsigned in_flight;
    double warm_s, count_s;
    char **locals;
    size_t local_count;
    struct component_link *link;
    struct job jobs[JOBS_MAX];
    unsigned serial, busy;
    size_t begun;
    unsigned long done, failed;
    bool counting;
    /* the stanza being read */
    struct job *job; /* that it answers; NULL: none */
    unsigned part;
    char session[SESSION_SIZE];
    bool failure;
};

/* ---- out ---- */

static void write_id(struct bench *bench, const struct job *job, unsigned part, const char *type, const char *to)
{
    component_write(bench->link, "<iq type='%s' from='%s' to='%s' id='%u-%u-%u'>", type, bench->component, to,
                    (unsigned)(job - bench->jobs), job->serial, part);
}

static const char *node_of(const struct bench *bench)
{
    static const char *const nodes[] = {[ADD] = "add-user", [BIND] = "get-user-roster", [DELETE] = "delete-user"};
    return nodes[bench->work];
}

static void execute(struct bench *bench, struct job *job, unsigned part)
{
    write_id(bench, job, part, "set", bench->domain);
    component_write(bench->link,
                    "<command xmlns='http://jabber.org/protocol/commands' "
                    "node='http://jabber.org/protocol/admin#%s' action='execute'/></iq>",
                    node_of(bench));
    job->awaited++;
}

static void write_field(struct bench *bench, const char *name, const char *value)
{
    component_write(bench->link, "<field var='%s'><value>%s</value></field>", name, value);
}

static void complete(struct bench *bench, struct job *job, unsigned part)
{
    write_id(bench, job, part, "set", bench->domain);
    component_write(bench->link,
                    "<command xmlns='http://jabber.org/protocol/commands' "
                    "node='http://jabber.org/protocol/admin#%s' action='complete' sessionid='%s'>"
                    "<x xmlns='jabber:x:data' type='submit'>",
                    node_of(bench), bench->session);
    write_field(bench, "FORM_TYPE", "http://jabber.org/protocol/admin");
    write_field(bench, bench->work == ADD ? "accountjid" : "accountjids", job->jids[part]);
    if (bench->work == ADD) {
        write_field(bench, "password", PASSWORD);
        write_field(bench, "password-verify", PASSWORD);
    }
    component_write(bench->link, "</x></command></iq>");
}

static void write_item(struct bench *bench, const char *jid, const char *subscription)
{
    component_write(bench->link, "<query xmlns='jabber:iq:roster'><item jid='%s'%s name='%s'/></query></iq>", jid,
                    subscription, jid);
}

static void write_presence(struct bench *bench, const char *type, const char *from, const char *to)
{
    component_write(bench->link, "<presence type='%s' from='%s' to='%s'/>", type, from, to);
}

/* In the users' names; only the read-back is answered. */
static void bind_on_openfire(struct bench *bench, struct job *job)
{
    for (unsigned i = 0; i < 2; i++) {
        component_write(bench->link, "<iq type='set' from='%s' id='w%u-%u'>", job->jids[i], job->serial, i);
        write_item(bench, job->jids[1 - i], "");
    }
    for (unsigned i = 0; i < 2; i++) {
        write_presence(bench, "subscribe", job->jids[i], job->jids[1 - i]);
        write_presence(bench, "subscribed", job->jids[1 - i], job->jids[i]);
    }
    for (unsigned i = 0; i < 2; i++)
        execute(bench, job, i);
}

/* XEP-0356; parts 0 and 1 are the sets, 2 and 3 the read-back. */
static void bind_on_prosody(struct bench *bench, struct job *job)
{
    for (unsigned i = 0; i < 2; i++) {
        write_id(bench, job, i, "set", job->jids[i]);
        write_item(bench, job->jids[1 - i], " subscription='both'");
    }
    for (unsigned i = 0; i < 2; i++)
        write_presence(bench, "probe", job->jids[i], job->jids[1 - i]);
    for (unsigned i = 0; i < 2; i++) {
        write_id(bench, job, 2 + i, "get", job->jids[i]);
        component_write(bench->link, "<query xmlns='jabber:iq:roster'/></iq>");
    }
    job->awaited += 4;
}

/* ---- jobs ---- */

/* Each with its neighbour, then with the one after that, and so on: rosters grow evenly. */
static bool pair_of(const struct bench *bench, size_t number, size_t pair_r[2])
{
    const size_t distance = number / bench->local_count + 1;
    pair_r[0] = number % bench->local_count;
    pair_r[1] = (pair_r[0] + distance) % bench->local_count;
    return 2 * distance < bench->local_count;
}

static bool begin(struct bench *bench, struct job *job)
{
    size_t pair[2] = {bench->begun, bench->begun};
    if (bench->work == BIND ? !pair_of(bench, bench->begun, pair) : bench->begun == bench->local_count)
        return false;
    *job = (struct job){.serial = ++bench->serial};
    for (unsigned i = 0; i < 2; i++)
        snprintf(job->jids[i], JID_SIZE, "%s@%s", bench->locals[pair[i]], bench->domain);
    bench->begun++;
    bench->busy++;
    if (bench->work != BIND)
        execute(bench, job, 0);
    else if (bench->openfire)
        bind_on_openfire(bench, job);
    else
        bind_on_prosody(bench, job);
    return true;
}

static void end_job(struct bench *bench, struct job *job)
{
    const bool good = !job->refused && (bench->work != BIND || job->seen == 2);
    bench->failed += !good;
    bench->done += good && bench->counting;
    job->serial = 0;
    bench->busy--;
}

/* ---- in ---- */

static struct job *job_of(struct bench *bench, const char *id)
{
    unsigned slot, serial;
    if (sscanf(id, "%u-%u-%u", &slot, &serial, &bench->part) != 3 || slot >= JOBS_MAX || serial == 0)
        return NULL;
    return bench->jobs[slot].serial == serial ? &bench->jobs[slot] : NULL;
}

static void refuse(struct bench *bench, const char **attributes)
{
    component_write(bench->link,
                    "<iq type='error' from='%s' to='%s' id='%s'><error type='cancel'>"
                    "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
                    bench->component, component_attribute(attributes, "from"), component_attribute(attributes, "id"));
}

static void on_stanza(struct bench *bench, const char *name, const char **attributes)
{
    const char *type = component_attribute(attributes, "type");
    bench->job = NULL;
    if (strcmp(name, "iq") != 0)
        return;
    if (strcmp(type, "get") == 0 || strcmp(type, "set") == 0)
        refuse(bench, attributes);
    else
        bench->job = job_of(bench, component_attribute(attributes, "id"));
    bench->failure = strcmp(type, "error") == 0;
    bench->session[0] = '\0';
}

static void on_open(void *arg, unsigned depth, const char *name, const char **attributes)
{
    struct bench *bench = arg;
    if (depth == 1) {
        on_stanza(bench, name, attributes);
    } else if (bench->job == NULL) {
        return;
    } else if (strcmp(name, "command") == 0) {
        if (strcmp(component_attribute(attributes, "status"), "executing") == 0)
            snprintf(bench->session, SESSION_SIZE, "%s", component_attribute(attributes, "sessionid"));
    } else if (strcmp(name, "note") == 0) {
        bench->failure |= strcmp(component_attribute(attributes, "type"), "error") == 0;
    } else if (strcmp(name, "item") == 0) {
        const char *other = bench->job->jids[1 - bench->part % 2];
        bench->job->seen += strcmp(component_attribute(attributes, "jid"), other) == 0 &&
                            strcmp(component_attribute(attributes, "subscription"), "both") == 0;
    }
}

static void on_close(void *arg, unsigned depth)
{
    struct bench *bench = arg;
    struct job *job = bench->job;
    if (depth != 1 || job == NULL)
        return;
    if (bench->session[0] != '\0' && !bench->failure) {
        complete(bench, job, bench->part);
        return;
    }
    job->refused |= bench->failure;
    if (--job->awaited == 0)
        end_job(bench, job);
}

/* ---- the run ---- */

static bool fill(struct bench *bench)
{
    for (unsigned i = 0; i < bench->in_flight; i++)
        if (bench->jobs[i].serial == 0 && !begin(bench, &bench->jobs[i]))
            return false;
    return true;
}

/* False: the names are used up. */
static bool run_until(struct bench *bench, int64_t until_us)
{
    while (clock_us() < until_us) {
        if (!fill(bench) && bench->busy == 0)
            return false;
        component_turn(bench->link, until_us);
    }
    return true;
}

static void drain(struct bench *bench)
{
    for (const int64_t until_us = clock_us() + LINGER_US; bench->busy > 0 && clock_us() < until_us;)
        component_turn(bench->link, until_us);
    bench->failed += bench->busy;
}

static void run(struct bench *bench)
{
    bench->counting = bench->warm_s <= 0 || run_until(bench, clock_us() + (int64_t)(bench->warm_s * 1e6));
    const int64_t start_us = clock_us();
    run_until(bench, start_us + (int64_t)(bench->count_s * 1e6));
    const double seconds = (double)(clock_us() - start_us) / 1e6;
    bench->counting = false;
    drain(bench);
    printf("{\"per_second\": %.2f, \"begun\": %zu, \"failed\": %lu}\n", (double)bench->done / seconds, bench->begun,
           bench->failed);
}

static void read_locals(struct bench *bench, const char *path)
{
    FILE *file = fopen(path, "re");
    char line[128];
    if (file == NULL)
        die("cannot read %s", path);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        bench->locals = reallocarray(bench->locals, bench->local_count + 1, sizeof *bench->locals);
        if (bench->locals == NULL)
            die("out of memory");
        bench->locals[bench->local_count++] = xstrdup(line);
    }
    fclose(file);
}

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL)
        die("%s is not set", name);
    return value;
}

static void read_arguments(struct bench *bench, int argc, char **argv)
{
    for (int option; (option = getopt(argc, argv, "n:w:t:")) != -1;) {
        if (option == 'n')
            bench->in_flight = (unsigned)strtoul(optarg, NULL, 10);
        else if (option == 'w')
            bench->warm_s = strtod(optarg, NULL);
        else if (option == 't')
            bench->count_s = strtod(optarg, NULL);
    }
    if (argc - optind != 3 || bench->in_flight > JOBS_MAX)
        die("usage: baseline_component [options] openfire|prosody add|bind|delete FILE");
    bench->openfire = strcmp(argv[optind], "openfire") == 0;
    const char *work = argv[optind + 1];
    bench->work = strcmp(work, "add") == 0 ? ADD : strcmp(work, "bind") == 0 ? BIND : DELETE;
    read_locals(bench, argv[optind + 2]);
}

int main(int argc, char **argv)
{
    struct bench *bench = xcalloc(1, sizeof *bench);
    bench->in_flight = 16;
    bench->warm_s = 0.5;
    bench->count_s = 3;
    bench->domain = setting("REGISTRARD_XMPP_DOMAIN");
    bench->component = setting("REGISTRARD_XMPP_COMPONENT");
    read_arguments(bench, argc, argv);
    const struct component_handlers handlers = {on_open, on_close, bench};
    bench->link = component_open(setting("REGISTRARD_XMPP_HOST"), setting("REGISTRARD_XMPP_PORT"), &handlers);
    component_shake_hands(bench->link, bench->component, setting("REGISTRARD_XMPP_SECRET"));
    run(bench);
    component_close(&bench->link);
    for (size_t i = 0; i < bench->local_count; i++)
        free(bench->locals[i]);
    free(bench->locals);
    free(bench);
    return 0;
}
