/* SPDX-License-Identifier: ISC */
/*
 * stack_case.h: what the cases of stacks share. A STACK_CASE is four cases: our own
 * stack on each of two linked networks, and the host's, which is both ends of what
 * it does; with IPv4 and with IPv6. Its body is told by `way`, and finds a stack
 * that is `near` and one that is `far`, perhaps the same.
 */
#ifndef MIRAGE_STACK_CASE_H
#define MIRAGE_STACK_CASE_H

#include "conformance.h"

struct stack_way {
	enum conf_role near, far;
	uint8_t version;
};

/* As for DISK_CASE: the body gives its static variables their first values. */
#define STACK_VARIANT(class_, name, way_, role, version_, need, tags_, ...) \
	CASE(class_, name##_##way_##version_, tags_, .needs = (need),       \
	     ##__VA_ARGS__)                                                 \
	{                                                                   \
		static const struct stack_way way = {                       \
			(role), (role) == CONF_NET_A ? CONF_NET_B : (role), \
			(version_)};                                        \
		class_##_##name##_body(&way);                               \
	}

#define STACK_CASE(class_, name, tags_, ...)                                \
	static void class_##_##name##_body(const struct stack_way *way);    \
	STACK_VARIANT(class_, name, tcpip, CONF_NET_A, 4, CONF_PAIR, tags_, \
		      ##__VA_ARGS__)                                        \
	STACK_VARIANT(class_, name, tcpip, CONF_NET_A, 6, CONF_PAIR, tags_, \
		      ##__VA_ARGS__)                                        \
	STACK_VARIANT(class_, name, host, CONF_HOST_4, 4, CONF_SOCKETS_4,   \
		      tags_, ##__VA_ARGS__)                                 \
	STACK_VARIANT(class_, name, host, CONF_HOST_6, 6, CONF_SOCKETS_6,   \
		      tags_, ##__VA_ARGS__)                                 \
	static void class_##_##name##_body(const struct stack_way *way)

#define STACK_CASES(class_, name)                             \
	&class_##_##name##_tcpip4, &class_##_##name##_tcpip6, \
		&class_##_##name##_host4, &class_##_##name##_host6

/** The same with IPv4 alone, for what is the same with both. */
#define STACK_V4_CASE(class_, name, tags_, ...)                             \
	static void class_##_##name##_body(const struct stack_way *way);    \
	STACK_VARIANT(class_, name, tcpip, CONF_NET_A, 4, CONF_PAIR, tags_, \
		      ##__VA_ARGS__)                                        \
	STACK_VARIANT(class_, name, host, CONF_HOST_4, 4, CONF_SOCKETS_4,   \
		      tags_, ##__VA_ARGS__)                                 \
	static void class_##_##name##_body(const struct stack_way *way)

#define STACK_V4_CASES(class_, name) \
	&class_##_##name##_tcpip4, &class_##_##name##_host4

/* --------------------------------------------------------------- Stacks -- */

/** Opens near and far, with static addresses and far as the name server. */
void stack_open(const struct stack_way *way);
/** Whether they are open and see each other. */
bool stack_is_open(const struct stack_way *way);

#define STACKS(way)                        \
	do {                               \
		stack_open(way);           \
		AWAIT(stack_is_open(way)); \
		if (conf_over())           \
			return;            \
	} while (0)

/** The address of `role`, with `port`. */
struct mirage_endpoint stack_at(const struct stack_way *way,
				enum conf_role role, uint16_t port);
/** Any address of the version, any port. */
struct mirage_endpoint stack_any(const struct stack_way *way);
bool stack_same(const struct mirage_endpoint *a,
		const struct mirage_endpoint *b);

/** Listens at far's address. */
int stack_listen(const struct stack_way *way, uint16_t port, uint32_t backlog,
		 struct mirage_listener **listener);

/* ---------------------------------------------------------- Connections -- */

/** What an end of a connection has heard. */
struct stack_end {
	struct mirage_flow *flow; /* NULL when there is none (any more) */
	struct conf_done opened;
	struct conf_done read; /* completions of reads, the last result */
	const uint8_t *bytes;  /* of the last read that brought any */

	/* Of stack_drain. */
	uint64_t got;	/* bytes */
	uint64_t limit; /* rests when it has so many; 0 for none */
	bool wrong;	/* not those of the pattern */
	bool ended;	/* a read said 0, or an error: that is read.result */
};

/** Completes a connect or an accept: a mirage_flow_open_fn with a struct stack_end. */
void stack_opened(void *end, int result, struct mirage_flow *flow);

/** Prepares `connect` to `to`, for `end`, and submits it. */
void stack_connect(struct mirage_tcp_connect *connect,
		   struct mirage_stack *stack, struct mirage_endpoint to,
		   struct stack_end *end);

/** A listener of far's, and a connection that it has accepted from near. */
struct stack_pair {
	struct mirage_listener *listener;
	struct mirage_tcp_connect connect;
	struct stack_end near, far;
};

extern struct stack_pair stack_pair;

/** Opens the stacks; then far listens and near connects, which stack_pair_is_open
 *  sees to. */
void stack_pair_open(const struct stack_way *way);
bool stack_pair_is_open(const struct stack_way *way);
/** Lets go of what is left of both flows. */
void stack_pair_end(void);

#define PAIR(way)                               \
	do {                                    \
		stack_pair_open(way);           \
		AWAIT(stack_pair_is_open(way)); \
		if (conf_over())                \
			return;                 \
	} while (0)

/* ----------------------------------------------------------------- Bytes -- */

/* Streams carry a pattern: what byte it is follows from its place. */

#define STACK_PERIOD 65521u

/** A write of the pattern. */
struct stack_write {
	struct mirage_flow_write write;
	struct mirage_vector vectors[2];
	struct conf_done done;
};

/** Prepares a write of at most STACK_PERIOD bytes from `from` on; submits it too. */
void stack_prepare(struct stack_write *write, uint64_t from, size_t length);
void stack_write(struct stack_write *write, struct mirage_flow *flow,
		 uint64_t from, size_t length);

/** Writes the pattern in pieces of all lengths, several in flight. */
#define STACK_SLOTS 8u

struct stack_pump {
	struct mirage_flow *flow;
	uint64_t total, sent; /* bytes: to submit, submitted */
	unsigned pieces;      /* submitted */
	unsigned finished;    /* completed with 0 */
	unsigned failed;
	int error; /* the last one */
	bool misordered;
	struct stack_slot {
		struct stack_write write;
		struct stack_pump *pump;
		unsigned number; /* of the piece */
	} slots[STACK_SLOTS];
};

void stack_pump(struct stack_pump *pump, struct mirage_flow *flow,
		uint64_t total);
/** Whether `length` bytes are those of the pattern from `from` on. */
bool stack_is_pattern(const uint8_t *bytes, uint64_t from, size_t length);

/** Reads once. */
void stack_read(struct stack_end *end);
/** Reads on and compares with the pattern, until its limit, the end or an error. */
void stack_drain(struct stack_end *end);

/** Closes the end's flow, if it has one. */
void stack_close(struct stack_end *end);
void stack_abort(struct stack_end *end);

#endif /* MIRAGE_STACK_CASE_H */
