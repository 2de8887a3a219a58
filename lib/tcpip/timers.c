/* SPDX-License-Identifier: ISC */
/*
 * lwIP's clocks, all on one timer, which is armed for what is needed only. TCP's stands
 * still while every connection is idle. Those that only age tables tick once a second
 * while there is traffic, and later make up for what they have missed.
 */
#include "tcpip.h"

#include "lwip/dhcp.h"
#include "lwip/etharp.h"
#include "lwip/ip4_frag.h"
#include "lwip/ip6_frag.h"
#include "lwip/memp.h"
#include "lwip/mld6.h"
#include "lwip/nd6.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/prot/dhcp.h"
#include "lwip/sys.h"

#include "hooks.h"

#define MS UINT64_C(1000000)

enum {
	QUIET_AFTER_MS = 10000,
	QUIET_PERIOD_MS = 60000,
	TW_PERIOD_MS = 1000,
	DOUBT_MS = 500,
	TIME_WAIT_MAX = 512
};

static struct mirage_timer timer;
static uint64_t last_traffic_ns;
static bool tcp_quiet = true;

/* ------------------------------------------------------ What is needed -- */

/* Each says how soon it wants its next tick, in milliseconds; 0 for never. */

static bool tcp_busy(const struct tcp_pcb *pcb)
{
	return (pcb->state != ESTABLISHED && pcb->state != CLOSE_WAIT) ||
	       pcb->unsent != NULL || pcb->unacked != NULL ||
	       pcb->ooseq != NULL || pcb->refused_data != NULL ||
	       pcb->persist_backoff != 0 ||
	       (pcb->flags & (TF_ACK_DELAY | TF_ACK_NOW | TF_CLOSEPEND |
			      TF_NAGLEMEMERR)) != 0 ||
	       ip_get_option(pcb, SOF_KEEPALIVE);
}

/** Asks anew who has the address of a peer, or of the router to it, that has been silent
 *  for two rounds. An entry of ARP is never doubted otherwise, as one of IPv6 is. */
static void doubt_neighbour(const struct tcp_pcb *pcb)
{
	static uint64_t doubted_ns;
	uint64_t now_ns = mirage_clock_monotonic_ns();
	struct netif *netif;

	if (pcb->nrtx < 2 || pcb->rtime != 0 || IP_IS_V6_VAL(pcb->remote_ip) ||
	    now_ns < doubted_ns + DOUBT_MS * MS)
		return;
	doubted_ns = now_ns;
	netif = pcb->netif_idx != NETIF_NO_INDEX
			? netif_get_by_index(pcb->netif_idx)
			: ip_route(&pcb->local_ip, &pcb->remote_ip);
	if (netif == NULL)
		return;
	if (ip4_addr_netcmp(ip_2_ip4(&pcb->remote_ip), netif_ip4_addr(netif),
			    netif_ip4_netmask(netif)))
		etharp_request(netif, ip_2_ip4(&pcb->remote_ip));
	else if (!ip4_addr_isany(netif_ip4_gw(netif)))
		etharp_request(netif, netif_ip4_gw(netif));
}

/** Forgets the connections that have been over for longest: lwIP looks through all
 *  of them for every one that begins. */
static void bound_time_wait(void)
{
	struct tcp_pcb *pcb = tcp_tw_pcbs, *rest;

	for (int n = 1; pcb != NULL && n < TIME_WAIT_MAX; n++)
		pcb = pcb->next;
	if (pcb == NULL)
		return;
	rest = pcb->next;
	pcb->next = NULL;
	while (rest != NULL) {
		pcb = rest;
		rest = pcb->next;
		tcp_abort(pcb);
	}
}

