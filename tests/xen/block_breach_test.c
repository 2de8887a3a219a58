/* SPDX-License-Identifier: ISC */
/*
 * blkfront with a backend that breaks the protocol: the disk is shut down with a
 * message and a count, what was under way ends with an error, another disk goes on,
 * and closing and opening again work.
 */
#include "xen_test.h"

#define BACK "/local/domain/0/backend/vbd/1/51712/"

static struct blkback back, other_back;
static struct block_app app, other;
static struct job jobs[3];
static uint8_t bytes[65536];

static void begin(void)
{
	const char *arguments[] = {"--block", "d=vbd:51712", "--block",
				   "e=vbd:51728", NULL};

	fake_start(arguments);
	blkback_start(&back, 51712, 1024, 512);
	blkback_start(&other_back, 51728, 1024, 512);
	app_block_open(&app, "d");
	app_block_open(&other, "e");
	ck_assert_int_eq(app.result, 0);
	ck_assert_int_eq(other.result, 0);
	back.hold = true;
	for (unsigned i = 0; i < 3; i++)
		job_start(&jobs[i], app.block, MIRAGE_BLOCK_READ, i * 4096,
			  bytes + i * 4096, 4096);
	fake_settle();
}

static void check_log_of(const char *what)
{
	char log[256];

	snprintf(log, sizeof log,
		 "test: error: block 'd': its backend %s; the disk is shut "
		 "down\n",
		 what);
	check_log(log);
	ck_assert_uint_eq(((struct xen_block *)app.block)->breaches, 1);
}

/** Notifies the guest; it must have ended the disk because of `what`, and all jobs
 *  from `first_failed` on. */
static void broken(const char *what, unsigned first_failed)
{
	fake_raise(back.port);
	fake_settle();
	check_log_of(what);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(jobs[i].runs, 1);
		ck_assert_int_eq(jobs[i].result,
				 i < first_failed ? 0 : MIRAGE_EIO);
	}
	fake_raise(back.port);
	fake_settle();
	check_log("");
	ck_assert_int_eq(job_run(app.block, MIRAGE_BLOCK_READ, 0, bytes, 512),
			 MIRAGE_EGONE);
	ck_assert_int_eq(
		job_run(other.block, MIRAGE_BLOCK_WRITE, 0, bytes, 512), 0);
}

static void end(void)
{
	mirage_block_close(app.block);
	fake_settle();
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_CLOSED], 1);
	back.hold = false;
	app_block_open(&app, "d");
	ck_assert_int_eq(app.result, 0);
	ck_assert_int_eq(job_run(app.block, MIRAGE_BLOCK_READ, 0, bytes, 512),
			 0);
	mirage_block_close(app.block);
	mirage_block_close(other.block);
	fake_settle();
	free(back.disk);
	free(other_back.disk);
}

static void all_returned(void)
{
	end();
	check_all_returned();
}

static void answer(uint64_t id, int16_t status)
{
	blkif_response_t *to =
		RING_GET_RESPONSE(&back.ring, back.ring.rsp_prod_pvt++);

	*to = (blkif_response_t){.id = id, .status = status};
	RING_PUSH_RESPONSES(&back.ring);
}

START_TEST(index_jumps)
{
	begin();
	back.ring.sring->rsp_prod += 4;
	broken("moved its index beyond what was sent", 0);
	all_returned();
}
END_TEST

START_TEST(index_goes_back)
{
	begin();
	back.ring.sring->rsp_prod -= 1;
	broken("moved its index beyond what was sent", 0);
	all_returned();
}
END_TEST

START_TEST(id_never_sent)
{
	begin();
	answer(100, BLKIF_RSP_OKAY);
	broken("answered a request that was not sent", 0);
	all_returned();
}
END_TEST

START_TEST(id_past_the_slots)
{
	begin();
	answer(UINT64_C(1) << 32, BLKIF_RSP_OKAY);
	broken("answered a request that was not sent", 0);
	all_returned();
}
END_TEST

START_TEST(id_twice)
{
	begin();
	answer(0, BLKIF_RSP_OKAY);
	answer(0, BLKIF_RSP_OKAY);
	broken("answered a request that was not sent", 1);
	all_returned();
}
END_TEST

/* A status that there is not is an error of the request. */
START_TEST(status_of_no_kind)
{
	begin();
	answer(0, 77);
	fake_raise(back.port);
	fake_settle();
	check_log("");
	ck_assert_int_eq(jobs[0].result, MIRAGE_EIO);
	ck_assert_uint_eq(jobs[1].runs, 0);
	answer(1, BLKIF_RSP_OKAY);
	answer(2, BLKIF_RSP_OKAY);
	fake_raise(back.port);
	fake_settle();
	ck_assert_int_eq(jobs[2].result, 0);
	/* It serves the rest as if it had answered nothing. */
	back.ring.req_cons = back.ring.rsp_prod_pvt;
	all_returned();
}
END_TEST

