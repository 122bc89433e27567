#include "agent/stackflow/say.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/stackflow/session.h"
#include "base/arena.h"
#include "base/encode.h"
#include "doc/json.h"
#include "stackflow/ai.h"

#define LINE_MAX_BYTES (64 << 10)
#define NARROWEST 20

static void blanks(struct buf *out, size_t n)
{
	buf_printf(out, "%*s", (int)n, "");
}

/* As much of a line as goes into width, up to a blank where there is one. */
static struct str front_of(struct str line, size_t width)
{
	struct str front = text_front(line, width);

	if (front.n == line.n)
		return line;
	for (size_t n = front.n; n; n--)
		if (line.p[n] == ' ')
			return str_sub(line, 0, n);
	return front.n ? front : line;
}

static void put_wrapped(struct buf *out, struct str line, size_t indent,
			size_t width, bool *first)
{
	do {
		struct str front = front_of(line, width);

		blanks(out, *first ? 0 : indent);
		*first = false;
		buf_put_str(out, front);
		buf_putc(out, '\n');
		line = str_sub(line, front.n, line.n - front.n);
		while (line.n && line.p[0] == ' ')
			line = str_sub(line, 1, line.n - 1);
	} while (line.n);
}

/* The first line stands where out ends. */
static void put_lines(struct buf *out, const struct term *t, size_t indent,
		      struct str text)
{
	size_t width = t->width == SIZE_MAX ? SIZE_MAX :
		       t->width > indent + NARROWEST ? t->width - indent - 1 :
						       NARROWEST;
	bool first = true;
	struct str line;

	while (text.n && text.p[text.n - 1] == '\n')
		text.n--;
	if (!text.n)
		buf_putc(out, '\n');
	while (str_cut(&text, '\n', &line)) {
		struct buf safe = BUF_INIT(LINE_MAX_BYTES + 16);

		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		utf8_put_safe(&safe, line, LINE_MAX_BYTES);
		put_wrapped(out, buf_str(&safe), indent, width, &first);
		buf_fini(&safe);
	}
}

void say_text(struct buf *out, const struct term *t, size_t indent,
	      struct str text)
{
	blanks(out, indent);
	put_lines(out, t, indent, text);
}

#define NAME_WIDTH 18

void say_named(struct buf *out, const struct term *t, const char *name,
	       struct str text)
{
	struct buf safe = BUF_INIT(256);
	size_t width;

	utf8_put_safe(&safe, str_from(name), 100);
	width = text_columns(buf_str(&safe));
	term_put(out, t, TONE_DIM, buf_str(&safe));
	blanks(out, width < NAME_WIDTH ? NAME_WIDTH - width : 1);
	put_lines(out, t, NAME_WIDTH, text);
	buf_fini(&safe);
}

void say_share(struct buf *out, double share)
{
	if (share >= 0 && share <= 1)
		buf_printf(out, "%d %%", (int)(share * 100 + 0.5));
}

void say_cost(struct buf *out, const struct term *t,
	      const struct sf_ai_cost *cost)
{
	struct buf line = BUF_INIT(1024);
	const char *sep = "";

	if (cost->model_used.n) {
		utf8_put_safe(&line, cost->model_used, 100);
		sep = ", ";
	}
	if (cost->tokens_used >= 0) {
		buf_printf(&line, "%s%lld tokens", sep,
			   (long long)cost->tokens_used);
		sep = ", ";
	}
	if (cost->cache_hit) {
		buf_printf(&line, "%sfrom the cache", sep);
		sep = ", ";
	}
	if (cost->latency_ms >= 0)
		buf_printf(&line, "%s%lld ms", sep,
			   (long long)cost->latency_ms);
	if (line.n) {
		term_put(out, t, TONE_DIM, buf_str(&line));
		buf_putc(out, '\n');
	}
	buf_fini(&line);
}

/* ---- a record ---- */

/* What stands in the head, and what has a place of its own. */
static bool is_apart(struct str key)
{
	static const char *const keys[] = { "id", "number", "priority", "state",
					    "short_description", "description",
					    "notes" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (str_is(key, keys[i]))
			return true;
	return false;
}

static void put_head(struct buf *out, const struct term *t,
		     const struct json *v)
{
	static const char *const keys[] = { "id", "priority", "state",
					    "short_description" };
	const char *sep = "";

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct str s = json_get_str(v, keys[i]);
		struct buf safe = BUF_INIT(2048);

		if (!s.n)
			continue;
		utf8_put_safe(&safe, s, 1000);
		buf_puts(out, sep);
		term_put(out, t, i == 1 || i == 2 ? term_tone(s) :
					 TONE_HEAD, buf_str(&safe));
		sep = "  ";
		buf_fini(&safe);
	}
	buf_putc(out, '\n');
}

static void put_notes(struct buf *out, const struct term *t,
		      const struct json *notes)
{
	for (size_t i = 0; i < json_count(notes); i++) {
		const struct json *n = json_item(notes, i);
		struct str at = json_get_str(n, "created_at");
		struct str who = json_get_str(n, "visibility");
		struct buf head = BUF_INIT(512);

		buf_puts(&head, "Note");
		if (at.n) {
			buf_puts(&head, ", ");
			term_put_time(&head, t, at);
		}
		if (who.n) {
			buf_puts(&head, ", ");
			utf8_put_safe(&head, who, 60);
		}
		buf_putc(out, '\n');
		term_put(out, t, TONE_DIM, buf_str(&head));
		buf_putc(out, '\n');
		say_text(out, t, 2, json_get_str(n, "body"));
		buf_fini(&head);
	}
}

static void put_field(struct buf *out, const struct term *t, struct str key,
		      const struct json *v, struct arena *arena)
{
	struct buf name = BUF_INIT(256), text = BUF_INIT(1 << 20);

	buf_put_str(&name, str_sub(key, 0, key.n < 100 ? key.n : 100));
	if (str_ends(key, "_at"))
		term_put_time(&text, t, json_text(v, arena));
	else
		buf_put_str(&text, json_text(v, arena));
	say_named(out, t, buf_str(&name).p, buf_str(&text));
	buf_fini(&name);
	buf_fini(&text);
}

void say_record(struct buf *out, const struct term *t, const struct json *v)
{
	struct arena *arena = arena_new(16 << 20);
	struct str text = json_get_str(v, "description"), key;
	const struct json *value;
	void *at = NULL;

	put_head(out, t, v);
	while (arena && json_next(v, &at, &key, &value))
		if (!is_apart(key) && value && !json_is(value, JSON_NULL))
			put_field(out, t, key, value, arena);
	if (text.n) {
		buf_putc(out, '\n');
		say_text(out, t, 0, text);
	}
	put_notes(out, t, json_get(v, "notes"));
	arena_free(arena);
}

/* ---- out ---- */

/* Who reads has heard enough; anything else is told. */
static int lost(void)
{
	return errno == EPIPE ? CMD_FAILED :
	       session_fail("can't write: %s", strerror(errno));
}

int say_out(struct buf *text)
{
	int status = 0;

	if (buf_error(text))
		status = session_fail("that is too much for memory");
	else if (fwrite(buf_str(text).p, 1, text->n, stdout) != text->n ||
		 fflush(stdout))
		status = lost();
	buf_reset(text);
	return status;
}

int say_json(const struct json *v)
{
	struct buf text = BUF_INIT(64 << 20);
	int status;

	json_put(&text, v);
	buf_putc(&text, '\n');
	status = say_out(&text);
	buf_fini(&text);
	return status;
}
