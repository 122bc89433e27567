/* One incident, event, dead letter or silence, in the list's place. */
#include "agent/top/state.h"

#include "agent/cmd/term.h"
#include "base/clock.h"
#include "base/encode.h"

#define WIDEST 100000	/* columns of what is no terminal */
#define LABEL 12		/* columns of what stands before a fact */
#define STEP 27		/* where a step's words begin, behind its time */
#define TEXT_MAX (64 << 10)
#define SHOWN_MAX 8192		/* bytes of one body */

/*
 * Lines are counted all, and those that are to be seen drawn; or all are put
 * into a text.
 */
struct paper {
	struct grid *g;
	int from, to;		/* rows of the grid */
	size_t first, n;	/* the first line seen; lines so far */
	const struct top_now *now;
	struct buf *out;	/* in place of the grid */
	const struct term *term;
	const char *label;	/* of the next line, there */
};

static enum tone tone_of(int style)
{
	switch (style & STYLE_COLOURS) {
	case STYLE_RED:
		return TONE_BAD;
	case STYLE_YELLOW:
		return TONE_WARN;
	default:
		return style & STYLE_BOLD ? TONE_HEAD :
		       style & STYLE_DIM ? TONE_DIM : TONE_NONE;
	}
}

static void print_line(struct paper *p, int column, int style, struct str text)
{
	struct buf safe = BUF_INIT(TEXT_MAX);
	int at = 1;

	if (p->label && text.n) {
		term_put(p->out, p->term, TONE_DIM, str_from(p->label));
		at += (int)strlen(p->label);
	}
	p->label = NULL;
	for (; text.n && at < column; at++)
		buf_putc(p->out, ' ');
	utf8_put_safe(&safe, text, TEXT_MAX);
	term_put(p->out, p->term, tone_of(style), buf_str(&safe));
	buf_putc(p->out, '\n');
	buf_fini(&safe);
}

static bool seen(const struct paper *p)
{
	return p->n >= p->first &&
	       p->n - p->first < (size_t)(p->to - p->from);
}

static void draw_line(struct paper *p, int column, int style, struct str text)
{
	if (p->out)
		print_line(p, column, style, text);
	else if (p->g && seen(p))
		grid_put(p->g, p->from + (int)(p->n - p->first), column,
			 p->g->columns - column, style, text);
	p->n++;
}

static void label(struct paper *p, const char *text)
{
	if (p->out)
		p->label = text;
	else if (p->g && seen(p))
		grid_puts(p->g, p->from + (int)(p->n - p->first), 1,
			  LABEL - 1, STYLE_DIM, text);
}

static size_t room_from(const struct paper *p, int column)
{
	size_t width = p->g ? (size_t)p->g->columns - 1 :
		       p->term->width < WIDEST ? p->term->width + 1 : WIDEST;

	return width > (size_t)column ? width - (size_t)column : 1;
}

/* As much of a line as has room: up to a blank where one is near its end. */
static size_t fitting(struct str line, size_t room)
{
	struct str rest = line;
	size_t n = text_front(line, room).n, blank = n;

	if (n == line.n)
		return n;
	while (blank && line.p[blank - 1] != ' ')
		blank--;
	return blank > n / 2 ? blank : n ? n : text_character(&rest).n;
}

/* Text of any length from column on, its own line ends kept. */
static void flow(struct paper *p, int column, int style, struct str text)
{
	size_t room = room_from(p, column);
	struct str line;

	if (!text.n)
		draw_line(p, column, style, STR("-"));
	while (text.n && str_cut(&text, '\n', &line)) {
		size_t at = 0;

		do {
			struct str rest = str_sub(line, at, line.n - at);
			size_t n = fitting(utf8_cut(rest, 4 * room), room);

			draw_line(p, column, style, str_sub(rest, 0, n));
			at += n;
		} while (at < line.n);
	}
}

static void blank(struct paper *p)
{
	draw_line(p, 1, 0, STR(""));
}

