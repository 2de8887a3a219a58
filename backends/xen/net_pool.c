/* SPDX-License-Identifier: ISC */
/* The memory of a network, which may outlive it: frames belong to who holds them. */
#include "net.h"

#include <stdlib.h>

/* Networks whose packets are still held by somebody, or for ever by a backend that
 * does not give them back. */
static struct xen_net *abandoned;

bool xen_net_make_pool(struct xen_net *net, struct xen_net_pool *pool,
		       uint32_t n, uint32_t stride_bytes,
		       uint32_t headroom_bytes)
{
	uint32_t n_pages = n * stride_bytes / XEN_PAGE_BYTES;
	void *memory = xen_pages_alloc(n_pages);
	struct mirage_packet *packets = calloc(n, sizeof *packets);

	if (memory == NULL || packets == NULL) {
		if (memory != NULL)
			xen_pages_free(memory, n_pages);
		free(packets);
		return false;
	}
	*pool = (struct xen_net_pool){
		.packets = packets,
		.memory = memory,
		.n_pages = n_pages,
		.owner = net,
	};
	mirage_pool_init(&pool->pool, packets, memory, n, stride_bytes,
			 headroom_bytes, &net->net);
	return true;
}

bool xen_net_make_pools(struct xen_net *net, unsigned n_queues)
{
	struct xen_net_pool *tx = &net->tx_pool;

	if (!xen_net_make_pool(net, tx, XEN_NET_TX_PACKETS * n_queues,
			       XEN_NET_TX_STRIDE, XEN_NET_HEADROOM))
		return false;
	if (xen_net_rx_make_pool(net, n_queues))
		return true;
	xen_pages_free(tx->memory, tx->n_pages);
	free(tx->packets);
	tx->memory = NULL;
	return false;
}

static void free_if_empty(struct xen_net *net)
{
	struct xen_net **at = &abandoned;

	if (net->tx_pool.memory != NULL || net->tx_big_pool.memory != NULL ||
	    net->rx_pool.memory != NULL)
		return;
	while (*at != net)
		at = &(*at)->next_abandoned;
	*at = net->next_abandoned;
	free(net);
}

static void free_pool(struct mirage_pool *base)
{
	struct xen_net_pool *pool = (struct xen_net_pool *)base;

	xen_pages_free(pool->memory, pool->n_pages);
	free(pool->packets);
	pool->memory = NULL;
	free_if_empty(pool->owner);
}

/** Frees everything once nobody holds a packet any more. */
void xen_net_dispose(struct mirage_net *base)
{
	struct xen_net *net = (struct xen_net *)base;
	struct xen_net_pool *pools[] = {&net->tx_pool, &net->tx_big_pool,
					&net->rx_pool};
	bool have[] = {net->tx_pool.memory != NULL,
		       net->tx_big_pool.memory != NULL,
		       net->rx_pool.memory != NULL};

	net->next_abandoned = abandoned;
	abandoned = net;
	if (!have[0] && !have[1] && !have[2])
		free_if_empty(net);
	/* The last pool takes the network with it. */
	for (int i = 0; i < 3; i++)
		if (have[i])
			mirage_pool_abandon(&pools[i]->pool, free_pool);
}
