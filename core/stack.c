/* SPDX-License-Identifier: ISC */
/* The front of every stack: arguments, what needs no network, and the way to the
 * application. */
#include "core.h"

#include <string.h>

enum { NAME_MAX_BYTES = 253, LABEL_MAX_BYTES = 63 }; /* RFC 1035, 2.3.4 */
enum { UDP4_MAX_BYTES = 65507, UDP6_MAX_BYTES = 65527 };

static bool is_open(const struct mirage_stack *stack)
{
	return core_state(stack->state) == CORE_OPEN;
}

/** Whether somebody can be reached at `at`: it has a port, and an address, which
 *  any is not. */
static bool complete(const struct mirage_endpoint *at)
{
	static const uint8_t any[sizeof at->ip.bytes];

	return at->port != 0 && at->ip.version != 0 &&
	       memcmp(at->ip.bytes, any, sizeof any) != 0;
}

/* ----------------------------------------------------------------- TCP -- */

static struct mirage_tcp_connect *connects_failed;
/** Those of the present turn that are not told yet. */
static struct mirage_tcp_connect *connects_telling;

/** Puts `connect` among those that fail on the next turn, as the last. */
static void fail_connect(struct mirage_tcp_connect *connect, int result)
{
	struct mirage_tcp_connect **end = &connects_failed;

	while (*end != NULL)
		end = &(*end)->next;
	connect->implementation[0] = (uint64_t)(int64_t)result;
	connect->next = NULL;
	*end = connect;
	core_stacks_due = true;
	core.keeping++;
	core_wake();
}

void mirage_tcp_connect(struct mirage_stack *stack,
			struct mirage_tcp_connect *connect)
{
	core_must(connect->done != NULL, "LAW-05",
		  "a connect without a completion");
	core_must(connect->stack == NULL, "LAW-05",
		  "a connect was submitted while it was in flight");
	connect->stack = stack;
	if (!is_open(stack))
		fail_connect(connect, MIRAGE_EGONE);
	else if (!complete(&connect->to))
		fail_connect(connect, MIRAGE_EINVAL);
	else
		stack->ops->connect(stack, connect);
}

static bool is_in(const struct mirage_tcp_connect *list,
		  const struct mirage_tcp_connect *connect)
{
	while (list != NULL && list != connect)
		list = list->next;
	return list != NULL;
}

/** Whether `connect` has failed here and nobody has heard of it yet. */
static bool has_failed(const struct mirage_tcp_connect *connect)
{
	return is_in(connects_failed, connect) ||
	       is_in(connects_telling, connect);
}

void mirage_tcp_cancel(struct mirage_tcp_connect *connect)
{
	if (connect->stack == NULL)
		return;
	if (has_failed(connect))
		connect->implementation[0] =
			(uint64_t)(int64_t)MIRAGE_ECANCELED;
	else
		connect->stack->ops->cancel(connect);
}

int mirage_tcp_listen(struct mirage_stack *stack,
		      const struct mirage_endpoint *at, uint32_t backlog,
		      struct mirage_listener **listener)
{
	int error;

	if (!is_open(stack))
		return MIRAGE_EGONE;
	if (backlog == 0)
		return MIRAGE_EINVAL;
	error = stack->ops->listen(stack, at, backlog, listener);
	if (error == 0)
		(*listener)->stack = stack;
	return error;
}

void mirage_tcp_accept(struct mirage_listener *listener,
		       mirage_flow_open_fn *done, void *arg)
{
	core_must(done != NULL, "LAW-05", "an accept without a completion");
	core_must(listener->on_accept == NULL, "TCP-09",
		  "a second accept before the first had ended");
	listener->on_accept = done;
	listener->accept_arg = arg;
	listener->stack->ops->accept(listener);
}

void mirage_tcp_unlisten(struct mirage_listener *listener)
{
	if (is_open(listener->stack))
		listener->stack->ops->unlisten(listener);
}