static void heading(struct paper *p, const char *text)
{
	blank(p);
	draw_line(p, 1, STYLE_BOLD, str_from(text));
}

/* A fact, where it is known. */
static void fact(struct paper *p, const char *name, int style,
		 const struct buf *b)
{
	if (!b->n)
		return;
	label(p, name);
	flow(p, LABEL + 1, style, buf_str(b));
}

static void member(struct paper *p, const char *name, const struct json *v,
		   const char *key)
{
	struct buf b = BUF_INIT(TEXT_MAX);

	words_member(&b, v, key);
	if (b.n > SHOWN_MAX) {
		buf_truncate(&b, SHOWN_MAX);
		while (b.n && ((unsigned char)b.p[b.n - 1] & 0x80))
			buf_truncate(&b, b.n - 1);
		buf_puts(&b, " ...");
	}
	fact(p, name, 0, &b);
	buf_fini(&b);
}

/* Several members in one line, with blanks between. */
static void members(struct paper *p, const char *name, const struct json *v,
		    const char *const *keys)
{
	struct buf b = BUF_INIT(TEXT_MAX);

	for (; *keys; keys++) {
		if (!json_get(v, *keys))
			continue;
		if (b.n)
			buf_putc(&b, ' ');
		words_member(&b, v, *keys);
	}
	fact(p, name, 0, &b);
	buf_fini(&b);
}

/* "14:02:11Z, 5m ago", or "in 5m". */
static void put_when(struct buf *b, int64_t ms, const struct top_now *now)
{
	clock_put_seconds(b, ms);
	if (ms > now->wall_ms) {
		buf_puts(b, ", in ");
		words_span(b, ms - now->wall_ms);
		return;
	}
	buf_puts(b, ", ");
	words_span(b, now->wall_ms - ms);
	buf_puts(b, " ago");
}

static void moment(struct paper *p, const char *name, const struct json *v,
		   const char *key)
{
	struct buf b = BUF_INIT(256);
	int64_t ms;

	if (words_time(&ms, v, key))
		put_when(&b, ms, p->now);
	fact(p, name, 0, &b);
	buf_fini(&b);
}

/* ---- an incident ---- */

static void put_alarms(struct paper *p, const struct json *list)
{
	heading(p, "Its alarms");
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *m = json_item(list, i);
		struct buf b = BUF_INIT(4096);

		buf_printf(&b, "%-6.*s ", STR_ARG(json_get_str(m, "state")));
		if (words_age(&b, m, "changed_at", p->now))
			buf_puts(&b, " ago  ");
		words_member(&b, m, "subject");
		if (json_get(m, "waits_for")) {
			buf_puts(&b, "; waits for ");
			words_member(&b, m, "waits_for");
		}
		flow(p, 1, 0, buf_str(&b));
		buf_fini(&b);
	}
}

static void put_operation(struct paper *p, const struct json *o)
{
	struct str state = json_get_str(o, "state");
	struct buf b = BUF_INIT(TEXT_MAX);
	int style = str_is(state, "dead") ? STYLE_RED :
		    str_is(state, "done") ? 0 : STYLE_YELLOW;

	words_age(&b, o, "created_at", p->now);
	buf_printf(&b, " ago  %.*s: %.*s%s", STR_ARG(json_get_str(o, "kind")),
		   STR_ARG(state),
		   json_bool(json_get(o, "held"), false) ? ", held" : "");
	if (json_int(json_get(o, "status"), 0))
		buf_printf(&b, ", StackFlow answered %lld",
			   (long long)json_int(json_get(o, "status"), 0));
	if (json_int(json_get(o, "attempts"), 0) > 1)
		buf_printf(&b, ", %lld tries",
			   (long long)json_int(json_get(o, "attempts"), 0));
	if (json_get(o, "problem")) {
		buf_puts(&b, ", ");
		words_member(&b, o, "problem");
	}
	flow(p, 1, style, buf_str(&b));
	buf_reset(&b);
	words_member(&b, o, "text");
	if (b.n)
		flow(p, 5, STYLE_DIM, buf_str(&b));
	buf_fini(&b);
}

