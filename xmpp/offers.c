#include "xmpp/offers.h"

#include <pthread.h>
#include <stdlib.h>

#include "component/base/arena.h"
#include "xmpp/command.h"
#include "xmpp/inbound.h"

struct offers {
    const struct xmpp_config *config;
    pthread_mutex_t lock; /* of what follows, and held while it is called */
    struct xmpp_offer offer;
};

struct offers *offers_new(const struct xmpp_config *config)
{
    struct offers *offers = xcalloc(1, sizeof *offers);
    offers->config = config;
    pthread_mutex_init(&offers->lock, NULL);
    return offers;
}

void offers_free(struct offers **offers)
{
    if (*offers == NULL)
        return;
    pthread_mutex_destroy(&(*offers)->lock);
    free(*offers);
    *offers = NULL;
}

void offers_set(struct offers *offers, const struct xmpp_offer *offer)
{
    pthread_mutex_lock(&offers->lock);
    offers->offer = offer != NULL ? *offer : (struct xmpp_offer){0};
    pthread_mutex_unlock(&offers->lock);
}

void offers_receive(struct offers *offers, uint64_t generation, const struct element *stanza, struct buf *reply)
{
    pthread_mutex_lock(&offers->lock);
    const struct xmpp_offer *offer = &offers->offer;
    const struct inbound_config config = {.component = offers->config->component,
                                          .version = offers->config->version,
                                          .offers = offer->commands,
                                          .offer_count = offer->count,
                                          .register_text = offer->register_text,
                                          .register_url = offer->register_url};
    if (!inbound_answer(&config, stanza, reply))
        offer->asked(offer->arg, generation, stanza);
    pthread_mutex_unlock(&offers->lock);
}
