/* SPDX-License-Identifier: ISC */
/*
 * dhcp: asks for an address, shows what came, and ends; with --watch it goes on, and
 * shows every change.
 *
 *	dhcp --net service=tap:tap0
 */
#include "common/arguments.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static struct mirage_stack_config config = {.size = sizeof(config)};
static struct mirage_stack *stack;
static bool watch;

static void MIRAGE_PRINTF(1, 2) say(const char *format, ...)
{
	char line[160];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	mirage_console_write(line, (size_t)length);
}

static void say_ip(const char *what, const struct mirage_ip *ip)
{
	char text[MIRAGE_IP_TEXT_MAX];

	if (ip->version != 0)
		say("  %-12s %s\n", what, mirage_ip_print(ip, text));
}

static void say_prefix(const char *what, const struct mirage_ip *ip,
		       uint8_t bits)
{
	char text[MIRAGE_IP_TEXT_MAX];

	if (ip->version != 0)
		say("  %-12s %s/%u\n", what, mirage_ip_print(ip, text), bits);
}

static void say_lease(const struct mirage_interface_info *one)
{
	uint64_t now_ns = mirage_clock_monotonic_ns();

	say_ip("server", &one->dhcp_server);
	if (one->dhcp_server.version != 0 && one->lease_end_ns > now_ns)
		say("  %-12s %" PRIu64 " s\n", "lease",
		    (one->lease_end_ns - now_ns + 500000000) / 1000000000);
}

static void say_interface(const struct mirage_interface_info *one)
{
	const uint8_t *mac = one->mac;

	say("%s: %02x:%02x:%02x:%02x:%02x:%02x, mtu %" PRIu32 ", link %s\n",
	    one->name, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5],
	    one->mtu_bytes, one->link_up ? "up" : "down");
	say_prefix("address", &one->ipv4, one->ipv4_prefix_bits);
	for (uint8_t i = 0; i < one->n_ipv6; i++)
		say_prefix("address", &one->ipv6[i], one->ipv6_prefix_bits);
	say_ip("router", &one->gateway4);
	say_ip("router", &one->gateway6);
	say_lease(one);
}

static void say_all(void)
{
	const struct mirage_stack_info *info = stack->info;

	for (uint32_t i = 0; i < info->n_interfaces; i++)
		say_interface(&info->interfaces[i]);
	for (uint32_t i = 0; i < info->n_dns; i++)
		say_ip("name server", &info->dns[i]);
}

static void on_stack_event(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_ADDRESS || event == MIRAGE_EVENT_LINK)
		say_all();
}

static void on_event(void *arg, uint32_t event)
{
	if (event != MIRAGE_EVENT_SHUTDOWN)
		return;
	if (stack != NULL)
		mirage_stack_close(stack);
	else /* nobody has answered */
		mirage_exit(1);
}

static void on_stack(void *arg, int result, struct mirage_stack *opened)
{
	if (result < 0) {
		mirage_exit(1);
		return;
	}
	stack = opened;
	if (stack->info->n_interfaces == 0) {
		mirage_log(MIRAGE_LOG_ERROR,
			   "host: says nothing of its interfaces; add "
			   "--net service=slirp: or another network");
		mirage_exit(1);
		return;
	}
	say_all();
	if (watch)
		mirage_stack_on_event(stack, on_stack_event, NULL);
	else
		mirage_stack_close(stack);
}

static int start(int argc, char *argv[])
{
	int result = mirage_stack_arguments(&config, &argc, argv);

	watch = argument_flag(&argc, argv, "--watch");
	if (result < 0 || !argument_count(argc, argv, 0, ""))
		return 2;
	mirage_on_event(on_event, NULL);
	mirage_stack_open(&config, on_stack, NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
