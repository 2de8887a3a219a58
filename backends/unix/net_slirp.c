/* SPDX-License-Identifier: ISC */
/*
 * slirp:, a network of the user's own: NAT, DHCP and port forwards without
 * privileges. The work is done by the program mirage-slirp at the other end of a
 * socket pair (tools/slirp). When it dies a new one is started; the addresses it
 * gives out stay the same.
 */
#define _GNU_SOURCE
#include "stream.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROGRAM "mirage-slirp"
#define RULES_MAX 16u
/* How long a program may take to end when its socket has. */
#define KILL_MS 1000u
/* Nobody else is on this wire: the address follows from the name alone. */
#define SALT 0x51u

/* The program. Outlives the device when it takes its time to end. */
struct slirp_child {
	uv_process_t process;
	struct unix_slirp *slirp;
};

struct unix_slirp {
	struct unix_stream stream;
	struct mirage_open *open; /* NULL once answered */
	struct slirp_child *child;
	int status_fd; /* while the first line is awaited, or -1 */
	uv_poll_t *status_poll;
	bool lost;
	unsigned line_bytes;
	char line[512];
	char program[1024];
	char rules[MIRAGE_URI_TEXT_MAX + 1]; /* texts of `argv` */
	char mtu[24];
	char *argv[2 * RULES_MAX + 8];
};

/* ------------------------------------------------------------- Finding -- */

/* Where the program may be, from the directory of the executable. */
static const char *const slirp_places[] = {
	"",
	"/../libexec/mirage",
	"/../tools/slirp",
	"/../../tools/slirp",
	"/../../../tools/slirp",
};

static bool slirp_is_at(struct unix_slirp *s, const char *directory,
			const char *place)
{
	int n = snprintf(s->program, sizeof(s->program), "%s%s/" PROGRAM,
			 directory, place);

	return n > 0 && (size_t)n < sizeof(s->program) &&
	       access(s->program, X_OK) == 0;
}

static bool slirp_find(struct unix_slirp *s)
{
	const char *directory = secure_getenv("MIRAGE_LIBEXEC");
	char executable[900];
	size_t length = sizeof(executable);
	char *slash;

	if (directory != NULL)
		return slirp_is_at(s, directory, "");
	if (uv_exepath(executable, &length) == 0 &&
	    (slash = strrchr(executable, '/')) != NULL) {
		*slash = '\0';
		for (size_t i = 0;
		     i < sizeof(slirp_places) / sizeof(slirp_places[0]); i++)
			if (slirp_is_at(s, executable, slirp_places[i]))
				return true;
	}
	return slirp_is_at(s, MIRAGE_LIBEXECDIR, "");
}

/* -------------------------------------------------------------- Child -- */

static void slirp_child_closed(uv_handle_t *handle)
{
	struct slirp_child *child = handle->data;

	if (child->slirp != NULL) {
		child->slirp->child = NULL;
		if (child->slirp->stream.finished)
			unix_stream_closed(&child->slirp->stream);
	}
	free(child);
}

/* That it ended shows at the socket; here it is only buried. */
static void slirp_child_exited(uv_process_t *process, int64_t status,
			       int signal)
{
	uv_close((uv_handle_t *)process, slirp_child_closed);
}

/* The status of `uv_spawn`; the child has `fd` as its descriptor 3. */
static int slirp_spawn(struct unix_slirp *s, int fd)
{
	uv_stdio_container_t stdio[4] = {
		{.flags = UV_IGNORE},
		{.flags = UV_IGNORE},
		{.flags = UV_INHERIT_FD, .data.fd = 2},
		{.flags = UV_INHERIT_FD, .data.fd = fd},
	};
	uv_process_options_t options = {
		.exit_cb = slirp_child_exited,
		.file = s->program,
		.args = s->argv,
		.stdio_count = 4,
		.stdio = stdio,
	};
	struct slirp_child *child = calloc(1, sizeof(*child));
	int error;

	if (child == NULL)
		return UV_ENOMEM;
	child->process.data = child;
	child->slirp = s;
	s->child = child;
	error = uv_spawn(unix_loop(), &child->process, &options);
	if (error != 0)
		uv_close((uv_handle_t *)&child->process, slirp_child_closed);
	return error;
}

