/* SPDX-License-Identifier: ISC */
#include "fake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct fake fake = {
	.now_ns = 1000,
	.wake_ns = UINT64_MAX,
	.tx_room = SIZE_MAX,
};
char fake_child_output[8192];

/* ------------------------------------------------------- Ambient devices -- */

static int console_write(const void *bytes, size_t length)
{
	return (int)length;
}

static void console_log(uint32_t level, const char *line, size_t length)
{
	size_t used = strlen(fake.log);

	ck_assert_uint_lt(used + length + 2, sizeof fake.log);
	memcpy(fake.log + used, line, length);
	strcpy(fake.log + used + length, "\n");
	if (level == MIRAGE_LOG_ERROR)
		fprintf(stderr, "%.*s\n", (int)length, line);
}

static uint64_t monotonic_ns(void)
{
	return fake.now_ns;
}

static int64_t wall_ns(void)
{
	return 1600000000 * INT64_C(1000000000) + (int64_t)fake.now_ns;
}

static void wake_at(uint64_t deadline_ns)
{
	fake.wake_ns = deadline_ns;
}

static const struct mirage_console_ops console = {
	.size = sizeof console,
	.write = console_write,
	.log = console_log,
};
static const struct mirage_clock_info clock_info = {
	.size = sizeof clock_info,
	.monotonic_resolution_ns = 1,
	.wall_resolution_ns = 1,
};
static const struct mirage_clock_ops clock = {
	.size = sizeof clock,
	.monotonic_ns = monotonic_ns,
	.wall_ns = wall_ns,
	.info = &clock_info,
};
static const struct mirage_time_ops time = {
	.size = sizeof time,
	.wake_at = wake_at,
};
static const struct mirage_ambient ambient = {
	.size = sizeof ambient,
	.console = &console,
	.clock = &clock,
	.time = &time,
};

/* --------------------------------------------------------------- Network -- */

static int net_reserve(struct mirage_net *net, uint32_t length_bytes,
		       struct mirage_packet *packets[], size_t n)
{
	return mirage_pool_reserve(&fake.pool, packets, n);
}

static void record(struct mirage_packet *packet)
{
	size_t bytes = packet->length_bytes;

	ck_assert_uint_lt(fake.n_sent, 4096);
	memcpy(fake.sent[fake.n_sent], packet->data, bytes < 64 ? bytes : 64);
	fake.sent_bytes[fake.n_sent++] =
		(size_t)mirage_packet_frame_bytes(packet);
	mirage_packet_release(packet);
}

static int net_send(struct mirage_net *net,
		    struct mirage_packet *const packets[], size_t n)
{
	size_t taken = 0;

	for (; taken < n && fake.tx_room > 0; taken++) {
		fake.tx_room -= fake.tx_room != SIZE_MAX;
		record(packets[taken]);
	}
	return (int)taken;
}

static void net_close(struct mirage_net *net)
{
	fake.nets_closed++;
	mirage_core_net_closed(net);
}

static void net_dispose(struct mirage_net *net)
{
	fake.nets_disposed++;
}

static const struct mirage_net_ops net_ops = {
	.size = sizeof net_ops,
	.reserve = net_reserve,
	.send = net_send,
	.close = net_close,
	.dispose = net_dispose,
};

static void net_open(struct mirage_open *open)
{
	if (strcmp(open->name, "missing") == 0) {
		mirage_core_open_error(open, "not there");
		mirage_core_net_opened(open, MIRAGE_ENODEV, NULL);
		return;
	}
	if (open->uri != NULL && strncmp(open->uri, "pcap=", 5) == 0)
		ck_assert(mirage_core_open_record(open, open->uri + 5));
	fake.net_info = (struct mirage_net_info){
		.size = sizeof fake.net_info,
		.mtu_bytes = 1500,
		.headroom_bytes = 64,
		.max_fragments = 1,
		.pool_frames = FAKE_POOL,
		.mac = {2, 0, 0, 0, 0, 1},
		.link_up = true,
	};
	fake.net = (struct mirage_net){
		.ops = &net_ops,
		.info = &fake.net_info,
		.counters = &fake.net_counters,
	};
	memset(&fake.net_counters, 0, sizeof fake.net_counters);
	mirage_pool_init(&fake.pool, fake.packets, fake.frames, FAKE_POOL, 2048,
			 64, &fake.net);
	mirage_core_net_opened(open, 0, &fake.net);
}

void fake_frame(struct mirage_packet *packet, uint8_t first, size_t length)
{
	uint8_t *bytes = mirage_packet_append(packet, (uint32_t)length);

	bytes[0] = first;
	bytes[12] = 0x88;
	bytes[13] = 0xb5;
}

bool fake_net_receive(uint8_t first, size_t length)
{
	struct mirage_packet *packet = mirage_pool_get(&fake.pool);

	if (packet == NULL)
		return false;
	fake_frame(packet, first, length);
	mirage_core_net_deliver(&fake.net, &packet, 1);
	return true;
}

/* ----------------------------------------------------------------- Block -- */

