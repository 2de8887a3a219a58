/* SPDX-License-Identifier: ISC */
#include "options.h"

#include "report.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <mirage.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 63
#define MEMORY_MAX_MIB 3072 /* one range of RAM, below the hole for devices */
#define MEMORY_MIN_MIB 2
/* What a guest believes, and Linux sets. */
#define MTU_MIN 68
#define MTU_MAX 65521

static const char help[] =
	"usage: mirage-xen-run [OPTION]... IMAGE [ARGUMENT]...\n"
	"       mirage-xen-run --destroy NAME\n"
	"\n"
	"Runs a Mirage image as a Xen guest: relays its console and its exit "
	"status,\n"
	"and leaves nothing behind.\n"
	"\n"
	"  --net NAME[=OPTION,...]   a network of the guest's, called NAME by "
	"it;\n"
	"                            bridge=BRIDGE, mac=ADDRESS, mtu=BYTES, "
	"script=FILE\n"
	"  --disk NAME=FILE[,ro]     a disk of the guest's: a file or a block "
	"device\n"
	"  --memory MIB              its memory, 16 without this option\n"
	"  --name NAME               its name in Xen, that of IMAGE otherwise\n"
	"  --timeout SECONDS         destroys it when it runs longer (status "
	"124)\n"
	"  --attach                  relays the console (the default)\n"
	"  --detach                  returns when it runs; 'xl console NAME' "
	"attaches\n"
	"  --destroy NAME            ends a guest and removes what is left of "
	"it\n"
	"  --dry-run                 prints each step and takes none; needs no "
	"Xen\n"
	"  --write-xl FILE           writes a configuration for xl instead; - "
	"is\n"
	"                            standard output\n"
	"  --write-libvirt FILE      writes one for libvirt\n"
	"  -v, --verbose             prints each step to standard error\n"
	"  --help\n"
	"  --version\n";

static void usage(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));

static void usage(const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	complain("%s", line);
	exit(STATUS_USAGE);
}

bool options_name_ok(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) &&
		    (strchr("._-", name[i]) == NULL || i == 0))
			return false;
	return n > 0 && n <= NAME_MAX_BYTES;
}

static unsigned number(const char *option, const char *text, unsigned min,
		       unsigned max)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end != '\0' || errno != 0 ||
	    value < min || value > max)
		usage("%s %s: expected a number from %u to %u", option, text,
		      min, max);
	return (unsigned)value;
}

static char *name(const char *option, char *text)
{
	if (!options_name_ok(text))
		usage("%s %s: a name has letters, digits, '.', '_' and '-', "
		      "at most %d, and begins with a letter or digit",
		      option, text, NAME_MAX_BYTES);
	return text;
}

static char *copy(const char *text)
{
	char *to = strdup(text);

	if (to == NULL)
		abort();
	return to;
}

/* -------------------------------------------------------------- Devices -- */

static bool read_mac(uint8_t mac[6], const char *text)
{
	int n = 0;

	return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0],
		      &mac[1], &mac[2], &mac[3], &mac[4], &mac[5], &n) == 6 &&
	       text[n] == '\0' && n == 17 && (mac[0] & 1) == 0;
}

static void net_key(struct net_option *net, const char *whole, char *key)
{
	char *value = strchr(key, '=');

	if (value != NULL)
		*value++ = '\0';
	if (value == NULL || *value == '\0') {
		usage("--net %s: expected bridge=BRIDGE, mac=ADDRESS, "
		      "mtu=BYTES or script=FILE, not '%s'",
		      whole, key);
	} else if (strcmp(key, "bridge") == 0) {
		if (strlen(value) > 15)
			usage("--net %s: the bridge's name has more than 15 "
			      "characters",
			      whole);
		net->bridge = value;
	} else if (strcmp(key, "script") == 0) {
		net->script = value;
	} else if (strcmp(key, "mtu") == 0) {
		net->mtu_bytes = number("--net mtu", value, MTU_MIN, MTU_MAX);
	} else if (strcmp(key, "mac") == 0) {
		net->has_mac = read_mac(net->mac, value);
		if (!net->has_mac)
			usage("--net %s: '%s' is not the address of one "
			      "station; 00:16:3e:12:34:56 is",
			      whole, value);
	} else {
		usage("--net %s: no option '%s'; there are bridge, mac, mtu "
		      "and script",
		      whole, key);
	}
}

static void add_net(struct options *options, const char *whole)
{
	struct net_option *net = &options->nets[options->n_nets];
	char *text = copy(whole), *keys = strchr(text, '=');

	if (options->n_nets == NETS_MAX)
		usage("--net %s: more than %d networks", whole, NETS_MAX);
	if (keys != NULL)
		*keys++ = '\0';
	net->name = name("--net", text);
	for (unsigned i = 0; i < options->n_nets; i++)
		if (strcmp(options->nets[i].name, net->name) == 0)
			usage("--net %s: '%s' was given before", whole,
			      net->name);
	options->n_nets++;
	for (char *key = keys; key != NULL; key = keys) {
		keys = strchr(key, ',');
		if (keys != NULL)
			*keys++ = '\0';
		net_key(net, whole, key);
	}
}