/* One that has ended already has given its number back to the system. */
static void slirp_kill(struct unix_slirp *s)
{
	if (s->child != NULL && !uv_is_closing((uv_handle_t *)s->child))
		uv_process_kill(&s->child->process, SIGKILL);
}

static void slirp_forget_status(struct unix_slirp *s)
{
	if (s->status_poll != NULL)
		unix_poll_free(s->status_poll);
	s->status_poll = NULL;
	if (s->status_fd >= 0)
		close(s->status_fd);
	s->status_fd = -1;
}

static void slirp_status(uv_poll_t *poll, int status, int events);

/* Starts the program; its first line is awaited. Returns 0 or uv's error. */
static int slirp_start(struct unix_slirp *s)
{
	int fds[2], error;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       fds) < 0)
		return -errno;
	error = slirp_spawn(s, fds[1]);
	close(fds[1]);
	s->line_bytes = 0;
	s->status_fd = fds[0];
	if (error == 0 && (s->status_poll = unix_poll_new(fds[0], s)) == NULL)
		error = UV_ENOMEM;
	if (error != 0)
		slirp_forget_status(s);
	else
		uv_poll_start(s->status_poll, UV_READABLE, slirp_status);
	return error;
}

/* -------------------------------------------------------- Life and death -- */

static void slirp_refused(struct unix_slirp *s, int error, const char *message)
{
	struct mirage_open *open = s->open;

	s->open = NULL;
	mirage_open_refuse(open, error, "%s", message);
	if (s->child != NULL)
		s->child->slirp = NULL;
	unix_stream_discard(&s->stream);
}

static void slirp_again(struct unix_slirp *s, const char *why)
{
	mirage_log(MIRAGE_LOG_WARN,
		   "network '%s': " PROGRAM " has ended: %s; starting it again",
		   s->stream.net.name, why);
	slirp_kill(s);
	if (!s->lost)
		mirage_core_net_event(&s->stream.net, MIRAGE_EVENT_LOST);
	s->lost = true;
	unix_stream_retry(&s->stream);
}

static void slirp_works(struct unix_slirp *s)
{
	if (s->lost)
		mirage_core_net_event(&s->stream.net, MIRAGE_EVENT_BACK);
	s->lost = false;
	if (s->open != NULL)
		mirage_core_net_opened(s->open, 0, &s->stream.net);
	s->open = NULL;
}

/* The first line has come, or the program ended without one. */
static void slirp_answered(struct unix_slirp *s)
{
	char *message = s->line;
	long error = strtol(s->line, &message, 10);
	int fd = s->status_fd;

	if (message == s->line || error > 0 || error < MIRAGE_ENOTSUP) {
		error = MIRAGE_EIO;
		message = " " PROGRAM " ended at once; try it with --version";
	}
	message += *message == ' ';
	s->status_fd = -1;
	slirp_forget_status(s);
	if (error != 0) {
		close(fd);
	} else if (unix_stream_attach(&s->stream, fd)) {
		slirp_works(s);
		return;
	} else {
		error = MIRAGE_ENOMEM;
		message = "no memory for its socket";
	}
	if (s->open != NULL)
		slirp_refused(s, (int)error, message);
	else
		slirp_again(s, message);
}

