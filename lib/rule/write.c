/* What a verdict tells of the incident, and what is to become of it. */
#include <errno.h>

#include "base/encode.h"
#include "rule/decide.h"
#include "rule/digest.h"
#include "rule/text.h"

#define FIELD_BYTES 16384
#define DESCRIPTION_BYTES 32768
#define NOTE_BYTES 8192

/* One line from a template; fallback where there is none or it is blank. */
static struct str line_of(struct decision *d, const struct template *t,
			  const char *fallback)
{
	struct str s = t ? template_literal(t) : str_from(fallback);

	if (s.p && s.n <= DECIDE_LINE && text_plain(s))
		return s;
	if (t)
		decide_render(d, t);
	s = decide_line(d, t ? str_trim(buf_str(&d->text)) : s, DECIDE_LINE);
	return s.n ? s : str_from(fallback);
}

/* A long key keeps its front, for people, and is told apart by a hash. */
static struct str bounded_key(struct decision *d, struct buf *key)
{
	struct str whole = buf_str(key);
	struct buf out = BUF_INIT(DEDUP_KEY_MAX + 1);
	struct digest *sum;
	struct str s;

	if (whole.n <= DEDUP_KEY_MAX && text_plain(whole))
		return arena_str(d->arena, whole);
	if (whole.n <= DEDUP_KEY_MAX)
		return text_line(d->arena, whole, DEDUP_KEY_MAX);
	sum = digest_new();
	if (!sum) {
		d->run.error = -ENOMEM;
		return STR_NONE;
	}
	digest_add(sum, whole);
	buf_put_str(&out, utf8_cut(whole, DEDUP_KEY_MAX - 33));
	buf_putc(&out, '~');
	digest_end(sum, &out, 32);
	s = text_line(d->arena, buf_str(&out), DEDUP_KEY_MAX);
	buf_fini(&out);
	return s;
}

static void write_key(struct decision *d)
{
	const struct dedup *key = &d->policy->body.dedup;

	buf_reset(&d->text);
	if (key->key && !d->drill)
		template_render(key->key, &d->facts, &d->text);
	if (str_trim(buf_str(&d->text)).n == 0) {
		buf_reset(&d->text);
		builtin_dedup_key(&d->text, d->in->alarm);
	}
	if (buf_error(&d->text))
		d->run.error = buf_error(&d->text);
	d->v.dedup_key = bounded_key(d, &d->text);
}

static void write_title(struct decision *d, const struct template *t)
{
	struct str s = STR_NONE;

	if (!t)
		t = d->policy->body.short_description;
	if (t) {
		decide_render(d, t);
		s = decide_line(d, str_trim(buf_str(&d->text)),
				SHORT_DESCRIPTION_MAX);
	}
	if (!s.n) {
		buf_reset(&d->text);
		builtin_short_description(&d->text, d->in->alarm);
		s = decide_line(d, buf_str(&d->text), SHORT_DESCRIPTION_MAX);
	}
	d->v.short_description = s;
}

static void write_fields(struct decision *d)
{
	const struct body *b = &d->policy->body;
	struct field *list;

	if (!b->field_count)
		return;
	list = arena_array(d->arena, b->field_count, sizeof(*list));
	if (!list)
		return;
	for (size_t i = 0; i < b->field_count; i++) {
		decide_render(d, b->fields[i].value);
		list[i].name = b->fields[i].name;
		list[i].value =
			text_block(d->arena, buf_str(&d->text), FIELD_BYTES);
	}
	d->v.fields = list;
	d->v.field_count = b->field_count;
}

static void write_description(struct decision *d)
{
	const struct template *t = d->policy->body.description;

	buf_reset(&d->text);
	if (t) {
		template_render(t, &d->facts, &d->text);
		if (d->text.n > DESCRIPTION_BYTES)
			buf_truncate(&d->text, utf8_cut(buf_str(&d->text),
							DESCRIPTION_BYTES)
						       .n);
		builtin_links(&d->text, d->in->alarm, &d->v);
	} else {
		builtin_description(&d->text, d->arena, d->in->alarm, &d->v);
	}
	if (buf_error(&d->text))
		d->run.error = buf_error(&d->text);
	d->v.description =
		text_block(d->arena, str_trim(buf_str(&d->text)), TEMPLATE_MAX);
}

