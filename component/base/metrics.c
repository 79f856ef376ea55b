/* The registry of metrics: static storage, relaxed atomics, no locks.
 *
 * A metric has a row of slots, one a label value. Slots are claimed from the left by swapping the value into the first
 * empty one, and never given back: a search that compares from the left meets every slot that was there when it began,
 * so no value gets two. Label values are identifiers out of tables and need no escaping.
 *
 * Different numbers of one rendering may be of slightly different moments; a histogram's count is the sum of its
 * buckets, so that it fits them. */
#include "component/base/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "component/base/buf.h"

enum { LABELS = 64, SLOTS = LABELS + 1, OTHER = LABELS };

/* Upper bounds in microseconds, and as the text format wants them: in seconds. */
static const struct {
    int64_t us;
    const char *seconds;
} buckets[] = {{100, "0.0001"}, {250, "0.00025"}, {500, "0.0005"}, {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},
               {10000, "0.01"}, {25000, "0.025"}, {50000, "0.05"}, {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"},
               {1000000, "1"},  {2500000, "2.5"}, {5000000, "5"},  {10000000, "10"}, {30000000, "30"}};
enum { BUCKETS = sizeof buckets / sizeof *buckets };

enum kind { COUNTER, GAUGE, HISTOGRAM };

struct series {
    _Atomic(const char *) label; /* NULL: not claimed */
    _Atomic int64_t value;       /* of a histogram: the sum, microseconds */
};

struct histogram {
    _Atomic uint64_t counts[BUCKETS + 1]; /* not cumulated; the last is what no bucket holds */
};

/* Only histograms have such a row. */
#define STORAGE_COUNTER(constant)
#define STORAGE_GAUGE(constant)
#define STORAGE_HISTOGRAM(constant)          static struct histogram histograms_##constant[SLOTS];
#define X(constant, kind, name, label, help) STORAGE_##kind(constant)
METRIC_TABLE(X)
#undef X

#define HISTOGRAMS_COUNTER(constant)   NULL
#define HISTOGRAMS_GAUGE(constant)     NULL
#define HISTOGRAMS_HISTOGRAM(constant) histograms_##constant
static const struct row {
    enum kind kind;
    const char *name;
    const char *label;
    const char *help;
    struct histogram *histograms;
} rows[METRIC_COUNT] = {
#define X(constant, kind, name, label, help) [constant] = {kind, name, label, help, HISTOGRAMS_##kind(constant)},
    METRIC_TABLE(X)
#undef X
};

static const char *const kind_names[] = {[COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram"};

static struct series all_series[METRIC_COUNT][SLOTS];

static bool has_label(enum metric metric)
{
    return rows[metric].label[0] != '\0';
}

static bool same(const char *a, const char *b)
{
    return a == b || strcmp(a, b) == 0;
}

/* The slot of a label value, claiming one when there is none yet. */
static unsigned slot_of(enum metric metric, const char *value)
{
    if (!has_label(metric))
        return 0;
    for (unsigned slot = 0; slot < LABELS; slot++) {
        const char *label = atomic_load_explicit(&all_series[metric][slot].label, memory_order_acquire);
        if (!label && atomic_compare_exchange_strong_explicit(&all_series[metric][slot].label, &label, value,
                                                              memory_order_acq_rel, memory_order_acquire))
            return slot;
        /* Not empty, or someone was faster: `label` is what is there now. */
        if (same(label, value))
            return slot;
    }
    atomic_store_explicit(&all_series[metric][OTHER].label, "other", memory_order_release);
    return OTHER;
}

static struct series *series_of(enum metric metric, const char *value)
{
    return &all_series[metric][slot_of(metric, value)];
}

void metric_add(enum metric metric, const char *value, uint64_t by)
{
    assert(rows[metric].kind == COUNTER);
    atomic_fetch_add_explicit(&series_of(metric, value)->value, (int64_t)by, memory_order_relaxed);
}

void metric_set(enum metric metric, const char *value, int64_t to)
{
    assert(rows[metric].kind == GAUGE);
    atomic_store_explicit(&series_of(metric, value)->value, to, memory_order_relaxed);
}

void metric_move(enum metric metric, int64_t by)
{
    assert(rows[metric].kind == GAUGE && !has_label(metric));
    atomic_fetch_add_explicit(&all_series[metric][0].value, by, memory_order_relaxed);
}

static unsigned bucket_of(int64_t microseconds)
{
    unsigned bucket = 0;
    while (bucket < BUCKETS && microseconds > buckets[bucket].us)
        bucket++;
    return bucket;
}

void metric_observe(enum metric metric, const char *value, int64_t microseconds)
{
    assert(rows[metric].kind == HISTOGRAM);
    if (microseconds < 0)
        microseconds = 0;
    unsigned slot = slot_of(metric, value);
    struct histogram *histogram = &rows[metric].histograms[slot];
    atomic_fetch_add_explicit(&histogram->counts[bucket_of(microseconds)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&all_series[metric][slot].value, microseconds, memory_order_relaxed);
}

/* A slot's label as it is shown; NULL when the slot is not in use. */
static const char *label_of(enum metric metric, unsigned slot)
{
    if (!has_label(metric))
        return slot == 0 ? "" : NULL;
    return atomic_load_explicit(&all_series[metric][slot].label, memory_order_acquire);
}

static uint64_t histogram_count(const struct histogram *histogram)
{
    uint64_t count = 0;
    for (unsigned i = 0; i <= BUCKETS; i++)
        count += atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);
    return count;
}

int64_t metric_get(enum metric metric, const char *value)
{
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        const char *label = label_of(metric, slot);
        if (!label || (has_label(metric) && !same(label, value)))
            continue;
        if (rows[metric].kind == HISTOGRAM)
            return (int64_t)histogram_count(&rows[metric].histograms[slot]);
        return atomic_load_explicit(&all_series[metric][slot].value, memory_order_relaxed);
    }
    return 0;
}

/* name, suffix and {label="value",le="bound"}, as far as there are any. */
static void render_name(struct buf *out, enum metric metric, const char *suffix, const char *label, const char *bound)
{
    const struct row *row = rows + metric;
    buf_printf(out, "registrar_%s%s", row->name, suffix);
    if (!has_label(metric) && !bound)
        return;
    buf_putc(out, '{');
    if (has_label(metric))
        buf_printf(out, "%s=\"%s\"%s", row->label, label, bound ? "," : "");
    if (bound)
        buf_printf(out, "le=\"%s\"", bound);
    buf_putc(out, '}');
}

static void render_histogram(struct buf *out, enum metric metric, unsigned slot, const char *label)
{
    const struct histogram *histogram = &rows[metric].histograms[slot];
    int64_t sum_us = atomic_load_explicit(&all_series[metric][slot].value, memory_order_relaxed);
    uint64_t count = 0;
    for (unsigned i = 0; i <= BUCKETS; i++) {
        count += atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);
        render_name(out, metric, "_bucket", label, i < BUCKETS ? buckets[i].seconds : "+Inf");
        buf_printf(out, " %" PRIu64 "\n", count);
    }
    render_name(out, metric, "_sum", label, NULL);
    buf_printf(out, " %" PRId64 ".%06" PRId64 "\n", sum_us / 1000000, sum_us % 1000000);
    render_name(out, metric, "_count", label, NULL);
    buf_printf(out, " %" PRIu64 "\n", count);
}

static void render_slot(struct buf *out, enum metric metric, unsigned slot)
{
    const char *label = label_of(metric, slot);
    if (!label)
        return;
    if (rows[metric].kind == HISTOGRAM) {
        render_histogram(out, metric, slot, label);
        return;
    }
    render_name(out, metric, "", label, NULL);
    int64_t value = atomic_load_explicit(&all_series[metric][slot].value, memory_order_relaxed);
    buf_printf(out, " %" PRId64 "\n", value);
}

void metrics_render(struct buf *out)
{
    for (enum metric metric = 0; metric < METRIC_COUNT; metric++) {
        const struct row *row = rows + metric;
        buf_printf(out, "# HELP registrar_%s %s\n", row->name, row->help);
        buf_printf(out, "# TYPE registrar_%s %s\n", row->name, kind_names[row->kind]);
        for (unsigned slot = 0; slot < SLOTS; slot++)
            render_slot(out, metric, slot);
    }
}
