/* SPDX-License-Identifier: ISC */
/*
 * blkfront against a backend that does whatever the input says: every request
 * completes once, the guest lives, and what it took is given back.
 */
#include "fuzz_xen.h"

#include "block.h"

#define BACK "/local/domain/0/backend/vbd/1/51712/"
#define FRONT "device/vbd/51712/"
#define REQUESTS 160
#define ROOM_BYTES (300 * 4096)

static struct mirage_block *block;
static bool opening, closing;
static RING_IDX at; /* the backend's place */

static struct slot {
	struct mirage_block_request request;
	struct mirage_vector vectors[3];
	bool busy;
} slots[REQUESTS];
static uint8_t *memory;
static unsigned n_busy;

/* ----------------------------------------------------------- Application -- */

static void on_event(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_CLOSED)
		closing = false;
}

static void opened(void *arg, int result, struct mirage_block *opened_block)
{
	opening = false;
	block = opened_block;
	if (block != NULL)
		mirage_block_on_event(block, on_event, NULL);
}

static void app_open(void)
{
	if (opening || closing || block != NULL)
		return;
	opening = true;
	mirage_block_open("d", opened, NULL);
}

static void app_close(void)
{
	if (block == NULL)
		return;
	closing = true;
	mirage_block_close(block);
	block = NULL;
}

static void done(void *arg, int result)
{
	struct slot *slot = arg;

	assert(slot->busy);
	slot->busy = false;
	n_busy--;
}

static void app_submit(struct input *in)
{
	struct slot *slot = slots;
	struct mirage_block_request *request;
	uint32_t first = (uint32_t)word(in) * 8, rest = (uint32_t)word(in) * 16;

	while (slot < slots + REQUESTS && slot->busy)
		slot++;
	if (block == NULL || slot == slots + REQUESTS)
		return;
	request = &slot->request;
	memset(slot, 0, sizeof *slot);
	request->op = byte(in) % 6;
	request->offset_bytes = (uint64_t)word(in) * 512;
	first = (first & ~511u) % (ROOM_BYTES / 2);
	rest = (rest & ~511u) % (ROOM_BYTES / 2);
	slot->vectors[0] = (struct mirage_vector){memory, first};
	slot->vectors[1] =
		(struct mirage_vector){memory + ROOM_BYTES - rest, rest};
	request->vectors = slot->vectors;
	request->n_vectors = 1 + (byte(in) & 1);
	request->length_bytes = first;
	request->done = done;
	request->arg = slot;
	slot->busy = true;
	n_busy++;
	mirage_block_submit(block, &request, 1);
}

/* --------------------------------------------------------------- Backend -- */

static void set_nodes(void)
{
	fake_set(FRONT "backend", "/local/domain/0/backend/vbd/1/51712");
	fake_set(FRONT "backend-id", "0");
	fake_set(FRONT "state", "1");
	fake_set(BACK "online", "1");
	fake_set(BACK "max-ring-page-order", "1");
	fake_set(BACK "sectors", "65536");
	fake_set(BACK "sector-size", "512");
	fake_set(BACK "feature-flush-cache", "1");
	fake_set(BACK "feature-discard", "1");
	fake_set(BACK "feature-max-indirect-segments", "256");
	fake_set(BACK "state", "2");
}

static unsigned ring_entries(void)
{
	long order = fake_get_number(FRONT "ring-page-order");

	return order > 0 && order <= 2 ? 32u << order : 32u;
}

/* The pages of a ring lie one after the other, as the guest allocated them. */
static blkif_sring_t *ring(void)
{
	long reference = fake_get_number(FRONT "ring-ref0");
	void *first, *other;

	if (reference < 0)
		reference = fake_get_number(FRONT "ring-ref");
	first = fake_page((uint32_t)reference, true);
	other = fake_page((uint32_t)fake_get_number(FRONT "ring-ref1"), true);
	if (first != NULL && ring_entries() > 32 &&
	    (uint8_t *)other != (uint8_t *)first + XEN_PAGE_BYTES)
		return NULL;
	return first;
}

static void meet(void)
{
	fake_set(BACK "state", "2");
	fake_settle();
	at = 0;
	fake_set(BACK "state", "4");
	fake_settle();
}

/** Writes to the pages of what was asked, or of what is left there. */
static void look(const blkif_request_t *asked)
{
	for (unsigned i = 0; i < asked->nr_segments && i < 11; i++) {
		uint8_t *page = fake_page(asked->seg[i].gref, false);

		if (page != NULL && asked->operation == BLKIF_OP_READ)
			memset(page, 0x77, XEN_PAGE_BYTES);
	}
}