void mirage_core_tcp_connected(struct mirage_tcp_connect *connect, int result,
			       struct mirage_flow *flow)
{
	core_must(connect->stack != NULL, "LAW-01",
		  "a connect was completed that was not in flight");
	if (!core_enter_upper())
		return;
	connect->stack = NULL;
	connect->done(connect->arg, result, result < 0 ? NULL : flow);
	core_leave();
}

bool mirage_core_tcp_accepting(const struct mirage_listener *listener)
{
	return listener->on_accept != NULL;
}

void mirage_core_tcp_accepted(struct mirage_listener *listener, int result,
			      struct mirage_flow *flow)
{
	mirage_flow_open_fn *done = listener->on_accept;

	if (done == NULL || !core_enter_upper())
		return;
	listener->on_accept = NULL;
	done(listener->accept_arg, result, result < 0 ? NULL : flow);
	core_leave();
}

/* ----------------------------------------------------------------- UDP -- */

int mirage_udp_open(struct mirage_stack *stack,
		    const struct mirage_endpoint *at,
		    mirage_udp_receive_fn *on_receive, void *arg,
		    struct mirage_udp **udp)
{
	int error;

	core_must(on_receive != NULL, "LAW-05",
		  "a UDP port without a receiver");
	if (!is_open(stack))
		return MIRAGE_EGONE;
	error = stack->ops->udp_open(stack, at, udp);
	if (error < 0)
		return error;
	(*udp)->stack = stack;
	(*udp)->on_receive = on_receive;
	(*udp)->receive_arg = arg;
	return 0;
}

int mirage_udp_send(struct mirage_udp *udp, const struct mirage_endpoint *from,
		    const struct mirage_endpoint *to,
		    const struct mirage_vector vectors[], size_t n)
{
	size_t left = to->ip.version == 4 ? UDP4_MAX_BYTES : UDP6_MAX_BYTES;

	if (!is_open(udp->stack))
		return MIRAGE_EGONE;
	if (!complete(to))
		return MIRAGE_EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (vectors[i].length_bytes > left)
			return MIRAGE_EMSGSIZE;
		left -= vectors[i].length_bytes;
	}
	return udp->stack->ops->udp_send(udp, from, to, vectors, n);
}

void mirage_udp_close(struct mirage_udp *udp)
{
	if (is_open(udp->stack))
		udp->stack->ops->udp_close(udp);
}

void mirage_core_udp_received(struct mirage_udp *udp,
			      const struct mirage_endpoint *from,
			      const struct mirage_endpoint *to,
			      const void *bytes, size_t length)
{
	if (!core_enter_upper())
		return;
	udp->on_receive(udp->receive_arg, from, to, bytes, length);
	core_leave();
}

/* ------------------------------------------------------------ Resolver -- */

static struct mirage_resolve *resolves_done, *resolves_telling;

/** Puts `resolve` among those that end on the next turn, as the last. */
static void end_resolve(struct mirage_resolve *resolve, int result)
{
	struct mirage_resolve **end = &resolves_done;

	while (*end != NULL)
		end = &(*end)->next;
	resolve->implementation[0] = (uint64_t)(int64_t)result;
	resolve->next = NULL;
	*end = resolve;
	core_stacks_due = true;
	core.keeping++;
	core_wake();
}

static bool label_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/** Whether `name` is labels of 1 to 63 letters, digits, `-` or `_`, with a dot
 *  between and perhaps one at the end. */
static bool valid_name(const char *name)
{
	size_t label = 0, length = 0;

	for (; *name != '\0'; name++) {
		if (++length > NAME_MAX_BYTES)
			return false;
		if (*name == '.' ? label == 0 : !label_byte(*name))
			return false;
		label = *name == '.' ? 0 : label + 1;
		if (label > LABEL_MAX_BYTES)
			return false;
	}
	return length > 0;
}

/** What can be said of the name without asking anybody: a count, an error, or 0. */
static int resolve_here(const struct mirage_stack *stack,
			struct mirage_resolve *resolve)
{
	struct mirage_ip ip;

