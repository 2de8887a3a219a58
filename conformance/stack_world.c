/* SPDX-License-Identifier: ISC */
/* Stacks, connections and streams for the cases of stacks. */
#include "stack_case.h"

struct stack_pair stack_pair;

static uint8_t pattern[STACK_PERIOD];

/* --------------------------------------------------------------- Stacks -- */

/* 10.0.0.1 and fd00::1 are near's, .2 and ::2 are far's. */
static struct mirage_ip address(const struct stack_way *way,
				enum conf_role role)
{
	uint8_t last = role == CONF_NET_B ? 2 : 1;
	struct mirage_ip ip = {.version = way->version};

	if (role > CONF_NET_B && way->version == 4)
		ip.bytes[0] = 127;
	else if (role <= CONF_NET_B)
		ip.bytes[0] = way->version == 4 ? 10 : 0xfd;
	ip.bytes[way->version == 4 ? 3 : 15] = last;
	return ip;
}

struct mirage_endpoint stack_at(const struct stack_way *way,
				enum conf_role role, uint16_t port)
{
	return (struct mirage_endpoint){address(way, role), port};
}

struct mirage_endpoint stack_any(const struct stack_way *way)
{
	return (struct mirage_endpoint){.ip.version = way->version};
}

bool stack_same(const struct mirage_endpoint *a,
		const struct mirage_endpoint *b)
{
	return a->port == b->port && mirage_ip_equal(&a->ip, &b->ip);
}

int stack_listen(const struct stack_way *way, uint16_t port, uint32_t backlog,
		 struct mirage_listener **listener)
{
	struct mirage_endpoint at = stack_at(way, way->far, port);

	return mirage_tcp_listen(conf_stack(way->far), &at, backlog, listener);
}

static void open_one(const struct stack_way *way, enum conf_role role)
{
	struct mirage_stack_config config = {
		.size = sizeof(config), .n_interfaces = 1, .n_dns = 1};
	struct mirage_interface_config *interface = &config.interfaces[0];

	interface->name = conf_name(role);
	interface->no_slaac = true;
	if (way->version == 4) {
		interface->ipv4 = address(way, role);
		interface->ipv4_prefix_bits = 24;
	} else {
		interface->ipv6 = address(way, role);
		interface->ipv6_prefix_bits = 64;
	}
	config.dns[0] = address(way, way->far);
	conf_open_stack(role, &config);
}

void stack_open(const struct stack_way *way)
{
	conf_fill(pattern, sizeof(pattern), 3);
	open_one(way, way->near);
	if (way->far != way->near)
		open_one(way, way->far);
}

static bool is_up(enum conf_role role)
{
	const struct mirage_stack_info *info;

	if (!conf_is_open(role))
		return false;
	if (conf_over())
		return true;
	info = conf_stack(role)->info;
	return info->n_interfaces == 0 || info->interfaces[0].link_up;
}

bool stack_is_open(const struct stack_way *way)
{
	return is_up(way->near) && is_up(way->far);
}

/* ---------------------------------------------------------- Connections -- */

void stack_opened(void *arg, int result, struct mirage_flow *flow)
{
	struct stack_end *end = arg;

	end->flow = flow;
	conf_count(&end->opened, result);
}

void stack_connect(struct mirage_tcp_connect *connect,
		   struct mirage_stack *stack, struct mirage_endpoint to,
		   struct stack_end *end)
{
	*connect = (struct mirage_tcp_connect){
		.to = to, .done = stack_opened, .arg = end};
	mirage_tcp_connect(stack, connect);
}

void stack_pair_open(const struct stack_way *way)
{
	stack_pair = (struct stack_pair){.listener = NULL};
	stack_open(way);
}

static void pair_begin(const struct stack_way *way)
{
	struct mirage_endpoint at = stack_at(way, way->far, 0);
	int result;

	result = stack_listen(way, 0, 4, &stack_pair.listener);
	if (!conf_equal_results(__FILE__, __LINE__, "listening", result, 0))
		return;
	mirage_tcp_accept(stack_pair.listener, stack_opened, &stack_pair.far);
	at.port = stack_pair.listener->local.port;
	stack_connect(&stack_pair.connect, conf_stack(way->near), at,
		      &stack_pair.near);
}

