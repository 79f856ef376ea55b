/* Dialect v1: decoders, renderers, the table of HTTP statuses, and last the table of calls. Nothing secret is taken
 * from a URL: tokens come in a header, codes in a body. */
#include "http/dialects/v1.h"

#include <string.h>
#include <strings.h>

#include "component/base/arena.h"
#include "component/base/text.h"
#include "component/service/asks.h"
#include "component/service/bind.h"
#include "component/service/claims.h"
#include "component/service/names.h"
#include "component/service/own_account.h"
#include "component/service/rename.h"

enum { CODE_MAX = 64, MS_PER_S = 1000 };

static const char *const consents[] = {[CONSENT_ACCEPT] = "accept", [CONSENT_ASK] = "ask", [CONSENT_REFUSE] = "refuse"};

static const struct v1_settings *settings_of(const struct dialect *dialect)
{
    return dialect->config;
}

/* --- decoding */

static enum err decode_credential(const struct request *request, struct credential *credential_r)
{
    *credential_r = (struct credential){.token = request->bearer};
    return request->params_error != OK ? ERR_INVALID : OK;
}

static enum err decode_nothing_else(const struct request *request, struct call *call, void *io,
                                    struct credential *credential)
{
    call->io = io;
    return decode_credential(request, credential);
}

static const char *text_of(const struct request *request, const char *name)
{
    const struct param *param = params_find(&request->params, name);
    return param != NULL && param->kind == PARAM_TEXT ? params_text(&request->params, name) : NULL;
}

/* Where whatever stands in between may log it. */
static bool is_in_query(const struct request *request, const char *name)
{
    const struct param *param = params_find(&request->params, name);
    return param != NULL && param < request->params.list + request->query_params;
}

/* By name, or by what the client would like to see. */
static enum err decode_picture(const struct request *request, enum qr_format *format_r)
{
    static const struct {
        const char *name, *type;
        enum qr_format format;
    } formats[] = {
        {"json", "application/json", QR_NONE}, {"svg", "image/svg+xml", QR_SVG}, {"png", "image/png", QR_PNG}};
    const char *name = text_of(request, "format");
    const bool named = params_find(&request->params, "format") != NULL;
    *format_r = QR_NONE;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        const bool wanted = named ? name != NULL && strcmp(name, formats[i].name) == 0
                                  : request->accept != NULL && strcasestr(request->accept, formats[i].type) != NULL;
        if (!wanted)
            continue;
        *format_r = formats[i].format;
        return OK;
    }
    return named ? ERR_INVALID : OK;
}

static enum err decode_make_claim(const struct dialect *dialect, const struct request *request, struct call *call)
{
    (void)dialect;
    struct claim_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    const enum err err = decode_credential(request, &io->credential);
    return err == OK ? decode_picture(request, &io->picture) : err;
}

static enum err decode_redeem(const struct dialect *dialect, const struct request *request, struct call *call)
{
    (void)dialect;
    struct redeem_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    const enum err err = decode_credential(request, &io->credential);
    io->code = is_in_query(request, "code") ? NULL : text_of(request, "code");
    if (err == OK && (io->code == NULL || strlen(io->code) > CODE_MAX))
        return ERR_INVALID;
    return err;
}

static enum err decode_own_account(const struct dialect *dialect, const struct request *request, struct call *call)
{
    (void)dialect;
    struct own_account_io *io = arena_alloc(call->arena, sizeof *io);
    return decode_nothing_else(request, call, io, &io->credential);
}

static enum err decode_set_consent(const struct dialect *dialect, const struct request *request, struct call *call)
{
    (void)dialect;
    struct set_consent_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    const enum err err = decode_credential(request, &io->credential);
    const char *name = text_of(request, "consent");
    for (size_t i = 0; err == OK && name != NULL && i < sizeof consents / sizeof consents[0]; i++) {
        if (strcmp(name, consents[i]) == 0) {
            io->consent = (enum consent)i;
            return OK;
        }
    }
    return ERR_INVALID;
}

static enum err decode_asks(const struct dialect *dialect, const struct request *request, struct call *call)
{
    (void)dialect;
    struct asks_io *io = arena_alloc(call->arena, sizeof *io);
    return decode_nothing_else(request, call, io, &io->credential);
}

static enum err decode_answer(const struct dialect *dialect, const struct request *request, struct call *call)
{
    (void)dialect;
    struct answer_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    const enum err err = decode_credential(request, &io->credential);
    const struct param *id = params_find(&request->params, "id"), *accept = params_find(&request->params, "accept");
    if (err != OK || id == NULL || id->kind != PARAM_NUMBER || accept == NULL || accept->kind != PARAM_BOOL)
        return ERR_INVALID;
    io->accept = strcmp(accept->value, "true") == 0;
    return parse_i64(id->value, 1, INT64_MAX, &io->ask_id);
}