static void write_handling(struct decision *d)
{
	const struct body *b = &d->policy->body;
	struct verdict *v = &d->v;

	v->insufficient = b->insufficient < 0
				  ? INSUFFICIENT_NOTE
				  : (enum insufficient)b->insufficient;
	v->notes_every_ms = b->notes_every < 0 ? 300000 : b->notes_every;
	v->notes_max = b->notes_max < 0 ? 50 : (unsigned)b->notes_max;
	v->resolve = b->resolve != 0;
	v->resolve_note_only = b->note_only == 1;
	v->resolve_stable_ms = b->stable_for < 0 ? 0 : b->stable_for;
	v->reopen_within_ms =
		b->reopen_within < 0 ? 86400000 : b->reopen_within;
	v->still_firing = b->still_firing < 0
				  ? STILL_NEW
				  : (enum still_firing)b->still_firing;
}

/* ---- what waits, counts, gathers and escalates ---- */

static void tell(struct decision *d, const char *rule, const char *words,
		 int64_t ms)
{
	decide_explain(d, d->policy->where, rule, 0, true, words);
	decide_span(d, ms);
}

static void tell_count(struct decision *d, struct str where, const char *rule,
		       const char *words, const struct count_within *c)
{
	decide_explain(d, where, rule, 0, true, words);
	decide_add(d, "%u within ", c->count);
	decide_span(d, c->within_ms);
}

static void write_opening(struct decision *d)
{
	const struct body *b = &d->policy->body;
	struct verdict *v = &d->v;

	if (b->open_after > 0) {
		v->open_after_ms = b->open_after;
		tell(d, "open_after", "opens once ALARM has lasted ",
		     b->open_after);
	}
	if (b->open_when && b->open_when->count) {
		v->open_when = *b->open_when;
		tell_count(d, d->policy->where, "open_when",
			   "opens at ALARM number ", &v->open_when);
	}
	if (b->flap && b->flap->transitions.count) {
		v->flap = b->flap->transitions;
		v->flap_quiet_ms = b->flap->quiet;
		tell_count(d, d->policy->where, "flap",
			   "one incident stays open from change of "
			   "state number ",
			   &v->flap);
	}
}

/* A field that `by` misses: no grouping. */
static bool write_group(struct decision *d)
{
	const struct group *g = d->policy->body.group;
	struct buf key = BUF_INIT(TEMPLATE_MAX + 256);

	if (!g || !g->by)
		return false;
	if (!decide_render(d, g->by)) {
		decide_explain(d, g->where, "group", 0, false,
			       "a field of `by` is missing: no grouping");
		return false;
	}
	buf_printf(&key, "group/%.*s/%.*s/", STR_ARG(d->facts.team),
		   STR_ARG(d->policy->id));
	buf_put_str(&key, buf_str(&d->text));
	if (buf_error(&key))
		d->run.error = buf_error(&key);
	d->v.dedup_key = bounded_key(d, &key);
	d->v.group_within_ms = g->within;
	buf_fini(&key);
	decide_explain(d, g->where, "group", 0, true, "joins ");
	decide_add(d, "\"%.*s\"", STR_ARG(d->v.dedup_key));
	return true;
}

static void tell_escalation(struct decision *d, const struct raise *r,
			    const struct escalation *e)
{
	if (!d->trace)
		return;
	decide_explain(d, r->where, "escalate", 0, true, "after ");
	decide_span(d, r->after);
	decide_add(d, "%s", r->unless ? ", unless acknowledged" : "");
	if (e->raise_to)
		decide_add(d, ": raises to P%d", e->raise_to);
}

