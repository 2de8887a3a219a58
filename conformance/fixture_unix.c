/* SPDX-License-Identifier: ISC */
/*
 * fixture_unix.c: the unix backend, in as many variations as it has engines.
 */
#define _GNU_SOURCE
#include "fixture_host.h"

#include "../backends/unix/pair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define DISK_BYTES (2u << 20)
#define RO_BYTES (64u << 10)

/* ---------------------------------------------------------------- World -- */

static bool set_link(const char *name, bool up)
{
	(void)name;
	unix_pair_set_link("conf", up);
	return true;
}

static bool set_paused(const char *name, bool paused)
{
	(void)name;
	unix_pair_set_paused("conf", paused);
	return true;
}

/* Where the disks' files are. */
static const char *folder;

static bool resize(const char *name, uint64_t size_bytes)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return truncate(path, (off_t)size_bytes) == 0;
}

static bool ask_shutdown(void)
{
	return raise(SIGTERM) == 0;
}

/* ---------------------------------------------------------------- Setup -- */

static const char *console(struct conf_fixture *fixture, bool own_process)
{
	if (!own_process)
		host_no_console(fixture);
	else if (!host_capture(false))
		return strerror(errno);
	return NULL;
}

static int add(struct conf_fixture *fixture, int n, const char *option,
	       const char *value)
{
	fixture->argv[n] = option;
	fixture->argv[n + 1] = value;
	return n + 2;
}

static int add_read_only(struct conf_fixture *fixture, int n)
{
	const char *path = host_file(fixture, "fixed", RO_BYTES, 0x5a);

	return add(fixture, n, "--block",
		   host_format("fixed=file:%s,ro", path));
}

static int add_store(struct conf_fixture *fixture, int n)
{
	return add(
		fixture, n, "--kv",
		host_format("store=dir:%s", host_directory(fixture, "store")));
}

static int add_files(struct conf_fixture *fixture, int n, const char *more)
{
	const char *small = host_file(fixture, "small", DISK_BYTES, 0);
	const char *large = host_file(fixture, "large", DISK_BYTES, 0);

	folder = fixture->scratch;
	n = add(fixture, n, "--block",
		host_format("small=file:%s%s", small, more));
	return add(fixture, n, "--block",
		   host_format("large=file:%s,sector=4096%s", large, more));
}

static int add_memory(struct conf_fixture *fixture, int n)
{
	n = add(fixture, n, "--block", "small=mem:2M");
	return add(fixture, n, "--block", "large=mem:2M,sector=4096");
}

static int add_pair(struct conf_fixture *fixture)
{
	return add(fixture, add(fixture, 0, "--net", "a=pair:conf"), "--net",
		   "b=pair:conf");
}

static const char *setup_memory(struct conf_fixture *fixture, bool own_process)
{
	int n = add_read_only(fixture, add_memory(fixture, add_pair(fixture)));

	n = add_store(fixture, n);
	add(fixture, n, "--net", "sockets=host:");
	return console(fixture, own_process);
}

static const char *setup_file(struct conf_fixture *fixture, bool own_process)
{
	int n = add_read_only(fixture,
			      add_files(fixture, add_pair(fixture), ""));

	add_store(fixture, n);
	return console(fixture, own_process);
}

static const char *setup_direct(struct conf_fixture *fixture, bool own_process)
{
	add_read_only(fixture,
		      add_files(fixture, add_pair(fixture), ",direct"));
	return console(fixture, own_process);
}