static enum err decode_bindings(const struct dialect *dialect, const struct request *request, struct call *call)
{
    (void)dialect;
    struct bound_io *io = arena_alloc(call->arena, sizeof *io);
    return decode_nothing_else(request, call, io, &io->credential);
}

/* A bare JID. One of another domain is nobody's whom one could be bound to, as is an empty local part. */
static enum err decode_jid(const struct dialect *dialect, const struct request *request, struct call *call,
                           const char **local_r)
{
    const char *jid = text_of(request, "jid");
    const char *at = jid != NULL ? strchr(jid, '@') : NULL;
    if (at == NULL || at == jid)
        return ERR_INVALID;
    const bool ours = strcmp(at + 1, settings_of(dialect)->xmpp_domain) == 0;
    *local_r = arena_copy(call->arena, jid, ours ? (size_t)(at - jid) : 0);
    return OK;
}

static enum err decode_rename(const struct dialect *dialect, const struct request *request, struct call *call)
{
    struct rename_io *io = call->io = arena_alloc(call->arena, sizeof *io);
    const struct param *nickname = params_find(&request->params, "nickname");
    const enum err err = decode_credential(request, &io->credential);
    if (err != OK || nickname == NULL || nickname->kind != PARAM_TEXT)
        return ERR_INVALID;
    io->nickname = nickname->value;
    return decode_jid(dialect, request, call, &io->jid_local);
}

/* --- rendering */

static unsigned status_of(enum err err)
{
    static const unsigned statuses[ERR_COUNT] = {
        [OK] = 200,
        [ERR_INVALID] = 400,
        [ERR_UNAUTHORIZED] = 401,
        [ERR_TOKEN] = 401,
        [ERR_TOKEN_EXPIRED] = 401,
        [ERR_FORBIDDEN] = 403,
        [ERR_BANNED] = 403,
        [ERR_REFUSED] = 403,
        [ERR_NOT_FOUND] = 404,
        [ERR_CODE] = 404,
        [ERR_NO_SUCH_NAME] = 404,
        [ERR_NOT_BOUND] = 404,
        [ERR_BOUND] = 409,
        [ERR_FULL] = 409,
        [ERR_JID_NONE] = 409,
        [ERR_JID_PENDING] = 409,
        [ERR_TOO_LARGE] = 413,
        [ERR_LIMITED] = 429,
    };
    return statuses[err] != 0 ? statuses[err] : 500;
}

static void render_error(enum err err, struct reply *reply)
{
    reply->status = status_of(err);
    if (reply->status == 401)
        reply_header(reply, "WWW-Authenticate", "Bearer");
    reply_json(reply, json_pack("{s:s, s:s}", "error", err_name(err), "message", err_text(err)));
}

static void render_failure(const struct dialect *dialect, const struct route *route, enum err err, struct reply *reply)
{
    (void)dialect;
    (void)route;
    render_error(err, reply);
}

static json_t *peer_of(const struct dialect *dialect, const struct call *call, const struct account *account)
{
    const struct v1_settings *settings = settings_of(dialect);
    const char *jid = arena_printf(call->arena, "%s@%s", account->jid_local, settings->xmpp_domain);
    return json_pack("{s:s, s:s, s:i, s:s}", "jid", jid, "user_name", name_show(settings->country, account), "type",
                     (int)account->type, "name", name_in_rosters(settings->country, account));
}

static const char *state_of(bool seen)
{
    return seen ? "bound" : "pending";
}

static void render_claim(const struct dialect *dialect, const struct request *request, const struct call *call,
                         struct reply *reply)
{
    (void)dialect;
    (void)request;
    const struct claim_io *io = call->io;
    if (call->result != OK) {
        render_error(call->result, reply);
        return;
    }
    const json_int_t expires_in = io->lifetime_ms / MS_PER_S;
    if (io->image == NULL) {
        reply_json(reply, json_pack("{s:s, s:s, s:I}", "code", io->code, "uri", io->uri, "expires_in", expires_in));
        return;
    }
    reply_header(reply, "X-Claim-Code", io->code);
    reply_header(reply, "X-Claim-Expires-In", arena_printf(call->arena, "%lld", (long long)expires_in));
    reply_body(reply, io->picture == QR_PNG ? "image/png" : "image/svg+xml", io->image, io->image_length);
}

static void render_redeem(const struct dialect *dialect, const struct request *request, const struct call *call,
                          struct reply *reply)
{
    (void)request;
    const struct redeem_io *io = call->io;
    if (call->result != OK)
        render_error(call->result, reply);
    else
        reply_json(reply, json_pack("{s:s, s:o}", "state", state_of(io->wishes.seen), "peer",
                                    peer_of(dialect, call, &io->peer)));
}

