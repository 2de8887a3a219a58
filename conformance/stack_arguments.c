/* SPDX-License-Identifier: ISC */
/* The arguments of stacks. */
#include "conformance.h"

#define ARGUMENTS_MAX 16

static struct mirage_stack_config config;
static char *argv[ARGUMENTS_MAX + 1];
static int argc;

/* A program's arguments: some words, ending in NULL. The law is about `argv`, which
 * is not const for history's sake. */
static int take(const char *const *words)
{
	argc = 0;
	argv[argc++] = (char *)(uintptr_t) "program";
	for (; *words != NULL && argc < ARGUMENTS_MAX; words++)
		argv[argc++] = (char *)(uintptr_t)*words;
	argv[argc] = NULL;
	return mirage_stack_arguments(&config, &argc, argv);
}

static bool is_text(const char *a, const char *b)
{
	size_t length = conf_length(b);

	return conf_length(a) == length && conf_same(a, b, length);
}

static bool is_ip(const struct mirage_ip *ip, const char *text)
{
	struct mirage_ip other;

	return mirage_ip_parse(&other, text) && mirage_ip_equal(ip, &other);
}

CASE(stack, without_arguments, "STK-01")
{
	static const char *const words[] = {NULL};
	const struct mirage_interface_config *at;

	CASE_BEGIN;
	CHECK_RESULT(take(words), 0);
	CHECK_EQ(argc, 1);
	CHECK(argv[1] == NULL);
	CHECK_EQ(config.n_interfaces, 1);
	CHECK_EQ(config.n_dns, 0);
	at = &config.interfaces[0];
	CHECK(is_text(at->name, "service"));
	CHECK(at->dhcp && !at->no_slaac);
	CHECK_EQ(at->ipv4.version + at->ipv6.version, 0);
	CASE_END;
}

CASE(stack, arguments, "STK-01")
{
	static const char *const words[] = {
		"first",    "--ipv4",	 "10.0.0.2/24", "--gateway",
		"10.0.0.1", "--ipv6",	 "fd00::2/64",	"--gateway",
		"fd00::1",  "--unknown", "--dns",	"10.0.0.3",
		"--dns",    "fd00::3",	 "last",	NULL};
	const struct mirage_interface_config *at;

	CASE_BEGIN;
	CHECK_RESULT(take(words), 0);
	CHECK_EQ(argc, 4);
	CHECK(is_text(argv[0], "program"));
	CHECK(is_text(argv[1], "first"));
	CHECK(is_text(argv[2], "--unknown"));
	CHECK(is_text(argv[3], "last"));
	CHECK(argv[4] == NULL);
	CHECK_EQ(config.n_interfaces, 1);
	at = &config.interfaces[0];
	CHECK(!at->dhcp && !at->no_slaac);
	CHECK(is_ip(&at->ipv4, "10.0.0.2"));
	CHECK_EQ(at->ipv4_prefix_bits, 24);
	CHECK(is_ip(&at->gateway4, "10.0.0.1"));
	CHECK(is_ip(&at->ipv6, "fd00::2"));
	CHECK_EQ(at->ipv6_prefix_bits, 64);
	CHECK(is_ip(&at->gateway6, "fd00::1"));
	CHECK_EQ(config.n_dns, 2);
	CHECK(is_ip(&config.dns[0], "10.0.0.3"));
	CHECK(is_ip(&config.dns[1], "fd00::3"));
	CASE_END;
}

CASE(stack, arguments_of_two, "STK-01")
{
	static const char *const words[] = {
		"back:--no-slaac", "--ipv4",	   "back:10.1.0.2/16",
		"--interface",	   "back",	   "--ipv6",
		"back:fd01::2/64", "--gateway",	   "back:10.1.0.1",
		"service:--dhcp",  "other:--else", NULL};
	const struct mirage_interface_config *at;

	CASE_BEGIN;
	CHECK_RESULT(take(words), 0);
	CHECK_EQ(argc, 2);
	CHECK(is_text(argv[1], "other:--else"));
	CHECK_EQ(config.n_interfaces, 2);
	at = &config.interfaces[0];
	CHECK(is_text(at->name, "service"));
	CHECK(at->dhcp && !at->no_slaac);
	CHECK_EQ(at->ipv4.version + at->ipv6.version, 0);
	at = &config.interfaces[1];
	CHECK(is_text(at->name, "back"));
	CHECK(!at->dhcp && at->no_slaac);
	CHECK(is_ip(&at->ipv4, "10.1.0.2"));
	CHECK_EQ(at->ipv4_prefix_bits, 16);
	CHECK(is_ip(&at->ipv6, "fd01::2"));
	CHECK(is_ip(&at->gateway4, "10.1.0.1"));
	CASE_END;
}

/* ------------------------------------------------------------- Mistakes -- */

static const char *const mistakes[][10] = {
	{"--ipv4"},
	{"--ipv4", "10.0.0.2"},
	{"--ipv4", "10.0.0.2/33"},
	{"--ipv4", "fd00::2/64"},
	{"--ipv4", "nobody:10.0.0.2/24"},
	{"--ipv6", "fd00::2"},
	{"--ipv6", "10.0.0.2/24"},
	{"--gateway", "router"},
	{"--gateway", "10.0.0.1/24"},
	{"--dns", "a.name"},
	{"--dns", "::1", "--dns", "::2", "--dns", "::3", "--dns", "::4"},
	{"--interface"},
	{"--interface", "service"},
	{"--interface", "a", "--interface", "b", "--interface", "c",
	 "--interface", "d"},
	{"--dhcp", "--ipv4", "10.0.0.2/24"},
	{"nobody:--dhcp"},
};

CASE(stack, wrong_arguments, "STK-02")
{
	CASE_BEGIN;
	for (unsigned i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++)
		CHECK_RESULT(take(mistakes[i]), MIRAGE_EINVAL);
	CASE_END;
}

CASE(stack, wrong_arguments_are_named, "STK-02", .needs = CONF_LOG)
{
	static char text[1024];
	static size_t before, after, length;

	CASE_BEGIN;
	for (unsigned i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		const char *named = mistakes[i][0];

		while ((length = conf_console_log(before, text, sizeof(text))) >
		       0)
			before += length;
		CHECK_RESULT(take(mistakes[i]), MIRAGE_EINVAL);
		after = conf_console_log(before, text, sizeof(text));
		if (named[0] != '-') /* with the network's name before it */
			named = "--dhcp";
		CHECK(conf_contains(text, after, named));
	}
	CASE_END;
}

CASES(stack_arguments) = {
	&stack_without_arguments,	  &stack_arguments,
	&stack_arguments_of_two,	  &stack_wrong_arguments,
	&stack_wrong_arguments_are_named, NULL,
};