/* Containers and careful administrators forbid io_uring like this. */
static bool forbid_io_uring(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {.len = sizeof(code) / sizeof(code[0]),
				    .filter = code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

static const char *setup_threads(struct conf_fixture *fixture, bool own_process)
{
	if (own_process && !forbid_io_uring())
		return "cannot forbid io_uring";
	return setup_file(fixture, own_process);
}

/* The file disks and the pair behind shims, which change nothing but the moment. */
static const char *setup_shims(struct conf_fixture *fixture, bool own_process)
{
	static const char *const shims[][2] = {
		{"--fault", "small=delay=50us"},
		{"--fault", "large=delay-every=2:100us"},
		{"--fault", "a=delay=20us"},
		{"--fault", "b=delay=10us"},
		{"--trace", "small"},
		{"--trace", "large"},
		{"--trace", "a"},
		{"--trace", "b=/dev/null"},
	};
	int n = add_read_only(fixture,
			      add_files(fixture, add_pair(fixture), ""));

	for (size_t i = 0; i < sizeof(shims) / sizeof(shims[0]); i++)
		n = add(fixture, n, shims[i][0], shims[i][1]);
	return console(fixture, own_process);
}

/* ---------------------------------------------------------------- Stream -- */

/* Where `a` listens and `b` connects, and where that is while the link is down. */
static const char *wire, *wire_away;

/* A name of the wire: it was bound with more at its end. */
static bool is_wire(int (*name)(int, struct sockaddr *, socklen_t *), int fd)
{
	struct sockaddr_un at = {.sun_family = AF_UNSPEC};
	socklen_t length = sizeof(at) - 1;

	return name(fd, (struct sockaddr *)&at, &length) == 0 &&
	       at.sun_family == AF_UNIX &&
	       strncmp(at.sun_path, wire, strlen(wire)) == 0;
}

/* The socket that `a` has accepted, or the one that `b` has connected, or -1. */
static int find_socket(bool accepted)
{
	struct sockaddr_storage peer;

	for (int fd = 3; fd < 256; fd++) {
		socklen_t length = sizeof(peer);

		if (is_wire(accepted ? getsockname : getpeername, fd) &&
		    getpeername(fd, (struct sockaddr *)&peer, &length) == 0)
			return fd;
	}
	return -1;
}

/* Speaks for the peer of `name`, who is hostile. */
static bool inject_framed(const char *name, const void *bytes, size_t length)
{
	uint32_t header = htonl((uint32_t)length);
	struct iovec parts[] = {{&header, sizeof(header)},
				{(void *)(uintptr_t)bytes, length}};
	ssize_t all = (ssize_t)(sizeof(header) + length);

	return writev(find_socket(strcmp(name, "b") == 0), parts, 2) == all;
}

/* Tears the connection, and lets nobody connect again until the link is up. */
static bool set_stream_link(const char *name, bool up)
{
	(void)name;
	if (up)
		return rename(wire_away, wire) == 0;
	return rename(wire, wire_away) == 0 &&
	       shutdown(find_socket(false), SHUT_RDWR) == 0;
}

/* Both ends of one socket in one program. */
static const char *setup_stream(struct conf_fixture *fixture, bool own_process)
{
	int n;

	add_read_only(fixture, 0);
	wire = host_format("%s/wire", fixture->scratch);
	wire_away = host_format("%s/away", fixture->scratch);
	n = add(fixture, 0, "--net", host_format("a=unix:%s,listen", wire));
	n = add(fixture, n, "--net", host_format("b=unix:%s,connect", wire));
	add_read_only(fixture, add_memory(fixture, n));
	return console(fixture, own_process);
}

/* ------------------------------------------------------------------ Taps -- */

/* Two taps on a bridge in a network namespace of this process's own. Without IPv6
 * the kernel has nothing to say there. */
static const char tap_script[] =
	"set -eu\n"
	"echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6\n"
	"ip -batch - <<END\n"
	"link add conf type bridge forward_delay 0 mcast_snooping 0\n"
	"tuntap add dev conf-a mode tap\n"
	"tuntap add dev conf-b mode tap\n"
	"link set dev conf-a master conf txqueuelen 20000 up\n"
	"link set dev conf-b master conf txqueuelen 20000 up\n"
	"link set dev conf txqueuelen 20000 up\n"
	"END\n";

static bool set_tap_link(const char *name, bool up)
{
	char command[80];

	snprintf(command, sizeof(command), "ip link set dev conf-%s %s", name,
		 up ? "up" : "down");
	return system(command) == 0;
}

static const char *setup_tap(struct conf_fixture *fixture, bool own_process)
{
	int n;

	if (!own_process || unshare(CLONE_NEWNET) != 0)
		return "needs the right to make a network namespace";
	if (system(tap_script) != 0)
		return "cannot make two taps and a bridge (ip, /dev/net/tun)";
	n = add(fixture, 0, "--net", "a=tap:conf-a");
	n = add(fixture, n, "--net", "b=tap:conf-b");
	add_read_only(fixture, add_memory(fixture, n));
	return console(fixture, own_process);
}

/* ------------------------------------------------------ The host's sockets -- */

/* A loopback and a resolver's settings of this process's own, where nobody else
 * listens: without a server, names are asked of 127.0.0.1. */
static const char host_script[] =
	"set -eu\n"
	"mount --make-rprivate /\n"
	"ip link set dev lo up\n"
	": >$SCRATCH/resolv.conf\n"
	"echo 'hosts: files dns' >$SCRATCH/nsswitch.conf\n"
	"mount --bind $SCRATCH/resolv.conf /etc/resolv.conf\n"
	"mount --bind $SCRATCH/nsswitch.conf /etc/nsswitch.conf\n";

/* Who is not root may be root of a namespace. */
static bool own_namespaces(void)
{
	int flags = CLONE_NEWNET | CLONE_NEWNS;
	unsigned user = geteuid();
	FILE *map;

	if (unshare(flags) == 0)
		return true;
	if (unshare(flags | CLONE_NEWUSER) < 0)
		return false;
	map = fopen("/proc/self/uid_map", "w");
	if (map == NULL)
		return false;
	fprintf(map, "0 %u 1", user);
	return fclose(map) == 0;
}

static const char *setup_host(struct conf_fixture *fixture, bool own_process)
{
	if (!own_process || !own_namespaces())
		return "needs the right to make a network namespace";
	if (setenv("SCRATCH", fixture->scratch, true) != 0 ||
	    system(host_script) != 0)
		return "cannot give the namespace a loopback and a resolver";
	add(fixture, 0, "--net", "host");
	return console(fixture, own_process);
}

/* ------------------------------------------------------------- Fixtures -- */

#define BARE(name_, setup_)                                                   \
	.size = sizeof(struct conf_fixture), .name = name_, .setup = setup_,  \
	.shutdown = ask_shutdown, .console_input = host_console_input,        \
	.console_output = host_console_output,                                \
	.console_log = host_console_log, .console_pause = host_console_pause, \
	.console_gone = host_console_gone

#define COMMON(name_, setup_)                                        \
	BARE(name_, setup_), .devices = {[CONF_NET_A] = "a",         \
					 [CONF_NET_B] = "b",         \
					 [CONF_DISK_512] = "small",  \
					 [CONF_DISK_4096] = "large", \
					 [CONF_DISK_RO] = "fixed"}

static struct conf_fixture memory = {
	COMMON("unix-mem", setup_memory),  .devices[CONF_KV] = "store",
	.devices[CONF_HOST_4] = "sockets", .net_link = set_link,
	.net_pause = set_paused,
};

static struct conf_fixture file = {
	COMMON("unix-file", setup_file),
	.devices[CONF_KV] = "store",
	.net_link = set_link,
	.net_pause = set_paused,
	.block_resize = resize,
};

static struct conf_fixture direct = {
	COMMON("unix-direct", setup_direct),
	.net_link = set_link,
	.net_pause = set_paused,
	.block_resize = resize,
};

/* The file disks again, where io_uring is forbidden: by threads. */
static struct conf_fixture threads = {
	COMMON("unix-threads", setup_threads),
	.devices[CONF_KV] = "store",
	.net_link = set_link,
	.net_pause = set_paused,
	.block_resize = resize,
};

static struct conf_fixture shims = {
	COMMON("unix-shims", setup_shims),
	.net_link = set_link,
	.net_pause = set_paused,
	.block_resize = resize,
};

static struct conf_fixture stream = {
	COMMON("unix-stream", setup_stream),
	.net_link = set_stream_link,
	.net_inject = inject_framed,
};

static struct conf_fixture tap = {
	COMMON("unix-tap", setup_tap),
	.net_link = set_tap_link,
};

static struct conf_fixture host = {
	BARE("unix-host", setup_host),
	.devices = {[CONF_HOST_4] = "sockets",
		    [CONF_HOST_6] = "sockets",
		    [CONF_HOST_NAMES] = "sockets"},
};

struct conf_fixture *const conf_fixtures[] = {
	&memory, &file, &direct, &threads, &shims, &stream, &tap, &host, NULL};
