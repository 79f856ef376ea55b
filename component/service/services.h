/* What all services share: the lanes, the keys, the caches, and their settings. Made by main, read-only afterwards but
 * for what is atomic. */
#ifndef REGISTRAR_SERVICE_SERVICES_H
#define REGISTRAR_SERVICE_SERVICES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component/base/err.h"
#include "component/service/call.h"
#include "component/service/hasher.h"
#include "component/service/prizes.h"
#include "component/service/roster_items.h"

struct keyring;
struct limit;
struct sms;
struct taking;
struct token_memory;

/* What points are given for and what a shake costs and wins (points.h). */
struct points_settings {
    int64_t signing_up, invitation, shake_cost;
    struct prizes prizes;
    int64_t day_budget_fen;
    int64_t utc_offset_s; /* of the days */
};

struct service_settings {
    const char *owner;       /* what this process holds something by in the outbox (sql/instances.h) */
    const char *xmpp_domain; /* of the JIDs */
    unsigned country;        /* calling code of numbers given without one */
    struct hash_cost hash_cost;
    int64_t password_max; /* characters */
    /* guard.h */
    int64_t password_slow_after, password_slow_delay_ms, password_slow_delay_max_ms, password_stop_after;
    int64_t token_lifetime_ms, tokens_per_account, token_cache_lifetime_ms;
    int64_t picture_lifetime_ms, picture_length;
    int64_t binding_wait_ms, register_wait_ms, bindings_per_account;
    int64_t jid_check_interval_ms; /* 0: never */
    bool limits;
    int64_t session_lifetime_ms; /* of 000, 001, 002 */
    int64_t code_lifetime_ms, code_window_ms, code_verified_ms;
    int64_t steps_lifetime_ms;  /* of a registration in steps (004) */
    const char *code_countries; /* calling codes that codes are sent to, comma-separated; "*" for all */
    int64_t utc_offset_s;       /* of the days that limits are counted by */
    int64_t codes_per_phone_minute, codes_per_phone_hour, codes_per_phone_day;
    int64_t codes_per_address_minute, codes_per_address_hour, codes_per_address_day;
    int64_t codes_soft_per_address_minute; /* over it a picture must be solved; 0: never */
    int64_t codes_per_handle_minute, codes_per_handle_hour, codes_per_handle_day;
    int64_t codes_per_network_day;
    int64_t codes_per_country_minute, codes_per_country_hour, codes_per_country_day;
    int64_t codes_unverified_per_country_day, codes_unverified_per_network_day, codes_soft_per_network_day;
    int64_t codes_reserved_per_phone_day; /* for who opened the account before, for known_caller_ms */
    int64_t known_caller_ms;
    int64_t codes_tried_per_address_hour;
    int64_t pictures_per_minute, registrations_per_hour, logins_per_minute, logins_per_name_per_minute,
        lookups_per_minute, nicknames_per_hour;
    int64_t claim_lifetime_ms, claims_per_hour, claim_tries_per_hour, claim_tries_per_address_hour;
    const char *claim_uri; /* with {code} */
    int64_t ask_lifetime_ms, refusal_lifetime_ms, asks_per_day;
    int64_t commands_per_minute; /* of an account, through the XMPP server */
    struct points_settings points;
    struct roster_settings roster;
};

struct services {
    struct service_settings settings;
    struct runtime runtime;
    const struct keyring *keyring;
    struct token_memory *token_memory;
    struct sms *sms;
    const char *no_verifier;    /* one that no password matches, at the price of a real one */
    int picture_file;           /* development: answers are appended here; -1 in production */
    atomic_int_least64_t epoch; /* of the token cache, see token_cache.h */
    /* Revocations that Redis missed, and how many of them Postgres was told of by a new epoch: while they differ this
     * process does not ask Redis. */
    atomic_uint_least64_t epoch_missed, epoch_told;
    atomic_bool name_taken; /* another process runs under this one's name (server.instance) */
    bool (*xmpp_ready)(void *arg);
    void *xmpp_arg;
    void (*wishes_made)(void *arg); /* the outbox has work; must not block */
    /* Of pairs' wishes that are about to be made, `most` at most: NULL, or what they are to be taken by from the outbox
     * as they are made (sql/taking.h), because nothing else is to be done first. It goes back with pg_commit's outcome,
     * or why it did not come to that. Neither blocks. */
    struct taking *(*pairs_begin)(void *arg, size_t most);
    void (*pairs_end)(void *arg, struct taking *taking, enum err outcome);
    void *wishes_arg;
};

/* Kinds of things that a call may wait for (waiters.h). */
enum wait_kind { WAIT_JID = 1, WAIT_WISH = 2 };
#define WAIT_KEY(kind, id) ((uint64_t)(kind) << 56 | (uint64_t)(id))

/* Counts the call against the limits unless they are switched off. ERR_LIMITED sets call->retry_after_s. A Redis that
 * is gone: ERR_CACHE_DOWN. */
MUST_CHECK enum err services_limit(struct call *call, struct worker *worker, const struct limit *limits, size_t count);
/* A key for limits that names a person without saying who: hex of a MAC of the text, in the arena. */
const char *services_pseudonym(const struct services *services, struct arena *arena, const char *text);

#endif