static void tcp_tick(void)
{
	struct tcp_pcb *pcb;

	tcp_quiet = tcp_tw_pcbs == NULL && !tcpip_flows_starved();
	for (pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
		/* A probe of a closed window may be answered for all that there
		 * is: lwIP would go on probing with nothing. */
		if (pcb->unsent == NULL)
			pcb->persist_backoff = 0;
		tcp_quiet &= !tcp_busy(pcb);
		doubt_neighbour(pcb);
	}
	tcp_tmr();
	bound_time_wait();
}

static uint32_t tcp_period(void)
{
	if (tcp_active_pcbs == NULL)
		return tcp_tw_pcbs != NULL ? TW_PERIOD_MS : 0;
	return tcp_quiet ? 0 : TCP_TMR_INTERVAL;
}

static bool traffic(void)
{
	return mirage_clock_monotonic_ns() <
	       last_traffic_ns + QUIET_AFTER_MS * MS;
}

static uint32_t table_period(void)
{
	if (tcpip_stacks == NULL) /* the loop's interface stays */
		return 0;
	return traffic() ? ARP_TMR_INTERVAL : QUIET_PERIOD_MS;
}

static uint32_t nd6_period(void)
{
	struct netif *netif;

	NETIF_FOREACH(netif)
	{
		if (netif->rs_count != 0 && tcpip_stacks != NULL)
			return ND6_TMR_INTERVAL;
		for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
			if (ip6_addr_istentative(
				    netif_ip6_addr_state(netif, i)))
				return ND6_TMR_INTERVAL;
	}
	return table_period();
}

static uint32_t reass4_period(void)
{
	return tcpip_memp_used(MEMP_REASSDATA) != 0 ? IP_TMR_INTERVAL : 0;
}

static uint32_t reass6_period(void)
{
	return tcpip_memp_used(MEMP_IP6_REASSDATA) != 0 ? IP6_REASS_TMR_INTERVAL
							: 0;
}

static uint32_t mld6_period(void)
{
	struct netif *netif;

	NETIF_FOREACH(netif)
	{
		const struct mld_group *group = netif_mld6_data(netif);

		for (; group != NULL; group = group->next)
			if (group->timer != 0)
				return MLD6_TMR_INTERVAL;
	}
	return 0;
}

static uint32_t dhcp_fine_period(void)
{
	struct netif *netif;

	NETIF_FOREACH(netif)
	{
		const struct dhcp *dhcp = netif_dhcp_data(netif);

		if (dhcp != NULL && dhcp->request_timeout != 0)
			return DHCP_FINE_TIMER_MSECS;
	}
	return 0;
}

static uint32_t sooner(uint32_t a, uint32_t b)
{
	return b != 0 && b < a ? b : a;
}

/** The seconds until a lease is to be renewed, or is over. */
static uint32_t dhcp_coarse_period(void)
{
	uint32_t seconds = UINT32_MAX;
	struct netif *netif;

	NETIF_FOREACH(netif)
	{
		const struct dhcp *dhcp = netif_dhcp_data(netif);

		if (dhcp == NULL || dhcp->t0_timeout == 0)
			continue;
		seconds = sooner(seconds, dhcp->t1_renew_time);
		seconds = sooner(seconds, dhcp->t2_rebind_time);
		seconds = sooner(seconds, dhcp->t0_timeout > dhcp->lease_used
						  ? (uint32_t)dhcp->t0_timeout -
							    dhcp->lease_used
						  : 1u);
	}
	return seconds == UINT32_MAX ? 0 : seconds * DHCP_COARSE_TIMER_MSECS;
}

/** lwIP would release a lease that is over: whose address it was no longer is. */
static void dhcp_tick(void)
{
	struct netif *netif;

	NETIF_FOREACH(netif)
	{
		const struct dhcp *dhcp = netif_dhcp_data(netif);

		if (dhcp == NULL || dhcp->t0_timeout == 0 ||
		    dhcp->lease_used + 1 < dhcp->t0_timeout)
			continue;
		netif_set_addr(netif, IP4_ADDR_ANY4, IP4_ADDR_ANY4,
			       IP4_ADDR_ANY4);
		dhcp_start(netif);
	}
	dhcp_coarse_tmr();
}

