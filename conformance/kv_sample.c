/* SPDX-License-Identifier: ISC */
/* Stores of every kind for the cases, with the same content. */
#include "kv_case.h"

#include <mirage-kv.h>

/* Orders that a directory or a comparison of signed bytes would get wrong. */
const struct kv_sample kv_samples[KV_SAMPLES] = {
	{"Z", 1, NULL},
	{"a-b", 511, NULL},
	{"a.txt", 512, "text/plain; charset=utf-8"},
	{"a/b", 513, NULL},
	{"a/c/d", 3, NULL},
	{"a0", 1000, NULL},
	{"empty", 0, NULL},
	{"index.html", 1234, "text/html; charset=utf-8"},
	{"large.bin", 70001, "application/octet-stream"},
	{"sector.bin", 1024, "application/octet-stream"},
	{"\xc3\xa9.txt", 5, "text/plain; charset=utf-8"},
};

enum stage {
	STAGE_OPEN,   /* the store, or the disk below */
	STAGE_CLEAR,  /* what an earlier case has left there is listed */
	STAGE_REMOVE, /* and removed */
	STAGE_SET,
	STAGE_WRITE, /* the image */
	STAGE_TAR,   /* is being opened */
	STAGE_READY
};

static struct {
	enum kv_kind kind;
	enum stage stage;
	bool samples;
	unsigned i;
	uint8_t *bytes[KV_SAMPLES];
	struct kv_io io;
	struct kv_listed listed;

	uint8_t *image;
	uint64_t image_bytes, written_bytes;
	struct mirage_block_request request;
	struct mirage_vector vector;
	struct conf_done done;
	bool opened;
} made;

const uint8_t *kv_bytes(unsigned i)
{
	return made.bytes[i];
}

static void fill_samples(void)
{
	for (unsigned i = 0; i < KV_SAMPLES; i++) {
		made.bytes[i] = conf_memory(kv_samples[i].length);
		conf_fill(made.bytes[i], kv_samples[i].length, i + 1);
	}
}

/* -------------------------------------------------------------- Requests -- */

void kv_submit(struct kv_io *io)
{
	io->done = (struct conf_done){0};
	io->request.done = conf_count;
	io->request.arg = &io->done;
	mirage_kv_submit(conf_kv(CONF_KV), &io->request);
}

void kv_send(struct kv_io *io, uint32_t op, const char *key, void *base,
	     size_t length, uint64_t offset)
{
	conf_set(io, sizeof(*io), 0);
	io->vector.base = base;
	io->vector.length_bytes = length;
	io->request.op = op;
	io->request.key = key;
	io->request.vectors = &io->vector;
	io->request.n_vectors = 1;
	io->request.offset_bytes = offset;
	kv_submit(io);
}

static void on_key(void *arg, const char *key,
		   const struct mirage_kv_value *value)
{
	struct kv_io *io = arg;
	struct kv_listed *listed = io->vector.base;

	if (listed->n++ >= KV_LISTED_MAX)
		return;
	conf_copy(listed->keys[listed->n - 1], key, conf_length(key) + 1);
	listed->values[listed->n - 1] = *value;
}

static void list_done(void *arg, int result)
{
	struct kv_io *io = arg;

	conf_count(&io->done, result);
}

void kv_send_list(struct kv_io *io, const char *prefix,
		  struct kv_listed *listed)
{
	conf_set(io, sizeof(*io), 0);
	conf_set(listed, sizeof(*listed), 0);
	io->vector.base = listed;
	io->request.op = MIRAGE_KV_LIST;
	io->request.key = prefix;
	io->request.on_key = on_key;
	io->request.done = list_done;
	io->request.arg = io;
	mirage_kv_submit(conf_kv(CONF_KV), &io->request);
}

/* ------------------------------------------------------------- Crunched -- */

static void open_crunched(void)
{
	static struct mirage_kv_crunched_file files[KV_SAMPLES];
	static struct mirage_kv_crunched site = {sizeof(site), KV_SAMPLES,
						 files};
	struct mirage_kv *kv = NULL;
	int result;

	for (unsigned i = 0; i < KV_SAMPLES; i++) {
		files[i].key = kv_samples[i].key;
		files[i].bytes = made.bytes[i];
		files[i].length_bytes = kv_samples[i].length;
		files[i].version[0] = (uint8_t)(i + 1);
	}
	result = mirage_kv_crunched_open(&site, &kv);
	conf_take_kv(CONF_KV, result, kv);
}

/* ------------------------------------------------------------------- Tar -- */

#define TAR_BLOCK 512u

static void put_octal(uint8_t *field, unsigned digits, uint64_t number)
{
	while (digits-- > 0) {
		field[digits] = (uint8_t)('0' + (number & 7));
		number >>= 3;
	}
}

/** A header of ustar, POSIX.1-2017, pax, "ustar Interchange Format". */
static void put_header(uint8_t *header, const struct kv_sample *sample)
{
	uint32_t sum = 0;

	conf_copy(header, sample->key, conf_length(sample->key));
	put_octal(header + 100, 7, 0644);
	put_octal(header + 108, 7, 0);
	put_octal(header + 116, 7, 0);
	put_octal(header + 124, 11, sample->length);
	put_octal(header + 136, 11, 1600000000);
	conf_set(header + 148, 8, ' ');
	header[156] = '0';
	conf_copy(header + 257,
		  "ustar\0"
		  "00",
		  8);
	for (unsigned i = 0; i < TAR_BLOCK; i++)
		sum += header[i];
	put_octal(header + 148, 6, sum);
	header[154] = '\0';
}