static void add_disk(struct options *options, const char *whole)
{
	struct disk_option *disk = &options->disks[options->n_disks];
	char *text = copy(whole), *file = strchr(text, '='), *comma;

	if (options->n_disks == DISKS_MAX)
		usage("--disk %s: more than %d disks", whole, DISKS_MAX);
	if (file == NULL || file[1] == '\0' || file[1] == ',')
		usage("--disk %s: expected NAME=FILE", whole);
	*file++ = '\0';
	disk->name = name("--disk", text);
	for (unsigned i = 0; i < options->n_disks; i++)
		if (strcmp(options->disks[i].name, disk->name) == 0)
			usage("--disk %s: '%s' was given before", whole,
			      disk->name);
	disk->file = file;
	comma = strchr(file, ',');
	if (comma != NULL) {
		if (strcmp(comma, ",ro") != 0)
			usage("--disk %s: no option '%s'; there is ro", whole,
			      comma + 1);
		disk->read_only = true;
		*comma = '\0';
	}
	options->n_disks++;
}

/* -------------------------------------------------------------- Reading -- */

enum {
	NET = 256,
	DISK,
	MEMORY,
	NAME,
	TIMEOUT,
	ATTACH,
	DETACH,
	DESTROY,
	DRY_RUN,
	WRITE_XL,
	WRITE_LIBVIRT,
	HELP,
	VERSION,
};

static const struct option table[] = {
	{"net", required_argument, NULL, NET},
	{"disk", required_argument, NULL, DISK},
	{"memory", required_argument, NULL, MEMORY},
	{"name", required_argument, NULL, NAME},
	{"timeout", required_argument, NULL, TIMEOUT},
	{"attach", no_argument, NULL, ATTACH},
	{"detach", no_argument, NULL, DETACH},
	{"destroy", required_argument, NULL, DESTROY},
	{"dry-run", no_argument, NULL, DRY_RUN},
	{"write-xl", required_argument, NULL, WRITE_XL},
	{"write-libvirt", required_argument, NULL, WRITE_LIBVIRT},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, HELP},
	{"version", no_argument, NULL, VERSION},
	{NULL, 0, NULL, 0},
};

static void say(const char *text) __attribute__((noreturn));
static void say(const char *text)
{
	fputs(text, stdout);
	exit(fflush(stdout) == 0 ? 0 : STATUS_FAILED);
}

static void wrong(int kind, const char *word) __attribute__((noreturn));
static void wrong(int kind, const char *word)
{
	if (kind == ':')
		usage("%s: a value is missing; see --help", word);
	usage("%s: there is no such option; see --help", word);
}

static void take(struct options *options, int kind, char *argv[])
{
	switch (kind) {
	case NET:
		add_net(options, optarg);
		break;
	case DISK:
		add_disk(options, optarg);
		break;
	case MEMORY:
		options->memory_mib = number("--memory", optarg, MEMORY_MIN_MIB,
					     MEMORY_MAX_MIB);
		break;
	case NAME:
		options->name = name("--name", optarg);
		break;
	case TIMEOUT:
		options->timeout_s = number("--timeout", optarg, 1, 31536000);
		break;
	case ATTACH:
	case DETACH:
		options->detach = kind == DETACH;
		break;
	case DESTROY:
		options->destroy = name("--destroy", optarg);
		break;
	case DRY_RUN:
		report_dry = true;
		break;
	case WRITE_XL:
		options->write_xl = optarg;
		break;
	case WRITE_LIBVIRT:
		options->write_libvirt = optarg;
		break;
	case 'v':
		report_verbose = true;
		break;
	case HELP:
		say(help);
	case VERSION:
		say("mirage-xen-run " MIRAGE_VERSION "\n");
	default:
		wrong(kind, argv[optind - 1]);
	}
}

/** The image's name, made fit to be a guest's. */
static char *name_of_image(const char *image)
{
	const char *slash = strrchr(image, '/');
	char *made = copy(slash != NULL ? slash + 1 : image);

	if (strlen(made) > NAME_MAX_BYTES)
		made[NAME_MAX_BYTES] = '\0';
	for (char *c = made; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) &&
		    (strchr("._-", *c) == NULL || c == made))
			*c = 'x';
	return made;
}

void options_read(struct options *options, int argc, char *argv[])
{
	int kind;

	*options = (struct options){.memory_mib = 16};
	opterr = 0;
	while ((kind = getopt_long(argc, argv, "+:v", table, NULL)) != -1)
		take(options, kind, argv);
	if (options->destroy != NULL) {
		if (optind < argc)
			usage("--destroy %s: takes no image", options->destroy);
		return;
	}
	if (optind == argc || *argv[optind] == '\0')
		usage("which image? See --help");
	options->image = argv[optind];
	options->args = &argv[optind + 1];
	if (options->name == NULL)
		options->name = name_of_image(options->image);
}
