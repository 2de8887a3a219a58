/* SPDX-License-Identifier: ISC */
/* Names: far plays a name server (RFC 1035) that knows two of them, and near asks. */
#include "stack_case.h"

/* Where the host can be made to ask here, it is near and far. */
#define NAMES_CASE(class_, name, tags_)                                     \
	static void class_##_##name##_body(const struct stack_way *way);    \
	STACK_VARIANT(class_, name, tcpip, CONF_NET_A, 4, CONF_PAIR, tags_) \
	STACK_VARIANT(class_, name, tcpip, CONF_NET_A, 6, CONF_PAIR, tags_) \
	STACK_VARIANT(class_, name, host, CONF_HOST_NAMES, 4,               \
		      CONF_SOCKETS_NAMES, tags_)                            \
	static void class_##_##name##_body(const struct stack_way *way)

#define NAMES_CASES(class_, name)                             \
	&class_##_##name##_tcpip4, &class_##_##name##_tcpip6, \
		&class_##_##name##_host4

#define ROOM 8u
#define PATIENCE_NS 30000000000u

static struct mirage_udp *server;
static unsigned questions;
/* A question that is not answered for the moment. */
static uint8_t kept[512];
static size_t kept_length;
static struct mirage_endpoint kept_from, kept_to;

static struct mirage_resolve resolves[3];
static struct conf_done dones[3];
static struct mirage_ip ips[3][ROOM];

/* --------------------------------------------------------- Name server -- */

enum { HEADER = 12, TYPE_A = 1, TYPE_AAAA = 28, REFUSED_NAME = 3 };

static const struct record {
	const char *name; /* in labels, each after its length */
	uint8_t type;
	uint8_t length;
	uint8_t bytes[16];
} records[] = {
	{"\4both\7example", TYPE_A, 4, {192, 0, 2, 1}},
	{"\4both\7example", TYPE_A, 4, {192, 0, 2, 2}},
	{"\4both\7example", TYPE_AAAA, 16, {0x20, 1, 0x0d, 0xb8, [15] = 1}},
	{"\4four\7example", TYPE_A, 4, {192, 0, 2, 4}},
};

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* Case is for whoever asks: resolvers scramble it. */
static bool same_name(const uint8_t *asked, const char *name)
{
	size_t length = conf_length(name) + 1;

	for (size_t i = 0; i < length; i++)
		if (lower(asked[i]) != (uint8_t)name[i])
			return false;
	return true;
}

/* The length of the question after the header, or 0. */
static size_t question_length(const uint8_t *bytes, size_t length)
{
	size_t at = HEADER;

	while (at < length && bytes[at] != 0)
		at += bytes[at] + 1u;
	return at + 5 <= length ? at + 5 - HEADER : 0;
}

/* Makes an answer of the question in `bytes`; returns its length. */
static size_t make_answer(uint8_t *bytes, size_t question)
{
	uint8_t type = bytes[HEADER + question - 3];
	size_t length = HEADER + question;
	bool known = false;

	conf_set(bytes + 6, 6, 0);
	for (unsigned i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		const struct record *r = &records[i];
		uint8_t head[12] = {0xc0, HEADER, 0, r->type, 0, 1,
				    0,	  0,	  0, 0,	      0, r->length};

		if (!same_name(bytes + HEADER, r->name))
			continue;
		known = true;
		if (r->type != type)
			continue;
		conf_copy(bytes + length, head, sizeof(head));
		conf_copy(bytes + length + sizeof(head), r->bytes, r->length);
		length += sizeof(head) + r->length;
		bytes[7]++;
	}
	bytes[2] = 0x85;
	bytes[3] = known ? 0x80 : 0x80 | REFUSED_NAME;
	return length;
}

static void answer(const void *asked, size_t length,
		   const struct mirage_endpoint *from,
		   const struct mirage_endpoint *to)
{
	static uint8_t bytes[1024];
	struct mirage_vector vector = {bytes, 0};
	size_t question;

	if (length > 512)
		return;
	conf_copy(bytes, asked, length);
	question = question_length(bytes, length);
	if (question == 0)
		return;
	vector.length_bytes = make_answer(bytes, question);
	mirage_udp_send(server, to, from, &vector, 1);
}

static void on_question(void *arg, const struct mirage_endpoint *from,
			const struct mirage_endpoint *to, const void *bytes,
			size_t length)
{
	questions++;
	conf_wake();
	if (length > 512 || !conf_contains(bytes, length, "silent")) {
		answer(bytes, length, from, to);
		return;
	}
	conf_copy(kept, bytes, length);
	kept_length = length;
	kept_from = *from;
	kept_to = *to;
}

/* Opens both stacks, and the server far. */
static void serve(const struct stack_way *way)
{
	struct mirage_endpoint at = stack_at(way, way->far, 53);
	int result;

	questions = 0;
	kept_length = 0;
	conf_set(resolves, sizeof(resolves), 0);
	conf_set(dones, sizeof(dones), 0);
	conf_set(ips, sizeof(ips), 0);
	result = mirage_udp_open(conf_stack(way->far), &at, on_question, NULL,
				 &server);
	conf_equal_results(__FILE__, __LINE__, "the name server's port", result,
			   0);
}

