/* SPDX-License-Identifier: ISC */
/*
 * tapapp: a network application that does what its standard input says, line by
 * line, and answers each line with one. Frames and events speak up by themselves,
 * in lines that begin with "rx" and "event".
 *
 *	open ACCEPT                 open the network "service"
 *	close | info | counters     what they say
 *	receive off|count|hold|show
 *	release                     what `hold` has kept
 *	send N FRAGMENTS CSUM START OFFSET GSO SIZE HEX
 *	                            N times the frame HEX with these marks, cut
 *	                            into that many fragments
 *	relay                       open "service" and "other", pass all frames on
 *
 * An `X*N` at the end of HEX stands for N bytes of the byte X.
 */
#include <mirage.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 1 << 18, HELD = 4096, FRAME = 1 << 17 };
enum mode { OFF, COUNT, HOLD, SHOW };

static struct mirage_net *net, *other;
static struct mirage_packet *held[HELD];
static size_t n_held;
static enum mode mode;
static char line[LINE];
static size_t line_length;

static void say(const char *format, ...) MIRAGE_PRINTF(1, 2);

static void say(const char *format, ...)
{
	char text[1024];
	va_list list;
	int length;

	va_start(list, format);
	length = vsnprintf(text, sizeof(text) - 1, format, list);
	va_end(list);
	text[length++] = '\n';
	mirage_console_write(text, (size_t)length);
}

/* ------------------------------------------------------------- Receiving -- */

/** Adler-32, which Python has too. */
static uint32_t adler(const struct mirage_packet *frame)
{
	uint32_t a = 1, b = 0;

	for (; frame != NULL; frame = frame->next)
		for (uint32_t i = 0; i < frame->length_bytes; i++) {
			a = (a + frame->data[i]) % 65521;
			b = (b + a) % 65521;
		}
	return b << 16 | a;
}

static void show(const struct mirage_packet *frame)
{
	say("rx bytes=%" PRIu64 " csum=%u gso=%u size=%u start=%u offset=%u "
	    "adler=%" PRIu32,
	    mirage_packet_frame_bytes(frame), frame->csum, frame->gso,
	    frame->gso_size_bytes, frame->csum_start_bytes,
	    frame->csum_offset_bytes, adler(frame));
}

static void on_receive(void *arg, struct mirage_packet *const frames[],
		       size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (mode == SHOW)
			show(frames[i]);
		if (mode == HOLD && n_held < HELD)
			held[n_held++] = frames[i];
		else
			mirage_packet_release(frames[i]);
	}
}

static void do_receive(const char *word)
{
	static const char *const words[] = {"off", "count", "hold", "show"};

	for (unsigned i = 0; i < 4; i++)
		if (strcmp(word, words[i]) == 0)
			mode = (enum mode)i;
	mirage_net_on_receive(net, mode == OFF ? NULL : on_receive, NULL);
	say("ok");
}

static void do_release(void)
{
	say("released %zu", n_held);
	while (n_held > 0)
		mirage_packet_release(held[--n_held]);
}

/* --------------------------------------------------------------- Sending -- */

static size_t unhex(uint8_t *bytes, const char *text)
{
	size_t n = 0;
	unsigned value, times;
	int end;

	while (n < FRAME && sscanf(text, "%2x%n", &value, &end) == 1) {
		bytes[n++] = (uint8_t)value;
		text += end;
		if (sscanf(text, "*%u", &times) != 1)
			continue;
		while (--times > 0 && n < FRAME)
			bytes[n++] = (uint8_t)value;
		break;
	}
	return n;
}

/** One frame of `length` bytes in `fragments` packets, or NULL. */
static struct mirage_packet *build(const uint8_t *bytes, uint32_t length,
				   uint32_t fragments)
{
	struct mirage_packet *first = NULL, **end = &first;

	for (; fragments > 0; fragments--) {
		uint32_t piece = fragments == 1 ? length : length / fragments;

		if (mirage_net_reserve(net, piece, end, 1) != 1)
			break;
		memcpy(mirage_packet_append(*end, piece), bytes, piece);
		bytes += piece;
		length -= piece;
		end = &(*end)->next;
	}
	if (fragments == 0)
		return first;
	if (first != NULL)
		mirage_packet_release(first);
	return NULL;
}

static int send_one(const uint8_t *bytes, size_t length, unsigned fragments,
		    const unsigned marks[5])
{
	struct mirage_packet *frame = build(bytes, (uint32_t)length, fragments);
	int taken;

	if (frame == NULL)
		return MIRAGE_ENOMEM;
	frame->csum = (uint8_t)marks[0];
	frame->csum_start_bytes = (uint16_t)marks[1];
	frame->csum_offset_bytes = (uint16_t)marks[2];
	frame->gso = (uint8_t)marks[3];
	frame->gso_size_bytes = (uint16_t)marks[4];
	taken = mirage_net_send(net, &frame, 1);
	if (taken != 1)
		mirage_packet_release(frame);
	return taken;
}

