/* SPDX-License-Identifier: ISC */
/* UDP: datagrams, each whole, from port to port. */
#include "stack_case.h"

#define LONGEST 1400u

static struct mirage_udp *from, *to, *other;

/* What has arrived. */
static struct inbox {
	unsigned count, nested;
	struct mirage_endpoint from, to; /* of the last one */
	uint8_t bytes[2048];
	size_t length;
	struct mirage_udp **close; /* inside */
} inbox, reply;

static uint8_t payload[2048];
static bool sending;

static void on_datagram(void *arg, const struct mirage_endpoint *sender,
			const struct mirage_endpoint *sent_to,
			const void *bytes, size_t length)
{
	struct inbox *box = arg;

	box->count++;
	box->nested += sending;
	box->from = *sender;
	box->to = *sent_to;
	box->length = length;
	if (length <= sizeof(box->bytes))
		conf_copy(box->bytes, bytes, length);
	if (box->close != NULL) {
		mirage_udp_close(*box->close);
		*box->close = NULL;
	}
	conf_wake();
}

static int open_at(struct mirage_stack *stack, struct mirage_endpoint at,
		   struct inbox *box, struct mirage_udp **udp)
{
	return mirage_udp_open(stack, &at, on_datagram, box, udp);
}

/* Opens `from` near and `to` far. */
static bool ports(const struct stack_way *way)
{
	from = to = other = NULL;
	conf_set(&inbox, sizeof(inbox), 0);
	conf_set(&reply, sizeof(reply), 0);
	conf_fill(payload, sizeof(payload), 5);
	return open_at(conf_stack(way->near), stack_any(way), &reply, &from) ==
		       0 &&
	       open_at(conf_stack(way->far), stack_any(way), &inbox, &to) == 0;
}

static int send_to(const struct stack_way *way, uint16_t port, size_t length)
{
	struct mirage_endpoint at = stack_at(way, way->far, port);
	struct mirage_vector vector = {payload, length};
	int result;

	sending = true;
	result = mirage_udp_send(from, NULL, &at, &vector, 1);
	sending = false;
	return result;
}

STACK_CASE(udp, arrives, "UDP-01 UDP-04 LAW-02")
{
	static const size_t lengths[] = {1, 0, 2, 100, LONGEST};
	static struct mirage_endpoint at;
	static unsigned i;

	CASE_BEGIN;
	STACKS(way);
	CHECK(ports(way));
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		CHECK_RESULT(send_to(way, to->local.port, lengths[i]), 0);
		CLAIM("LAW-02");
		CHECK_EQ(inbox.nested, 0);
		CLAIM("UDP-01");
		AWAIT(inbox.count == i + 1);
		CHECK_EQ(inbox.length, lengths[i]);
		CHECK_BYTES(inbox.bytes, payload, inbox.length);
		at = stack_at(way, way->near, from->local.port);
		CHECK(stack_same(&inbox.from, &at));
		/* Where the stack can tell. */
		at = stack_at(way, way->far, to->local.port);
		CHECK(inbox.to.ip.version == 0 ||
		      mirage_ip_equal(&inbox.to.ip, &at.ip));
	}
	CHECK_EQ(reply.count, 0);
	CASE_END;
}

/* The answer comes from where the question went. */
STACK_CASE(udp, answers, "UDP-01 UDP-04")
{
	static struct mirage_vector vectors[3];
	static struct mirage_endpoint at;

	CASE_BEGIN;
	STACKS(way);
	CHECK(ports(way));
	CHECK_RESULT(send_to(way, to->local.port, 10), 0);
	AWAIT(inbox.count == 1);
	vectors[0] = (struct mirage_vector){payload, 7};
	vectors[1] = (struct mirage_vector){payload, 0};
	vectors[2] = (struct mirage_vector){payload + 7, 500};
	CHECK_RESULT(mirage_udp_send(to, &inbox.to, &inbox.from, vectors, 3),
		     0);
	AWAIT(reply.count == 1);
	CLAIM("UDP-04");
	CHECK_EQ(reply.length, 507);
	CHECK_BYTES(reply.bytes, payload, 507);
	CLAIM("UDP-01");
	at = stack_at(way, way->far, to->local.port);
	CHECK(stack_same(&reply.from, &at));
	CASE_END;
}

STACK_CASE(udp, free_port, "UDP-02")
{
	CASE_BEGIN;
	STACKS(way);
	CHECK(ports(way));
	CHECK_RESULT(open_at(conf_stack(way->far), stack_at(way, way->far, 0),
			     &inbox, &other),
		     0);
	CHECK(to->local.port != 0 && other->local.port != 0);
	CHECK(to->local.port != other->local.port);
	CHECK_RESULT(send_to(way, other->local.port, 10), 0);
	AWAIT(inbox.count == 1);
	CASE_END;
}

STACK_CASE(udp, any_version, "UDP-02 UDP-01")
{
	CASE_BEGIN;
	STACKS(way);
	CHECK(ports(way));
	CHECK_RESULT(open_at(conf_stack(way->far),
			     (struct mirage_endpoint){.port = 0}, &inbox,
			     &other),
		     0);
	CHECK_RESULT(send_to(way, other->local.port, 10), 0);
	AWAIT(inbox.count == 1);
	CHECK_EQ(inbox.from.ip.version, way->version);
	/* And back from there. */
	CHECK_RESULT(mirage_udp_send(other, &inbox.to, &inbox.from,
				     &(struct mirage_vector){payload, 20}, 1),
		     0);
	AWAIT(reply.count == 1);
	CHECK_EQ(reply.length, 20);
	CHECK_EQ(reply.from.port, other->local.port);
	CASE_END;
}