START_TEST(pages_held)
{
	begin();
	ck_assert_ptr_nonnull(fake_map(
		RING_GET_REQUEST(&back.ring, back.ring.req_cons)->seg[0].gref,
		true));
	answer(9, BLKIF_RSP_OKAY);
	broken("answered a request that was not sent", 0);
	end();
	ck_assert_uint_eq(xen_grants_leaked, 1);
	ck_assert_uint_eq(xen_grants_in_use, 1);
}
END_TEST

static void changes(const char *node, const char *value)
{
	begin();
	fake_set(node, value);
	fake_set(BACK "state", "4");
	fake_settle();
	check_log_of("changed what it is while in use");
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(jobs[i].result, MIRAGE_EIO);
	fake_set(BACK "sectors", "1024");
	fake_set(BACK "sector-size", "512");
	fake_set(BACK "feature-max-indirect-segments", "256");
	all_returned();
}

START_TEST(sector_changes)
{
	changes(BACK "sector-size", "4096");
}
END_TEST

START_TEST(size_vanishes)
{
	changes(BACK "sectors", NULL);
}
END_TEST

START_TEST(size_is_huge)
{
	changes(BACK "sectors", "36028797018963968");
}
END_TEST

START_TEST(segments_shrink)
{
	changes(BACK "feature-max-indirect-segments", "16");
}
END_TEST

START_TEST(comes_back_as_another)
{
	begin();
	blkback_close(&back);
	fake_set(BACK "sector-size", "4096");
	fake_settle();
	check_log("test: error: block 'd': /local/domain/0/backend/vbd/1/51712:"
		  " came back as another disk\n");
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(jobs[i].runs, 1);
		ck_assert_int_eq(jobs[i].result, MIRAGE_EIO);
	}
	ck_assert_int_eq(job_run(app.block, MIRAGE_BLOCK_READ, 0, bytes, 4096),
			 MIRAGE_EGONE);
	fake_set(BACK "sector-size", "512");
	all_returned();
}
END_TEST

static const struct {
	const char *node, *value;
} nonsense[] = {
	{BACK "sectors", NULL},
	{BACK "sectors", "0"},
	{BACK "sectors", "-1"},
	{BACK "sectors", "18446744073709551616"},
	{BACK "sectors", "36028797018963968"},
	{BACK "sector-size", "0"},
	{BACK "sector-size", "256"},
	{BACK "sector-size", "513"},
	{BACK "sector-size", "4097"},
};

START_TEST(values_beyond_sense)
{
	const char *arguments[] = {"--block", "d=vbd:51712", NULL};
	bool sense = _i == 8; /* above a page it counts as absent */

	fake_start(arguments);
	blkback_start(&back, 51712, 1024, 512);
	fake_set(nonsense[_i].node, nonsense[_i].value);
	app_block_open(&app, "d");
	ck_assert_int_eq(app.result, sense ? 0 : MIRAGE_EIO);
	if (sense)
		mirage_block_close(app.block);
	else
		check_log("test: error: block 'd' (vbd:51712): "
			  "/local/domain/0/backend/vbd/1/51712: its size or "
			  "sector makes no sense\n");
	fake_settle();
	check_all_returned();
	free(back.disk);
}
END_TEST

START_TEST(states_out_of_order)
{
	static const char *const states[] = {"6", "3", "-1", "4", "1", "8",
					     "2", "0", "7",  "",  "5", "2"};
	unsigned n = sizeof states / sizeof *states;

	begin();
	fake_stop(&back.player);
	for (unsigned i = 0; i < 20 * n; i++) {
		fake_set(BACK "state", states[(i * 5 + i / n) % n]);
		if (i % 3 == 0)
			fake_settle();
	}
	fake_play(&back.player);
	back.hold = false;
	blkback_crash(&back);
	blkback_close(&back);
	fake_advance(2 * XENBUS_LEAVE_NS);
	blkback_return(&back);
	fake_settle();
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(jobs[i].runs, 1);
		ck_assert_int_eq(jobs[i].result, 0);
	}
	end();
}
END_TEST

TCase *block_breach_cases(void)
{
	TCase *c = tcase_create("block breach");

	tcase_set_timeout(c, 120);
	tcase_add_test(c, index_jumps);
	tcase_add_test(c, index_goes_back);
	tcase_add_test(c, id_never_sent);
	tcase_add_test(c, id_past_the_slots);
	tcase_add_test(c, id_twice);
	tcase_add_test(c, status_of_no_kind);
	tcase_add_test(c, pages_held);
	tcase_add_test(c, sector_changes);
	tcase_add_test(c, size_vanishes);
	tcase_add_test(c, size_is_huge);
	tcase_add_test(c, segments_shrink);
	tcase_add_test(c, comes_back_as_another);
	tcase_add_loop_test(c, values_beyond_sense, 0,
			    sizeof nonsense / sizeof *nonsense);
	tcase_add_test(c, states_out_of_order);
	return c;
}