/* Reads the first line byte by byte: behind it frames follow. */
static void slirp_status(uv_poll_t *poll, int status, int events)
{
	struct unix_slirp *s = poll->data;
	ssize_t n = 1;

	while (s->line_bytes < sizeof(s->line) - 1) {
		char *at = &s->line[s->line_bytes];

		n = recv(s->status_fd, at, 1, MSG_DONTWAIT);
		if (n <= 0 || *at == '\n')
			break;
		s->line_bytes++;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	s->line[s->line_bytes] = '\0';
	slirp_answered(s);
}

static void unix_slirp_gone(struct unix_stream *stream, const char *why)
{
	slirp_again((struct unix_slirp *)stream, why);
}

static void unix_slirp_retry(struct unix_stream *stream)
{
	struct unix_slirp *s = (struct unix_slirp *)stream;
	int error = s->child != NULL ? UV_EBUSY : slirp_start(s);

	if (error == 0)
		return;
	if (error != UV_EBUSY)
		mirage_log(MIRAGE_LOG_WARN, "network '%s': %s: %s",
			   stream->net.name, s->program, uv_strerror(error));
	unix_stream_retry(stream);
}

static void unix_slirp_closing(struct unix_stream *stream)
{
	slirp_forget_status((struct unix_slirp *)stream);
}

static void slirp_late(uv_timer_t *timer)
{
	slirp_kill(timer->data);
}

/* Waits for the program to end, so that its ports are free again. */
static void unix_slirp_finish(struct unix_stream *stream)
{
	struct unix_slirp *s = (struct unix_slirp *)stream;

	if (s->child == NULL)
		unix_stream_closed(stream);
	else
		unix_stream_timer(stream, slirp_late, KILL_MS);
}

static const struct unix_stream_owner unix_slirp_owner = {
	.gone = unix_slirp_gone,
	.retry = unix_slirp_retry,
	.closing = unix_slirp_closing,
	.finish = unix_slirp_finish,
};

/* ------------------------------------------------------------- Opening -- */

/* Adds `--hostfwd RULE` for each of the rules, which a `+` separates. */
static bool slirp_rules(struct unix_slirp *s, const char *rules, unsigned *argc)
{
	unsigned n = 0;
	char *rule;

	snprintf(s->rules, sizeof(s->rules), "%s", rules);
	for (rule = strtok(s->rules, "+"); rule != NULL;
	     rule = strtok(NULL, "+")) {
		if (n++ == RULES_MAX)
			return false;
		s->argv[(*argc)++] = (char *)"--hostfwd";
		s->argv[(*argc)++] = rule;
	}
	return true;
}

/* Turns the URI into arguments. False when it has refused the open. */
static bool slirp_arguments(struct mirage_open *open, struct mirage_uri *uri,
			    struct unix_slirp *s)
{
	const char *rules = mirage_uri_option(uri, "hostfwd");
	const char *ipv6 = mirage_uri_option(uri, "ipv6");
	unsigned argc = 0;

	s->argv[argc++] = (char *)PROGRAM;
	if (rules != NULL && !slirp_rules(s, rules, &argc)) {
		mirage_open_refuse(open, MIRAGE_EINVAL,
				   "more than %u rules in hostfwd=; use fewer",
				   RULES_MAX);
		return false;
	}
	if (ipv6 != NULL && strcmp(ipv6, "on") != 0 &&
	    strcmp(ipv6, "off") != 0) {
		mirage_open_refuse(open, MIRAGE_EINVAL,
				   "ipv6=%s is neither ipv6=on nor ipv6=off",
				   ipv6);
		return false;
	}
	if (ipv6 != NULL && strcmp(ipv6, "off") == 0)
		s->argv[argc++] = (char *)"--no-ipv6";
	if (mirage_uri_option(uri, "restrict") != NULL)
		s->argv[argc++] = (char *)"--restrict";
	if (!mirage_open_net_options(open, uri, SALT, &s->stream.info))
		return false;
	snprintf(s->mtu, sizeof(s->mtu), "--mtu=%u", s->stream.info.mtu_bytes);
	s->argv[argc++] = s->mtu;
	return mirage_open_unused(open, uri);
}

/* Returns whether `s` waits for its program; if not, it has refused the open. */
static bool slirp_begin(struct mirage_open *open, struct mirage_uri *uri,
			struct unix_slirp *s)
{
	if (!slirp_arguments(open, uri, s))
		return false;
	if (slirp_find(s))
		return true;
	mirage_open_refuse(open, MIRAGE_ENODEV,
			   "the program " PROGRAM
			   " is missing: install it (it is "
			   "built with Mirage where libslirp-dev is), or set "
			   "MIRAGE_LIBEXEC to its directory");
	return false;
}

void unix_net_slirp_open(struct mirage_open *open, struct mirage_uri *uri)
{
	struct unix_slirp *s = calloc(1, sizeof(*s));
	int error = UV_ENOMEM;
	char message[1200];

	if (s == NULL) {
		mirage_open_refuse(open, MIRAGE_ENOMEM, "out of memory");
		return;
	}
	s->status_fd = -1;
	s->open = open;
	if (!slirp_begin(open, uri, s)) {
		free(s);
		return;
	}
	if (unix_stream_init(&s->stream, &unix_slirp_owner))
		error = slirp_start(s);
	if (error == 0)
		return;
	snprintf(message, sizeof(message), "%s does not start: %s", s->program,
		 uv_strerror(error));
	slirp_refused(s, unix_error(-error), message);
}
