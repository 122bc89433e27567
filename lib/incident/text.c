#include "incident/text.h"

#include <errno.h>

#include "base/clock.h"
#include "base/encode.h"
#include "doc/jsonw.h"

#define REPEAT "Alarm repeated"
#define NOTE_MAX 8192
#define REASON_MAX 1500
/* What the rules' bounds let come: 32 fields, each thrice 16 KiB at most. */
#define BODY_MAX (2 << 20)

static struct str keep(struct arena *arena, struct buf *b)
{
	struct str s = STR_NONE;

	if (!buf_error(b))
		s = arena_str(arena, buf_str(b));
	else if (buf_error(b) == -ENOMEM)
		arena_alloc(arena, SIZE_MAX);	/* makes it sticky */

	buf_fini(b);
	return s;
}

static void put_head(struct jsonw *w, const struct incident *i)
{
	char priority[3] = { 'P', (char)('0' + i->priority), '\0' };

	jsonw_kstr(w, "short_description", i->short_description);
	jsonw_kcstr(w, "priority", priority);
	if (i->assignment_group.n)
		jsonw_kstr(w, "assignment_group", i->assignment_group);
	if (i->ci_id.n)
		jsonw_kstr(w, "ci_id", i->ci_id);
}

/* A line of theirs that looks like one of ours would mislead a search. */
static void put_foreign(struct buf *text, struct str s)
{
	struct str line;

	while (str_cut(&s, '\n', &line)) {
		struct str word = str_trim(line);

		if (str_starts(word, "tocsin-ref:") ||
		    str_starts(word, "tocsin-event:"))
			buf_puts(text, "> ");
		buf_put_str(text, line);
		buf_putc(text, '\n');
	}
}

static void put_tail(struct buf *text, const struct incident *i,
		     struct str events, struct str marker)
{
	if (i->previous.n)
		buf_printf(text, "\nPrevious incident: %.*s\n",
			   STR_ARG(i->previous));
	if (events.n)
		buf_printf(text, "\ntocsin-event: %.*s", STR_ARG(events));
	buf_printf(text, "\ntocsin-ref: %.*s", STR_ARG(marker));
}

/* The body of a create that describes itself as text, which is freed. */
static struct str create_body(struct arena *arena, const struct incident *i,
			      const struct verdict *v, struct buf *text)
{
	struct buf b = BUF_INIT(BODY_MAX);
	struct jsonw w = JSONW(&b);

	jsonw_object(&w);
	put_head(&w, i);
	if (v->category.n)
		jsonw_kstr(&w, "category", v->category);
	if (v->subcategory.n)
		jsonw_kstr(&w, "subcategory", v->subcategory);
	for (size_t k = 0; k < v->field_count; k++) {
		jsonw_key_str(&w, v->fields[k].name);
		jsonw_str(&w, v->fields[k].value);
	}
	jsonw_kstr(&w, "description", buf_str(text));
	jsonw_end_object(&w);
	if (buf_error(text))
		b.error = text->error;
	buf_fini(text);
	return keep(arena, &b);
}

struct str text_create(struct arena *arena, const struct incident *i,
		       const struct verdict *v, struct str came,
		       struct str event_id, struct str marker)
{
	struct buf text = BUF_INIT(BODY_MAX);

	put_foreign(&text, v->description);
	if (came.n)
		buf_putc(&text, '\n');
	put_foreign(&text, came);
	put_tail(&text, i, event_id, marker);
	return create_body(arena, i, v, &text);
}

struct str text_came(struct arena *arena, const struct verdict *v,
		     const struct member *waited)
{
	struct buf b = BUF_INIT(NOTE_MAX);

	if (waited && waited->wait == WAIT_HOLD) {
		buf_puts(&b, "Held back by ");
		utf8_put_safe(&b, waited->held_by, 255);
		if (waited->held_about.n) {
			buf_puts(&b, " (");
			utf8_put_safe(&b, waited->held_about, 1000);
			buf_putc(&b, ')');
		}
		buf_puts(&b, ", in ALARM since ");
		clock_put_seconds(&b, waited->since_ms);
		buf_puts(&b, ".\n");
	}
	if (v->change.n) {
		buf_puts(&b, "Open change on its CI: ");
		utf8_put_safe(&b, v->change, 1000);
		buf_puts(&b, "\n");
	} else if (v->require_change) {
		buf_puts(&b, "No change is open on its CI.\n");
	}
	return keep(arena, &b);
}

struct str text_succeed(struct arena *arena, const struct incident *i,
			const struct remote_view *view, const struct op *op,
			struct str marker)
{
	const struct verdict v = { .category = view->category,
				   .subcategory = view->subcategory };
	struct buf text = BUF_INIT(BODY_MAX);

