/* SPDX-License-Identifier: ISC */
/*
 * loss BYTES [4|6]: two stacks of one simulated world, on the networks "a" and "b",
 * send each other BYTES at once over one connection and check what arrives. What
 * the medium does to the frames is in the URIs of the networks. Ends with status
 * 0, or says what went wrong: bytes that are not those sent, an error, or nothing
 * more happening.
 */
#include "pattern.h"

#include <mirage.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define PORT 9
/* Of virtual time: twenty losses in a row of one segment fit in. */
#define PATIENCE_NS (3600 * SECOND)
#define CONNECTS 10
#define PIECE 30000u

static struct side {
	const char *network, *ipv4, *ipv6;
	/** Another part of the pattern for each. */
	uint64_t offset_bytes;
	struct mirage_stack *stack;
	struct mirage_listener *listener;
	struct mirage_flow *flow;
	struct mirage_flow_write write;
	struct mirage_vector vector;
	uint64_t sent_bytes, received_bytes;
	bool read_all, wrote_all, closed;
} sides[2] = {
	{.network = "a", .ipv4 = "10.0.0.1", .ipv6 = "fd00::1"},
	{.network = "b",
	 .ipv4 = "10.0.0.2",
	 .ipv6 = "fd00::2",
	 .offset_bytes = 100003},
};

static uint64_t wanted_bytes;
static bool ipv6;
static struct mirage_tcp_connect call;
static unsigned connects;
static struct mirage_timer patience;

static struct side *other(struct side *side)
{
	return &sides[side == &sides[0]];
}

static void fail(const struct side *side, const char *what, int error)
{
	mirage_log(MIRAGE_LOG_ERROR,
		   "loss: %s: %s%s%s, after %" PRIu64 " bytes sent and %" PRIu64
		   " received",
		   side->network, what, error < 0 ? ": " : "",
		   error < 0 ? mirage_strerror(error) : "", side->sent_bytes,
		   side->received_bytes);
	mirage_exit(1);
}

static void on_patience(void *arg)
{
	fail(&sides[0], "hangs", 0);
	fail(&sides[1], "hangs", 0);
}

/* ---------------------------------------------------------- The transfer -- */

static void end_when_over(struct side *side)
{
	if (!side->read_all || !side->wrote_all)
		return;
	mirage_flow_close(side->flow);
	side->closed = true;
	if (!other(side)->closed)
		return;
	for (int i = 0; i < 2; i++)
		mirage_stack_close(sides[i].stack);
}

static void on_read(void *arg, int result, const void *bytes)
{
	struct side *side = arg;
	uint64_t at = other(side)->offset_bytes + side->received_bytes;

	if (result < 0) {
		fail(side, "read", result);
		return;
	}
	if (!pattern_is(at, bytes, (size_t)result)) {
		fail(side, "wrong bytes", 0);
		return;
	}
	side->received_bytes += (unsigned)result;
	if (side->received_bytes > wanted_bytes ||
	    (result == 0 && side->received_bytes < wanted_bytes)) {
		fail(side, "the stream has not the right length", 0);
		return;
	}
	if (result > 0) {
		mirage_flow_read(side->flow, on_read, side);
		return;
	}
	side->read_all = true;
	end_when_over(side);
}

static void on_written(void *arg, int result);

static void write_more(struct side *side)
{
	uint64_t left = wanted_bytes - side->sent_bytes;

	side->vector.base = (void *)(uintptr_t)pattern_at(side->offset_bytes +
							  side->sent_bytes);
	side->vector.length_bytes = left < PIECE ? (size_t)left : PIECE;
	side->write.vectors = &side->vector;
	side->write.n_vectors = 1;
	side->write.done = on_written;
	side->write.arg = side;
	mirage_flow_write(side->flow, &side->write);
}

static void on_written(void *arg, int result)
{
	struct side *side = arg;

	if (result < 0) {
		fail(side, "write", result);
		return;
	}
	side->sent_bytes += side->write.length_bytes;
	if (side->sent_bytes < wanted_bytes) {
		write_more(side);
		return;
	}
	mirage_flow_shutdown(side->flow);
	side->wrote_all = true;
	end_when_over(side);
}

static void begin(struct side *side, struct mirage_flow *flow)
{
	side->flow = flow;
	mirage_flow_read(flow, on_read, side);
	write_more(side);
}

/* ------------------------------------------------------ Before and after -- */

static void on_accept(void *arg, int result, struct mirage_flow *flow)
{
	if (result == 0)
		begin(&sides[1], flow);
	else if (result != MIRAGE_EGONE)
		fail(&sides[1], "accept", result);
}

static void on_connect(void *arg, int result, struct mirage_flow *flow)
{
	if (result == 0)
		begin(&sides[0], flow);
	else if (result == MIRAGE_ETIMEDOUT && ++connects < CONNECTS)
		mirage_tcp_connect(sides[0].stack, &call);
	else
		fail(&sides[0], "connect", result);
}

static void connect_them(void)
{
	const struct mirage_endpoint at = {.port = PORT};
	int error =
		mirage_tcp_listen(sides[1].stack, &at, 4, &sides[1].listener);

	if (error < 0) {
		fail(&sides[1], "listen", error);
		return;
	}
	mirage_tcp_accept(sides[1].listener, on_accept, NULL);
	mirage_ip_parse(&call.to.ip, ipv6 ? sides[1].ipv6 : sides[1].ipv4);
	call.to.port = PORT;
	call.done = on_connect;
	mirage_tcp_connect(sides[0].stack, &call);
}

static void on_event(void *arg, uint32_t event)
{
	static unsigned closed;

	/* Should anything be left of them, the program does not end. */
	if (event == MIRAGE_EVENT_CLOSED && ++closed == 2)
		mirage_timer_cancel(&patience);
}

static void on_open(void *arg, int result, struct mirage_stack *stack)
{
	struct side *side = arg;

	if (result < 0) {
		fail(side, "open", result);
		return;
	}
	side->stack = stack;
	mirage_stack_on_event(stack, on_event, NULL);
	if (other(side)->stack != NULL)
		connect_them();
}

static void open_side(struct side *side)
{
	struct mirage_stack_config config = {
		.size = sizeof config,
		.n_interfaces = 1,
		.interfaces = {{.name = side->network, .no_slaac = true}},
	};
	struct mirage_interface_config *interface = &config.interfaces[0];

	mirage_ip_parse(&interface->ipv4, side->ipv4);
	mirage_ip_parse(&interface->ipv6, side->ipv6);
	interface->ipv4_prefix_bits = 24;
	interface->ipv6_prefix_bits = 64;
	mirage_stack_open(&config, on_open, side);
}

static int start(int argc, char *argv[])
{
	pattern_init();
	wanted_bytes = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
	ipv6 = argc > 2 && strcmp(argv[2], "6") == 0;
	mirage_timer_start(&patience, mirage_clock_monotonic_ns() + PATIENCE_NS,
			   on_patience, NULL);
	for (int i = 0; i < 2; i++)
		open_side(&sides[i]);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
