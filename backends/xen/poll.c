/* SPDX-License-Identifier: ISC */
/*
 * Rings that are looked at as long as the loop is awake. To be told of every few
 * frames would cost both sides a hypercall, so a ring that has had an event asks
 * for the next one only when the loop is about to sleep.
 */
#include "hypervisor.h"

static struct xen_poll *polls;
static struct xen_poll *next_poll; /* of the walk under way, if there is one */

void xen_poll_start(struct xen_poll *poll)
{
	if (poll->started)
		return;
	poll->started = true;
	poll->next = polls;
	polls = poll;
}

void xen_poll_stop(struct xen_poll *poll)
{
	struct xen_poll **at = &polls;

	if (!poll->started)
		return;
	poll->started = false;
	while (*at != poll)
		at = &(*at)->next;
	*at = poll->next;
	if (next_poll == poll)
		next_poll = poll->next;
}

bool xen_polls_look(void)
{
	bool any = false;

	/* To look may close any of them. */
	for (struct xen_poll *poll = polls; poll != NULL; poll = next_poll) {
		next_poll = poll->next;
		any |= poll->look(poll);
	}
	return any;
}

bool xen_polls_arm(void)
{
	bool any = false;

	for (struct xen_poll *poll = polls; poll != NULL; poll = next_poll) {
		next_poll = poll->next;
		if (poll->arm(poll))
			any = true;
		else
			xen_poll_stop(poll);
	}
	return any;
}