static void render_consent(const struct dialect *dialect, const struct request *request, const struct call *call,
                           struct reply *reply)
{
    (void)dialect;
    (void)request;
    if (call->result != OK) {
        render_error(call->result, reply);
        return;
    }
    const enum consent consent = call->op == &op_set_consent
                                     ? ((const struct set_consent_io *)call->io)->consent
                                     : ((const struct own_account_io *)call->io)->account->consent;
    reply_json(reply, json_pack("{s:s}", "consent", consents[consent]));
}

static void render_asks(const struct dialect *dialect, const struct request *request, const struct call *call,
                        struct reply *reply)
{
    (void)request;
    const struct asks_io *io = call->io;
    if (call->result != OK) {
        render_error(call->result, reply);
        return;
    }
    json_t *asks = json_array();
    for (size_t i = 0; i < io->count; i++)
        json_array_append_new(asks, json_pack("{s:I, s:o, s:I}", "id", (json_int_t)io->asks[i].ask.id, "peer",
                                              peer_of(dialect, call, &io->asks[i].other), "expires_in",
                                              (json_int_t)(io->asks[i].ask.left_ms / MS_PER_S)));
    reply_json(reply, json_pack("{s:o}", "asks", asks));
}

static void render_answer(const struct dialect *dialect, const struct request *request, const struct call *call,
                          struct reply *reply)
{
    (void)request;
    const struct answer_io *io = call->io;
    if (call->result != OK)
        render_error(call->result, reply);
    else
        reply_json(reply, json_pack("{s:s, s:o}", "state", io->accept ? state_of(io->wishes.seen) : "refused", "peer",
                                    peer_of(dialect, call, &io->peer)));
}

static json_t *binding_of(const struct dialect *dialect, const struct call *call, const struct bound_peer *bound)
{
    static const char *const subscriptions[] = {"none", "to", "from", "both"};
    json_t *groups = json_array();
    for (size_t i = 0; i < bound->group_count; i++)
        json_array_append_new(groups, json_string(bound->groups[i]));
    return json_pack("{s:o, s:s, s:s, s:s, s:o}", "peer", peer_of(dialect, call, &bound->peer), "state",
                     state_of(bound->seen), "nickname", bound->nickname, "subscription",
                     subscriptions[bound->subscription], "groups", groups);
}

static void render_bindings(const struct dialect *dialect, const struct request *request, const struct call *call,
                            struct reply *reply)
{
    (void)request;
    const struct bound_io *io = call->io;
    if (call->result != OK) {
        render_error(call->result, reply);
        return;
    }
    json_t *bindings = json_array();
    for (size_t i = 0; i < io->count; i++)
        json_array_append_new(bindings, binding_of(dialect, call, &io->peers[i]));
    reply_json(reply, json_pack("{s:o}", "bindings", bindings));
}

static void render_rename(const struct dialect *dialect, const struct request *request, const struct call *call,
                          struct reply *reply)
{
    (void)request;
    const struct rename_io *io = call->io;
    if (call->result != OK)
        render_error(call->result, reply);
    else
        reply_json(reply, json_pack("{s:s, s:o}", "state", state_of(io->wishes.seen), "peer",
                                    peer_of(dialect, call, io->peer)));
}

/* --- the calls */

static const struct route routes[] = {
    {"/v1/claims", METHOD_POST, OVER_HTTP, &op_make_claim, decode_make_claim, render_claim},
    {"/v1/claims/redeem", METHOD_POST, OVER_HTTP, &op_redeem_claim, decode_redeem, render_redeem},
    {"/v1/consent", METHOD_GET, OVER_HTTP, &op_own_account, decode_own_account, render_consent},
    {"/v1/consent", METHOD_PUT, OVER_HTTP, &op_set_consent, decode_set_consent, render_consent},
    {"/v1/asks", METHOD_GET, OVER_HTTP, &op_list_asks, decode_asks, render_asks},
    {"/v1/asks/answer", METHOD_POST, OVER_HTTP, &op_answer_ask, decode_answer, render_answer},
    {"/v1/bindings", METHOD_GET, OVER_HTTP, &op_list_bound, decode_bindings, render_bindings},
    {"/v1/bindings/rename", METHOD_POST, OVER_HTTP, &op_rename, decode_rename, render_rename},
};

const struct dialect *v1_new(struct arena *arena, const struct v1_settings *settings)
{
    struct v1_settings *own = arena_alloc(arena, sizeof *own);
    struct dialect *dialect = arena_alloc(arena, sizeof *dialect);
    *own = *settings;
    *dialect = (struct dialect){.name = "v1",
                                .routes = routes,
                                .route_count = sizeof routes / sizeof routes[0],
                                .bodies = TAKES_JSON,
                                .config = own,
                                .render_failure = render_failure};
    return dialect;
}