static void answer(struct input *in, bool well)
{
	blkif_sring_t *shared = ring();
	union blkif_sring_entry *entry;
	blkif_response_t response = {0};

	if (shared == NULL)
		return;
	entry = &shared->ring[at++ & (ring_entries() - 1)];
	response.id = entry->req.id;
	response.operation = byte(in);
	response.status = (int16_t)(int8_t)(byte(in) % 4 - 2);
	if (!well)
		response.id = byte(in) < 200 ? byte(in) : number(in);
	entry->rsp = response;
	shared->rsp_prod = at;
}

/** Answers all that there is, if it looks as it should. */
static void answer_all(struct input *in)
{
	blkif_sring_t *shared = ring();
	RING_IDX n;

	if (shared == NULL)
		return;
	n = shared->req_prod - at;
	for (RING_IDX i = 0; i < n && n <= ring_entries(); i++) {
		union blkif_sring_entry *entry =
			&shared->ring[at++ & (ring_entries() - 1)];
		blkif_response_t response = {.id = entry->req.id};

		look(&entry->req);
		entry->rsp = response;
	}
	shared->rsp_prod = at;
	shared->req_event = at + 1;
}

static void spoil(struct input *in)
{
	uint32_t *shared = (void *)ring();
	uint8_t which = byte(in) % 4;
	uint32_t with = number(in);

	if (shared != NULL)
		shared[which] =
			(with & 0x80000000) != 0 ? with : shared[which] + with;
}

static void raise_all(void)
{
	fake_raise((uint32_t)fake_get_number(FRONT "event-channel"));
}

static void hold(struct input *in)
{
	blkif_sring_t *shared = ring();
	uint8_t which = byte(in);

	if (!may_hold())
		return;
	if (which == 0)
		fake_map((uint32_t)fake_get_number(FRONT "ring-ref0"), true);
	else if (shared != NULL)
		fake_map(shared->ring[which & 31].req.seg[0].gref, true);
}

static void change_node(struct input *in)
{
	static const char *const nodes[] = {
		BACK "state",
		BACK "sectors",
		BACK "sector-size",
		BACK "physical-sector-size",
		BACK "info",
		BACK "feature-flush-cache",
		BACK "feature-discard",
		BACK "feature-max-indirect-segments",
		BACK "max-ring-page-order",
		BACK "online",
		FRONT "backend",
		FRONT "backend-id",
		"/local/domain/0/backend/vbd/1/51712",
	};

	change(in, nodes[byte(in) % (sizeof nodes / sizeof *nodes)]);
}

/* --------------------------------------------------------------- Running -- */

static void act(struct input *in)
{
	switch (byte(in) % 16) {
	case 0:
	case 1:
		app_submit(in);
		break;
	case 2:
		answer(in, true);
		break;
	case 3:
		answer(in, false);
		break;
	case 4:
		answer_all(in);
		raise_all();
		fake_settle();
		break;
	case 5:
		spoil(in);
		break;
	case 6:
		raise_all();
		break;
	case 7:
		raise_all();
		fake_settle();
		break;
	case 8:
		change_node(in);
		break;
	case 9:
		fake_setf(BACK "state", "%u", byte(in) % 10u);
		break;
	case 10:
		fake_settle();
		meet();
		break;
	case 11:
		app_close();
		break;
	case 12:
		app_open();
		break;
	case 13:
		hold(in);
		break;
	case 14:
		fake_advance(byte(in) * UINT64_C(100000000));
		break;
	case 15:
		fake.grants_max = byte(in) < 128 ? FAKE_GRANTS
						 : xen_grants_in_use + byte(in);
		fake.pages_left = byte(in) < 128 ? UINT32_MAX : byte(in);
		fake.conflicts = byte(in) % 30;
		break;
	}
}

static void finish(void)
{
	struct input nothing = {NULL, NULL};

	fake.pages_left = UINT32_MAX;
	fake.grants_max = FAKE_GRANTS;
	fake_settle();
	fake_advance(60000000000);
	assert(!opening);
	/* A backend that answers nothing may keep a close waiting for ever; one
	 * that is gone may not. */
	app_close();
	answer_all(&nothing);
	fake_set(BACK "state", "6");
	raise_all();
	fake_advance(60000000000);
	assert(!closing && n_busy == 0);
	fake_set("device", NULL);
	app_open();
	fake_settle();
	assert(!opening && block == NULL);
	assert_nothing_left();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, data + size};

	if (memory == NULL) {
		memory = malloc(ROOM_BYTES);
		fake_start(NULL);
	}
	fake_store_reset();
	fake.conflicts = 0;
	fake.log[0] = '\0';
	set_nodes();
	if ((byte(&in) & 1) != 0) {
		app_open();
		meet();
	}
	for (int i = 0; i < STEPS_MAX && in.at < in.end; i++)
		act(&in);
	finish();
	return 0;
}
