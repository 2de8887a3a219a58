/* SPDX-License-Identifier: ISC */
#include "xen_test.h"

/* --------------------------------------------------------------- Network -- */

static void on_receive(void *arg, struct mirage_packet *const packets[],
		       size_t n)
{
	struct net_app *app = arg;

	for (size_t i = 0; i < n; i++) {
		if (app->drop) {
			mirage_packet_release(packets[i]);
			continue;
		}
		ck_assert_uint_lt(app->n_got, 1024);
		app->got[app->n_got++] = packets[i];
	}
}

static void on_net_event(void *arg, uint32_t event)
{
	((struct net_app *)arg)->events[event]++;
}

static void net_opened(void *arg, int result, struct mirage_net *net)
{
	struct net_app *app = arg;

	app->result = result;
	app->net = net;
	if (net == NULL)
		return;
	mirage_net_on_receive(net, on_receive, app);
	mirage_net_on_event(net, on_net_event, app);
}

void app_net_open_start(struct net_app *app, const char *name, uint32_t accept)
{
	memset(app, 0, sizeof *app);
	app->result = 1;
	mirage_net_open(name, accept, net_opened, app);
}

void app_net_open(struct net_app *app, const char *name, uint32_t accept)
{
	app_net_open_start(app, name, accept);
	fake_settle();
}

void make_flow(struct mirage_packet *packet, uint16_t port)
{
	static const uint8_t headers[] = {
		2,  0, 0, 0, 0, 1,  2,	0, 0, 0,  0, 2, 8, 0,  0x45, 0, 0,
		60, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0,    0, 2,
	};
	uint8_t ports[] = {(uint8_t)(port >> 8), (uint8_t)port, 0, 7};

	memcpy(packet->data, headers, sizeof headers);
	memcpy(packet->data + sizeof headers, ports, sizeof ports);
}

void app_net_choose(struct net_app *app, unsigned queue)
{
	struct xen_net *net = (struct xen_net *)app->net;
	uint8_t bytes[60] = {0};
	struct mirage_packet packet = {.data = bytes, .length_bytes = 60};

	ck_assert_uint_lt(queue, net->n_queues);
	for (app->port = 1; app->port < 1000; app->port++) {
		make_flow(&packet, app->port);
		if (xen_net_queue_of(net, &packet) == &net->queues[queue])
			break;
	}
	ck_assert_uint_lt(app->port, 1000);
}

int app_net_send(struct net_app *app, uint32_t length, uint8_t fill)
{
	struct mirage_packet *packet;
	int sent;

	if (mirage_net_reserve(app->net, length, &packet, 1) != 1)
		return -100;
	memset(mirage_packet_append(packet, length), fill, length);
	if (app->port != 0)
		make_flow(packet, app->port);
	sent = mirage_net_send(app->net, &packet, 1);
	if (sent != 1)
		mirage_packet_release(packet);
	return sent;
}

void app_net_release(struct net_app *app)
{
	while (app->n_got > 0)
		mirage_packet_release(app->got[--app->n_got]);
}

/* ----------------------------------------------------------------- Block -- */

static void on_block_event(void *arg, uint32_t event)
{
	((struct block_app *)arg)->events[event]++;
}

static void block_opened(void *arg, int result, struct mirage_block *block)
{
	struct block_app *app = arg;

	app->result = result;
	app->block = block;
	if (block != NULL)
		mirage_block_on_event(block, on_block_event, app);
}

void app_block_open_start(struct block_app *app, const char *name)
{
	memset(app, 0, sizeof *app);
	app->result = 1;
	mirage_block_open(name, block_opened, app);
}

void app_block_open(struct block_app *app, const char *name)
{
	app_block_open_start(app, name);
	fake_settle();
}

static void done(void *arg, int result)
{
	struct job *job = arg;

	job->result = result;
	job->runs++;
}

void job_start(struct job *job, struct mirage_block *block, uint32_t op,
	       uint64_t offset, void *bytes, size_t length)
{
	struct mirage_block_request *request = &job->request;

	memset(job, 0, sizeof *job);
	job->result = 1;
	/* In two pieces, as the sectors allow, at odd places in their pages. */
	job->vectors[0] = (struct mirage_vector){bytes, length};
	request->n_vectors = 1;
	if (length >= 8192) {
		job->vectors[0].length_bytes = 4096;
		job->vectors[1] = (struct mirage_vector){
			(uint8_t *)bytes + 4096, length - 4096};
		request->n_vectors = 2;
	}
	request->op = op;
	request->vectors = job->vectors;
	request->offset_bytes = offset;
	request->length_bytes = length;
	request->done = done;
	request->arg = job;
	mirage_block_submit(block, &request, 1);
}

int job_run(struct mirage_block *block, uint32_t op, uint64_t offset,
	    void *bytes, size_t length)
{
	struct job job;

	job_start(&job, block, op, offset, bytes, length);
	fake_settle();
	ck_assert_uint_eq(job.runs, 1);
	return job.result;
}

/* --------------------------------------------------------------- Looking -- */

static void nobody_net(void *arg, int result, struct mirage_net *net)
{
	ck_assert_int_eq(result, MIRAGE_ENODEV);
}

static void nobody_block(void *arg, int result, struct mirage_block *block)
{
	ck_assert_int_eq(result, MIRAGE_ENODEV);
}

/** Closed devices go with the next open of their name. */
static void dispose(void)
{
	static const char *const names[] = {"n", "m", "d", "e"};

	fake_set("device", NULL);
	for (unsigned i = 0; i < 4; i++) {
		if (i < 2)
			mirage_net_open(names[i], 0, nobody_net, NULL);
		else
			mirage_block_open(names[i], nobody_block, NULL);
		fake_settle();
	}
}

void check_all_returned(void)
{
	ck_assert_uint_eq(xen_grants_in_use, 0);
	ck_assert_uint_eq(xen_grants_leaked, 0);
	ck_assert_uint_eq(fake_ports_open(), 1); /* the store's */
	ck_assert_uint_eq(fake_watches(), 0);
	dispose();
	ck_assert_uint_eq(fake.pages_in_use, 0);
}

void check_log(const char *text)
{
	ck_assert_str_eq(fake.log, text);
	fake.log[0] = '\0';
}

static void offer_queues(void)
{
	netback_offer = 3;
}

TCase *with_queues(TCase *cases)
{
	tcase_add_checked_fixture(cases, offer_queues, NULL);
	return cases;
}

int main(void)
{
	Suite *suite = suite_create("xen");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, net_cases());
	suite_add_tcase(suite, net_frame_cases());
	suite_add_tcase(suite, net_breach_cases());
	suite_add_tcase(suite, net_queue_cases());
	suite_add_tcase(suite, net_flow_cases());
	suite_add_tcase(suite, with_queues(net_cases()));
	suite_add_tcase(suite, with_queues(net_frame_cases()));
	suite_add_tcase(suite, with_queues(net_breach_cases()));
	suite_add_tcase(suite, block_cases());
	suite_add_tcase(suite, block_breach_cases());
	suite_add_tcase(suite, store_cases());
	suite_add_tcase(suite, suspend_cases());
	runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
