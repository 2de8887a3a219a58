/* SPDX-License-Identifier: ISC */
/* mirage-xen-run: a Mirage image as a Xen guest, from creation to clean-up. */
#include "config.h"
#include "console.h"
#include "device.h"
#include "guest.h"
#include "image.h"
#include "report.h"
#include "store.h"
#include "xc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <xen/sched.h>

/* After the first SIGINT or SIGTERM; the second ends it at once. */
#define GRACE_MS 10000
/* The store tells when a domain has ended, but it may be dead itself. */
#define LOOK_MS 2000

enum { FD_SIGNAL, FD_STORE, FD_CONSOLE, N_FDS = FD_CONSOLE + CONSOLE_FDS };

struct life {
	struct guest *guest;
	const struct options *options;
	int signal_fd;
	int ready_fd;	     /* who waits for --detach reads there; or -1 */
	int signal;	     /* the one that asked the guest to end */
	int64_t deadline_ms; /* then it is destroyed; -1 for never */
	bool over, again; /* its end, or the guest's wish for another start */
	bool storeless;	  /* xenstored does not answer */
	int status;
};

/* Asked of everything that ends processes, so that clean-up always runs. */
static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

/* ------------------------------------------------------------- Its end -- */

/* It is asked for before what may not wait for ever. */
static bool has_store(struct life *life)
{
	if (!life->storeless && !store_answers()) {
		complain("xenstored does not answer; once it does, "
			 "'mirage-xen-run --destroy %s' removes what is left",
			 life->options->name);
		life->storeless = true;
	}
	return !life->storeless;
}

static int status_of_end(struct life *life, unsigned reason)
{
	const char *name = life->options->name;
	int status;

	if (reason == SHUTDOWN_crash || reason == SHUTDOWN_watchdog) {
		complain("%s crashed%s; 'xl dmesg' has its last words", name,
			 reason == SHUTDOWN_watchdog ? " (watchdog)" : "");
		return STATUS_CRASHED;
	}
	if (reason != SHUTDOWN_poweroff && reason != SHUTDOWN_reboot) {
		complain("%s asks for what is not supported here (shutdown "
			 "reason %u)",
			 name, reason);
		return STATUS_FAILED;
	}
	if (!has_store(life))
		return STATUS_FAILED;
	status = guest_exit_status(life->guest);
	if (status < 0)
		complain("%s left no exit status; taken for 0", name);
	return status < 0 ? 0 : status;
}

static void end(struct life *life, int status)
{
	life->over = true;
	life->status = status;
}

static void look(struct life *life)
{
	unsigned reason;

	switch (domain_look(life->guest, &reason)) {
	case DOMAIN_SHUT_DOWN:
		/* Who is asked to end it does not start it again. */
		life->again = reason == SHUTDOWN_reboot && life->signal == 0;
		end(life, life->again ? 0 : status_of_end(life, reason));
		break;
	case DOMAIN_GONE:
		complain("%s was destroyed by somebody else",
			 life->options->name);
		end(life, STATUS_FAILED);
		break;
	case DOMAIN_LIVES:
		break;
	}
}

static void on_signal(struct life *life)
{
	struct signalfd_siginfo info;

	if (read(life->signal_fd, &info, sizeof info) != sizeof info)
		return;
	if (life->signal != 0) {
		end(life, 128 + (int)info.ssi_signo);
		return;
	}
	life->signal = (int)info.ssi_signo;
	life->deadline_ms = now_ms() + GRACE_MS;
	if (has_store(life))
		guest_ask_poweroff(life->guest);
}

static void on_deadline(struct life *life)
{
	if (life->signal != 0) {
		complain("%s did not power off in %d s; destroyed",
			 life->options->name, GRACE_MS / 1000);
		end(life, 128 + life->signal);
	} else {
		complain("%s ran longer than %u s; destroyed",
			 life->options->name, life->options->timeout_s);
		end(life, STATUS_TIMEOUT);
	}
}

/** How long to wait: until the deadline, or the next look. */
static int wait_ms(const struct life *life)
{
	int64_t left = life->deadline_ms - now_ms();

	if (life->deadline_ms < 0 || left > LOOK_MS)
		return LOOK_MS;
	return left < 0 ? 0 : (int)left;
}

static void act(struct life *life, const struct pollfd fds[N_FDS], int n)
{
	if (!life->options->detach)
		console_relay(&fds[FD_CONSOLE]);
	if (fds[FD_SIGNAL].revents != 0)
		on_signal(life);
	if ((fds[FD_STORE].revents & ~POLLIN) != 0)
		(void)has_store(life);
	if (fds[FD_STORE].revents != 0)
		store_watch_drain();
	if (!life->over && (n == 0 || fds[FD_STORE].revents != 0))
		look(life);
}

