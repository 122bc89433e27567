/* What is asked of StackFlow's AI, and what becomes of its answers. */
#include "incident/enrich.h"

#include <errno.h>

#include "base/encode.h"
#include "doc/json.h"
#include "doc/jsonw.h"
#include "incident/enrich_text.h"
#include "incident/step.h"
#include "incident/text.h"

#define ASK_BYTES 1500		/* of what the alarm says */
#define BODY_MAX (64 << 10)
#define VALUE_MAX 100

/* ---- the order ---- */

static struct str given(const struct verdict *v, enum enrich_field f)
{
	switch (f) {
	case ENRICH_CATEGORY:
		return v->category;
	case ENRICH_SUBCATEGORY:
		return v->subcategory;
	case ENRICH_ASSIGNMENT_GROUP:
		return v->assignment_group;
	default:
		return STR_NONE;
	}
}

static void put_suggest(struct jsonw *w, const struct verdict *v)
{
	const struct enrich *e = v->enrich;
	char highest[3] = { 'P', (char)('0' + e->highest), '\0' };

	if (!enrich_suggests(e))
		return;
	jsonw_key(w, "suggest");
	jsonw_object(w);
	jsonw_key(w, "above");
	jsonw_double(w, e->suggest_above);
	for (int f = 0; f < ENRICH_PRIORITY; f++)
		if (e->fill[f])
			jsonw_kstr(w, enrich_field_name((enum enrich_field)f),
				   given(v, (enum enrich_field)f));
	if (e->fill[ENRICH_PRIORITY])
		jsonw_kcstr(w, "priority", highest);
	jsonw_end_object(w);
}

static void put_analyze(struct jsonw *w, const struct enrich *e)
{
	if (!enrich_analyzes(e))
		return;
	jsonw_key(w, "analyze");
	jsonw_object(w);
	jsonw_key(w, "above");
	jsonw_double(w, e->analyze_above);
	jsonw_key(w, "priority");
	jsonw_array(w);
	for (int p = 1; p <= 4; p++)
		if (e->analyze[p])
			jsonw_int(w, p);
	jsonw_end_array(w);
	jsonw_end_object(w);
}

/* As the incident has it, without what is about tocsin. */
static void put_text(struct jsonw *w, const struct verdict *v)
{
	struct buf text = BUF_INIT(2 * ASK_BYTES + 16);

	buf_put_str(&text, utf8_cut(v->short_description, ASK_BYTES));
	buf_putc(&text, '\n');
	buf_put_str(&text, utf8_cut(v->description, ASK_BYTES));
	jsonw_kstr(w, "text", utf8_cut(buf_str(&text), ASK_BYTES));
	if (buf_error(&text))
		w->out->error = buf_error(&text);
	buf_fini(&text);
}

/* What was written, where it says anything; STR_NONE. Ends b. */
static struct str kept(struct buf *b, bool any, struct arena *arena)
{
	struct str out = STR_NONE;

	if (any && !buf_error(b))
		out = arena_str(arena, buf_str(b));
	buf_fini(b);
	return out;
}

static struct str order_body(struct arena *arena, const struct incident *i,
			     const struct verdict *v)
{
	struct buf b = BUF_INIT(BODY_MAX);
	struct jsonw w = JSONW(&b);

	jsonw_object(&w);
	jsonw_kstr(&w, "key", i->key);
	jsonw_kint(&w, "incarnation", i->incarnation);
	put_text(&w, v);
	put_suggest(&w, v);
	put_analyze(&w, v->enrich);
	if (v->enrich->article) {
		jsonw_key(&w, "article");
		jsonw_object(&w);
		jsonw_key(&w, "above");
		jsonw_double(&w, v->enrich->article_above);
		jsonw_end_object(&w);
	}
	jsonw_end_object(&w);
	return kept(&b, true, arena);
}

