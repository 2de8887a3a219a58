/* SPDX-License-Identifier: ISC */
/* A suspension at every step of an open: the device opens in the domain after it. */
#include "net_fixture.h"

#define STEPS_MAX 40
#define DISK_SECTORS 128

static struct blkback disk_peer;
static struct block_app disk_app;

static void start_with(const char *option, const char *uri)
{
	const char *arguments[] = {option, uri, NULL};

	fake_start(option != NULL ? arguments : NULL);
}

/** Lets the open go so many rounds far, and then suspends the guest. */
static void suspend_after(int steps)
{
	while (steps-- > 0 && fake_step())
		continue;
	fake_suspend();
}

static void check_net(void)
{
	ck_assert_int_eq(app.result, 0);
	ck_assert_str_eq(fake.log, "");
	ck_assert(app.net->info->link_up);
	ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	fake_settle();
	ck_assert_uint_eq(peer.n_frames, 1);
}

static void check_disk(void)
{
	uint8_t sector[512];

	ck_assert_int_eq(disk_app.result, 0);
	ck_assert_str_eq(fake.log, "");
	ck_assert_int_eq(job_run(disk_app.block, MIRAGE_BLOCK_READ, 0, sector,
				 sizeof sector),
			 0);
}

static void net_opens(int steps)
{
	netback_start(&peer, 0);
	app_net_open_start(&app, "n", MIRAGE_NET_ACCEPT_ALL);
	suspend_after(steps);
	netback_start(&peer, 0);
	fake_resume();
	fake_settle();
	check_net();
	end();
}

START_TEST(a_network_opens)
{
	start_with("--net", "n=vif:0");
	net_opens(_i);
}
END_TEST

START_TEST(the_only_network_opens)
{
	start_with(NULL, NULL);
	net_opens(_i);
}
END_TEST

START_TEST(a_disk_opens)
{
	start_with("--block", "d=vbd:768");
	blkback_start(&disk_peer, 768, DISK_SECTORS, 512);
	app_block_open_start(&disk_app, "d");
	suspend_after(_i);
	free(disk_peer.disk);
	blkback_start(&disk_peer, 768, DISK_SECTORS, 512);
	fake_resume();
	fake_settle();
	check_disk();
	mirage_block_close(disk_app.block);
	fake_settle();
	ck_assert_uint_eq(disk_app.events[MIRAGE_EVENT_CLOSED], 1);
	free(disk_peer.disk);
	check_all_returned();
}
END_TEST

START_TEST(the_link_is_that_of_the_new_backend)
{
	begin(0);
	fake_suspend();
	netback_start(&peer, 0);
	fake_resume();
	fake_settle();
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_BACK], 1);
	app.events[MIRAGE_EVENT_LINK] = 0;
	fake_setf("/local/domain/0/backend/vif/2/0/carrier", "0");
	fake_settle();
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_LINK], 1);
	ck_assert(!app.net->info->link_up);
	end();
}
END_TEST

START_TEST(a_device_that_is_gone_fails_its_open)
{
	start_with("--net", "n=vif:0");
	netback_start(&peer, 0);
	app_net_open_start(&app, "n", 0);
	suspend_after(_i);
	fake_resume();
	fake_advance(XENBUS_OPEN_NS + XENBUS_LEAVE_NS);
	if (app.result == 0)
		return; /* it was open before */
	ck_assert(app.result == MIRAGE_ENODEV ||
		  app.result == MIRAGE_ETIMEDOUT || app.result == MIRAGE_EIO);
	check_all_returned();
}
END_TEST

TCase *suspend_cases(void)
{
	TCase *cases = tcase_create("suspension");

	tcase_add_loop_test(cases, a_network_opens, 0, STEPS_MAX);
	tcase_add_loop_test(cases, the_only_network_opens, 0, STEPS_MAX);
	tcase_add_loop_test(cases, a_disk_opens, 0, STEPS_MAX);
	tcase_add_test(cases, the_link_is_that_of_the_new_backend);
	tcase_add_loop_test(cases, a_device_that_is_gone_fails_its_open, 0,
			    STEPS_MAX);
	return cases;
}
