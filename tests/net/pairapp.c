/* SPDX-License-Identifier: ISC */
/*
 * pairapp: what the conformance suite does not ask of pair:LAN, as TAP. Its ends
 * are the networks a, b, c and small, all on the LAN "lan", small with an mtu of
 * 100 bytes.
 */
#include "pairapp.h"
#include "pair.h"

#include <stdio.h>
#include <string.h>

#define DEADLINE_NS 5000000000u
#define PAUSE_NS 1000000u

struct end a = {.name = "a"};
struct end b = {.name = "b"};
struct end c = {.name = "c"};
struct end small = {.name = "small"};

static void say(const char *text)
{
	mirage_console_write(text, strlen(text));
}

/* ---------------------------------------------------------------- Ends -- */

static void on_event(void *arg, uint32_t event)
{
	struct end *end = arg;

	end->events |= 1u << event;
	if (event == MIRAGE_EVENT_CLOSED)
		end->net = NULL;
}

static void keep_last(void *arg, struct mirage_packet *const packets[],
		      size_t n)
{
	struct end *end = arg;

	if (end->got != NULL)
		mirage_packet_release(end->got);
	for (size_t i = 0; i + 1 < n; i++)
		mirage_packet_release(packets[i]);
	end->got = packets[n - 1];
}

static void opened(void *arg, int result, struct mirage_net *net)
{
	struct end *end = arg;

	end->result = result;
	end->net = net;
	if (net == NULL)
		return;
	mirage_net_on_event(net, on_event, end);
	mirage_net_on_receive(net, keep_last, end);
}

void end_open(struct end *end, uint32_t accept)
{
	end->result = 1;
	mirage_net_open(end->name, accept, opened, end);
}

void end_close(struct end *end)
{
	if (end->got != NULL)
		mirage_packet_release(end->got);
	end->got = NULL;
	end->events = 0;
	mirage_net_close(end->net);
}

int end_send(struct end *end, const uint8_t *bytes, uint32_t length,
	     const struct mirage_packet *like)
{
	struct mirage_packet *packet;
	uint8_t *to;
	int taken = mirage_net_reserve(end->net, length, &packet, 1);

	if (taken != 1)
		return taken;
	to = mirage_packet_append(packet, length);
	for (uint32_t i = 0; i < length; i++)
		to[i] = bytes != NULL ? bytes[i] : (uint8_t)i;
	if (like != NULL) {
		packet->csum = like->csum;
		packet->csum_start_bytes = like->csum_start_bytes;
		packet->csum_offset_bytes = like->csum_offset_bytes;
		packet->gso = like->gso;
		packet->gso_size_bytes = like->gso_size_bytes;
	}
	taken = mirage_net_send(end->net, &packet, 1);
	if (taken != 1)
		mirage_packet_release(packet);
	return taken;
}

bool end_got(const struct end *end, uint32_t length)
{
	if (end->got == NULL || end->got->length_bytes != length)
		return false;
	for (uint32_t i = 0; i < length; i++)
		if (end->got->data[i] != (uint8_t)i)
			return false;
	return true;
}

/* --------------------------------------------------------------- Steps -- */

static void open_a(void)
{
	end_open(&a, 0);
}

static bool a_is_alone(void)
{
	return a.result == 0 && !a.net->info->link_up &&
	       (a.net->info->caps & MIRAGE_NET_CAP_LINK) != 0;
}

static void open_b(void)
{
	end_open(&b, 0);
}

static bool both_are_up(void)
{
	return b.result == 0 && a.net->info->link_up && b.net->info->link_up &&
	       (a.events & 1u << MIRAGE_EVENT_LINK) != 0 && b.events == 0;
}

static void open_c(void)
{
	end_open(&c, 0);
}

static bool c_is_refused(void)
{
	return c.result == MIRAGE_EBUSY && c.net == NULL;
}

static void send_1514(void)
{
	end_send(&a, NULL, 1514, NULL);
}

static bool b_got_1514(void)
{
	return end_got(&b, 1514) && a.net->counters->tx_frames == 1 &&
	       b.net->counters->rx_bytes == 1514;
}

static void close_b_on_three(void)
{
	unix_pair_set_paused("lan", true);
	for (unsigned i = 0; i < 3; i++)
		end_send(&a, NULL, 60, NULL);
	end_close(&b);
}

static bool three_are_lost(void)
{
	return b.net == NULL && a.net->counters->tx_dropped_error == 3 &&
	       !a.net->info->link_up;
}

static void open_small(void)
{
	unix_pair_set_paused("lan", false);
	end_open(&small, 0);
}

static bool small_is_up(void)
{
	return small.result == 0 && small.net->info->mtu_bytes == 100 &&
	       a.net->info->link_up;
}

static void send_too_long(void)
{
	end_send(&a, NULL, 115, NULL);
	end_send(&a, NULL, 114, NULL);
}

static bool one_is_too_long(void)
{
	return end_got(&small, 114) &&
	       small.net->counters->rx_dropped_size == 1 &&
	       small.net->counters->rx_frames == 1;
}

static void close_small(void)
{
	end_close(&small);
	end_close(&a);
}

static bool none_is_left(void)
{
	return a.net == NULL && small.net == NULL;
}

static const struct step own_steps[] = {
	{"the first end waits for the second", open_a, a_is_alone},
	{"with the second the link is up", open_b, both_are_up},
	{"there is no room for a third", open_c, c_is_refused},
	{"a frame arrives", send_1514, b_got_1514},
	{"frames lost with their receiver are counted", close_b_on_three,
	 three_are_lost},
	{"ends may differ in their mtu", open_small, small_is_up},
	{"what is too long for the receiver is counted", send_too_long,
	 one_is_too_long},
	{"both close", close_small, none_is_left},
};
static const uint32_t n_own_steps = sizeof(own_steps) / sizeof(own_steps[0]);

/* ---------------------------------------------------------------- Loop -- */

static struct mirage_timer timer;
static uint32_t at;
static uint64_t deadline_ns;
static bool acted;

static void report(const struct step *step, bool ok)
{
	char line[128];

	snprintf(line, sizeof(line), "%sok %u - %s\n", ok ? "" : "not ",
		 (unsigned)at + 1, step->name);
	say(line);
}

static void turn(void *arg)
{
	uint32_t n = n_own_steps + n_mark_steps;
	const struct step *step = at < n_own_steps
					  ? &own_steps[at]
					  : &mark_steps[at - n_own_steps];
	uint64_t now_ns = mirage_clock_monotonic_ns();

	if (!acted) {
		acted = true;
		deadline_ns = now_ns + DEADLINE_NS;
		step->act();
	} else if (step->holds()) {
		report(step, true);
		acted = false;
		at++;
	} else if (now_ns > deadline_ns) {
		report(step, false);
		mirage_exit(1);
		return;
	}
	if (at < n)
		mirage_timer_start(&timer, now_ns + PAUSE_NS, turn, NULL);
}

static int start(int argc, char *argv[])
{
	char plan[32];

	snprintf(plan, sizeof(plan), "1..%u\n",
		 (unsigned)(n_own_steps + n_mark_steps));
	say(plan);
	turn(NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