static void perform(struct mirage_block_request *request)
{
	uint8_t *at = fake.disk + request->offset_bytes;

	for (uint32_t i = 0; i < request->n_vectors; i++) {
		const struct mirage_vector *v = &request->vectors[i];

		if (request->op == MIRAGE_BLOCK_READ)
			memcpy(v->base, at, v->length_bytes);
		else if (request->op == MIRAGE_BLOCK_WRITE)
			memcpy(at, v->base, v->length_bytes);
		at += v->length_bytes;
	}
}

static void block_submit(struct mirage_block *block,
			 struct mirage_block_request *const requests[],
			 size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (fake.n_submitted < 256)
			fake.offsets[fake.n_submitted] =
				requests[i]->offset_bytes;
		fake.n_submitted++;
		if (fake.hold) {
			fake.held[fake.n_held++] = requests[i];
			if (fake.most_held < fake.n_held)
				fake.most_held = fake.n_held;
			continue;
		}
		perform(requests[i]);
		mirage_core_block_complete(requests[i], 0);
	}
}

void fake_block_step(int result)
{
	struct mirage_block_request *request = fake.held[0];

	ck_assert_uint_gt(fake.n_held, 0);
	memmove(&fake.held[0], &fake.held[1],
		--fake.n_held * sizeof fake.held[0]);
	if (result == 0)
		perform(request);
	mirage_core_block_complete(request, result);
}

static void block_close(struct mirage_block *block)
{
	while (fake.n_held > 0)
		fake_block_step(MIRAGE_EGONE);
	fake.blocks_closed++;
	mirage_core_block_closed(block);
}

static void block_dispose(struct mirage_block *block)
{
	fake.blocks_disposed++;
}

static const struct mirage_block_ops block_ops = {
	.size = sizeof block_ops,
	.submit = block_submit,
	.close = block_close,
	.dispose = block_dispose,
};

static void block_open(struct mirage_open *open)
{
	fake.block_info = (struct mirage_block_info){
		.size = sizeof fake.block_info,
		.caps = MIRAGE_BLOCK_CAP_WRITE | MIRAGE_BLOCK_CAP_FLUSH,
		.size_bytes = sizeof fake.disk,
		.sector_bytes = 512,
		.physical_sector_bytes = 512,
		.buffer_align_bytes = 1,
		.max_vectors = 8,
		.max_transfer_bytes = 32768,
		.queue_depth = 4,
	};
	fake.block = (struct mirage_block){
		.ops = &block_ops,
		.info = &fake.block_info,
		.counters = &fake.block_counters,
	};
	mirage_core_block_opened(open, 0, &fake.block);
}

/* --------------------------------------------------------------- Running -- */

static bool step(void)
{
	/* What is due must have been told: other backends ask nothing else. */
	ck_assert(!mirage_core_ready() || fake.wake_ns <= fake.now_ns);
	if (fake.wake_ns <= fake.now_ns) {
		mirage_core_turn();
		return true;
	}
	if (fake.wake_ns != UINT64_MAX) {
		fake.now_ns = fake.wake_ns;
		return true;
	}
	return fake.on_idle != NULL && fake.on_idle();
}

static int run(void)
{
	mirage_core_turn();
	while (!mirage_core_ended())
		if (!step())
			return FAKE_DEADLOCK;
	return mirage_core_status();
}

static void stack_open(struct mirage_open *open)
{
	fake.stack_open(open);
}

static void kv_open(struct mirage_open *open)
{
	fake.kv_open(open);
}

static const struct mirage_option fake_options[] = {
	{"seed", "NUMBER", "a number"},
	{"quick", NULL, "a flag"},
	{0},
};

const struct mirage_backend mirage_backend = {
	.size = sizeof mirage_backend,
	.name = "fake",
	.ambient = &ambient,
	.run = run,
	.net_open = net_open,
	.block_open = block_open,
	.options = fake_options,
	.usage = "Any URI will do.\n",
	.kv_open = kv_open,
	.stack_open = stack_open,
};

int fake_run(mirage_start_fn *start, ...)
{
	static char program[] = "/bin/test";
	static char *argv[32];
	int argc = 1;
	va_list args;

	argv[0] = program;
	va_start(args, start);
	while ((argv[argc] = va_arg(args, char *)) != NULL)
		argc++;
	va_end(args);
	return mirage_run(argc, argv, start);
}

static void read_all(int fd)
{
	size_t used = 0;
	ssize_t got;

	while ((got = read(fd, fake_child_output + used,
			   sizeof fake_child_output - 1 - used)) > 0)
		used += (size_t)got;
	fake_child_output[used] = '\0';
}

int fake_child(void (*body)(void))
{
	int ends[2], status;
	pid_t child;

	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		dup2(ends[1], 1);
		dup2(ends[1], 2);
		close(ends[0]);
		close(ends[1]);
		body();
		fflush(NULL);
		_exit(0);
	}
	close(ends[1]);
	read_all(ends[0]);
	close(ends[0]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status;
}

void fake_must_abort(void (*body)(void), const char *message)
{
	int status = fake_child(body);

	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == 6,
		      "no abort but status %d: %s", status, fake_child_output);
	ck_assert_msg(strstr(fake_child_output, message) != NULL,
		      "expected '%s' in '%s'", message, fake_child_output);
}