static uint64_t image_length(void)
{
	uint64_t bytes = 4 * TAR_BLOCK; /* the end mark, in whole pages */

	for (unsigned i = 0; i < KV_SAMPLES; i++)
		bytes += TAR_BLOCK + kv_samples[i].length + TAR_BLOCK - 1;
	return (bytes + 4095) & ~(uint64_t)4095;
}

static void make_image(void)
{
	uint8_t *at;

	made.image_bytes = image_length();
	made.image = at = conf_memory(made.image_bytes);
	conf_set(at, made.image_bytes, 0);
	for (unsigned i = 0; i < KV_SAMPLES; i++) {
		uint32_t length = kv_samples[i].length;

		put_header(at, &kv_samples[i]);
		at += TAR_BLOCK;
		conf_copy(at, made.bytes[i], length);
		at += (length + TAR_BLOCK - 1) & ~(TAR_BLOCK - 1);
	}
	made.written_bytes = 0;
}

#define PIECE_BYTES (32u << 10) /* any disk takes it */

static void write_piece(void)
{
	struct mirage_block_request *request = &made.request;
	uint64_t left = made.image_bytes - made.written_bytes;

	conf_set(request, sizeof(*request), 0);
	made.done = (struct conf_done){0};
	made.vector.base = made.image + made.written_bytes;
	made.vector.length_bytes =
		left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
	request->op = MIRAGE_BLOCK_WRITE;
	request->offset_bytes = made.written_bytes;
	request->vectors = &made.vector;
	request->n_vectors = 1;
	request->done = conf_count;
	request->arg = &made.done;
	made.written_bytes += made.vector.length_bytes;
	mirage_block_submit(conf_block(CONF_DISK_512), &request, 1);
}

static void tar_opened(void *arg, int result, struct mirage_kv *kv)
{
	(void)arg;
	conf_take_kv(CONF_KV, result, kv);
	made.opened = true;
	conf_wake();
}

/* ---------------------------------------------------------------- Stages -- */

void kv_prepare(enum kv_kind kind, bool samples)
{
	struct mirage_kv *kv = NULL;
	int result;

	conf_set(&made, sizeof(made), 0);
	made.kind = kind;
	made.samples = samples;
	made.stage = STAGE_OPEN;
	if (samples)
		fill_samples();
	if (kind == KV_TAR) {
		conf_open(CONF_DISK_512, 0);
	} else if (kind == KV_NAMED) {
		conf_open(CONF_KV, 0);
	} else if (kind == KV_CRUNCHED) {
		open_crunched();
	} else {
		result = mirage_kv_memory_open(KV_LIMIT_BYTES, &kv);
		conf_take_kv(CONF_KV, result, kv);
	}
}

static enum stage after_open(void)
{
	switch (made.kind) {
	case KV_CRUNCHED:
		return STAGE_READY;
	case KV_TAR:
		make_image();
		write_piece();
		return STAGE_WRITE;
	default:
		kv_send_list(&made.io, "", &made.listed);
		return STAGE_CLEAR;
	}
}

/** Goes on when the request of a stage is done: the next key, or the next stage. */
static enum stage after_request(void)
{
	unsigned n = made.listed.n;

	if (n > KV_LISTED_MAX)
		n = KV_LISTED_MAX;
	if (made.stage == STAGE_REMOVE || made.stage == STAGE_SET)
		made.i++;
	if (made.stage == STAGE_CLEAR && n > 0)
		made.stage = STAGE_REMOVE;
	if (made.stage == STAGE_REMOVE && made.i < n) {
		kv_send(&made.io, MIRAGE_KV_REMOVE, made.listed.keys[made.i],
			NULL, 0, 0);
		return STAGE_REMOVE;
	}
	if (made.stage == STAGE_REMOVE) {
		made.i = 0;
		return after_open();
	}
	made.stage = STAGE_SET;
	if (!made.samples || made.i == KV_SAMPLES)
		return STAGE_READY;
	kv_send(&made.io, MIRAGE_KV_SET, kv_samples[made.i].key,
		made.bytes[made.i], kv_samples[made.i].length, 0);
	return STAGE_SET;
}

static enum stage after_write(void)
{
	if (made.done.result < 0) {
		conf_failed(__FILE__, __LINE__, "the image to be written");
		return STAGE_READY;
	}
	if (made.written_bytes < made.image_bytes) {
		write_piece();
		return STAGE_WRITE;
	}
	mirage_kv_tar_open(conf_block(CONF_DISK_512), tar_opened, NULL);
	return STAGE_TAR;
}

static bool advance(void)
{
	enum conf_role role = made.kind == KV_TAR ? CONF_DISK_512 : CONF_KV;

	switch (made.stage) {
	case STAGE_OPEN:
		if (!conf_is_open(role))
			return false;
		if (!conf_over())
			made.stage = after_open();
		return true;
	case STAGE_CLEAR:
	case STAGE_REMOVE:
	case STAGE_SET:
		if (made.io.done.count == 0)
			return false;
		if (made.io.done.result < 0)
			conf_failed(__FILE__, __LINE__,
				    "the store to be emptied and filled");
		else
			made.stage = after_request();
		return true;
	case STAGE_WRITE:
		if (made.done.count == 0)
			return false;
		made.stage = after_write();
		return true;
	case STAGE_TAR:
		if (made.opened)
			made.stage = STAGE_READY;
		return made.opened;
	default:
		return false;
	}
}

bool kv_ready(void)
{
	while (!conf_over() && advance())
		;
	return conf_over() || made.stage == STAGE_READY;
}
