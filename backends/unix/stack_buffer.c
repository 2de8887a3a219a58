/* SPDX-License-Identifier: ISC */
#include "stack_buffer.h"

union buffer {
	union buffer *next; /* of those that are free */
	uint8_t bytes[UNIX_BUFFER_BYTES];
};

static union buffer *unused;
static unsigned n_buffers;
static struct unix_flows in_line = TAILQ_HEAD_INITIALIZER(in_line);

/* The last one that came back first: it is still in the processor's cache. */
static union buffer *take(void)
{
	union buffer *buffer = unused;

	if (buffer != NULL) {
		unused = buffer->next;
		return buffer;
	}
	if (n_buffers == UNIX_BUFFERS_MAX)
		return NULL;
	buffer = malloc(sizeof(*buffer));
	n_buffers += buffer != NULL;
	return buffer;
}

static void say_short(void)
{
	static bool said;

	if (!said)
		mirage_log(MIRAGE_LOG_WARN,
			   "all %u buffers for reading are with their readers: "
			   "connections wait for each other",
			   n_buffers);
	said = true;
}

bool unix_buffer_lend(struct unix_flow *f)
{
	union buffer *buffer = f->line == NULL ? take() : NULL;

	if (buffer != NULL) {
		f->lent = buffer->bytes;
		return true;
	}
	if (f->line == NULL) {
		say_short();
		if (f->stack != NULL)
			f->stack->counters.rx_dropped_memory++;
		f->line = &in_line;
		TAILQ_INSERT_TAIL(&in_line, f, in_line);
	}
	return false;
}

static void leave_line(struct unix_flow *f)
{
	TAILQ_REMOVE(&in_line, f, in_line);
	f->line = NULL;
}

void unix_buffer_return(struct unix_flow *f)
{
	union buffer *buffer = (union buffer *)(void *)f->lent;
	struct unix_flow *next;

	if (f->line == &in_line)
		leave_line(f);
	if (buffer != NULL) {
		f->lent = NULL;
		buffer->next = unused;
		unused = buffer;
	}
	next = TAILQ_FIRST(&in_line);
	if (unused != NULL && next != NULL) {
		leave_line(next);
		unix_kick(&next->kick);
	}
}
