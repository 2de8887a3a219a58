/* SPDX-License-Identifier: ISC */
/* The arguments of a stack. */
#include <mirage.h>

#include <string.h>

enum { OURS = 1, NOT_OURS = 0 };

static int wrong(const char *argument, const char *value, const char *remedy)
{
	mirage_log(MIRAGE_LOG_ERROR, "%s %s: %s", argument,
		   value != NULL ? value : "", remedy);
	return MIRAGE_EINVAL;
}

static struct mirage_interface_config *find(struct mirage_stack_config *config,
					    const char *name, size_t length)
{
	for (uint32_t i = 0; i < config->n_interfaces; i++)
		if (strlen(config->interfaces[i].name) == length &&
		    memcmp(config->interfaces[i].name, name, length) == 0)
			return &config->interfaces[i];
	return NULL;
}

/** Takes `NAME:` off the value and returns its interface: that of "service" when there
 *  is none, NULL for one that is not known. An IPv6 address has colons too. */
static struct mirage_interface_config *
interface_of(struct mirage_stack_config *config, const char **value)
{
	const char *colon = strchr(*value, ':');
	struct mirage_interface_config *interface;
	struct mirage_ip ip;
	uint8_t bits;

	if (colon == NULL || mirage_ip_parse(&ip, *value) ||
	    mirage_ip_parse_prefix(&ip, &bits, *value))
		return &config->interfaces[0];
	interface = find(config, *value, (size_t)(colon - *value));
	if (interface != NULL)
		*value = colon + 1;
	return interface;
}

static int take_address(const char *argument, const char *value,
			uint8_t version, struct mirage_ip *ip, uint8_t *bits)
{
	struct mirage_ip read;
	uint8_t read_bits;

	if (!mirage_ip_parse_prefix(&read, &read_bits, value) ||
	    read.version != version || read_bits == 0)
		return wrong(argument, value,
			     version == 4
				     ? "give an address with its prefix, such "
				       "as 10.0.0.2/24"
				     : "give an address with its prefix, such "
				       "as 2001:db8::2/64");
	*ip = read;
	*bits = read_bits;
	return OURS;
}

static int take_gateway(struct mirage_interface_config *interface,
			const char *value)
{
	struct mirage_ip ip;

	if (!mirage_ip_parse(&ip, value))
		return wrong("--gateway", value,
			     "give the address of a router, such as 10.0.0.1");
	*(ip.version == 4 ? &interface->gateway4 : &interface->gateway6) = ip;
	return OURS;
}

static int take_dns(struct mirage_stack_config *config, const char *value)
{
	struct mirage_ip ip;

	if (!mirage_ip_parse(&ip, value))
		return wrong("--dns", value,
			     "give the address of a name server");
	if (config->n_dns == MIRAGE_DNS_MAX)
		return wrong("--dns", value, "three name servers are enough");
	config->dns[config->n_dns++] = ip;
	return OURS;
}

static int take_interface(struct mirage_stack_config *config, const char *name)
{
	if (find(config, name, strlen(name)) != NULL)
		return wrong("--interface", name, "it is used already");
	if (config->n_interfaces == MIRAGE_INTERFACES_MAX)
		return wrong("--interface", name, "four interfaces at most");
	config->interfaces[config->n_interfaces++].name = name;
	return OURS;
}

/** Takes an argument with a value, of the second pass. */
static int take_value(struct mirage_stack_config *config, const char *argument,
		      const char *value)
{
	struct mirage_interface_config *interface;

	if (strcmp(argument, "--dns") == 0)
		return take_dns(config, value);
	interface = interface_of(config, &value);
	if (interface == NULL)
		return wrong(argument, value,
			     "no such interface: name it with --interface, or "
			     "see whether the address is right");
	if (strcmp(argument, "--ipv4") == 0)
		return take_address(argument, value, 4, &interface->ipv4,
				    &interface->ipv4_prefix_bits);
	if (strcmp(argument, "--ipv6") == 0)
		return take_address(argument, value, 6, &interface->ipv6,
				    &interface->ipv6_prefix_bits);
	return take_gateway(interface, value);
}

/** Takes a flag, of the interface that `NAME:` before it names. */
static int take_flag(struct mirage_stack_config *config, const char *argument)
{
	const char *flag = strstr(argument, ":--");
	struct mirage_interface_config *interface = &config->interfaces[0];

	if (flag != NULL) {
		interface = find(config, argument, (size_t)(flag - argument));
		argument = flag + 1;
	}
	if (strcmp(argument, "--dhcp") != 0 &&
	    strcmp(argument, "--no-slaac") != 0)
		return NOT_OURS;
	if (interface == NULL)
		return wrong(argument, NULL,
			     "no such interface: name it with --interface");
	if (strcmp(argument, "--dhcp") == 0)
		interface->dhcp = true;
	else
		interface->no_slaac = true;
	return OURS;
}

static bool has_value(const char *argument)
{
	static const char *const names[] = {"--interface", "--ipv4", "--ipv6",
					    "--gateway", "--dns"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(argument, names[i]) == 0)
			return true;
	return false;
}

/** Of the first pass are the interfaces, which the others name. */
static int pass(struct mirage_stack_config *config, int argc, char *argv[],
		bool first)
{
	for (int i = 1; i < argc; i++) {
		int taken = OURS;

		if (!has_value(argv[i])) {
			taken = first ? OURS : take_flag(config, argv[i]);
		} else if (i + 1 == argc) {
			return wrong(argv[i], NULL, "it needs a value");
		} else {
			bool names = strcmp(argv[i], "--interface") == 0;

			if (names && first)
				taken = take_interface(config, argv[i + 1]);
			else if (!names && !first)
				taken = take_value(config, argv[i],
						   argv[i + 1]);
			i++;
		}
		if (taken < 0)
			return taken;
	}
	return 0;
}

static bool is_flag(const char *argument)
{
	const char *flag = strstr(argument, ":--");

	if (flag != NULL)
		argument = flag + 1;
	return strcmp(argument, "--dhcp") == 0 ||
	       strcmp(argument, "--no-slaac") == 0;
}

/** Takes what was ours from `argv`. */
static void remove_ours(int *argc, char *argv[])
{
	int kept = 1;

	for (int i = 1; i < *argc; i++) {
		if (has_value(argv[i]))
			i++;
		else if (!is_flag(argv[i]))
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	*argc = kept;
}

int mirage_stack_arguments(struct mirage_stack_config *config, int *argc,
			   char *argv[])
{
	int error;

	*config = (struct mirage_stack_config){
		.size = sizeof *config,
		.n_interfaces = 1,
		.interfaces = {{.name = "service"}},
	};
	error = pass(config, *argc, argv, true);
	if (error == 0)
		error = pass(config, *argc, argv, false);
	if (error < 0)
		return error;
	for (uint32_t i = 0; i < config->n_interfaces; i++) {
		struct mirage_interface_config *at = &config->interfaces[i];

		if (at->dhcp && at->ipv4.version != 0)
			return wrong("--dhcp", at->name,
				     "it has a static --ipv4 too: give one of "
				     "both");
		at->dhcp |= at->ipv4.version == 0;
	}
	remove_ours(argc, argv);
	return 0;
}
