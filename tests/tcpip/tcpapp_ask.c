/* SPDX-License-Identifier: ISC */
/* The commands of tcpapp that ask something of the world. */
#include "pattern.h"
#include "tcpapp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)

/* --------------------------------------------------------------- Connect -- */

struct call {
	struct mirage_tcp_connect connect;
	struct mirage_flow *flow;
	struct mirage_flow_write write;
	struct mirage_vector vector;
	uint64_t wanted_bytes, sent_bytes, received_bytes;
	int read_result, write_result;
	bool bad, reading, writing;
};

static struct call *last; /* of those in flight */

static void call_end(struct call *call)
{
	if (call->reading || call->writing)
		return;
	tcpapp_say("done sent=%" PRIu64 " received=%" PRIu64
		   " good=%d read=%s write=%s",
		   call->sent_bytes, call->received_bytes, !call->bad,
		   mirage_error_name(call->read_result),
		   mirage_error_name(call->write_result));
	mirage_flow_close(call->flow);
	free(call);
}

static void call_on_read(void *arg, int result, const void *bytes)
{
	struct call *call = arg;

	if (result <= 0) {
		call->read_result = result;
		call->reading = false;
		call_end(call);
		return;
	}
	if (!pattern_is(call->received_bytes, bytes, (size_t)result))
		call->bad = true;
	call->received_bytes += (unsigned)result;
	mirage_flow_read(call->flow, call_on_read, call);
}

static void call_on_write(void *arg, int result);

static void call_write(struct call *call)
{
	uint64_t left = call->wanted_bytes - call->sent_bytes;

	call->vector.base = (void *)(uintptr_t)pattern_at(call->sent_bytes);
	call->vector.length_bytes =
		left < PATTERN_PIECE_BYTES ? (size_t)left : PATTERN_PIECE_BYTES;
	call->write.vectors = &call->vector;
	call->write.n_vectors = 1;
	call->write.done = call_on_write;
	call->write.arg = call;
	mirage_flow_write(call->flow, &call->write);
}

static void call_on_write(void *arg, int result)
{
	struct call *call = arg;

	if (result == 0)
		call->sent_bytes += call->vector.length_bytes;
	if (result == 0 && call->sent_bytes < call->wanted_bytes) {
		call_write(call);
		return;
	}
	call->write_result = result;
	call->writing = false;
	mirage_flow_shutdown(call->flow);
	call_end(call);
}

static void call_on_connect(void *arg, int result, struct mirage_flow *flow)
{
	struct call *call = arg;
	char local[MIRAGE_IP_TEXT_MAX], peer[MIRAGE_IP_TEXT_MAX];

	if (last == call)
		last = NULL;
	if (result < 0) {
		tcpapp_say("connected %s", mirage_error_name(result));
		free(call);
		return;
	}
	tcpapp_say("connected OK local=%s peer=%s",
		   mirage_endpoint_print(&flow->local, local),
		   mirage_endpoint_print(&flow->peer, peer));
	call->flow = flow;
	call->reading = call->writing = true;
	mirage_flow_read(flow, call_on_read, call);
	call_write(call);
}

void tcpapp_connect(const char *text)
{
	struct call *call = calloc(1, sizeof(*call));
	char ip[MIRAGE_IP_TEXT_MAX];
	uint64_t timeout_ms;

	if (call == NULL ||
	    sscanf(text, "%63s %" SCNu16 " %" SCNu64 " %" SCNu64, ip,
		   &call->connect.to.port, &call->wanted_bytes,
		   &timeout_ms) != 4 ||
	    !mirage_ip_parse(&call->connect.to.ip, ip)) {
		tcpapp_say("connected what?");
		free(call);
		return;
	}
	call->connect.timeout_ns = timeout_ms * MS;
	call->connect.done = call_on_connect;
	call->connect.arg = call;
	last = call;
	mirage_tcp_connect(tcpapp_stack, &call->connect);
}

void tcpapp_cancel(const char *text)
{
	if (last != NULL)
		mirage_tcp_cancel(&last->connect);
}

/* --------------------------------------------------------------- Resolve -- */

#define IPS 4

struct lookup {
	struct mirage_resolve resolve;
	struct mirage_ip ips[IPS];
	char name[256];
};

static void on_resolved(void *arg, int result)
{
	struct lookup *lookup = arg;
	char line[IPS * (MIRAGE_IP_TEXT_MAX + 1) + 1] = "",
						   ip[MIRAGE_IP_TEXT_MAX];

	for (int i = 0; i < result; i++) {
		strcat(line, " ");
		strcat(line, mirage_ip_print(&lookup->ips[i], ip));
	}
	tcpapp_say("resolved %s%s", mirage_error_name(result), line);
	free(lookup);
}

void tcpapp_resolve(const char *text)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));

	if (lookup == NULL || sscanf(text, "%255s %" SCNu8, lookup->name,
				     &lookup->resolve.version) != 2) {
		tcpapp_say("resolved what?");
		free(lookup);
		return;
	}
	lookup->resolve.name = lookup->name;
	lookup->resolve.n_ips = IPS;
	lookup->resolve.ips = lookup->ips;
	lookup->resolve.done = on_resolved;
	lookup->resolve.arg = lookup;
	mirage_resolve(tcpapp_stack, &lookup->resolve);
}

/* ------------------------------------------------------------------- UDP -- */

static void on_answer(void *arg, const struct mirage_endpoint *from,
		      const struct mirage_endpoint *to, const void *bytes,
		      size_t length)
{
	char a[MIRAGE_IP_TEXT_MAX], b[MIRAGE_IP_TEXT_MAX];

	tcpapp_say("datagram from=%s to=%s bytes=%zu good=%d",
		   mirage_endpoint_print(from, a), mirage_endpoint_print(to, b),
		   length, pattern_is(0, bytes, length));
}

void tcpapp_udp(const char *text)
{
	static struct mirage_udp *udp;
	const struct mirage_endpoint any = {.port = 0};
	struct mirage_vector vector = {(void *)(uintptr_t)pattern_at(0), 0};
	struct mirage_endpoint to;
	char ip[MIRAGE_IP_TEXT_MAX];
	int error = 0;

	if (sscanf(text, "%63s %" SCNu16 " %zu", ip, &to.port,
		   &vector.length_bytes) != 3 ||
	    vector.length_bytes > PATTERN_PIECE_BYTES ||
	    !mirage_ip_parse(&to.ip, ip)) {
		tcpapp_say("sent what?");
		return;
	}
	if (udp == NULL)
		error = mirage_udp_open(tcpapp_stack, &any, on_answer, NULL,
					&udp);
	if (error == 0)
		error = mirage_udp_send(udp, NULL, &to, &vector, 1);
	tcpapp_say("sent %s", mirage_error_name(error));
}