	if (!is_open(stack))
		return MIRAGE_EGONE;
	if (resolve->n_ips == 0)
		return MIRAGE_EINVAL;
	if (!mirage_ip_parse(&ip, resolve->name))
		return valid_name(resolve->name) ? 0 : MIRAGE_EINVAL;
	if (resolve->version != 0 && resolve->version != ip.version)
		return MIRAGE_ENOENT;
	resolve->ips[0] = ip;
	return 1;
}

void mirage_resolve(struct mirage_stack *stack, struct mirage_resolve *resolve)
{
	int result;

	core_must(resolve->done != NULL, "LAW-05",
		  "a lookup without a completion");
	core_must(resolve->stack == NULL, "LAW-05",
		  "a lookup was submitted while it was in flight");
	result = resolve_here(stack, resolve);
	resolve->stack = stack;
	if (result != 0)
		end_resolve(resolve, result);
	else
		stack->ops->resolve(stack, resolve);
}

static bool has_ended(const struct mirage_resolve *resolve)
{
	const struct mirage_resolve *at = resolves_done;

	while (at != NULL && at != resolve)
		at = at->next;
	if (at == NULL)
		at = resolves_telling;
	while (at != NULL && at != resolve)
		at = at->next;
	return at != NULL;
}

void mirage_resolve_cancel(struct mirage_resolve *resolve)
{
	if (resolve->stack == NULL)
		return;
	if (has_ended(resolve))
		resolve->implementation[0] =
			(uint64_t)(int64_t)MIRAGE_ECANCELED;
	else
		resolve->stack->ops->resolve_cancel(resolve);
}

void mirage_core_resolved(struct mirage_resolve *resolve, int result)
{
	core_must(resolve->stack != NULL, "LAW-01",
		  "a lookup was completed that was not in flight");
	if (!core_enter_upper())
		return;
	resolve->stack = NULL;
	resolve->done(resolve->arg, result);
	core_leave();
}

/* --------------------------------------------------------------- Stack -- */

/** Tells the connects that had failed when this turn began. */
static void connects_run(void)
{
	connects_telling = connects_failed;
	connects_failed = NULL;
	while (connects_telling != NULL && !core.ended) {
		struct mirage_tcp_connect *connect = connects_telling;

		connects_telling = connect->next;
		core.keeping--;
		mirage_core_tcp_connected(
			connect, (int)(int64_t)connect->implementation[0],
			NULL);
	}
}

/** The same for lookups. */
static void resolves_run(void)
{
	resolves_telling = resolves_done;
	resolves_done = NULL;
	while (resolves_telling != NULL && !core.ended) {
		struct mirage_resolve *resolve = resolves_telling;

		resolves_telling = resolve->next;
		core.keeping--;
		mirage_core_resolved(resolve,
				     (int)(int64_t)resolve->implementation[0]);
	}
}

void core_stacks_complete(void)
{
	if (!core_stacks_due)
		return;
	core_stacks_due = false;
	connects_run();
	resolves_run();
}

void mirage_core_stack_start(struct mirage_stack *stack)
{
	core_validate_stack(stack);
	stack->state = CORE_OPEN;
	core.keeping++;
}

void mirage_stack_on_event(struct mirage_stack *stack,
			   mirage_event_fn *on_event, void *arg)
{
	stack->on_event = on_event;
	stack->event_arg = arg;
}

void mirage_core_stack_event(struct mirage_stack *stack, uint32_t event)
{
	if (stack->on_event == NULL || !core_enter_upper())
		return;
	stack->on_event(stack->event_arg, event);
	core_leave();
}

void mirage_stack_close(struct mirage_stack *stack)
{
	if (!is_open(stack))
		return;
	stack->state = CORE_CLOSING;
	stack->ops->close(stack);
}

void mirage_core_stack_closed(struct mirage_stack *stack)
{
	core_must(core_state(stack->state) == CORE_CLOSING, "STK-05",
		  "a stack was closed that nobody closed");
	stack->state = CORE_CLOSED;
	core.keeping--;
	mirage_core_stack_event(stack, MIRAGE_EVENT_CLOSED);
	core_wake(); /* it may have been the last that kept the program */
}
