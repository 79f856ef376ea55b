/* Metrics: a static registry of counters, gauges and histograms, each a row of METRIC_TABLE; values are relaxed
 * atomics. Labels come from tables only, never from input. metrics_render writes the Prometheus text format (0.0.4). */
#ifndef REGISTRAR_BASE_METRICS_H
#define REGISTRAR_BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/* X(constant, kind, "name", "label name or empty", "help"): names get the prefix registrar_. kinds: COUNTER, GAUGE,
 * HISTOGRAM (seconds). */
#define METRIC_TABLE(X)                                                                                                \
    X(M_REQUESTS, COUNTER, "requests_total", "operation", "Requests that were answered, by operation")                 \
    X(M_RESULTS, COUNTER, "results_total", "result", "Results of operations, by error name")                           \
    X(M_REQUEST_SECONDS, HISTOGRAM, "request_seconds", "operation",                                                    \
      "Time from the last byte of a request to its answer")                                                            \
    X(M_HTTP_CONNECTIONS, GAUGE, "http_connections", "", "Open HTTP and HTTPS connections")                            \
    X(M_HTTP_CUT, COUNTER, "http_connections_cut_total", "reason", "Connections that were cut, by reason")             \
    X(M_TCP_CONNECTIONS, GAUGE, "tcp_connections", "", "Open connections of the TCP port")                             \
    X(M_LANE_WAITING, GAUGE, "lane_waiting", "lane", "Jobs that wait in a lane")                                       \
    X(M_LANE_REFUSED, COUNTER, "lane_refused_total", "lane", "Jobs that a full lane refused")                          \
    X(M_LANE_EXPIRED, COUNTER, "lane_expired_total", "lane", "Jobs whose deadline passed while they waited")           \
    X(M_POSTGRES_UP, GAUGE, "postgres_up", "", "1 when the last statement reached Postgres")                           \
    X(M_POSTGRES_ERRORS, COUNTER, "postgres_errors_total", "", "Statements that failed")                               \
    X(M_REDIS_UP, GAUGE, "redis_up", "", "1 when the last command reached Redis")                                      \
    X(M_REDIS_ERRORS, COUNTER, "redis_errors_total", "", "Commands that failed")                                       \
    X(M_XMPP_UP, GAUGE, "xmpp_up", "", "1 when the component's link is up")                                            \
    X(M_XMPP_READY, GAUGE, "xmpp_ready", "", "1 when the link is up and the server driver is proved")                  \
    X(M_XMPP_RECONNECTS, COUNTER, "xmpp_reconnects_total", "", "Times the link was made")                              \
    X(M_XMPP_FAILURES, COUNTER, "xmpp_link_failures_total", "",                                                        \
      "Attempts to make the link that failed, and links that ended")                                                   \
    X(M_XMPP_REQUESTS, COUNTER, "xmpp_requests_total", "result", "Requests to the XMPP server, by result")             \
    X(M_XMPP_IN_FLIGHT, GAUGE, "xmpp_in_flight", "", "Requests that wait for the XMPP server")                         \
    X(M_XMPP_ROSTER_READS, COUNTER, "xmpp_roster_reads_total", "how",                                                  \
      "Rosters read back after writing: made, or shared with another binding that was read back")                      \
    X(M_XMPP_REFUSED, COUNTER, "xmpp_input_refused_total", "",                                                         \
      "Stanzas skipped, and streams ended, for what was in them")                                                      \
    X(M_XMPP_IGNORED, COUNTER, "xmpp_answers_ignored_total", "why",                                                    \
      "Answers that were not taken: forged (not from whom was asked) or unasked (late, double, of another id)")        \
    X(M_COMMANDS, GAUGE, "commands", "", "Commands of XMPP clients that are being worked on")                          \
    X(M_TOKEN_CHECKS, COUNTER, "token_checks_total", "from", "Token checks, by what answered them")                    \
    X(M_SMS_SENT, COUNTER, "sms_sent_total", "provider", "Codes that a provider took")                                 \
    X(M_SMS_FAILED, COUNTER, "sms_failed_total", "provider", "Codes that a provider did not take")                     \
    X(M_CODES_REFUSED, COUNTER, "codes_refused_total", "by",                                                           \
      "Codes that were asked for and not sent, by what refused")                                                       \
    X(M_CODES_BUDGET_USED, COUNTER, "codes_budget_used_total", "share",                                                \
      "Times that half or all of a country's budget of codes that nobody entered was used in a day")                   \
    X(M_OUTBOX_DUE, GAUGE, "outbox_due", "kind", "Wishes that are not yet true on the XMPP server")                    \
    X(M_OUTBOX_OLDEST, GAUGE, "outbox_oldest_seconds", "", "Age of the oldest such wish")                              \
    X(M_OUTBOX_STUCK, GAUGE, "outbox_stuck", "", "Wishes that failed so often that an operator should look")           \
    X(M_OUTBOX_DONE, COUNTER, "outbox_done_total", "kind", "Wishes made true")                                         \
    X(M_OUTBOX_FAILED, COUNTER, "outbox_failed_total", "kind", "Attempts that failed")                                 \
    X(M_RECONCILE_COMPARED, COUNTER, "reconcile_compared_total", "outcome", "Comparisons of accounts, by outcome")     \
    X(M_RECONCILE_DRIFT, COUNTER, "reconcile_drift_total", "kind", "Differences that were found, by kind")             \
    X(M_RECONCILE_ACCOUNTS, GAUGE, "reconcile_accounts", "outcome",                                                    \
      "Accounts by the outcome of their last comparison")                                                              \
    X(M_RECONCILE_ROUND, GAUGE, "reconcile_round_seconds", "", "Age of the round in which all accounts are compared")  \
    X(M_RECONCILE_LEFT, GAUGE, "reconcile_round_left", "", "Accounts that have not had their turn in it")              \
    X(M_RECONCILE_DRIFTED, GAUGE, "reconcile_drifted", "", "Accounts that drifted at once, as the brake counts them")  \
    X(M_RECONCILE_MOST, GAUGE, "reconcile_brake_at", "", "How many may before it goes on")                             \
    X(M_RECONCILE_BRAKE, GAUGE, "reconcile_brake", "", "1 while nothing is mended because too many have drifted")

enum metric {
#define X(constant, kind, name, label, help) constant,
    METRIC_TABLE(X)
#undef X
        METRIC_COUNT
};

/* `value` is the label's value: a static string that is an identifier, one of at most 64 per metric (what comes later
 * is counted as "other"). It is ignored, and "" by custom, for metrics without a label. */
void metric_add(enum metric metric, const char *value, uint64_t by);
void metric_set(enum metric metric, const char *value, int64_t to);
/* Gauges without a label. */
void metric_move(enum metric metric, int64_t by);
void metric_observe(enum metric metric, const char *value, int64_t microseconds);
/* The value, or how many were observed; 0 when there is none with this label. For tests. */
int64_t metric_get(enum metric metric, const char *value);
/* Appends the whole text; see buf->overflowed. */
void metrics_render(struct buf *out);

#endif