struct op *enrich_op(struct arena *arena, const struct incident *i,
		     const struct verdict *v, int64_t now_ms)
{
	struct op *op = arena_alloc(arena, sizeof(*op));

	if (!op)
		return NULL;
	*op = (struct op){
		.kind = OP_ENRICH,
		.state = OP_READY,
		.held = true,
		.priority = i->priority,
		.created_ms = now_ms,
		.not_before_ms = now_ms + ENRICH_AFTER_MS,
		.body = order_body(arena, i, v),
	};
	return op->body.p ? op : NULL;
}

static double above(const struct json *of)
{
	return json_double(json_get(of, "above"), 1);
}

static void read_suggest(struct enrich_order *out, const struct json *s)
{
	struct str highest = json_get_str(s, "priority");

	out->ask.suggest_above = above(s);
	for (int f = 0; f < ENRICH_PRIORITY; f++) {
		out->given[f] = json_get_str(
			s, enrich_field_name((enum enrich_field)f));
		out->ask.fill[f] = out->given[f].p != NULL;
	}
	out->ask.highest = enrich_priority_word(highest);
	out->ask.fill[ENRICH_PRIORITY] = out->ask.highest > 0;
}

static void read_analyze(struct enrich *ask, const struct json *a)
{
	const struct json *list = json_get(a, "priority");

	ask->analyze_above = above(a);
	for (size_t i = 0; i < json_count(list) && i < 4; i++) {
		int64_t p = json_int(json_item(list, i), 0);

		if (p >= 1 && p <= 4)
			ask->analyze[p] = true;
	}
}

bool enrich_read(struct enrich_order *out, const struct json *body)
{
	int64_t incarnation = json_int(json_get(body, "incarnation"), 0);
	const struct json *article = json_get(body, "article");

	*out = (struct enrich_order){ .key = json_get_str(body, "key"),
				      .text = json_get_str(body, "text") };
	if (!out->key.p || incarnation < 1 || incarnation > UINT32_MAX)
		return false;
	out->incarnation = (unsigned)incarnation;
	read_suggest(out, json_get(body, "suggest"));
	read_analyze(&out->ask, json_get(body, "analyze"));
	out->ask.article = article != NULL;
	out->ask.article_above = above(article);
	return true;
}

/* ---- what came of it ---- */

int enrich_priority_word(struct str s)
{
	return s.n == 2 && s.p[0] == 'P' && s.p[1] >= '1' && s.p[1] <= '4' ?
		       s.p[1] - '0' : 0;
}

/* A name of theirs, and nothing else. */
static bool plain_value(struct str s)
{
	struct buf b = BUF_INIT(4 * VALUE_MAX + 16);
	bool same;

	if (!s.n || s.n > VALUE_MAX)
		return false;
	enrich_put_foreign(&b, s, VALUE_MAX);
	same = !buf_error(&b) && str_eq(buf_str(&b), s);
	buf_fini(&b);
	return same;
}

bool enrich_usable(const struct enrich_order *o, enum enrich_field f,
		   const struct sf_ai_suggestion *s)
{
	if (!o->ask.fill[f] || s->confidence < 0 ||
	    s->confidence < o->ask.suggest_above)
		return false;
	if (f == ENRICH_PRIORITY)
		return enrich_priority_word(s->value) > 0;
	return plain_value(s->value) && !str_eq(s->value, o->given[f]);
}

int enrich_priority(const struct enrich_order *o, const struct enrichment *e,
		    const struct incident *i)
{
	const struct sf_ai_suggestion *s = &e->suggested[ENRICH_PRIORITY];
	int to;

	if (!enrich_usable(o, ENRICH_PRIORITY, s))
		return i->priority;
	to = enrich_priority_word(s->value);
	if (to < o->ask.highest)
		to = o->ask.highest;
	return to < i->priority ? to : i->priority;
}