static void put_incident(struct paper *p, const struct json *i)
{
	static const char *const head[] = { "state", "priority", "severity",
					    NULL };
	static const char *const place[] = { "alarm", "account", "region",
					     NULL };
	static const char *const rule[] = { "team", "policy", "where", NULL };
	const struct json *ops = json_get(i, "operations");

	member(p, "Incident", i, json_get(i, "incident") ? "incident" : "id");
	members(p, "State", i, head);
	member(p, "About", i, "short_description");
	members(p, "Alarm", i, place);
	member(p, "CI", i, "ci_id");
	member(p, "Assigned to", i, "assignment_group");
	members(p, "Rule", i, rule);
	moment(p, "Opened", i, "opened_at");
	moment(p, "Changed", i, "changed_at");
	moment(p, "Resolved", i, "resolved_at");
	moment(p, "Resolves", i, "resolves_at");
	moment(p, "Escalates", i, "escalates_at");
	moment(p, "Held until", i, "held_until");
	member(p, "Held by", i, "held_by");
	member(p, "Repeats", i, "repeats");
	member(p, "Notes", i, "notes");
	member(p, "Link", i, "link");
	member(p, "Before it", i, "previous");
	put_alarms(p, json_get(i, "members"));
	heading(p, "What was sent to StackFlow");
	for (size_t k = 0; k < json_count(ops); k++)
		put_operation(p, json_item(ops, k));
}

/* ---- an event ---- */

/* The front of a line, before column STEP. */
static void draw_part(struct paper *p, int style, struct str text)
{
	if (p->g && seen(p))
		grid_put(p->g, p->from + (int)(p->n - p->first), 1, STEP - 2,
			 style, text);
}

static void put_step(struct paper *p, const struct json *s)
{
	int64_t ms, since = json_int(json_get(s, "ms_since_previous"), 0);
	struct buf b = BUF_INIT(TEXT_MAX);
	int style = str_is(json_get_str(s, "step"), "dead") ? STYLE_RED :
		    str_is(json_get_str(s, "step"), "in doubt") ?
		    STYLE_YELLOW : 0;

	if (words_time(&ms, s, "at")) {
		clock_put(&b, ms);
		buf_shift(&b, 11);	/* the day stands above */
	}
	if (since)
		buf_printf(&b, " +%lld ms", (long long)since);
	draw_part(p, STYLE_DIM, buf_str(&b));
	buf_reset(&b);
	words_member(&b, s, "step");
	if (json_get_str(s, "text").n) {
		buf_puts(&b, ": ");
		words_member(&b, s, "text");
	}
	flow(p, STEP, style, buf_str(&b));
	buf_fini(&b);
}

static void put_event(struct paper *p, const struct top *t,
		      const struct json *v)
{
	static const char *const head[] = { "state", "kind", "status", NULL };
	static const char *const place[] = { "alarm", "account", "region",
					     NULL };
	static const char *const rule[] = { "team", "policy", "where", NULL };
	const struct json *e = json_get(v, "event");
	const struct json *i = json_get(v, "incident");
	const struct json *steps = json_get(v, "steps");

	members(p, "Event", e, head);
	members(p, "Alarm", e, place);
	member(p, "Id", e, "id");
	moment(p, "Received", e, "received_at");
	member(p, "Action", e, "action");
	member(p, "Because", e, "because");
	members(p, "Rule", e, rule);
	member(p, "Incident", i, json_get(i, "incident") ? "incident" : "id");
	heading(p, "What became of it");
	for (size_t k = 0; k < json_count(steps); k++)
		put_step(p, json_item(steps, k));
	if (!json_get_str(t->explain, "text").n)
		return;
	heading(p, "Why, by the rules of that day");
	flow(p, 1, 0, json_get_str(t->explain, "text"));
}

