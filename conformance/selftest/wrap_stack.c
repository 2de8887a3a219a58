/* SPDX-License-Identifier: ISC */
/* wrap_stack.c: bugs of stacks, TCP, UDP, names and addresses, as in wrap_flow.c. */
#include "selftest.h"

#include <ctype.h>
#include <string.h>

#define CALLS 512u

#define WRAP(type, name, parameters)          \
	type __real_mirage_##name parameters; \
	type __wrap_mirage_##name parameters;

WRAP(void, stack_open,
     (const struct mirage_stack_config *config, mirage_stack_open_fn *done,
      void *arg))
WRAP(void, stack_on_event,
     (struct mirage_stack * stack, mirage_event_fn *on_event, void *arg))
WRAP(int, stack_arguments,
     (struct mirage_stack_config * config, int *argc, char *argv[]))
WRAP(void, tcp_connect,
     (struct mirage_stack * stack, struct mirage_tcp_connect *connect))
WRAP(void, tcp_cancel, (struct mirage_tcp_connect * connect))
WRAP(int, tcp_listen,
     (struct mirage_stack * stack, const struct mirage_endpoint *at,
      uint32_t backlog, struct mirage_listener **listener))
WRAP(void, tcp_accept,
     (struct mirage_listener * listener, mirage_flow_open_fn *done, void *arg))
WRAP(void, tcp_unlisten, (struct mirage_listener * listener))
WRAP(int, udp_open,
     (struct mirage_stack * stack, const struct mirage_endpoint *at,
      mirage_udp_receive_fn *on_receive, void *arg, struct mirage_udp **udp))
WRAP(int, udp_send,
     (struct mirage_udp * udp, const struct mirage_endpoint *from,
      const struct mirage_endpoint *to, const struct mirage_vector vectors[],
      size_t n))
WRAP(void, udp_close, (struct mirage_udp * udp))
WRAP(void, resolve,
     (struct mirage_stack * stack, struct mirage_resolve *resolve))
WRAP(void, resolve_cancel, (struct mirage_resolve * resolve))
WRAP(bool, ip_parse, (struct mirage_ip * ip, const char *text))
WRAP(bool, ip_parse_prefix,
     (struct mirage_ip * ip, uint8_t *prefix_bits, const char *text))
WRAP(const char *, ip_print,
     (const struct mirage_ip *ip, char text[MIRAGE_IP_TEXT_MAX]))
WRAP(const char *, endpoint_print,
     (const struct mirage_endpoint *at, char text[MIRAGE_IP_TEXT_MAX]))
WRAP(bool, ip_equal, (const struct mirage_ip *a, const struct mirage_ip *b))

/* ------------------------------------------------------------- Addresses -- */

bool __wrap_mirage_ip_parse(struct mirage_ip *ip, const char *text)
{
	char shorter[80] = "";

	if (__real_mirage_ip_parse(ip, text))
		return true;
	if (planted(BUG_IP_CHANGES_ON_FALSE))
		ip->version = 0;
	strncpy(shorter, text, strlen(text) < 79 ? strcspn(text, " ") : 0);
	return planted(BUG_IP_READS_ON) && __real_mirage_ip_parse(ip, shorter);
}

bool __wrap_mirage_ip_parse_prefix(struct mirage_ip *ip, uint8_t *prefix_bits,
				   const char *text)
{
	if (__real_mirage_ip_parse_prefix(ip, prefix_bits, text))
		return true;
	return planted(BUG_IP_PREFIX_TOO_LONG) && strstr(text, "/33") != NULL;
}

const char *__wrap_mirage_ip_print(const struct mirage_ip *ip,
				   char text[MIRAGE_IP_TEXT_MAX])
{
	__real_mirage_ip_print(ip, text);
	for (char *c = text; *c != '\0' && planted(BUG_IP_CAPITALS); c++)
		*c = (char)toupper((unsigned char)*c);
	return text;
}

const char *__wrap_mirage_endpoint_print(const struct mirage_endpoint *at,
					 char text[MIRAGE_IP_TEXT_MAX])
{
	char *end;

	__real_mirage_endpoint_print(at, text);
	if (!planted(BUG_IP_NO_BRACKETS) || text[0] != '[')
		return text;
	end = strchr(text, ']');
	memmove(end, end + 1, strlen(end));
	memmove(text, text + 1, strlen(text));
	return text;
}

bool __wrap_mirage_ip_equal(const struct mirage_ip *a,
			    const struct mirage_ip *b)
{
	struct mirage_ip same = *b;

	if (planted(BUG_IP_EQUAL_ELSEWHERE))
		same.interface = a->interface;
	return __real_mirage_ip_equal(a, &same);
}

/* ---------------------------------------------------------------- Stacks -- */

