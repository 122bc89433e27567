#include "agent/cmd/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "agent/cmd/args.h"
#include "base/clock.h"
#include "base/encode.h"

#define LEAST_WIDTH 20
#define SOON_MS 1000

/* ---- what stdout is ---- */

static size_t width_of_terminal(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize w;
	uint64_t n;

	if (!isatty(STDOUT_FILENO))
		return SIZE_MAX;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col)
		n = w.ws_col;
	else if (!columns || str_to_u64(&n, str_from(columns)) || n > 10000)
		n = 80;
	return n < LEAST_WIDTH ? LEAST_WIDTH : (size_t)n;
}

void term_look(struct term *out, const struct args *a)
{
	const char *no = getenv("NO_COLOR"), *name = getenv("TERM");
	struct str when = str_from(a->color ? a->color : "auto");

	*out = (struct term){
		.width = width_of_terminal(), .now_ms = clock_wall_ms(),
	};
	out->utc = a->utc || out->width == SIZE_MAX;
	out->colour = str_is(when, "always") ||
		      (str_is(when, "auto") && out->width != SIZE_MAX &&
		       (!no || !*no) && (!name || !str_is(str_from(name),
							  "dumb")));
}

/* ---- colour ---- */

enum tone term_tone(struct str word)
{
	static const struct {
		const char *word;
		enum tone tone;
	} words[] = {
		{ "P1", TONE_BAD }, { "P2", TONE_WARN }, { "P4", TONE_DIM },
		{ "open", TONE_WARN }, { "failed", TONE_BAD },
		{ "resolved", TONE_GOOD }, { "closed", TONE_DIM },
		{ "ALARM", TONE_BAD }, { "OK", TONE_GOOD },
		{ "INSUFFICIENT_DATA", TONE_DIM },
		{ "active", TONE_WARN }, { "ended", TONE_DIM },
		{ "expired", TONE_DIM },
		{ "ready", TONE_GOOD }, { "healthy", TONE_GOOD },
		{ "degraded", TONE_WARN }, { "unready", TONE_BAD },
		{ "not ready", TONE_BAD }, { "up", TONE_GOOD },
		{ "down", TONE_BAD }, { "true", TONE_GOOD },
		{ "false", TONE_BAD },
		{ "ok", TONE_GOOD }, { "warn", TONE_WARN },
		{ "FAIL", TONE_BAD },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_is(word, words[i].word))
			return words[i].tone;
	return TONE_NONE;
}

void term_put(struct buf *out, const struct term *t, enum tone tone,
	      struct str text)
{
	static const char *const codes[] = {
		[TONE_GOOD] = "32", [TONE_WARN] = "33", [TONE_BAD] = "1;31",
		[TONE_DIM] = "2", [TONE_HEAD] = "1",
	};

	if (!t->colour || tone == TONE_NONE) {
		buf_put_str(out, text);
		return;
	}
	buf_printf(out, "\033[%sm", codes[tone]);
	buf_put_str(out, text);
	buf_puts(out, "\033[0m");
}

/* ---- times ---- */

void term_put_time(struct buf *out, const struct term *t, struct str iso)
{
	int64_t ms, past;

	if (clock_parse(&ms, iso)) {
		utf8_put_safe(out, iso, 64);
		return;
	}
	past = t->now_ms - ms;
	if (t->utc) {
		clock_put_seconds(out, ms);
	} else if (past > -SOON_MS && past < SOON_MS) {
		buf_puts(out, "now");
	} else if (past < 0) {
		buf_puts(out, "in ");
		clock_put_span(out, -past);
	} else {
		clock_put_span(out, past);
		buf_puts(out, " ago");
	}
}

/* ---- columns ---- */

struct str text_character(struct str *rest)
{
	struct str one;
	size_t n = 1;

	while (n < rest->n && ((unsigned char)rest->p[n] & 0xc0) == 0x80)
		n++;
	one = str_sub(*rest, 0, n);
	*rest = str_sub(*rest, n, rest->n - n);
	return one;
}

static size_t columns_of(struct str one)
{
	unsigned char b = (unsigned char)one.p[0];
	wchar_t c = b < 0x80 ? b : b < 0xe0 ? b & 0x1f :
		    b < 0xf0 ? b & 0x0f : b & 0x07;
	int width;

	for (size_t i = 1; i < one.n; i++)
		c = (wchar_t)(c << 6 | ((unsigned char)one.p[i] & 0x3f));
	width = wcwidth(c);
	return width < 0 ? 1 : (size_t)width;
}

/* *width is how many columns the front has. */
static struct str front(struct str s, size_t most, size_t *width)
{
	struct str rest = s;

	*width = 0;
	while (rest.n) {
		struct str next = rest;
		size_t columns = columns_of(text_character(&next));

		if (*width + columns > most)
			break;
		*width += columns;
		rest = next;
	}
	return str_sub(s, 0, s.n - rest.n);
}

struct str text_front(struct str s, size_t columns)
{
	size_t width;

	return front(s, columns, &width);
}

size_t text_columns(struct str s)
{
	size_t width;

	(void)front(s, SIZE_MAX, &width);
	return width;
}

void text_put_cut(struct buf *out, struct str s, size_t columns)
{
	struct str whole = text_front(s, columns);

	if (whole.n == s.n) {
		buf_put_str(out, s);
		return;
	}
	buf_put_str(out, text_front(s, columns - 1));
	buf_puts(out, "\u2026");
}