STACK_CASE(udp, port_taken, "UDP-03")
{
	static struct mirage_endpoint at;

	CASE_BEGIN;
	STACKS(way);
	CHECK(ports(way));
	at = stack_any(way);
	at.port = to->local.port;
	CHECK_RESULT(open_at(conf_stack(way->far), at, &inbox, &other),
		     MIRAGE_EBUSY);
	CHECK(other == NULL);
	at = stack_at(way, way->far, 0);
	at.ip.bytes[0] = way->version == 4 ? 192 : 0x20;
	at.ip.bytes[1] = 77;
	CHECK_RESULT(open_at(conf_stack(way->far), at, &inbox, &other),
		     MIRAGE_EINVAL);
	CHECK(other == NULL);
	CASE_END;
}

STACK_CASE(udp, too_long, "UDP-05")
{
	static uint8_t *bytes;
	static struct mirage_vector vectors[2];
	static struct mirage_endpoint at;

	CASE_BEGIN;
	STACKS(way);
	CHECK(ports(way));
	bytes = conf_memory(65536);
	at = stack_at(way, way->far, to->local.port);
	vectors[0] = (struct mirage_vector){bytes, 65528};
	CHECK_RESULT(mirage_udp_send(from, NULL, &at, vectors, 1),
		     MIRAGE_EMSGSIZE);
	/* Added up, and so that the sum wraps around. */
	vectors[0].length_bytes = 65000;
	vectors[1] = (struct mirage_vector){bytes, 528};
	CHECK_RESULT(mirage_udp_send(from, NULL, &at, vectors, 2),
		     MIRAGE_EMSGSIZE);
	vectors[1].length_bytes = SIZE_MAX - 64999;
	CHECK_RESULT(mirage_udp_send(from, NULL, &at, vectors, 2),
		     MIRAGE_EMSGSIZE);
	if (way->version == 4) {
		vectors[0].length_bytes = 65508;
		CHECK_RESULT(mirage_udp_send(from, NULL, &at, vectors, 1),
			     MIRAGE_EMSGSIZE);
	}
	REST_NS(10000000);
	CHECK_EQ(inbox.count, 0);
	CHECK_RESULT(send_to(way, to->local.port, LONGEST), 0);
	AWAIT(inbox.count == 1);
	CHECK_EQ(inbox.length, LONGEST);
	CASE_END;
}

STACK_V4_CASE(udp, malformed, "UDP-06")
{
	static struct mirage_vector vector;
	static struct mirage_endpoint at;

	CASE_BEGIN;
	STACKS(way);
	CHECK(ports(way));
	vector = (struct mirage_vector){payload, 10};
	CHECK_RESULT(send_to(way, 0, 10), MIRAGE_EINVAL);
	at = (struct mirage_endpoint){.port = to->local.port};
	CHECK_RESULT(mirage_udp_send(from, NULL, &at, &vector, 1),
		     MIRAGE_EINVAL);
	at.ip.version = way->version;
	CHECK_RESULT(mirage_udp_send(from, NULL, &at, &vector, 1),
		     MIRAGE_EINVAL);
	REST_NS(10000000);
	CHECK_EQ(inbox.count, 0);
	CASE_END;
}

STACK_CASE(udp, closed, "UDP-07 UDP-03")
{
	static struct mirage_endpoint at;

	CASE_BEGIN;
	STACKS(way);
	CHECK(ports(way));
	at = stack_any(way);
	at.port = to->local.port;
	for (unsigned i = 0; i < 5; i++)
		CHECK_RESULT(send_to(way, at.port, 10), 0);
	mirage_udp_close(to);
	REST_NS(20000000);
	CHECK_EQ(inbox.count, 0);
	CLAIM("UDP-03");
	CHECK_RESULT(open_at(conf_stack(way->far), at, &inbox, &to), 0);
	CHECK_RESULT(send_to(way, at.port, 10), 0);
	AWAIT(inbox.count == 1);
	CASE_END;
}

STACK_V4_CASE(udp, closed_inside, "UDP-07 LAW-04")
{
	CASE_BEGIN;
	STACKS(way);
	CHECK(ports(way));
	inbox.close = &to;
	for (unsigned i = 0; i < 5; i++)
		CHECK_RESULT(send_to(way, to->local.port, 10), 0);
	AWAIT(inbox.count == 1);
	CHECK(to == NULL);
	REST_NS(20000000);
	CHECK_EQ(inbox.count, 1);
	CASE_END;
}

STACK_CASE(udp, burst, "UDP-01")
{
	static unsigned sent;

	CASE_BEGIN;
	STACKS(way);
	CHECK(ports(way));
	for (sent = 0; sent < 1000; sent++) {
		AWAIT(send_to(way, to->local.port, 100) == 0);
		if (sent % 16 == 15)
			AWAIT(inbox.count >= sent - 15);
	}
	AWAIT(inbox.count >= 900);
	CHECK(inbox.count <= 1000);
	CASE_END;
}

STACK_V4_CASE(udp, no_receiver, "LAW-05", .aborts = "LAW-05")
{
	static struct mirage_endpoint at;

	CASE_BEGIN;
	STACKS(way);
	at = stack_any(way);
	mirage_udp_open(conf_stack(way->near), &at, NULL, NULL, &from);
	CASE_END;
}

CASES(udp) = {
	STACK_CASES(udp, arrives),	    STACK_CASES(udp, answers),
	STACK_CASES(udp, free_port),	    STACK_CASES(udp, any_version),
	STACK_CASES(udp, port_taken),	    STACK_CASES(udp, too_long),
	STACK_V4_CASES(udp, malformed),	    STACK_CASES(udp, closed),
	STACK_V4_CASES(udp, closed_inside), STACK_CASES(udp, burst),
	STACK_V4_CASES(udp, no_receiver),   NULL,
};