static void do_send(const char *text)
{
	static uint8_t bytes[FRAME];
	unsigned n, fragments, m[5];
	unsigned sent = 0;
	size_t length;
	int end, taken = 1;

	if (sscanf(text, "%u %u %u %u %u %u %u %n", &n, &fragments, &m[0],
		   &m[1], &m[2], &m[3], &m[4], &end) != 7) {
		say("what?");
		return;
	}
	length = unhex(bytes, text + end);
	while (sent < n && (taken = send_one(bytes, length, fragments, m)) == 1)
		sent++;
	say("sent %u %s", sent,
	    taken == 0 ? "full" : mirage_error_name(taken < 0 ? taken : 0));
}

/* ----------------------------------------------------------------- Words -- */

static void do_info(void)
{
	const struct mirage_net_info *i = net->info;
	const uint8_t *m = i->mac;

	say("info caps=%#x mtu=%u gso_max=%u fragments=%u pool=%u headroom=%u "
	    "link=%d mac=%02x:%02x:%02x:%02x:%02x:%02x",
	    i->caps, i->mtu_bytes, i->gso_max_bytes, i->max_fragments,
	    i->pool_frames, i->headroom_bytes, i->link_up, m[0], m[1], m[2],
	    m[3], m[4], m[5]);
}

static void do_counters(void)
{
	const struct mirage_net_counters *c = net->counters;

#define COUNTER(name) " " #name "=%" PRIu64
	say("counters" COUNTER(rx_frames) COUNTER(rx_bytes) COUNTER(tx_frames)
		    COUNTER(tx_bytes) COUNTER(rx_dropped_nobody)
			    COUNTER(rx_dropped_memory) COUNTER(rx_dropped_size)
				    COUNTER(rx_dropped_invalid)
					    COUNTER(tx_dropped_link)
						    COUNTER(tx_dropped_error)
							    COUNTER(tx_refused),
	    c->rx_frames, c->rx_bytes, c->tx_frames, c->tx_bytes,
	    c->rx_dropped_nobody, c->rx_dropped_memory, c->rx_dropped_size,
	    c->rx_dropped_invalid, c->tx_dropped_link, c->tx_dropped_error,
	    c->tx_refused);
}

static void on_event(void *arg, uint32_t event)
{
	static const char *const names[] = {
		[MIRAGE_EVENT_WRITABLE] = "writable",
		[MIRAGE_EVENT_LINK] = "link",
		[MIRAGE_EVENT_CAPS] = "caps",
		[MIRAGE_EVENT_LOST] = "lost",
		[MIRAGE_EVENT_CLOSED] = "closed",
	};

	say("event %s link=%d", names[event], net->info->link_up);
}

static void on_open(void *arg, int result, struct mirage_net *opened)
{
	if (result == 0) {
		net = opened;
		mirage_net_on_event(net, on_event, NULL);
	}
	say("open %s", mirage_error_name(result));
}

/* ----------------------------------------------------------------- Relay -- */

static void on_relay(void *arg, struct mirage_packet *const frames[], size_t n)
{
	struct mirage_net *to = *(struct mirage_net **)arg;
	int sent = mirage_net_send(to, frames, n);

	for (size_t i = sent < 0 ? 0 : (size_t)sent; i < n; i++)
		mirage_packet_release(frames[i]);
}

static void on_relay_open(void *arg, int result, struct mirage_net *opened)
{
	*(struct mirage_net **)arg = opened;
	if (result < 0)
		say("relay %s", mirage_error_name(result));
	if (net == NULL || other == NULL)
		return;
	mirage_net_on_receive(net, on_relay, &other);
	mirage_net_on_receive(other, on_relay, &net);
	say("relay OK");
}

static void do_line(char *text)
{
	if (strncmp(text, "open ", 5) == 0)
		mirage_net_open("service", (uint32_t)strtoul(text + 5, NULL, 0),
				on_open, NULL);
	else if (strcmp(text, "close") == 0)
		mirage_net_close(net);
	else if (strcmp(text, "info") == 0)
		do_info();
	else if (strcmp(text, "counters") == 0)
		do_counters();
	else if (strncmp(text, "receive ", 8) == 0)
		do_receive(text + 8);
	else if (strcmp(text, "release") == 0)
		do_release();
	else if (strncmp(text, "send ", 5) == 0)
		do_send(text + 5);
	else if (strcmp(text, "relay") == 0) {
		mirage_net_open("service", MIRAGE_NET_ACCEPT_ALL, on_relay_open,
				&net);
		mirage_net_open("other", MIRAGE_NET_ACCEPT_ALL, on_relay_open,
				&other);
	} else
		say("what?");
}

static void on_input(void *arg, const void *bytes, size_t length)
{
	const char *text = bytes;

	if (length == 0) {
		mirage_exit(0);
		return;
	}
	for (size_t i = 0; i < length; i++) {
		if (text[i] != '\n') {
			if (line_length < LINE - 1)
				line[line_length++] = text[i];
			continue;
		}
		line[line_length] = '\0';
		line_length = 0;
		do_line(line);
	}
}

static int start(int argc, char *argv[])
{
	return mirage_console_read(on_input, NULL);
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
