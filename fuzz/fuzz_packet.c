/* SPDX-License-Identifier: ISC */
/*
 * Packets and pools: a program of operations from the input runs on a pool and on a
 * model made of plain arrays. Bytes between the buffers must not change, and a
 * packet fresh from the pool must be all zero.
 */
#include <mirage-backend.h>

#include <assert.h>
#include <string.h>

enum { N = 6, STRIDE = 160, HEADROOM = 32, FENCE = 0xa5 };

/* One fence before the first buffer and one behind the last; between buffers the
 * neighbours are the fence. */
static uint8_t memory[N * STRIDE + 2 * STRIDE];
static struct mirage_packet packets[N];
static struct mirage_pool pool;

static struct model {
	struct mirage_packet *packet; /* NULL: not held */
	unsigned references;
	uint32_t headroom, length;
	uint8_t bytes[STRIDE]; /* of the whole buffer */
} models[N];

struct input {
	const uint8_t *at, *end;
};

static uint8_t next(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

/** Mostly small numbers, now and then huge ones. */
static uint32_t next_number(struct input *in)
{
	uint8_t byte = next(in);

	return byte < 250 ? byte : 0u - (uint32_t)(byte - 249) * next(in);
}

static void check(const struct model *m)
{
	const struct mirage_packet *packet = m->packet;

	assert(mirage_packet_headroom(packet) == m->headroom);
	assert(packet->length_bytes == m->length);
	assert(mirage_packet_tailroom(packet) ==
	       STRIDE - m->headroom - m->length);
	assert(packet->references == m->references);
	assert(memcmp(packet->buffer, m->bytes, STRIDE) == 0);
	assert(mirage_packet_frame_bytes(packet) == m->length);
}

static void get(struct model *m)
{
	struct mirage_packet *packet = mirage_pool_get(&pool);
	unsigned held = 0;

	for (unsigned i = 0; i < N; i++)
		held += models[i].packet != NULL;
	assert((packet != NULL) == (held < N));
	assert(pool.n_out == held + (packet != NULL));
	if (packet == NULL)
		return;
	*m = (struct model){packet, 1, HEADROOM, 0, {0}};
	assert(packet->csum == 0 && packet->gso == 0 && packet->next == NULL);
}

static void release(struct model *m)
{
	mirage_packet_release(m->packet);
	if (--m->references == 0)
		m->packet = NULL;
}

static void scribble(struct model *m, uint8_t *at, uint32_t n, uint8_t value)
{
	memset(at, value, n);
	memset(m->bytes + (at - m->packet->buffer), value, n);
}

static void append(struct model *m, uint32_t n, uint8_t value)
{
	uint8_t *at = mirage_packet_append(m->packet, n);
	uint32_t end = m->headroom + m->length;

	assert((at != NULL) == (n <= STRIDE - end));
	if (at == NULL)
		return;
	assert(at == m->packet->buffer + end);
	m->length += n;
	scribble(m, at, n, value);
}

static void prepend(struct model *m, uint32_t n, uint8_t value)
{
	uint8_t *at = mirage_packet_prepend(m->packet, n);

	assert((at != NULL) == (n <= m->headroom));
	if (at == NULL)
		return;
	m->headroom -= n;
	m->length += n;
	assert(at == m->packet->buffer + m->headroom);
	scribble(m, at, n, value);
}

static void trim(struct model *m, uint32_t front, uint32_t back)
{
	bool fits = (uint64_t)front + back <= m->length;

	assert(mirage_packet_trim(m->packet, front, back) == fits);
	if (!fits)
		return;
	m->headroom += front;
	m->length -= front + back;
}

static void operate(struct model *m, struct input *in, uint8_t op)
{
	uint32_t n = next_number(in);

	switch (op) {
	case 0:
		release(m);
		break;
	case 1:
		mirage_packet_retain(m->packet);
		m->references++;
		break;
	case 2:
		append(m, n, next(in));
		break;
	case 3:
		prepend(m, n, next(in));
		break;
	case 4:
		trim(m, n, next_number(in));
		break;
	default:
		m->packet->csum = MIRAGE_CSUM_BLANK;
		m->packet->gso = MIRAGE_GSO_TCPV6;
	}
}

static void check_all(void)
{
	for (unsigned i = 0; i < N; i++)
		if (models[i].packet != NULL)
			check(&models[i]);
	for (unsigned i = 0; i < STRIDE; i++)
		assert(memory[i] == FENCE &&
		       memory[sizeof memory - 1 - i] == FENCE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, data + size};

	memset(memory, FENCE, sizeof memory);
	memset(memory + STRIDE, 0, N * STRIDE);
	memset(models, 0, sizeof models);
	mirage_pool_init(&pool, packets, memory + STRIDE, N, STRIDE, HEADROOM,
			 NULL);
	while (in.at < in.end) {
		uint8_t what = next(&in);
		struct model *m = &models[what % N];

		if (m->packet == NULL)
			get(m);
		else
			operate(m, &in, (uint8_t)(what / N % 6));
		check_all();
	}
	for (unsigned i = 0; i < N; i++)
		while (models[i].packet != NULL)
			release(&models[i]);
	assert(pool.n_out == 0);
	for (unsigned i = 0; i < N * STRIDE; i++)
		assert(memory[STRIDE + i] == 0);
	return 0;
}
