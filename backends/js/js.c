/* SPDX-License-Identifier: ISC */
/* The JavaScript backend: its loop is that of JavaScript. */
#include "js.h"

#include <string.h>

/* The world gets its chance after so long; the clock is asked every few turns. Its
 * way round costs a browser some 20 us. */
#define TURNS_MS 4.0
#define TURNS_A_LOOK 32u

char js_text[JS_TEXT_BYTES];
void (*js_turn_end)(void);

/* abort() of the toolchain's libc is exit(1): the linker puts this in its place. */
MIRAGE_NORETURN void __wrap_abort(void);

void __wrap_abort(void)
{
	__builtin_trap();
}

void *mirage_js_arguments(void)
{
	static max_align_t arguments[JS_ARGUMENTS_BYTES / sizeof(max_align_t)];

	return arguments;
}

char *mirage_js_text(void)
{
	return js_text;
}

/** Whether the turns have had their time, which begins at the first look. */
static bool enough(unsigned int turns, double *end_ms)
{
	double now_ms;

	if (turns % TURNS_A_LOOK != 0)
		return false;
	now_ms = js_clock_monotonic_ms();
	if (turns == TURNS_A_LOOK)
		*end_ms = now_ms + TURNS_MS;
	return now_ms >= *end_ms;
}

static void take_turns(void)
{
	double end_ms = 0;
	unsigned int turns = 0;

	js_time_hold();
	do
		mirage_core_turn();
	while (mirage_core_ready() && !enough(++turns, &end_ms));
	if (js_turn_end != NULL)
		js_turn_end();
	js_time_release();
}

/* The program may have ended before: inside a call with input or a frame. */
void mirage_js_turn(void)
{
	if (!mirage_core_ended())
		take_turns();
	if (mirage_core_ended())
		js_ended(mirage_core_status());
}

void mirage_js_event(uint32_t event)
{
	mirage_core_event(event);
}

bool js_nothing_wrong(const char *wrong)
{
	size_t length = wrong == NULL ? 0 : strlen(wrong);

	if (length >= sizeof js_text)
		length = sizeof js_text - 1;
	memcpy(js_text, wrong == NULL ? "" : wrong, length);
	js_text[length] = '\0';
	return wrong == NULL;
}

/* Returns while the program goes on: main's result means nothing then. */
static int run(void)
{
	js_clock_init();
	js_started();
	mirage_js_turn();
	return mirage_core_status();
}

static const struct mirage_ambient ambient = {
	.size = sizeof ambient,
	.console = &js_console_ops,
	.clock = &js_clock_ops,
	.time = &js_time_ops,
	.random = &js_random_ops,
};

static const char usage[] =
	"Networks:\n"
	"  ws://HOST[:PORT]/PATH, wss://…  one binary message is one frame\n"
	"  bc:LAN[,batch]         the tabs of one origin, v86's LAN too\n"
	"  unix:PATH[,listen][,connect]  stream socket with QEMU's framing "
	"(Node)\n"
	"  fd:NUMBER              an inherited stream socket, as of mirage-tap "
	"(Node)\n"
	"  all of them            [,mtu=N][,mac=MAC]\n"
	"Blocks:\n"
	"  file:PATH[,ro][,sector=512|4096]   (Node)\n"
	"  disk:NAME[,size=SIZE][,ro][,sector=512|4096]   (browsers: opfs:, or "
	"where\n"
	"                         that is missing idb: with a warning)\n"
	"  opfs:NAME              the same, in the origin's files; in Workers "
	"only\n"
	"  idb:NAME               the same, in IndexedDB\n"
	"  mem:SIZE[,sector=512|4096]   SIZE as in 64M\n";

const struct mirage_backend mirage_backend = {
	.size = sizeof mirage_backend,
	.name = "js",
	.ambient = &ambient,
	.run = run,
	.net_open = js_net_open_uri,
	.block_open = js_block_open_uri,
	.usage = usage,
};
