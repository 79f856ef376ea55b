#include "component/service/proof.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/log.h"
#include "component/cache/limits.h"
#include "component/cache/picture_draw.h"
#include "component/cache/pictures.h"
#include "component/service/services.h"

enum { NONCE_MS = 600000, MINUTE_MS = 60000 };

static enum err check_signature(struct worker *worker, const struct proof *proof)
{
    const enum err err = nonce_once(worker->redis, "sign", proof->nonce, NONCE_MS);
    return err == ERR_CONFLICT ? ERR_PICTURE : err;
}

enum err proof_check(struct call *call, struct worker *worker, const struct proof *proof, enum account_type type,
                     bool login)
{
    if (proof->picture_answer != NULL) {
        if (proof->picture_id == NULL)
            return ERR_PICTURE;
        return pictures_take(worker->redis, call->services->keyring, proof->picture_id, proof->picture_answer);
    }
    if (type != ACCOUNT_DEVICE)
        return ERR_PICTURE;
    if (login)
        return OK;
    return proof->signed_fresh && proof->nonce != NULL ? check_signature(worker, proof) : ERR_PICTURE;
}

static enum err admit(struct call *call, struct worker *worker)
{
    const struct service_settings *settings = &call->services->settings;
    struct picture_io *io = call->io;
    const struct limit limit = {.what = "picture.address",
                                .who = call->peer.text,
                                .most = settings->pictures_per_minute,
                                .period_ms = MINUTE_MS};
    const enum err err = services_limit(call, worker, &limit, 1);
    if (err == OK)
        random_text(PICTURE_ALPHABET, (size_t)settings->picture_length, io->answer);
    return err;
}

static enum err draw(struct call *call, struct worker *worker)
{
    (void)worker;
    struct picture_io *io = call->io;
    return picture_draw(call->arena, io->answer, &io->png, &io->length);
}

/* Development: the answer to a file, each line written whole. */
static void tell_file(const struct services *services, const struct picture_io *io)
{
    char line[128];
    if (services->picture_file < 0)
        return;
    const int length = snprintf(line, sizeof line, "{\"id\":\"%s\",\"answer\":\"%s\"}\n", io->id, io->answer);
    if (write(services->picture_file, line, (size_t)length) != length)
        log_warn("picture_file_failed");
}

static enum err keep(struct call *call, struct worker *worker)
{
    struct picture_io *io = call->io;
    char *id = arena_alloc(call->arena, PICTURE_ID_SIZE);
    const enum err err = pictures_put(worker->redis, call->services->keyring, io->answer,
                                      call->services->settings.picture_lifetime_ms, id);
    io->id = id;
    if (err == OK)
        tell_file(call->services, io);
    return err;
}

const struct op op_picture = {"picture", {{ON_DB, admit}, {ON_HASH, draw}, {ON_DB, keep}}};
