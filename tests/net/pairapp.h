/* SPDX-License-Identifier: ISC */
/* pairapp.h: the steps of the test of pair:LAN. */
#ifndef PAIRAPP_H
#define PAIRAPP_H

#include <mirage.h>

/** A test: does something, then waits for `holds` to become true. */
struct step {
	const char *name;
	void (*act)(void);
	bool (*holds)(void);
};

/** A network of the test, what has come out of it and what it was told. */
struct end {
	const char *name;
	struct mirage_net *net;
	int result; /* of the last open */
	uint32_t events;
	struct mirage_packet *got; /* the last frame received */
};

extern struct end a, b, c, small;
extern const struct step mark_steps[];
extern const uint32_t n_mark_steps;

/** Opens `end`; its result is 1 until that is done. */
void end_open(struct end *end, uint32_t accept);
void end_close(struct end *end);

/** Sends `length` bytes, the first of which come from `bytes` if it is not NULL
 *  and which else count up. Sets the marks of `like` unless that is NULL. */
int end_send(struct end *end, const uint8_t *bytes, uint32_t length,
	     const struct mirage_packet *like);

/** Whether the last frame has `length` bytes that count up. */
bool end_got(const struct end *end, uint32_t length);

#endif /* PAIRAPP_H */