	buf_printf(&text, "%.*s was closed by a person while its alarm goes "
		   "on.\n", STR_ARG(i->previous));
	if (op->kind == OP_NOTE) {
		buf_putc(&text, '\n');
		put_foreign(&text, op->body);
	}
	put_tail(&text, i, op->events, marker);
	return create_body(arena, i, &v, &text);
}

static void put_what(struct buf *b, const struct alarm *a)
{
	buf_put_str(b, a->state_text.n ? a->state_text :
					 str_from(alarm_state_name(a->state)));
	buf_puts(b, " at ");
	clock_put_seconds(b, a->time_ms);
	if (a->name.n) {
		buf_puts(b, ": ");
		utf8_put_safe(b, a->name, 255);
	}
	if (a->reason.n) {
		struct str reason = utf8_cut(a->reason, REASON_MAX);

		buf_puts(b, "\nReason: ");
		buf_put_str(b, reason);
	}
}

struct str text_repeat(struct arena *arena, const struct alarm *a,
		       unsigned count)
{
	struct buf b = BUF_INIT(NOTE_MAX);

	if (count > 1)
		buf_printf(&b, REPEAT " %u times, last: ", count);
	else
		buf_puts(&b, REPEAT ": ");
	put_what(&b, a);
	return keep(arena, &b);
}

bool text_is_repeat(struct str note)
{
	return str_starts(note, REPEAT) &&
	       str_find(note, STR("\n\n")) < 0;
}

struct str text_change(struct arena *arena, const struct alarm *a,
		       const char *consequence)
{
	struct buf b = BUF_INIT(NOTE_MAX);

	if (a->event == ALARM_DELETED) {
		buf_puts(&b, "The alarm was deleted at ");
		clock_put_seconds(&b, a->time_ms);
		buf_puts(&b, ": ");
		utf8_put_safe(&b, a->name, 255);
	} else {
		put_what(&b, a);
	}
	if (consequence)
		buf_printf(&b, "\n%s", consequence);
	return keep(arena, &b);
}

struct str text_said(struct arena *arena, const struct said *said)
{
	struct buf b = BUF_INIT(2 * NOTE_MAX);

	if (said->text.n) {
		put_foreign(&b, said->text);
		buf_putc(&b, '\n');
	}
	buf_puts(&b, said->resolve ? "Resolved by " : "Written by ");
	utf8_put_safe(&b, said->who, 300);
	buf_puts(&b, " through tocsin");
	return keep(arena, &b);
}

struct str text_listed(struct arena *arena, const struct alarm *a,
		       int priority)
{
	struct buf b = BUF_INIT(NOTE_MAX);

	buf_put_str(&b, a->state_text.n ? utf8_cut(a->state_text, 100) :
					 str_from(alarm_state_name(a->state)));
	buf_puts(&b, " at ");
	clock_put_seconds(&b, a->time_ms);
	buf_printf(&b, ": P%d ", priority);
	utf8_put_safe(&b, a->name, 255);
	if (a->account.n) {
		buf_puts(&b, " in ");
		utf8_put_safe(&b, a->account, 64);
	}
	if (a->region.n) {
		buf_puts(&b, " ");
		utf8_put_safe(&b, a->region, 64);
	}
	return keep(arena, &b);
}

bool text_joins(struct str older, size_t n)
{
	return older.n + n + 2 <= NOTE_MAX;
}

struct str text_join(struct arena *arena, struct str older, struct str newer)
{
	struct str head = older;

	if (older.n + newer.n + 2 > NOTE_MAX && newer.n + 64 < NOTE_MAX)
		head = utf8_cut(older, NOTE_MAX - newer.n - 64);
	return arena_printf(arena, "%.*s%s\n\n%.*s", STR_ARG(head),
			    head.n < older.n ? "\n(cut)" : "",
			    STR_ARG(newer));
}

struct str text_words(struct arena *arena, struct str a, struct str b)
{
	char *p = arena_alloc(arena, a.n + b.n + 2);

	if (!p)
		return STR_NONE;
	if (a.n)
		memcpy(p, a.p, a.n);
	p[a.n] = ' ';
	if (b.n)
		memcpy(p + a.n + 1, b.p, b.n);
	return (struct str){ p, a.n + 1 + b.n };
}

struct str text_state(struct arena *arena, const char *state)
{
	return arena_printf(arena, "{\"state\":\"%s\"}", state);
}

struct str text_time(struct arena *arena, int64_t ms)
{
	struct buf b = BUF_INIT(64);

	clock_put_seconds(&b, ms);
	return keep(arena, &b);
}

struct str text_span(struct arena *arena, int64_t ms)
{
	struct buf b = BUF_INIT(64);

	clock_put_span(&b, ms);
	return keep(arena, &b);
}

struct str text_priority(struct arena *arena, int priority)
{
	return arena_printf(arena, "{\"priority\":\"P%d\"}", priority);
}
