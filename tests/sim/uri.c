/* SPDX-License-Identifier: ISC */
/* Each mistake in a device's URI, and the message that it gets. */
#include "sim_test.h"

#include <stdio.h>

static bool is_net;
static const char *name;
static int result_seen;

static void net_opened(void *arg, int result, struct mirage_net *net)
{
	ck_assert((net == NULL) == (result < 0));
	result_seen = result;
}

static void block_opened(void *arg, int result, struct mirage_block *block)
{
	ck_assert((block == NULL) == (result < 0));
	result_seen = result;
}

static int open_device(int argc, char *argv[])
{
	if (is_net)
		mirage_net_open(name, 0, net_opened, NULL);
	else
		mirage_block_open(name, block_opened, NULL);
	return 0;
}

/** Opens "d" as `uri` and expects `result` and `message`. */
static void expect(bool net, const char *uri, int result, const char *message)
{
	char line[256], expected[512];
	const char *text;
	int status;

	is_net = net;
	name = "d";
	snprintf(line, sizeof line, "--%s d=%s", net ? "net" : "block", uri);
	snprintf(expected, sizeof expected, "test: error: %s 'd' (%s): %s\n",
		 net ? "network" : "block", uri, message);
	text = run_stderr(open_device, line, &status);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(result_seen, result);
	ck_assert_str_eq(text, expected);
}

struct mistake {
	const char *uri, *message;
};

static const struct mistake net_mistakes[] = {
	{"lan", "no scheme: expected SCHEME:PATH[,OPTION...]"},
	{"tap:tap0", "unknown scheme 'tap:'; there is lan:NAME"},
	{"lan:", "a LAN has a name of 1 to 31 bytes; write lan:NAME"},
	{"lan:12345678901234567890123456789012",
	 "a LAN has a name of 1 to 31 bytes; write lan:NAME"},
	{"lan:x,los=0.1", "unknown option 'los'; --help lists those there are"},
	{"lan:x,loss=1.5",
	 "option loss: '1.5' is not a probability; write a number from 0 to 1, "
	 "such as 0.01"},
	{"lan:x,loss=0.", "option loss: '0.' is not a probability; write a "
			  "number from 0 to 1, such as 0.01"},
	{"lan:x,corrupt=", "option corrupt: '' is not a probability; write a "
			   "number from 0 to 1, such as 0.01"},
	{"lan:x,duplicate=0.1x",
	 "option duplicate: '0.1x' is not a probability; write a number from 0 "
	 "to 1, such as 0.01"},
	{"lan:x,reorder=0.1234567891",
	 "option reorder: '0.1234567891' is not a probability; write a number "
	 "from 0 to 1, such as 0.01"},
	{"lan:x,delay=5", "option delay: '5' is not a duration; write digits "
			  "and ns, us, ms or s"},
	{"lan:x,jitter=99999999999999999999s",
	 "option jitter: '99999999999999999999s' is not a duration; write "
	 "digits and ns, us, ms or s"},
	{"lan:x,delay=3153600001s",
	 "option delay: '3153600001s' is not a duration; write digits and ns, "
	 "us, ms or s"},
	{"lan:x,mtu=67", "option mtu: 67 is out of range; give 68 to 65521"},
	{"lan:x,mtu=big", "option mtu: 'big' is not a number; write digits"},
	{"lan:x,queue=0", "option queue: 0 is out of range; give 1 to 65536"},
	{"lan:x,bandwidth=fast",
	 "option bandwidth: 'fast' is not a number of bytes; write digits and "
	 "perhaps K, M, G or T"},
	{"lan:x,mac=01:00:00:00:00:00",
	 "option mac: '01:00:00:00:00:00' is no unicast address such as "
	 "02:00:00:00:00:01"},
	{"lan:x,mac=02-00-00-00-00-00",
	 "option mac: '02-00-00-00-00-00' is no unicast address such as "
	 "02:00:00:00:00:01"},
	{"lan:x,mac=02:00:00:00:00:001",
	 "option mac: '02:00:00:00:00:001' is no unicast address such as "
	 "02:00:00:00:00:01"},
	{"lan:x,gso=1", "option gso: '1' is not wanted; it takes no value"},
	{"lan:x,pcap", "pcap= needs the path of a file, 1 to 255 bytes of it"},
};