void __wrap_mirage_stack_open(const struct mirage_stack_config *config,
			      mirage_stack_open_fn *done, void *arg)
{
	struct mirage_stack_config other = *config;
	struct mirage_interface_config *at = &other.interfaces[0];

	if (planted(BUG_STACK_WITHOUT_LEASE) && at->dhcp) {
		at->dhcp = false;
		__real_mirage_ip_parse(&at->ipv4, "10.0.0.9");
		at->ipv4_prefix_bits = 24;
	}
	__real_mirage_stack_open(&other, done, arg);
}

static struct handler {
	mirage_event_fn *on_event;
	void *arg;
} handlers[CALLS];

static void spoil_event(void *arg, uint32_t event)
{
	struct handler *handler = arg;

	if (planted(BUG_STACK_ADDRESS_SILENT) && event == MIRAGE_EVENT_ADDRESS)
		return;
	handler->on_event(handler->arg, event);
	if (planted(BUG_STACK_CLOSED_TWICE) && event == MIRAGE_EVENT_CLOSED)
		handler->on_event(handler->arg, event);
}

void __wrap_mirage_stack_on_event(struct mirage_stack *stack,
				  mirage_event_fn *on_event, void *arg)
{
	static unsigned n;
	struct handler *handler = &handlers[n++ % CALLS];

	*handler = (struct handler){on_event, arg};
	__real_mirage_stack_on_event(
		stack, on_event != NULL ? spoil_event : NULL, handler);
}

int __wrap_mirage_stack_arguments(struct mirage_stack_config *config, int *argc,
				  char *argv[])
{
	int before = *argc;
	int result = __real_mirage_stack_arguments(config, argc, argv);

	if (planted(BUG_STACK_ARGUMENTS_STAY))
		*argc = before;
	return planted(BUG_STACK_ARGUMENTS_ANY) ? 0 : result;
}

/* ------------------------------------------------------------------- TCP -- */

/** A connect or an accept, as the case asked for it. */
struct call {
	mirage_flow_open_fn *done;
	void *arg;
	struct mirage_tcp_connect *connect;
};

static struct call *call_of(mirage_flow_open_fn *done, void *arg)
{
	static struct call calls[CALLS];
	static unsigned n;
	struct call *call = &calls[n++ % CALLS];

	*call = (struct call){done, arg, NULL};
	return call;
}

static void on_connected(void *arg, int result, struct mirage_flow *flow)
{
	struct call *call = arg;

	if (planted(BUG_TCP_REFUSED_SILENT) && result == MIRAGE_EREFUSED)
		result = MIRAGE_ETIMEDOUT;
	if (planted(BUG_TCP_WRONG_PEER) && flow != NULL)
		flow->peer.port++;
	call->connect->done = call->done;
	call->connect->arg = call->arg;
	call->done(call->arg, result, flow);
	if (planted(BUG_TCP_CONNECTS_TWICE))
		call->done(call->arg, result, flow);
}

void __wrap_mirage_tcp_connect(struct mirage_stack *stack,
			       struct mirage_tcp_connect *connect)
{
	struct call *call = call_of(connect->done, connect->arg);

	if (planted(BUG_TCP_IMPATIENT))
		connect->timeout_ns = 0;
	if (planted(BUG_TCP_CONNECT_INSIDE)) {
		connect->done(connect->arg, MIRAGE_EREFUSED, NULL);
		return;
	}
	if (connect->done != NULL && connect->stack == NULL) {
		call->connect = connect;
		connect->done = on_connected;
		connect->arg = call;
	}
	__real_mirage_tcp_connect(stack, connect);
}

void __wrap_mirage_tcp_cancel(struct mirage_tcp_connect *connect)
{
	if (!planted(BUG_TCP_CANCEL_IGNORED))
		__real_mirage_tcp_cancel(connect);
}

static uint16_t last_port;
static struct mirage_flow *last_accepted;

int __wrap_mirage_tcp_listen(struct mirage_stack *stack,
			     const struct mirage_endpoint *at, uint32_t backlog,
			     struct mirage_listener **listener)
{
	int result;

	if (planted(BUG_TCP_PORT_STAYS) && at->port != 0 &&
	    at->port == last_port)
		return MIRAGE_EBUSY;
	if (planted(BUG_TCP_BACKLOG_IGNORED) && backlog != 0)
		backlog = 100;
	result = __real_mirage_tcp_listen(stack, at, backlog, listener);
	if (planted(BUG_TCP_BUSY_MISSING) && result == MIRAGE_EBUSY)
		result = MIRAGE_EACCES;
	if (planted(BUG_TCP_NO_PORT) && result == 0)
		(*listener)->local.port = 0;
	return result;
}

static void on_accepted(void *arg, int result, struct mirage_flow *flow)
{
	struct call *call = arg;

	if (planted(BUG_TCP_ACCEPT_LOST) && result == 0)
		return;
	if (planted(BUG_TCP_UNLISTEN_SILENT) && result == MIRAGE_ECANCELED)
		return;
	last_accepted = flow != NULL ? flow : last_accepted;
	call->done(call->arg, result, flow);
}