static void live(struct life *life)
{
	struct pollfd fds[N_FDS] = {[FD_CONSOLE] = {.fd = -1}};
	nfds_t all = life->options->detach ? FD_CONSOLE : N_FDS;
	int n;

	while (!life->over) {
		int left = wait_ms(life);

		fds[FD_SIGNAL] = (struct pollfd){life->signal_fd, POLLIN, 0};
		fds[FD_STORE] = (struct pollfd){
			life->storeless ? -1 : store_fd(), POLLIN, 0};
		if (all == N_FDS)
			console_poll(&fds[FD_CONSOLE]);
		if (left == 0)
			on_deadline(life);
		else if ((n = poll(fds, all, left)) >= 0)
			act(life, fds, n);
	}
	if (all == N_FDS)
		console_drain();
}

/* ------------------------------------------------------------------ Run -- */

static bool start(struct guest *guest, const struct options *options)
{
	if (!guest_create(guest, options) || !guest_build(guest, options) ||
	    !devices_plug(guest, options))
		return false;
	if (!step("start the domain%s",
		  options->detach ? "" : ", and relay its console"))
		return true;
	return store_watch_ends() && (options->detach || console_open(guest)) &&
	       domain_unpause(guest);
}

/** Tells the process that waits for --detach that the guest runs. */
static void let_go(struct life *life)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (write(life->ready_fd, "", 1) != 1)
		complain("cannot tell that the guest runs: %s",
			 strerror(errno));
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close(null);
	close(life->ready_fd);
	life->ready_fd = -1;
}

static void run_and_remove(struct life *life)
{
	life->over = life->again = false;
	life->status = STATUS_FAILED;
	if (start(life->guest, life->options)) {
		if (life->ready_fd >= 0)
			let_go(life);
		live(life);
	}
	console_close();
	(void)has_store(life);
	guest_remove(life->guest);
	free(life->guest->cmdline);
}

/** Each start is another domain; the time that it all may take is one. */
static void run_until_its_end(struct life *life)
{
	const struct options *options = life->options;

	life->signal_fd = block_signals();
	if (options->timeout_s != 0)
		life->deadline_ms = now_ms() + options->timeout_s * 1000ll;
	run_and_remove(life);
	while (life->again) {
		guest_init(life->guest, options);
		run_and_remove(life);
	}
}

static int run(struct options *options, int ready)
{
	struct guest guest;
	struct life life = {.guest = &guest,
			    .options = options,
			    .ready_fd = ready,
			    .deadline_ms = -1,
			    .status = STATUS_FAILED};

	guest_init(&guest, options);
	if (guest.cmdline == NULL)
		return STATUS_USAGE;
	if (report_dry) {
		start(&guest, options);
		return 0;
	}
	if (domain_open() && store_open())
		run_until_its_end(&life);
	store_close();
	domain_close();
	return life.status;
}

/** Leaves a process behind that cleans up at the guest's end. */
static int detach(struct options *options)
{
	int ends[2], status;
	pid_t child;
	char byte;

	if (pipe2(ends, O_CLOEXEC) != 0 || (child = fork()) < 0) {
		complain("cannot detach: %s", strerror(errno));
		return STATUS_FAILED;
	}
	if (child == 0) {
		setsid();
		close(ends[0]);
		exit(run(options, ends[1]));
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) == 1)
		return 0;
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return STATUS_FAILED;
	return WEXITSTATUS(status);
}

static int destroy(const char *name)
{
	struct guest guest;
	bool found;

	block_signals();
	if (!domain_open() || !store_open())
		return STATUS_FAILED;
	found = guest_find(&guest, name);
	if (found)
		guest_remove(&guest);
	store_close();
	domain_close();
	return found ? 0 : STATUS_FAILED;
}

int main(int argc, char *argv[])
{
	struct options options;
	int status;

	options_read(&options, argc, argv);
	if (options.destroy != NULL)
		return destroy(options.destroy);
	status = image_check(&options);
	if (status != 0)
		return status;
	if (options.write_xl != NULL)
		status = config_write_xl(&options, options.write_xl);
	if (status == 0 && options.write_libvirt != NULL)
		status = config_write_libvirt(&options, options.write_libvirt);
	if (options.write_xl != NULL || options.write_libvirt != NULL)
		return status;
	if (!devices_check(&options))
		return STATUS_FAILED;
	if (options.detach && !report_dry)
		return detach(&options);
	return run(&options, -1);
}