static const struct mistake block_mistakes[] = {
	{"mem:1M", "unknown scheme 'mem:'; there is disk:SIZE"},
	{"disk:", "'' is not a size; write disk:64M"},
	{"disk:1MB", "'1MB' is not a size; write disk:64M"},
	{"disk:0", "a disk has 1 sector to 16T bytes"},
	{"disk:17T", "a disk has 1 sector to 16T bytes"},
	{"disk:1000", "1000 bytes are not a multiple of the sector of 512 "
		      "bytes"},
	{"disk:512,sector=4096", "512 bytes are not a multiple of the sector "
				 "of 4096 bytes"},
	{"disk:1M,sector=1024",
	 "option sector: '1024' is not a sector; write 512 or 4096"},
	{"disk:1M,depth=0", "option depth: 0 is out of range; give 1 to 1024"},
	{"disk:1M,fail=0", "option fail: 0 is out of range; give 1 to "
			   "18446744073709551615"},
	{"disk:1M,stall=soon", "option stall: 'soon' is not a number; write "
			       "digits"},
	{"disk:1M,ro=yes", "option ro: 'yes' is not wanted; it takes no value"},
	{"disk:1M,cache=-1", "option cache: '-1' is not a number of bytes; "
			     "write digits and perhaps K, M, G or T"},
	{"disk:1M,file=/nowhere",
	 "option file: /nowhere: No such file or directory"},
	{"disk:1M,file=/", "option file: /: Is a directory"},
	{"disk:512,file=/bin/sh",
	 "option file: /bin/sh is longer than the disk"},
};

START_TEST(mistakes_of_networks)
{
	expect(true, net_mistakes[_i].uri, MIRAGE_EINVAL,
	       net_mistakes[_i].message);
}
END_TEST

START_TEST(mistakes_of_blocks)
{
	expect(false, block_mistakes[_i].uri, MIRAGE_EINVAL,
	       block_mistakes[_i].message);
}
END_TEST

/** Opens `which` with the options in `line`. */
static void expect_nobody(bool net, const char *line, const char *message)
{
	const char *text;
	int status;

	is_net = net;
	name = "d";
	text = run_stderr(open_device, line, &status);
	ck_assert_int_eq(result_seen, MIRAGE_ENODEV);
	ck_assert_str_eq(text, message);
}

START_TEST(a_network_that_nobody_gave)
{
	expect_nobody(true, "--net other=lan:x",
		      "test: error: network 'd': nobody gave it; start the "
		      "program with --net d=lan:NAME\n");
}
END_TEST

START_TEST(a_disk_that_nobody_gave)
{
	expect_nobody(false, "",
		      "test: error: block 'd': no disk was given; add --block "
		      "d=disk:64M\n");
}
END_TEST

START_TEST(another_disk_was_given)
{
	expect_nobody(false, "--block other=disk:1M",
		      "test: error: block 'd': no --block option has this "
		      "name; add --block d=disk:64M\n");
}
END_TEST

/* ------------------------------------------------------- Two of a network -- */

static struct mirage_net *net;

static void open_second(void)
{
	mirage_net_open("d", 0, net_opened, NULL);
}

static int open_two(int argc, char *argv[])
{
	open_net("c", 0, &net, open_second);
	return 0;
}

START_TEST(an_address_is_taken)
{
	int status;
	const char *text = run_stderr(open_two,
				      "--net c=lan:x,mac=02:00:00:00:00:0A "
				      "--net d=lan:x,mac=02:00:00:00:00:0a",
				      &status);

	ck_assert_int_eq(result_seen, MIRAGE_EINVAL);
	ck_assert_str_eq(text,
			 "test: error: network 'd' "
			 "(lan:x,mac=02:00:00:00:00:0a): network 'c' of the "
			 "same LAN has the same address; give another mac=\n");
}
END_TEST

START_TEST(without_options_all_are_on_one_lan)
{
	ck_assert_int_eq(run(open_two, ""), 0);
	ck_assert_int_eq(result_seen, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sim-uri");
	TCase *tcase = tcase_create("sim-uri");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, mistakes_of_networks, 0,
			    sizeof net_mistakes / sizeof net_mistakes[0]);
	tcase_add_loop_test(tcase, mistakes_of_blocks, 0,
			    sizeof block_mistakes / sizeof block_mistakes[0]);
	tcase_add_test(tcase, a_network_that_nobody_gave);
	tcase_add_test(tcase, a_disk_that_nobody_gave);
	tcase_add_test(tcase, another_disk_was_given);
	tcase_add_test(tcase, an_address_is_taken);
	tcase_add_test(tcase, without_options_all_are_on_one_lan);
	suite_add_tcase(suite, tcase);
	srunner_set_fork_status(runner, CK_FORK);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
