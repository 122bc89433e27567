#ifndef AGENT_TOP_SCREEN_H
#define AGENT_TOP_SCREEN_H

#include "base/buf.h"
#include "base/err.h"

/*
 * The terminal: its alternate screen, keys without echo, and what happens to
 * it. However the program ends, but by SIGKILL, the terminal is as it was.
 * There is one at most.
 */
struct screen;

enum screen_event {
	SCREEN_INPUT = 1,	/* bytes were read */
	SCREEN_REDRAW = 2,	/* another size, or back from the background */
	SCREEN_END = 4,		/* the terminal is gone, or a signal ends it */
};

/*
 * wake is called, by another thread, whenever screen_take() has something to
 * do. 0, or -errno and why this is no terminal for it.
 */
int screen_open(struct screen **out, void (*wake)(void *), void *arg,
		struct err *err);
void screen_close(struct screen *s);

/* What has happened, as bits; input is appended. Never waits. */
int screen_take(struct screen *s, struct buf *input);
void screen_size(const struct screen *s, int *rows, int *columns);
/* Does it take UTF-8, as the environment has it? */
bool screen_utf8(void);
/* Cuts short where the terminal is gone. */
void screen_write(struct screen *s, struct str bytes);
/* Into the background until the shell says otherwise, as ^Z does. */
void screen_suspend(struct screen *s);

#endif
