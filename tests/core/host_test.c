/* SPDX-License-Identifier: ISC */
/* The options that choose the host's sockets for a stack, and a store. */
#include "fake_stack.h"

#include <string.h>

/* -------------------------------------------------------------- Choosing -- */

static struct mirage_stack *opened[2];
static int open_results[2];
static unsigned n_opened;

static void on_open(void *arg, int result, struct mirage_stack *stack)
{
	opened[n_opened] = stack;
	open_results[n_opened++] = result;
}

static void on_net(void *arg, int result, struct mirage_net *net)
{
	*(int *)arg = result;
	if (net != NULL)
		mirage_net_close(net);
}

static int net_results[2];

static int start_choosing(int argc, char *argv[])
{
	ck_assert_int_eq(mirage_core_is_host("a"), argc > 1);
	ck_assert_int_eq(mirage_core_is_host("b"), argc > 2);
	mirage_net_open("a", 0, on_net, &net_results[0]);
	if (argc > 1) /* the fake has one network */
		mirage_net_open("b", 0, on_net, &net_results[1]);
	return 0;
}

START_TEST(no_network_is_the_hosts)
{
	ck_assert_int_eq(fake_run(start_choosing, "--net", "a=tap:host", NULL),
			 0);
	ck_assert_int_eq(net_results[0], 0);
}
END_TEST

START_TEST(one_network_is_the_hosts)
{
	ck_assert_int_eq(fake_run(start_choosing, "--net", "a=host:", "--net",
				  "b=tap:t", "1", NULL),
			 0);
	ck_assert_int_eq(net_results[0], MIRAGE_ENOTSUP);
	ck_assert_int_eq(net_results[1], 0);
	ck_assert_ptr_nonnull(strstr(fake.log, "network 'a' (host:): these "
					       "are the host's sockets"));
}
END_TEST

START_TEST(all_networks_are_the_hosts)
{
	ck_assert_int_eq(fake_run(start_choosing, "--net=host", "1", "2", NULL),
			 0);
	ck_assert_int_eq(net_results[0], MIRAGE_ENOTSUP);
	ck_assert_int_eq(net_results[1], MIRAGE_ENOTSUP);
}
END_TEST

/* What is said of one name goes before what is said of all. */
START_TEST(all_but_one_are_the_hosts)
{
	ck_assert_int_eq(fake_run(start_choosing, "--net", "b=tap:t", "--net",
				  "host", "1", NULL),
			 0);
	ck_assert_int_eq(net_results[0], MIRAGE_ENOTSUP);
	ck_assert_int_eq(net_results[1], 0);
}
END_TEST

/* ------------------------------------------------------------ Opening -- */

static char open_uri[32];

static void open_it(struct mirage_open *open)
{
	if (open->uri != NULL)
		strcpy(open_uri, open->uri);
	mirage_core_stack_opened(open, 0, &it.stack);
}

static void refuse(struct mirage_open *open)
{
	mirage_open_refuse(open, MIRAGE_EACCES, "no sockets for you");
}

static int start_open(int argc, char *argv[])
{
	mirage_core_host_open(argv[1], on_open, NULL);
	ck_assert_uint_eq(n_opened, 0);
	return 0;
}

/* An open stack keeps the program running. */
START_TEST(a_stack_is_opened)
{
	fake_stack_reset();
	fake.stack_open = open_it;
	ck_assert_int_eq(fake_run(start_open, "--net", "a=host:", "a", NULL),
			 FAKE_DEADLOCK);
	ck_assert_int_eq(open_results[0], 0);
	ck_assert_ptr_eq(opened[0], &it.stack);
	ck_assert_str_eq(open_uri, "host:");
}
END_TEST

START_TEST(a_stack_is_refused)
{
	fake.stack_open = refuse;
	ck_assert_int_eq(fake_run(start_open, "--net", "host", "a", NULL), 0);
	ck_assert_int_eq(open_results[0], MIRAGE_EACCES);
	ck_assert_ptr_null(opened[0]);
	ck_assert_ptr_nonnull(
		strstr(fake.log, "network 'a': no sockets for you"));
}
END_TEST

START_TEST(a_stack_has_a_name)
{
	fake.stack_open = open_it;
	ck_assert_int_eq(fake_run(start_open, "--net", "host", "a b", NULL), 0);
	ck_assert_int_eq(open_results[0], MIRAGE_EINVAL);
}
END_TEST

static int start_two(int argc, char *argv[])
{
	mirage_core_host_open("a", on_open, NULL);
	mirage_core_host_open("a", on_open, NULL);
	return 0;
}

START_TEST(a_name_has_many_stacks)
{
	fake.stack_open = refuse;
	ck_assert_int_eq(fake_run(start_two, "--net", "host", NULL), 0);
	ck_assert_int_eq(open_results[0], MIRAGE_EACCES);
	ck_assert_int_eq(open_results[1], MIRAGE_EACCES);
}
END_TEST

/* --------------------------------------------------------------- Stores -- */

static int kv_results[2];
static char kv_uri[32];

static void on_kv(void *arg, int result, struct mirage_kv *kv)
{
	*(int *)arg = result;
}

static void open_kv(struct mirage_open *open)
{
	strcpy(kv_uri, open->uri != NULL ? open->uri : "none");
	ck_assert(open->any_given);
	mirage_open_refuse(open, MIRAGE_EROFS, "not now");
}

static int start_kv(int argc, char *argv[])
{
	mirage_kv_open("content", on_kv, &kv_results[0]);
	mirage_kv_open("a/b", on_kv, &kv_results[1]);
	return 0;
}

START_TEST(a_store_is_opened)
{
	fake.kv_open = open_kv;
	ck_assert_int_eq(
		fake_run(start_kv, "--kv", "content=dir:site,ro", NULL), 0);
	ck_assert_int_eq(kv_results[0], MIRAGE_EROFS);
	ck_assert_int_eq(kv_results[1], MIRAGE_EINVAL);
	ck_assert_str_eq(kv_uri, "dir:site,ro");
	ck_assert_ptr_nonnull(
		strstr(fake.log, "store 'content' (dir:site,ro): not now"));
}
END_TEST

TCase *core_case_hosts(void)
{
	TCase *tcase = tcase_create("hosts");

	tcase_add_test(tcase, no_network_is_the_hosts);
	tcase_add_test(tcase, one_network_is_the_hosts);
	tcase_add_test(tcase, all_networks_are_the_hosts);
	tcase_add_test(tcase, all_but_one_are_the_hosts);
	tcase_add_test(tcase, a_stack_is_opened);
	tcase_add_test(tcase, a_stack_is_refused);
	tcase_add_test(tcase, a_stack_has_a_name);
	tcase_add_test(tcase, a_name_has_many_stacks);
	tcase_add_test(tcase, a_store_is_opened);
	return tcase;
}