static struct str members(struct arena *arena, const struct enrich_order *o,
			  const struct enrichment *e, bool before)
{
	struct buf b = BUF_INIT(BODY_MAX);
	struct jsonw w = JSONW(&b);
	bool any = false;

	jsonw_object(&w);
	for (int f = 0; f < ENRICH_PRIORITY; f++) {
		if (!enrich_usable(o, (enum enrich_field)f, &e->suggested[f]))
			continue;
		jsonw_kstr(&w, enrich_field_name((enum enrich_field)f),
			   before ? o->given[f] : e->suggested[f].value);
		any = true;
	}
	jsonw_end_object(&w);
	return kept(&b, any, arena);
}

static void fill(struct step *st, const struct enrich_order *o,
		 const struct enrichment *e)
{
	struct str body = members(st->arena, o, e, false);
	struct op *op;

	if (!body.n)
		return;
	op = note_op(st, OP_FILL, body);
	op->marker = members(st->arena, o, e, true);
}

static void raise(struct step *st, int to)
{
	struct incident *i = &st->out->incident;
	struct op *op;

	if (to >= i->priority)
		return;
	op = note_op(st, OP_RAISE, text_priority(st->arena, to));
	op->marker = arena_printf(st->arena, "P%d", i->priority);
	op->priority = to;
	i->priority = to;
}

int incident_enrich(struct change *out, struct arena *arena,
		    const struct incident *i, struct str id,
		    const struct enrich_order *o, const struct enrichment *e,
		    int64_t now_ms)
{
	struct step st = { .out = out, .arena = arena, .now_ms = now_ms };
	struct str text;
	struct op *note;

	*out = (struct change){ .merged = -1, .incident = *i };
	step_decide(&st, ACTION_IGNORE, "StackFlow had nothing to say of it");
	if (i->state != INCIDENT_OPEN) {
		step_decide(&st, ACTION_IGNORE, "it is no more open");
		return 0;
	}
	text = enrich_text(arena, i, o, e);
	if (arena_error(arena) || !text.n)
		return arena_error(arena);
	fill(&st, o, e);
	raise(&st, enrich_priority(o, e, i));
	note = note_op(&st, OP_NOTE, text);
	/* By this word it is found again; it tells of no event. */
	note->events = id;
	note->marker = STR(NOTE_OF_AI);
	out->incident.notes++;
	out->incident_changed = true;
	step_decide(&st, ACTION_NOTE, "StackFlow's AI was asked");
	return arena_error(arena);
}

/* ---- before it is sent ---- */

static struct str shown(const struct remote_view *view, struct str name)
{
	if (str_is(name, "category"))
		return view->category;
	if (str_is(name, "subcategory"))
		return view->subcategory;
	return str_is(name, "assignment_group") ? view->assignment_group :
						  STR_NONE;
}

static struct str left_of(struct arena *arena, const struct json *want,
			  const struct json *before,
			  const struct remote_view *view)
{
	struct buf b = BUF_INIT(BODY_MAX);
	struct jsonw w = JSONW(&b);
	bool any = false;

	jsonw_object(&w);
	for (int f = 0; f < ENRICH_PRIORITY; f++) {
		const char *name = enrich_field_name((enum enrich_field)f);
		struct str now = shown(view, str_from(name));
		struct str to = json_get_str(want, name);

		if (!to.n || !now.n ||
		    !str_eq(now, json_get_str(before, name)))
			continue;
		jsonw_kstr(&w, name, to);
		any = true;
	}
	jsonw_end_object(&w);
	return kept(&b, any, arena);
}

int incident_fill_left(struct str *out, struct arena *arena,
		       const struct op *op, const struct remote_view *view)
{
	struct json *want = NULL, *before = NULL;
	int rc = json_parse(&want, op->body, 0, NULL);

	*out = STR_NONE;
	if (!rc)
		rc = json_parse(&before, op->marker, 0, NULL);
	if (!rc && !str_is(view->state, "resolved") &&
	    !str_is(view->state, "closed"))
		*out = left_of(arena, want, before, view);
	json_free(want);
	json_free(before);
	return rc == -ENOMEM ? rc : arena_error(arena);
}