void __wrap_mirage_tcp_accept(struct mirage_listener *listener,
			      mirage_flow_open_fn *done, void *arg)
{
	if (planted(BUG_TCP_ACCEPT_TWICE) && listener->on_accept != NULL)
		return;
	if (done == NULL)
		__real_mirage_tcp_accept(listener, NULL, arg);
	else
		__real_mirage_tcp_accept(listener, on_accepted,
					 call_of(done, arg));
}

void __wrap_mirage_tcp_unlisten(struct mirage_listener *listener)
{
	last_port = listener->local.port;
	__real_mirage_tcp_unlisten(listener);
	if (planted(BUG_TCP_UNLISTEN_RESETS) && last_accepted != NULL)
		mirage_flow_abort(last_accepted);
}

/* ------------------------------------------------------------------- UDP -- */

static struct receiver {
	mirage_udp_receive_fn *on_receive;
	void *arg;
} receivers[CALLS];

static void spoil_datagram(void *arg, const struct mirage_endpoint *from,
			   const struct mirage_endpoint *to, const void *bytes,
			   size_t length)
{
	struct receiver *receiver = arg;

	if (planted(BUG_UDP_TRUNCATES) && length > 0)
		length--;
	receiver->on_receive(receiver->arg, from, to, bytes, length);
}

int __wrap_mirage_udp_open(struct mirage_stack *stack,
			   const struct mirage_endpoint *at,
			   mirage_udp_receive_fn *on_receive, void *arg,
			   struct mirage_udp **udp)
{
	static unsigned n;
	struct receiver *receiver = &receivers[n++ % CALLS];
	int result;

	*receiver = (struct receiver){on_receive, arg};
	result = __real_mirage_udp_open(
		stack, at, on_receive != NULL ? spoil_datagram : NULL, receiver,
		udp);
	if (planted(BUG_UDP_BUSY_MISSING) && result == MIRAGE_EBUSY)
		result = MIRAGE_EACCES;
	if (planted(BUG_UDP_NO_PORT) && result == 0)
		(*udp)->local.port = 0;
	return result;
}

int __wrap_mirage_udp_send(struct mirage_udp *udp,
			   const struct mirage_endpoint *from,
			   const struct mirage_endpoint *to,
			   const struct mirage_vector vectors[], size_t n)
{
	int result;

	if (planted(BUG_UDP_FIRST_VECTOR) && n > 1)
		n = 1;
	result = __real_mirage_udp_send(udp, from, to, vectors, n);
	if (planted(BUG_UDP_TOO_LONG) && result == MIRAGE_EMSGSIZE)
		return 0;
	if (planted(BUG_UDP_ANYWHERE) && result == MIRAGE_EINVAL)
		return 0;
	return result;
}

void __wrap_mirage_udp_close(struct mirage_udp *udp)
{
	if (!planted(BUG_UDP_STAYS_OPEN))
		__real_mirage_udp_close(udp);
}

/* ----------------------------------------------------------------- Names -- */

struct lookup {
	struct mirage_resolve *resolve;
	mirage_done_fn *done;
	void *arg;
	bool address;
};

static int spoil_lookup(const struct lookup *lookup, int result)
{
	struct mirage_ip *ips = lookup->resolve->ips, first;

	if (planted(BUG_RESOLVE_IPV4_FIRST) && result > 1) {
		first = ips[0];
		ips[0] = ips[result - 1];
		ips[result - 1] = first;
	}
	if (planted(BUG_RESOLVE_NO_ADDRESSES) && lookup->address)
		return MIRAGE_ENOENT;
	if (planted(BUG_RESOLVE_UNKNOWN) && result == MIRAGE_ENOENT)
		return MIRAGE_EIO;
	if (planted(BUG_RESOLVE_BAD_NAMES) && result == MIRAGE_EINVAL)
		return MIRAGE_ENOENT;
	return result;
}

static void on_resolved(void *arg, int result)
{
	struct lookup *lookup = arg;

	lookup->resolve->done = lookup->done;
	lookup->resolve->arg = lookup->arg;
	lookup->done(lookup->arg, spoil_lookup(lookup, result));
}

void __wrap_mirage_resolve(struct mirage_stack *stack,
			   struct mirage_resolve *resolve)
{
	static struct lookup lookups[CALLS];
	static unsigned n;
	struct lookup *lookup = &lookups[n++ % CALLS];
	struct mirage_ip ip;

	if (resolve->done != NULL && resolve->stack == NULL) {
		*lookup = (struct lookup){
			resolve, resolve->done, resolve->arg,
			__real_mirage_ip_parse(&ip, resolve->name)};
		resolve->done = on_resolved;
		resolve->arg = lookup;
	}
	__real_mirage_resolve(stack, resolve);
}

void __wrap_mirage_resolve_cancel(struct mirage_resolve *resolve)
{
	if (!planted(BUG_RESOLVE_CANCEL_IGNORED))
		__real_mirage_resolve_cancel(resolve);
}