/* `catch_up`: how many ticks that were missed are made up for. */
static struct cyclic {
	void (*tick)(void);
	uint32_t (*period_ms)(void);
	uint32_t interval_ms, catch_up;
	uint64_t last_ns;
	bool on;
} cyclics[] = {
	{tcp_tick, tcp_period, TCP_TMR_INTERVAL, 20, 0, false},
	{etharp_tmr, table_period, ARP_TMR_INTERVAL, 300, 0, false},
	{nd6_tmr, nd6_period, ND6_TMR_INTERVAL, 300, 0, false},
	{ip_reass_tmr, reass4_period, IP_TMR_INTERVAL, 60, 0, false},
	{ip6_reass_tmr, reass6_period, IP6_REASS_TMR_INTERVAL, 60, 0, false},
	{mld6_tmr, mld6_period, MLD6_TMR_INTERVAL, 10, 0, false},
	{dhcp_fine_tmr, dhcp_fine_period, DHCP_FINE_TIMER_MSECS, 10, 0, false},
	{dhcp_tick, dhcp_coarse_period, DHCP_COARSE_TIMER_MSECS, UINT16_MAX, 0,
	 false},
};
enum { N_CYCLICS = sizeof cyclics / sizeof *cyclics };

/* --------------------------------------------------------------- Ticking -- */

static void tick(struct cyclic *cyclic, uint64_t now_ns)
{
	uint64_t interval_ns = cyclic->interval_ms * MS;
	uint64_t missed = (now_ns - cyclic->last_ns) / interval_ns;

	cyclic->last_ns += missed * interval_ns;
	if (missed > cyclic->catch_up)
		missed = cyclic->catch_up;
	while (missed-- > 0)
		cyclic->tick();
}

static void on_time(void *arg)
{
	uint64_t now_ns = mirage_clock_monotonic_ns();
	struct tcpip_stack *stack;

	tcpip_enter();
	for (int i = 0; i < N_CYCLICS; i++)
		if (cyclics[i].on)
			tick(&cyclics[i], now_ns);
	for (stack = tcpip_stacks; stack != NULL; stack = stack->next)
		stack->changed = true;
	tcpip_leave();
}

void tcpip_timers_update(void)
{
	uint64_t now_ns = mirage_clock_monotonic_ns(), first_ns = UINT64_MAX;

	for (struct cyclic *c = cyclics; c < cyclics + N_CYCLICS; c++) {
		uint32_t period_ms = c->period_ms();

		if (period_ms != 0 && !c->on && c != cyclics)
			c->last_ns = now_ns;
		c->on = period_ms != 0;
		if (c->on && c->last_ns + period_ms * MS < first_ns)
			first_ns = c->last_ns + period_ms * MS;
	}
	if (first_ns == UINT64_MAX)
		mirage_timer_cancel(&timer);
	else if (!mirage_timer_armed(&timer) || timer.deadline_ns != first_ns)
		mirage_timer_start(&timer, first_ns, on_time, NULL);
}

/** While TCP's clock stood still nothing was measured by it. */
void tcpip_timers_catch_up(void)
{
	struct cyclic *tcp = &cyclics[0];
	uint64_t now_ns = mirage_clock_monotonic_ns();
	uint64_t missed;

	last_traffic_ns = now_ns;
	tcp_quiet = false;
	if (tcp->on)
		return;
	missed = (now_ns - tcp->last_ns) / (TCP_SLOW_INTERVAL * MS);
	tcp_ticks += (uint32_t)missed;
	tcp->last_ns = now_ns;
	tcp->on = true;
}

/* ------------------------------------------------------ What lwIP calls -- */

void tcp_timer_needed(void)
{
	/* Whoever called lwIP updates the timers when it has left it. */
}

uint32_t sys_now(void)
{
	return (uint32_t)(mirage_clock_monotonic_ns() / MS);
}
