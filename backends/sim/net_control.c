/* SPDX-License-Identifier: ISC */
/* What tests ask of the simulated networks; see mirage-sim.h. */
#include "net.h"

#include <string.h>

int mirage_sim_net_set_faults(const char *name,
			      const struct mirage_sim_net_faults *faults)
{
	struct sim_net *net = sim_net_by_name(name);

	if (net == NULL)
		return MIRAGE_ENODEV;
	net->faults = *faults;
	return 0;
}

int mirage_sim_net_get_faults(const char *name,
			      struct mirage_sim_net_faults *faults)
{
	const struct sim_net *net = sim_net_by_name(name);

	if (net == NULL)
		return MIRAGE_ENODEV;
	*faults = net->faults;
	return 0;
}

int mirage_sim_net_get_counters(const char *name,
				struct mirage_sim_net_counters *counters)
{
	const struct sim_net *net = sim_net_by_name(name);

	if (net == NULL)
		return MIRAGE_ENODEV;
	*counters = net->told;
	return 0;
}

int mirage_sim_net_set_link(const char *name, bool up)
{
	struct sim_net *net = sim_net_by_name(name);

	if (net == NULL)
		return MIRAGE_ENODEV;
	if (net->info.link_up == up)
		return 0;
	net->info.link_up = up;
	mirage_log(MIRAGE_LOG_DEBUG, "net %s: link %s", name,
		   up ? "up" : "down");
	mirage_core_net_event(&net->net, MIRAGE_EVENT_LINK);
	return 0;
}

int mirage_sim_net_pause(const char *name, bool paused)
{
	struct sim_net *net = sim_nets;

	/* A closing device too: what it took may wait for this. */
	while (net != NULL && strcmp(net->name, name) != 0)
		net = net->next;
	if (net == NULL)
		return MIRAGE_ENODEV;
	net->paused = paused;
	if (paused)
		sim_cancel(&net->departure);
	sim_net_go_on(net);
	return 0;
}

int mirage_sim_net_lose(const char *name, bool lost)
{
	struct sim_net *net = sim_net_by_name(name);

	if (net == NULL)
		return MIRAGE_ENODEV;
	if (net->lost == lost)
		return 0;
	net->lost = lost;
	mirage_log(MIRAGE_LOG_DEBUG, "net %s: %s", name,
		   lost ? "lost" : "back");
	mirage_core_net_event(&net->net,
			      lost ? MIRAGE_EVENT_LOST : MIRAGE_EVENT_BACK);
	if (lost)
		sim_cancel(&net->departure);
	sim_net_go_on(net);
	return 0;
}

int mirage_sim_net_inject(const char *name, const void *bytes,
			  size_t length_bytes)
{
	struct sim_net *net = sim_net_by_name(name);
	struct sim_frame *frame;

	if (net == NULL)
		return MIRAGE_ENODEV;
	if (length_bytes > SIM_GSO_MAX_BYTES)
		return MIRAGE_EMSGSIZE;
	frame = sim_frame_new((uint32_t)length_bytes);
	memcpy(frame->bytes, bytes, length_bytes);
	sim_lan_arrive(frame, net->id, sim_now());
	return 0;
}
