#include "component/service/roster_items.h"

#include <string.h>

#include "component/base/arena.h"
#include "component/base/buf.h"
#include "component/base/crypto.h"
#include "component/base/text.h"
#include "component/service/names.h"
#include "component/service/services.h"
#include "sql/meta.h"

enum { TYPES = ACCOUNT_WECHAT + 1, ALL_MAX = 64 * 1024 };

struct roster_item roster_item_of(struct arena *arena, const struct service_settings *settings,
                                  const struct account *other, const struct shown_as *said)
{
    const struct roster_groups *groups = &settings->roster.groups[other->type];
    return (struct roster_item){
        .jid = arena_printf(arena, "%s@%s", other->jid_local, settings->xmpp_domain),
        .subscription = XMPP_BOTH,
        .name = said->nickname != NULL ? said->nickname : name_in_rosters(settings->country, other),
        .groups = said->has_groups ? said->groups : groups->names,
        .group_count = said->has_groups ? said->group_count : groups->count,
    };
}

/* Of what the settings say of groups; "" when they say nothing. */
static void digest_of(const struct roster_settings *settings, char hex_r[2 * SHA256_SIZE + 1])
{
    struct buf all;
    size_t count = 0;
    buf_init(&all, ALL_MAX);
    for (int type = 0; type < TYPES; type++)
        for (size_t i = 0; i < settings->groups[type].count; i++, count++)
            buf_printf(&all, "%d %s\n", type, settings->groups[type].names[i]);
    uint8_t digest[SHA256_SIZE];
    sha256(all.data, all.length, digest);
    buf_free(&all);
    hex_r[0] = '\0';
    if (count > 0)
        hex_encode(digest, sizeof digest, hex_r);
}

enum err roster_settings_adopt(struct pg *pg, struct arena *arena, const struct service_settings *settings,
                               bool *changed_r)
{
    static const char key[] = "roster_groups";
    char digest[2 * SHA256_SIZE + 1];
    const char *made_with = NULL;
    digest_of(&settings->roster, digest);
    const enum err err = meta_get(pg, arena, key, &made_with);
    if (err != OK)
        return err;
    *changed_r = strcmp(made_with != NULL ? made_with : "", digest) != 0;
    return *changed_r ? meta_set(pg, key, digest) : OK;
}