#define SERVE(way)               \
	do {                     \
		STACKS(way);     \
		serve(way);      \
		if (conf_over()) \
			return;  \
	} while (0)

static void look_up(const struct stack_way *way, unsigned i, const char *name,
		    uint8_t version, uint32_t room)
{
	dones[i].count = 0;
	resolves[i] = (struct mirage_resolve){.name = name,
					      .version = version,
					      .n_ips = room,
					      .ips = ips[i],
					      .done = conf_count,
					      .arg = &dones[i]};
	mirage_resolve(conf_stack(way->near), &resolves[i]);
}

/* Looks up and waits. */
#define LOOK_UP(way, i, name, version, room)                    \
	do {                                                    \
		look_up((way), (i), (name), (version), (room)); \
		AWAIT_NS(dones[i].count > 0, PATIENCE_NS);      \
	} while (0)

static bool is_ip(const struct mirage_ip *ip, const char *text)
{
	struct mirage_ip other;

	return mirage_ip_parse(&other, text) && mirage_ip_equal(ip, &other);
}

static bool is_four(const struct mirage_ip *ip)
{
	return is_ip(ip, "192.0.2.1") || is_ip(ip, "192.0.2.2");
}

/* ----------------------------------------------------------------- Cases -- */

NAMES_CASE(resolve, finds, "RES-01 LAW-01 LAW-02")
{
	static int n;

	CASE_BEGIN;
	SERVE(way);
	look_up(way, 0, "both.example", 4, ROOM);
	CLAIM("LAW-02");
	CHECK_EQ(dones[0].count, 0);
	CLAIM("RES-01");
	AWAIT_NS(dones[0].count > 0, PATIENCE_NS);
	n = dones[0].result;
	CHECK(n == 1 || n == 2);
	CHECK(is_four(&ips[0][0]));
	CHECK(n == 1 || (is_four(&ips[0][1]) &&
			 !mirage_ip_equal(&ips[0][0], &ips[0][1])));
	CHECK_EQ(ips[0][n].version, 0);
	LOOK_UP(way, 1, "both.example.", 6, ROOM);
	CHECK_RESULT(dones[1].result, 1);
	CHECK(is_ip(&ips[1][0], "2001:db8::1"));
	CHECK_EQ(ips[1][1].version, 0);
	/* Both, IPv6 first. */
	LOOK_UP(way, 2, "BOTH.example", 0, ROOM);
	CHECK(dones[2].result >= 1 && dones[2].result <= 3);
	CHECK(is_ip(&ips[2][0], "2001:db8::1"));
	CHECK(dones[2].result == 1 || is_four(&ips[2][1]));
	CHECK(questions > 0);
	CLAIM("LAW-01");
	REST_NS(10000000);
	CHECK_EQ(dones[0].count + dones[1].count + dones[2].count, 3);
	CASE_END;
}

/* The room is a bound, and what has one version only is found by both. */
NAMES_CASE(resolve, room, "RES-01")
{
	CASE_BEGIN;
	SERVE(way);
	LOOK_UP(way, 0, "both.example", 4, 1);
	CHECK_RESULT(dones[0].result, 1);
	CHECK(is_four(&ips[0][0]));
	CHECK_EQ(ips[0][1].version, 0);
	LOOK_UP(way, 1, "four.example", 0, ROOM);
	CHECK_RESULT(dones[1].result, 1);
	CHECK(is_ip(&ips[1][0], "192.0.2.4"));
	LOOK_UP(way, 2, "both.example", 4, 0);
	CHECK_RESULT(dones[2].result, MIRAGE_EINVAL);
	CASE_END;
}

STACK_V4_CASE(resolve, addresses, "RES-02 RES-03 LAW-02")
{
	CASE_BEGIN;
	STACKS(way);
	conf_set(dones, sizeof(dones), 0);
	look_up(way, 0, "192.0.2.7", 0, ROOM);
	look_up(way, 1, "2001:db8::7", 6, ROOM);
	look_up(way, 2, "192.0.2.7", 6, ROOM);
	CHECK_EQ(dones[0].count + dones[1].count + dones[2].count, 0);
	AWAIT(dones[0].count > 0 && dones[1].count > 0 && dones[2].count > 0);
	CLAIM("RES-02");
	CHECK_RESULT(dones[0].result, 1);
	CHECK(is_ip(&ips[0][0], "192.0.2.7"));
	CHECK_RESULT(dones[1].result, 1);
	CHECK(is_ip(&ips[1][0], "2001:db8::7"));
	CLAIM("RES-03");
	CHECK_RESULT(dones[2].result, MIRAGE_ENOENT);
	CASE_END;
}