/* ---- what is in its list whole ---- */

static void put_dead(struct paper *p, const struct json *d)
{
	static const char *const head[] = { "kind", "id", NULL };

	members(p, "Dead letter", d, head);
	member(p, "Problem", d, "problem");
	member(p, "Answer", d, "status");
	member(p, "Tries", d, "attempts");
	moment(p, "Created", d, "created_at");
	moment(p, "Sent", d, "sent_at");
	if (json_int(json_get(d, "incident_id"), 0))
		member(p, "Incident", d, "incident_id");
	member(p, "Target", d, "target");
	member(p, "Events", d, "events");
	member(p, "Body", d, "body");
}

static void put_silence(struct paper *p, const struct json *s)
{
	const struct json *alarms = json_get(s, "alarms");
	const struct json *incidents = json_get(s, "incidents");

	member(p, "Silence", s, "id");
	member(p, "State", s, "state");
	member(p, "Match", s, "match");
	member(p, "Owner", s, "owner");
	member(p, "Reason", s, "reason");
	moment(p, "Created", s, "created_at");
	moment(p, "Ends", s, "ends_at");
	member(p, "Holds", s, "holding");
	for (size_t i = 0; i < json_count(alarms); i++)
		flow(p, LABEL + 1, 0, json_str(json_item(alarms, i)));
	for (size_t i = 0; i < json_count(incidents); i++)
		flow(p, LABEL + 1, 0, json_str(json_item(incidents, i)));
}

static const struct json *row_of(const struct top *t)
{
	const struct json *list = rows_array(t, t->detail_of);
	const struct json *found = NULL;

	for (size_t i = 0; i < json_count(list) && !found; i++) {
		struct buf id = BUF_INIT(4096);

		rows_id(&id, t->detail_of, json_item(list, i));
		if (str_is(buf_str(&id), t->detail_id))
			found = json_item(list, i);
		buf_fini(&id);
	}
	return found;
}

static void put(struct paper *p, const struct top *t)
{
	const struct json *row;

	switch (t->detail_of) {
	case VIEW_DEAD:
	case VIEW_SILENCES:
		row = row_of(t);
		if (!row)
			draw_line(p, 1, STYLE_DIM,
				  STR("It is no longer there."));
		else if (t->detail_of == VIEW_DEAD)
			put_dead(p, row);
		else
			put_silence(p, row);
		return;
	default:
		break;
	}
	if (t->detail_problem[0])
		flow(p, 1, STYLE_RED, str_from(t->detail_problem));
	if (!t->detail_answer && !t->detail_problem[0])
		draw_line(p, 1, STYLE_DIM, STR("Asking ..."));
	else if (t->detail_answer && t->detail_of == VIEW_INCIDENTS)
		put_incident(p, t->detail_answer);
	else if (t->detail_answer)
		put_event(p, t, t->detail_answer);
}

void detail_draw(struct grid *g, struct top *t, int from, int to,
		 const struct top_now *now)
{
	struct paper p = { .g = g, .from = from, .to = to,
			   .first = t->detail_first, .now = now };
	size_t seen = to > from ? (size_t)(to - from) : 1;

	put(&p, t);
	t->page = seen;
	t->detail_lines = p.n;
	if (t->detail_first && t->detail_first + seen > p.n) {
		t->detail_first = p.n > seen ? p.n - seen : 0;
		for (int r = from; r < to; r++)
			for (int c = 0; c < g->columns; c++)
				grid_puts(g, r, c, 1, 0, " ");
		p.first = t->detail_first;
		p.n = 0;
		put(&p, t);
	}
}

void top_put_incident(struct buf *out, const struct json *incident,
		      const struct term *term)
{
	const struct top_now now = { .wall_ms = term->now_ms };
	struct paper p = { .out = out, .term = term, .now = &now };

	put_incident(&p, incident);
}
