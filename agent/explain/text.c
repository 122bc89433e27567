#include "agent/explain/explain.h"

#include "base/clock.h"
#include "base/encode.h"

#define LABEL 12
#define CELL_MAX 400
#define WHERE_MAX 40
#define RULE_MAX 36

/* The page that is written: with colours or without, and how wide it is. */
struct page {
	struct buf *out;
	bool colour;
	size_t width;			/* 0: lines are as long as they are */
};

enum tone { PLAIN, BOLD, DIM, GREEN, YELLOW, RED };

static void tone(const struct page *p, enum tone t)
{
	static const char *const codes[] = { "0", "1", "2", "32", "33",
					     "1;31" };

	if (p->colour)
		buf_printf(p->out, "\033[%sm", codes[t]);
}

static void pad(const struct page *p, size_t n)
{
	buf_printf(p->out, "%*s", (int)n, "");
}

/* Characters, near enough to terminal columns. */
static size_t width_of(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

/* Text that is set in by `in`: its words go on below themselves. */
static void words(const struct page *p, struct str text, size_t in)
{
	struct buf safe = BUF_INIT(CELL_MAX * 16);
	struct str rest, word;
	size_t at = in;

	utf8_put_safe(&safe, text, CELL_MAX * 10);
	rest = buf_str(&safe);
	for (bool first = true; str_cut(&rest, ' ', &word); first = false) {
		size_t n = width_of(word);

		if (!first && p->width && at + 1 + n > p->width) {
			buf_putc(p->out, '\n');
			pad(p, in);
			at = in;
		} else if (!first) {
			buf_putc(p->out, ' ');
			at++;
		}
		buf_put_str(p->out, word);
		at += n;
	}
	buf_putc(p->out, '\n');
	buf_fini(&safe);
}

static void heading(const struct page *p, const char *text)
{
	tone(p, BOLD);
	buf_puts(p->out, text);
	tone(p, PLAIN);
	buf_putc(p->out, '\n');
}

static void line(const struct page *p, const char *label, struct str value)
{
	if (!value.n)
		return;
	buf_printf(p->out, "  %-*s ", LABEL, label);
	words(p, value, LABEL + 3);
}

static void time_line(const struct page *p, const char *label, int64_t ms)
{
	struct buf b = BUF_INIT(64);

	if (ms)
		clock_put(&b, ms);
	line(p, label, buf_str(&b));
	buf_fini(&b);
}

/* Several lines, each set in from the left. */
static void paragraph(const struct page *p, struct str text)
{
	struct str one;

	while (str_cut(&text, '\n', &one)) {
		buf_puts(p->out, "    | ");
		utf8_put_safe(p->out, one, 1000);
		buf_putc(p->out, '\n');
	}
}

static void put_alarm(const struct page *p, const struct alarm *a)
{
	struct buf b = BUF_INIT(4096);

	buf_printf(&b, "alarm (%s, %s)", a->source, a->kind);
	heading(p, b.p);
	buf_reset(&b);
	buf_puts(&b, alarm_state_name(a->state));
	if (a->previous_state != ALARM_NONE)
		buf_printf(&b, ", before %s",
			   alarm_state_name(a->previous_state));
	line(p, "state", buf_str(&b));
	line(p, "alarm", a->name);
	line(p, "account", a->account);
	line(p, "region", a->region);
	time_line(p, "time", a->time_ms);
	line(p, "arn", a->arn);
	line(p, "contributor", a->contributor);
	line(p, "namespace", a->namespace);
	line(p, "metric", a->metric);
	for (size_t i = 0; i < a->dim_count; i++) {
		buf_reset(&b);
		utf8_put_safe(&b, a->dims[i].name, 300);
		buf_puts(&b, " = ");
		utf8_put_safe(&b, a->dims[i].value, 300);
		line(p, "dim", buf_str(&b));
	}
	line(p, "reason", a->reason);
	buf_fini(&b);
}

/* ---- what the rules ask for in time ---- */

static void put_hold(const struct page *p, const struct hold *h, struct buf *b)
{
	if (h->kind == HOLD_NONE)
		return;
	tone(p, YELLOW);
	buf_printf(b, "%.*s (%.*s)", STR_ARG(h->id), STR_ARG(h->where));
	if (h->about.n)
		buf_printf(b, ": %.*s", STR_ARG(h->about));
	if (h->until_ms) {
		buf_puts(b, h->kind == HOLD_WINDOW || h->kind == HOLD_SILENCE ?
				    ", until " : ", looked at again ");
		clock_put_seconds(b, h->until_ms);
	}
	line(p, "held by", buf_str(b));
	tone(p, PLAIN);
}

static void put_counts(const struct page *p, const struct verdict *v,
		       struct buf *b)
{
	buf_reset(b);
	if (v->open_after_ms) {
		buf_puts(b, "opens after ");
		clock_put_span(b, v->open_after_ms);
		buf_puts(b, " in ALARM");
	}
	if (v->open_when.count) {
		buf_printf(b, "opens at %u ALARMs within ",
			   v->open_when.count);
		clock_put_span(b, v->open_when.within_ms);
	}
	line(p, "waits", buf_str(b));
	buf_reset(b);
	if (v->flap.count) {
		buf_printf(b, "from %u changes within ", v->flap.count);
		clock_put_span(b, v->flap.within_ms);
		buf_puts(b, " it stays open until quiet for ");
		clock_put_span(b, v->flap_quiet_ms);
	}
	line(p, "flaps", buf_str(b));
	buf_reset(b);
	if (v->group_within_ms) {
		buf_puts(b, "its group takes alarms for ");
		clock_put_span(b, v->group_within_ms);
	}
	line(p, "groups", buf_str(b));
	buf_reset(b);
	if (v->limit.count) {
		buf_printf(b, "%u incidents of the team within ",
			   v->limit.count);
		clock_put_span(b, v->limit.within_ms);
		buf_puts(b, "; beyond, it joins the team's parent incident");
	}
	line(p, "limit", buf_str(b));
}

static void put_end(const struct page *p, const struct verdict *v,
		    struct buf *b)
{
	buf_reset(b);
	if (!v->resolve)
		buf_puts(b, "never by itself");
	else if (v->resolve_note_only)
		buf_puts(b, "OK is noted only");
	else if (v->resolve_stable_ms) {
		buf_puts(b, "when OK for ");
		clock_put_span(b, v->resolve_stable_ms);
	}
	line(p, "resolves", buf_str(b));
	for (size_t i = 0; i < v->escalate_count; i++) {
		const struct escalation *e = &v->escalate[i];

		buf_reset(b);
		buf_puts(b, "after ");
		clock_put_span(b, e->after_ms);
		if (e->unless_acknowledged)
			buf_puts(b, " unless acknowledged");
		if (e->raise_to)
			buf_printf(b, ": P%d", e->raise_to);
		if (e->note.n)
			buf_printf(b, ", \"%.*s\"", STR_ARG(e->note));
		line(p, "escalates", buf_str(b));
	}
}

static void put_sure(struct buf *b, double above)
{
	buf_printf(b, ", where it is at least %.2f sure", above);
}

static void put_enrich(const struct page *p, const struct enrich *e,
		       struct buf *b)
{
	const char *sep = "";

	if (!e)
		return;
	buf_reset(b);
	for (int f = 0; f < ENRICH_FIELDS; f++) {
		if (!e->fill[f])
			continue;
		buf_printf(b, "%s%s", sep,
			   enrich_field_name((enum enrich_field)f));
		sep = ", ";
	}
	if (b->n)
		put_sure(b, e->suggest_above);
	line(p, "suggests", buf_str(b));
	buf_reset(b);
	for (int k = 1; k <= 4; k++)
		if (e->analyze[k])
			buf_printf(b, "%sP%d", b->n ? " or " : "once it is ",
				   k);
	if (b->n)
		put_sure(b, e->analyze_above);
	line(p, "analyzes", buf_str(b));
	buf_reset(b);
	if (e->article) {
		buf_puts(b, "the best");
		put_sure(b, e->article_above);
	}
	line(p, "article", buf_str(b));
}

static void put_decision(const struct page *p, const struct explanation *e)
{
	static const enum tone urgent[] = { PLAIN, RED, YELLOW, PLAIN, PLAIN };
	const struct verdict *v = &e->verdict;
	struct buf b = BUF_INIT(16384);

	tone(p, BOLD);
	buf_printf(p->out, "decision: %s, ", e->action);
	tone(p, urgent[v->priority]);
	buf_printf(p->out, "P%d", v->priority);
	tone(p, PLAIN);
	buf_printf(p->out, " (%s)\n", v->severity ? severity_name(v->severity) :
						    "no severity");
	line(p, "because", str_from(e->because));
	put_hold(p, &v->hold, &b);
	line(p, "team", v->team);
	line(p, "policy", v->policy);
	line(p, "where", v->where);
	line(p, "dedup key", v->dedup_key);
	if (e->alarm->suppressed_by.n)
		line(p, "CloudWatch", e->alarm->suppressed_reason.n ?
			e->alarm->suppressed_reason : e->alarm->suppressed_by);
	put_counts(p, v, &b);
	put_end(p, v, &b);
	put_enrich(p, v->enrich, &b);
	line(p, "change", v->change);
	buf_fini(&b);
}

static void put_incident(const struct page *p, const struct verdict *v)
{
	struct buf b = BUF_INIT(65536);

	heading(p, "incident");
	line(p, "short", v->short_description);
	line(p, "group", v->assignment_group);
	line(p, "category", v->category);
	line(p, "subcategory", v->subcategory);
	line(p, "CI", v->ci_id);
	for (size_t i = 0; i < v->field_count; i++) {
		buf_reset(&b);
		buf_printf(&b, "%.*s = %.*s", STR_ARG(v->fields[i].name),
			   STR_ARG(v->fields[i].value));
		line(p, "field", buf_str(&b));
	}
	paragraph(p, v->description);
	buf_fini(&b);
}

/* ---- rules ---- */

static size_t column(const struct trace *t, bool where, size_t most)
{
	size_t widest = 0;

	for (size_t i = 0; i < t->count; i++) {
		size_t n = width_of(where ? t->steps[i].where :
					    t->steps[i].rule);

		if (n > widest && n <= most)
			widest = n;
	}
	return widest;
}

static void cell(const struct page *p, struct str text, size_t width)
{
	size_t n = width_of(text);

	utf8_put_safe(p->out, text, CELL_MAX);
	pad(p, (n < width ? width - n : 0) + 2);
}

static void put_rules(const struct page *p, const struct trace *t)
{
	size_t where = column(t, true, WHERE_MAX);
	size_t rule = column(t, false, RULE_MAX);

	heading(p, "rules");
	for (size_t i = 0; i < t->count; i++) {
		const struct trace_step *s = &t->steps[i];

		tone(p, s->matched ? GREEN : DIM);
		buf_printf(p->out, "  %c ", s->matched ? '+' : '-');
		cell(p, s->where, where);
		cell(p, s->rule, rule);
		words(p, s->because, where + rule + 8);
		tone(p, PLAIN);
	}
}

static void put_event(const struct page *p, const struct event *e)
{
	struct buf b = BUF_INIT(256);

	buf_printf(&b, "event %.*s", STR_ARG(e->id));
	heading(p, b.p);
	buf_reset(&b);
	time_line(p, "received", e->received_ms);
	time_line(p, "decided", e->decided_ms);
	buf_printf(&b, "%.*s of that day", STR_ARG(utf8_cut(e->ruleset, 12)));
	line(p, "rule set", buf_str(&b));
	buf_fini(&b);
}

void explain_put_text(struct buf *out, const struct explanation *e,
		      bool colour, size_t width)
{
	const struct page p = { out, colour, width < 60 ? 0 : width };

	if (e->past)
		put_event(&p, &e->past->event);
	put_alarm(&p, e->alarm);
	put_decision(&p, e);
	put_incident(&p, &e->verdict);
	put_rules(&p, &e->trace);
}
