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