NAMES_CASE(resolve, unknown, "RES-03")
{
	CASE_BEGIN;
	SERVE(way);
	LOOK_UP(way, 0, "nobody.example", 0, ROOM);
	CHECK_RESULT(dones[0].result, MIRAGE_ENOENT);
	LOOK_UP(way, 1, "nobody.example", 4, ROOM);
	CHECK_RESULT(dones[1].result, MIRAGE_ENOENT);
	LOOK_UP(way, 2, "four.example", 6, ROOM);
	CHECK_RESULT(dones[2].result, MIRAGE_ENOENT);
	CASE_END;
}

STACK_V4_CASE(resolve, malformed, "RES-04 LAW-02")
{
	static const char *const names[] = {
		"",
		".",
		"a..b",
		".a",
		"a b",
		"a/b",
		"caf\xc3\xa9",
		"a:1",
		/* A label of 64. */
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aa"
		"aa",
	};
	static char longest[300];
	static unsigned i;

	CASE_BEGIN;
	STACKS(way);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		look_up(way, 0, names[i], 0, ROOM);
		CHECK_EQ(dones[0].count, 0);
		AWAIT(dones[0].count == 1);
		CHECK_RESULT(dones[0].result, MIRAGE_EINVAL);
	}
	for (i = 0; i < 254; i++)
		longest[i] = i % 10 == 9 ? '.' : 'a';
	look_up(way, 0, longest, 0, ROOM);
	AWAIT(dones[0].count == 1);
	CHECK_RESULT(dones[0].result, MIRAGE_EINVAL);
	CASE_END;
}

NAMES_CASE(resolve, canceled, "RES-05 LAW-01 LAW-02")
{
	CASE_BEGIN;
	SERVE(way);
	mirage_resolve_cancel(&resolves[0]); /* not in flight: nothing */
	look_up(way, 0, "silent.example", 4, ROOM);
	mirage_resolve_cancel(&resolves[0]);
	CLAIM("LAW-02");
	CHECK_EQ(dones[0].count, 0);
	look_up(way, 1, "192.0.2.7", 0, ROOM);
	mirage_resolve_cancel(&resolves[1]);
	CHECK_EQ(dones[1].count, 0);
	CLAIM("RES-05");
	AWAIT(dones[0].count > 0 && dones[1].count > 0);
	CHECK_RESULT(dones[0].result, MIRAGE_ECANCELED);
	CHECK_RESULT(dones[1].result, MIRAGE_ECANCELED);
	look_up(way, 2, "silent.example", 4, ROOM);
	AWAIT(kept_length > 0);
	mirage_resolve_cancel(&resolves[2]);
	AWAIT(dones[2].count > 0);
	CHECK_RESULT(dones[2].result, MIRAGE_ECANCELED);
	/* The answer comes too late, and the next question has its own. */
	answer(kept, kept_length, &kept_from, &kept_to);
	LOOK_UP(way, 0, "four.example", 4, ROOM);
	CHECK_RESULT(dones[0].result, 1);
	CLAIM("LAW-01");
	CHECK_EQ(dones[1].count, 1);
	CHECK_EQ(dones[2].count, 1);
	CHECK_EQ(ips[2][0].version, 0);
	CASE_END;
}

NAMES_CASE(resolve, ends_with_its_stack, "STK-04")
{
	CASE_BEGIN;
	SERVE(way);
	look_up(way, 0, "silent.example", 4, ROOM);
	AWAIT(kept_length > 0);
	conf_close(way->near);
	CHECK_EQ(dones[0].count, 0);
	AWAIT(conf_is_closed(way->near));
	CHECK_EQ(dones[0].count, 1);
	CHECK_RESULT(dones[0].result, MIRAGE_EGONE);
	CASE_END;
}

STACK_V4_CASE(resolve, no_completion, "LAW-05", .aborts = "LAW-05")
{
	CASE_BEGIN;
	STACKS(way);
	resolves[0] = (struct mirage_resolve){
		.name = "192.0.2.1", .n_ips = 1, .ips = ips[0]};
	mirage_resolve(conf_stack(way->near), &resolves[0]);
	CASE_END;
}

STACK_V4_CASE(resolve, in_flight, "LAW-05", .aborts = "LAW-05")
{
	CASE_BEGIN;
	STACKS(way);
	look_up(way, 0, "192.0.2.1", 4, ROOM);
	mirage_resolve(conf_stack(way->near), &resolves[0]);
	CASE_END;
}

CASES(resolve) = {
	NAMES_CASES(resolve, finds),
	NAMES_CASES(resolve, room),
	STACK_V4_CASES(resolve, addresses),
	NAMES_CASES(resolve, unknown),
	STACK_V4_CASES(resolve, malformed),
	NAMES_CASES(resolve, canceled),
	NAMES_CASES(resolve, ends_with_its_stack),
	STACK_V4_CASES(resolve, no_completion),
	STACK_V4_CASES(resolve, in_flight),
	NULL,
};