/* What guards would cap is no higher in the end either. */
static void write_escalate(struct decision *d)
{
	const struct escalate *from = d->policy->body.escalate;
	struct escalation *list;

	if (!from || !from->count)
		return;
	list = arena_array(d->arena, from->count, sizeof(*list));
	if (!list)
		return;
	for (size_t i = 0; i < from->count; i++) {
		const struct raise *r = &from->list[i];
		struct escalation *e = &list[i];

		e->after_ms = r->after;
		e->unless_acknowledged = r->unless == 1;
		e->raise_to = r->to ? decide_cap(d, r->to) : 0;
		if (r->note) {
			decide_render(d, r->note);
			e->note = text_block(d->arena, buf_str(&d->text),
					     NOTE_BYTES);
		}
		tell_escalation(d, r, e);
	}
	d->v.escalate = list;
	d->v.escalate_count = from->count;
}

static void write_limit(struct decision *d)
{
	const struct rule_file *f = d->set->platform;

	if (!f || !f->limit.count || d->v.priority == 1)
		return;
	d->v.limit = f->limit;
	tell_count(d, f->limit_where, "limits",
		   "the team's parent incident takes what is beyond ",
		   &f->limit);
}

/* What entries that hold behind this policy's incidents may compare. */
static void write_context(struct decision *d)
{
	const struct policy *p = d->policy;
	struct buf b = BUF_INIT(65536);

	if (!p->behind)
		return;
	buf_printf(&b, "team=%.*s\n", STR_ARG(d->facts.team));
	for (size_t i = 0; i < p->compared_count; i++) {
		struct str s = facts_get(&d->facts, p->compared[i]);

		if (s.p)
			buf_printf(&b, "%.*s=%.*s\n",
				   STR_ARG(p->compared[i]->path),
				   STR_ARG(decide_line(d, s, DECIDE_COMPARED)));
	}
	if (buf_error(&b))
		d->run.error = buf_error(&b);
	d->v.context = arena_str(d->arena, buf_str(&b));
	buf_fini(&b);
}

/*
 * Rules say whose a drill is and how it reads, as of any alarm. But one that is
 * meant for others must not keep it from coming through, and back to OK.
 */
static void write_drill(struct decision *d)
{
	struct verdict *v = &d->v;

	v->resolve = true;
	v->resolve_note_only = false;
	v->resolve_stable_ms = 0;
	v->reopen_within_ms = 0;
	decide_explain(d, STR("built-in"), "drill", 0, true,
		       "tocsin's own: P4, by its own key; never held, "
		       "gathered, counted or escalated, resolved on OK");
}

/* All that makes an alarm wait, or another's. Is it grouped? */
static bool write_gathering(struct decision *d)
{
	if (d->drill) {
		write_drill(d);
		return false;
	}
	write_opening(d);
	write_escalate(d);
	write_limit(d);
	write_context(d);
	return write_group(d);
}

void write_verdict(struct decision *d)
{
	const struct body *b = &d->policy->body;
	struct verdict *v = &d->v;
	bool grouped;

	v->team = d->facts.team;
	v->policy = d->policy->id;
	v->where = d->policy->where;
	v->file = d->file ? d->file->base : STR("built-in");
	v->severity = d->facts.severity;
	v->priority = d->facts.priority;
	v->env = d->facts.env;
	if (d->facts.ci) {
		v->ci_id = d->ci.id;
		v->ci_name = d->ci.name;
	}
	v->category = line_of(d, b->category, "monitoring");
	v->subcategory = line_of(d, b->subcategory, "cloudwatch");
	v->assignment_group =
		line_of(d, b->assignment_group, "Platform Engineering");
	v->runbook = b->runbook ? line_of(d, b->runbook, "") : STR_NONE;
	write_handling(d);
	grouped = write_gathering(d);
	if (!grouped)
		write_key(d);
	if (d->in->brief)
		return;
	write_title(d, grouped ? b->group->short_description : NULL);
	write_fields(d);
	write_description(d);
	write_enrich(d);
}