bool stack_pair_is_open(const struct stack_way *way)
{
	const struct stack_pair *pair = &stack_pair;

	if (!stack_is_open(way))
		return false;
	if (!conf_over() && pair->listener == NULL)
		pair_begin(way);
	if (pair->near.opened.count > 0)
		conf_equal_results(__FILE__, __LINE__, "connecting",
				   pair->near.opened.result, 0);
	if (pair->far.opened.count > 0)
		conf_equal_results(__FILE__, __LINE__, "accepting",
				   pair->far.opened.result, 0);
	return conf_over() ||
	       (pair->near.opened.count > 0 && pair->far.opened.count > 0);
}

void stack_close(struct stack_end *end)
{
	struct mirage_flow *flow = end->flow;

	end->flow = NULL;
	if (flow != NULL)
		mirage_flow_close(flow);
}

void stack_abort(struct stack_end *end)
{
	struct mirage_flow *flow = end->flow;

	end->flow = NULL;
	if (flow != NULL)
		mirage_flow_abort(flow);
}

void stack_pair_end(void)
{
	stack_close(&stack_pair.near);
	stack_close(&stack_pair.far);
}

/* ----------------------------------------------------------------- Bytes -- */

bool stack_is_pattern(const uint8_t *bytes, uint64_t from, size_t length)
{
	while (length > 0) {
		size_t at = (size_t)(from % STACK_PERIOD);
		size_t n = STACK_PERIOD - at;

		if (n > length)
			n = length;
		if (!conf_same(bytes, pattern + at, n))
			return false;
		bytes += n;
		from += n;
		length -= n;
	}
	return true;
}

void stack_prepare(struct stack_write *write, uint64_t from, size_t length)
{
	size_t at = (size_t)(from % STACK_PERIOD);
	size_t n = STACK_PERIOD - at;

	if (n > length)
		n = length;
	*write = (struct stack_write){
		.write = {.vectors = write->vectors,
			  .n_vectors = 2,
			  .done = conf_count,
			  .arg = &write->done},
		.vectors = {{pattern + at, n}, {pattern, length - n}},
	};
}

void stack_write(struct stack_write *write, struct mirage_flow *flow,
		 uint64_t from, size_t length)
{
	stack_prepare(write, from, length);
	mirage_flow_write(flow, &write->write);
}

static void pump_next(struct stack_slot *slot);

static void pumped(void *arg, int result)
{
	struct stack_slot *slot = arg;
	struct stack_pump *pump = slot->pump;

	pump->misordered |= slot->number != pump->finished + pump->failed;
	if (result == 0)
		pump->finished++;
	else
		pump->failed++;
	if (result != 0)
		pump->error = result;
	conf_wake();
	if (result == 0)
		pump_next(slot);
}

static void pump_next(struct stack_slot *slot)
{
	struct stack_pump *pump = slot->pump;
	uint64_t left = pump->total - pump->sent;
	size_t length = 1 + pump->pieces * 7919 % 30000;

	if (left == 0)
		return;
	if (length > left)
		length = (size_t)left;
	stack_prepare(&slot->write, pump->sent, length);
	slot->write.write.done = pumped;
	slot->write.write.arg = slot;
	slot->number = pump->pieces++;
	pump->sent += length;
	mirage_flow_write(pump->flow, &slot->write.write);
}

void stack_pump(struct stack_pump *pump, struct mirage_flow *flow,
		uint64_t total)
{
	*pump = (struct stack_pump){.flow = flow, .total = total};
	for (unsigned i = 0; i < STACK_SLOTS; i++) {
		pump->slots[i].pump = pump;
		pump_next(&pump->slots[i]);
	}
}

static void on_read(void *arg, int result, const void *bytes)
{
	struct stack_end *end = arg;

	if (result > 0)
		end->bytes = bytes;
	conf_count(&end->read, result);
}

void stack_read(struct stack_end *end)
{
	mirage_flow_read(end->flow, on_read, end);
}

static void on_drain(void *arg, int result, const void *bytes)
{
	struct stack_end *end = arg;

	conf_count(&end->read, result);
	if (result <= 0) {
		end->ended = true;
		return;
	}
	end->wrong |= !stack_is_pattern(bytes, end->got, (size_t)result);
	end->got += (unsigned)result;
	if (end->flow != NULL && (end->limit == 0 || end->got < end->limit))
		mirage_flow_read(end->flow, on_drain, end);
}

void stack_drain(struct stack_end *end)
{
	mirage_flow_read(end->flow, on_drain, end);
}
