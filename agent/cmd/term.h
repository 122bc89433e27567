#ifndef AGENT_CMD_TERM_H
#define AGENT_CMD_TERM_H

#include "base/buf.h"

struct args;

/* How people are shown what goes to stdout. */
struct term {
	bool colour;
	bool utc;		/* times as they are, not how long ago */
	size_t width;		/* columns; SIZE_MAX: without end */
	int64_t now_ms;
};

/*
 * As --color and --utc say and stdout is: by itself colour is for a terminal
 * and without NO_COLOR, and so are times that tell how long ago. The width is
 * the terminal's, else COLUMNS, else 80.
 */
void term_look(struct term *out, const struct args *a);

/* What a word or a cell means. */
enum tone { TONE_NONE, TONE_GOOD, TONE_WARN, TONE_BAD, TONE_DIM, TONE_HEAD };
/* Of priorities, states, health and levels; TONE_NONE of any other word. */
enum tone term_tone(struct str word);
/* The text in its colour, or alone. */
void term_put(struct buf *out, const struct term *t, enum tone tone,
	      struct str text);

/* "12m ago", "in 3h20m", "now"; with utc 2026-11-21T10:00:00Z. A text that is
 * no time stays as it is, made safe. */
void term_put_time(struct buf *out, const struct term *t, struct str iso);

/* How wide a terminal shows text that is made safe: two columns for what is
 * wide, none for marks. By LC_CTYPE, which main() sets. */
size_t text_columns(struct str s);
/* As much of its front as that many columns have room for, with the marks that
 * follow. */
struct str text_front(struct str s, size_t columns);
/* Take one character off the front; rest isn't empty. */
struct str text_character(struct str *rest);
/* As much as goes into so many columns, at least 1, the last an ellipsis where
 * it was cut. */
void text_put_cut(struct buf *out, struct str s, size_t columns);

#endif
