/* SPDX-License-Identifier: ISC */
#include "sim_test.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* -------------------------------------------------------------- Running -- */

int run(mirage_start_fn *start, const char *line)
{
	static char text[1024];
	char *argv[64] = {(char[]){"test"}};
	int argc = 1;

	snprintf(text, sizeof text, "%s", line);
	for (char *word = strtok(text, " "); word != NULL;
	     word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	return mirage_run(argc, argv, start);
}

const char *run_stderr(mirage_start_fn *start, const char *line, int *status)
{
	static char text[65536];
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t n;

	dup2(fileno(file), STDERR_FILENO);
	*status = run(start, line);
	dup2(saved, STDERR_FILENO);
	rewind(file);
	n = fread(text, 1, sizeof text - 1, file);
	text[n] = '\0';
	fclose(file);
	return text;
}

void *shared(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(memory, MAP_FAILED);
	return memory;
}

int run_apart(mirage_start_fn *start, const char *line)
{
	pid_t child = fork();
	int status;

	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(run(start, line));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* -------------------------------------------------------------- Opening -- */

struct opening {
	struct mirage_net **net;
	struct mirage_block **block;
	void (*then)(void);
};

static void net_opened(void *arg, int result, struct mirage_net *net)
{
	struct opening *opening = arg;

	ck_assert_msg(result == 0, "open: %s", mirage_error_name(result));
	*opening->net = net;
	opening->then();
	free(opening);
}

void open_net(const char *name, uint32_t accept, struct mirage_net **net,
	      void (*then)(void))
{
	struct opening *opening = calloc(1, sizeof *opening);

	*opening = (struct opening){.net = net, .then = then};
	mirage_net_open(name, accept, net_opened, opening);
}

static void block_opened(void *arg, int result, struct mirage_block *block)
{
	struct opening *opening = arg;

	ck_assert_msg(result == 0, "open: %s", mirage_error_name(result));
	*opening->block = block;
	opening->then();
	free(opening);
}

void open_disk(const char *name, struct mirage_block **block,
	       void (*then)(void))
{
	struct opening *opening = calloc(1, sizeof *opening);

	*opening = (struct opening){.block = block, .then = then};
	mirage_block_open(name, block_opened, opening);
}

/* --------------------------------------------------------------- Frames -- */

struct mirage_packet *make_frame(struct mirage_net *net, const uint8_t to[6],
				 uint32_t length, uint32_t number)
{
	struct mirage_packet *packet;
	uint8_t *bytes;

	if (mirage_net_reserve(net, length, &packet, 1) != 1)
		return NULL;
	bytes = mirage_packet_append(packet, length);
	if (bytes == NULL)
		ck_abort_msg("no room for %u bytes", length);
	memcpy(bytes, to, 6);
	memcpy(bytes + 6, net->info->mac, 6);
	memcpy(bytes + 14, &number, sizeof number);
	memcpy(bytes + 18, &number, sizeof number);
	return packet;
}

void send_frame(struct mirage_net *net, const uint8_t to[6], uint32_t length,
		uint32_t number)
{
	struct mirage_packet *packet = make_frame(net, to, length, number);

	ck_assert_ptr_nonnull(packet);
	ck_assert_int_eq(mirage_net_send(net, &packet, 1), 1);
}

uint32_t frame_number(const struct mirage_packet *packet)
{
	uint32_t number;

	memcpy(&number, packet->data + 14, sizeof number);
	return number;
}

/* ----------------------------------------------------------------- Time -- */

struct delay {
	struct mirage_timer timer;
	void (*then)(void);
};

static void on_time(void *arg)
{
	struct delay *delay = arg;

	delay->then();
	free(delay);
}

void after(uint64_t ns, void (*then)(void))
{
	struct delay *delay = calloc(1, sizeof *delay);

	delay->then = then;
	mirage_timer_start(&delay->timer, mirage_clock_monotonic_ns() + ns,
			   on_time, delay);
}

/* ---------------------------------------------------------------- Disks -- */

static void io_done(void *arg, int result)
{
	struct io *io = arg;

	io->done = true;
	io->result = result;
	if (io->then != NULL)
		io->then();
}

void submit(struct io *io, struct mirage_block *block, uint32_t op,
	    uint64_t offset, uint32_t length, void (*then)(void))
{
	struct mirage_block_request *request = &io->request;

	ck_assert_uint_le(length, sizeof io->bytes);
	io->done = false;
	io->then = then;
	io->vector = (struct mirage_vector){io->bytes, length};
	*request = (struct mirage_block_request){
		.op = op,
		.n_vectors = 1,
		.vectors = &io->vector,
		.offset_bytes = offset,
		.length_bytes = length,
		.done = io_done,
		.arg = io,
	};
	mirage_block_submit(block, &request, 1);
}

/* ---------------------------------------------------------------- Suite -- */

int run_suite(const char *name, const TTest *const tests[], size_t n)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner;
	int failed;

	for (size_t i = 0; i < n; i++)
		tcase_add_test(tcase, tests[i]);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	/* One program per process: a run leaves the world used up. */
	srunner_set_fork_status(runner, CK_FORK);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
