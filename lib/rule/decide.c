/* The stages of one decision, in the order of enum stage. */
#include <errno.h>
#include <stdlib.h>

#include "base/encode.h"
#include "rule/digest.h"
#include "rule/set.h"
#include "rule/text.h"

#define LINE_MAX 250 /* characters of a one-line field */
#define FIELD_BYTES 16384
#define DESCRIPTION_BYTES 32768

struct decision {
	const struct ruleset *set;
	const struct decision_input *in;
	struct arena *arena;
	struct trace *trace;
	const struct rule_file *file; /* whose rules decide; NULL: none */
	const struct policy *policy;
	struct facts facts;
	struct run run;
	struct ci ci;
	struct buf text; /* what a template gives */
	struct verdict v;
};

static void explain(struct decision *d, struct str where, const char *rule,
		    size_t n, bool matched, const char *because)
{
	if (!d->trace)
		return;
	trace_add(d->trace, where,
		  n ? arena_printf(d->trace->arena, "%s[%zu]", rule, n)
		    : str_from(rule),
		  matched, str_from(because));
}

/* More about the step that was traced last. */
static void explain_more(struct decision *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void explain_more(struct decision *d, const char *fmt, ...)
{
	struct buf b = BUF_INIT(40000);
	struct trace_step *last;
	va_list ap;

	if (!d->trace || !d->trace->count)
		return;
	last = &d->trace->steps[d->trace->count - 1];
	buf_put_str(&b, last->because);
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	last->because = arena_str(d->trace->arena, buf_str(&b));
	buf_fini(&b);
}

/* Does m match? Traced under "rule[n]", or "rule id". */
static bool try_match(struct decision *d, const struct match *m,
		      struct str where, const char *rule, size_t n,
		      struct str id)
{
	bool yes = match_run(m, &d->run);

	if (d->trace)
		trace_match(d->trace, where,
			    id.p ? arena_printf(d->trace->arena, "%s %.*s",
						rule, STR_ARG(id))
				 : arena_printf(d->trace->arena, "%s[%zu]",
						rule, n),
			    m, &d->run);
	return yes;
}

/* The template's text in d->text; false where a field is missing. */
static bool render(struct decision *d, const struct template *t)
{
	size_t missing;

	buf_reset(&d->text);
	missing = template_render(t, &d->facts, &d->text);
	if (buf_error(&d->text))
		d->run.error = buf_error(&d->text);
	return missing == 0 && d->text.n > 0;
}

static bool plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return false;
	return true;
}

static struct str line(struct decision *d, struct str s, size_t max)
{
	return s.n <= max && plain(s) ? arena_str(d->arena, s)
				      : text_line(d->arena, s, max);
}

/* One line from a template; fallback where there is none or it is blank. */
static struct str line_of(struct decision *d, const struct template *t,
			  const char *fallback)
{
	struct str s = t ? template_literal(t) : str_from(fallback);

	if (s.p && s.n <= LINE_MAX && plain(s))
		return s;
	if (t)
		render(d, t);
	s = line(d, t ? str_trim(buf_str(&d->text)) : s, LINE_MAX);
	return s.n ? s : str_from(fallback);
}

/* ---- severity and env ---- */

/* The text that entry gives, where it holds; STR_NONE: go on. */
static struct str choose(struct decision *d, const struct choice *c,
			 const char *rule, size_t n)
{
	struct str word;

	if (c->otherwise)
		explain(d, c->where, rule, n, true, "else");
	else if (!try_match(d, &c->match, c->where, rule, n, STR_NONE))
		return STR_NONE;
	if (!render(d, c->set)) {
		explain_more(d, "; passed over, as a field that it sets from "
				"is missing");
		return STR_NONE;
	}
	word = line(d, buf_str(&d->text), LINE_MAX);
	explain_more(d, "; sets \"%.*s\"", STR_ARG(word));
	return word;
}

static void decide_env(struct decision *d)
{
	const struct rule_file *f = d->set->platform;

	for (size_t i = 0; f && !d->facts.env.p && i < f->env_count; i++)
		d->facts.env = choose(d, &f->env[i], "env", i + 1);
}

static void decide_severity(struct decision *d)
{
	const struct rule_file *f = d->file;

	for (size_t i = 0; f && i < f->severity_count; i++) {
		const struct choice *c = &f->severity[i];
		struct str word = choose(d, c, "severity", i + 1);

		d->facts.severity = severity_of(word);
		if (d->facts.severity != SEVERITY_NONE)
			return;
		if (word.p)
			explain_more(d, ", which is no severity: passed over");
	}
	d->facts.severity = builtin_severity(d->in->alarm);
	explain(d, STR("built-in"), "severity", 0, true,
		!d->in->alarm->severity.n ? "the alarm names none: medium"
		: severity_of(d->in->alarm->severity) == SEVERITY_NONE
			? "the alarm's own is no known one: medium"
			: "the alarm's own");
}

/* ---- ci ---- */

static int by_key(const void *key, const void *entry)
{
	const struct ci_entry *e = entry;

	return str_cmp(*(const struct str *)key, e->from);
}

static const char *ask(struct decision *d, const struct ci_step *s)
{
	const struct ci_source *source = d->in->cis;

	if (!source)
		return "no CMDB to ask";
	switch (source->find(&d->ci, d->arena, s->field,
			     arena_str(d->arena, buf_str(&d->text)),
			     source->arg)) {
	case CI_FOUND:
		return NULL;
	case CI_NONE:
		return "not exactly one live CI is found";
	case CI_PENDING:
		d->v.ci_pending = true;
		return "not answered yet";
	case CI_FAILED:
		break;
	}
	return "the look-up failed";
}

/* NULL: the CI is found; else why not. */
static const char *try_ci(struct decision *d, const struct ci_step *s)
{
	const struct ci_entry *e;
	struct str key;

	d->ci = (struct ci){ .id = STR_NONE };
	if (!render(d, s->value))
		return "a field is missing";
	if (s->kind == CI_STEP_WHERE)
		return ask(d, s);
	if (s->kind == CI_STEP_MAP) {
		key = buf_str(&d->text);
		e = s->count ? bsearch(&key, s->entries, s->count,
				       sizeof(*s->entries), by_key)
			     : NULL;
		if (!e)
			return "the map has no such key";
		d->ci.id = e->to;
		return NULL;
	}
	d->ci.id = line(d, buf_str(&d->text), LINE_MAX);
	return NULL;
}

static void decide_ci(struct decision *d)
{
	const struct rule_file *f = d->file;
	const char *why = "no look-up";

	if (!f || !f->ci_given) {
		if (!d->in->alarm->ci_id.n)
			return;
		d->ci.id = line(d, d->in->alarm->ci_id, LINE_MAX);
		d->facts.ci = &d->ci;
		explain(d, STR("built-in"), "ci", 0, true,
			"the alarm's own "
			"stackflow_ci_id");
		return;
	}
	for (size_t i = 0; why && i < f->ci_count; i++) {
		why = try_ci(d, &f->ci[i]);
		explain(d, f->ci[i].where, "ci", i + 1, !why, why ? why : "");
		if (!why)
			explain_more(d, "found \"%.*s\"", STR_ARG(d->ci.id));
	}
	if (!why)
		d->facts.ci = &d->ci;
}

/* ---- claims and policies ---- */

static const struct policy *unclaimed(struct decision *d)
{
	const struct ruleset *r = d->set;

	if (r->empty && builtin_understood(d->in->alarm)) {
		explain(d, STR("built-in"), "policy built-in", 0, true,
			"there are no rules");
		return &r->builtin;
	}
	d->v.catch_all = true;
	explain(d, r->catch_all.where, "catch-all", 0, true,
		r->empty ? "the message is of no known kind"
			 : "no file claims it");
	return &r->catch_all;
}

/* For explain: the same policies, one by one. */
static void trace_policies(struct decision *d, size_t hit)
{
	for (size_t i = 0; i <= hit; i++) {
		const struct policy *p = &d->file->policies[i];

		try_match(d, &p->match, p->where, "policy", 0, p->id);
	}
}

/* A file's last policy matches everything. */
static const struct policy *first_policy(struct decision *d)
{
	const struct rule_file *f = d->file;
	size_t hit = chain_run(&f->chain, f->policy_count - 1, &d->run);

	if (d->trace)
		trace_policies(d, hit);
	return &f->policies[hit];
}

static void decide_owner(struct decision *d)
{
	const struct rule_file *owner =
		claims_decide(d->set, &d->run, d->trace);

	d->file = owner ? owner : d->set->platform;
	d->facts.team = d->file ? d->file->team : STR("platform");
	d->policy = owner ? NULL : unclaimed(d);
}

static void decide_policy(struct decision *d)
{
	if (!d->policy)
		d->policy = first_policy(d);
	if (!d->in->again)
		atomic_fetch_add_explicit(&d->set->hits[d->policy->hit], 1,
					  memory_order_relaxed);
	if (d->policy->body.severity)
		d->facts.severity = (enum severity)d->policy->body.severity;
}

/* ---- priority and guards ---- */

static void decide_priority(struct decision *d)
{
	int p = d->policy->body.priority;

	if (!p && d->file)
		p = d->file->priority[d->facts.severity];
	d->facts.priority = p ? p : builtin_priority(d->facts.severity);
}

static void decide_guards(struct decision *d)
{
	const struct rule_file *f = d->set->platform;

	for (size_t i = 0; f && i < f->guard_count; i++) {
		const struct guard *g = &f->guards[i];

		if (!try_match(d, &g->match, g->where, "guard", 0, g->id) ||
		    d->facts.priority >= g->max_priority)
			continue;
		explain_more(d, "; P%d becomes P%d", d->facts.priority,
			     g->max_priority);
		d->facts.priority = g->max_priority;
	}
}

/* ---- what the incident says ---- */

/* A long key keeps its front, for people, and is told apart by a hash. */
static struct str bounded_key(struct decision *d, struct buf *key)
{
	struct str whole = buf_str(key);
	struct buf out = BUF_INIT(DEDUP_KEY_MAX + 1);
	struct digest *sum;
	struct str s;

	if (whole.n <= DEDUP_KEY_MAX && plain(whole))
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
	if (key->key)
		template_render(key->key, &d->facts, &d->text);
	if (str_trim(buf_str(&d->text)).n == 0) {
		buf_reset(&d->text);
		builtin_dedup_key(&d->text, d->in->alarm);
	}
	if (buf_error(&d->text))
		d->run.error = buf_error(&d->text);
	d->v.dedup_key = bounded_key(d, &d->text);
}

static void write_title(struct decision *d)
{
	const struct template *t = d->policy->body.short_description;
	struct str s = STR_NONE;

	if (t) {
		render(d, t);
		s = line(d, str_trim(buf_str(&d->text)), SHORT_DESCRIPTION_MAX);
	}
	if (!s.n) {
		buf_reset(&d->text);
		builtin_short_description(&d->text, d->in->alarm);
		s = line(d, buf_str(&d->text), SHORT_DESCRIPTION_MAX);
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
		render(d, b->fields[i].value);
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
	v->resolve_stable_ms = 0;
	v->reopen_within_ms =
		b->reopen_within < 0 ? 86400000 : b->reopen_within;
	v->still_firing = b->still_firing < 0
				  ? STILL_NEW
				  : (enum still_firing)b->still_firing;
}

static void write_verdict(struct decision *d)
{
	const struct body *b = &d->policy->body;
	struct verdict *v = &d->v;

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
	write_key(d);
	if (d->in->brief)
		return;
	write_title(d);
	write_fields(d);
	write_description(d);
}

int ruleset_decide(struct verdict *out, const struct ruleset *r,
		   const struct decision_input *in, struct arena *arena)
{
	struct decision d = {
		.set = r, .in = in, .arena = arena, .trace = in->trace
	};
	int rc;

	d.facts.alarm = in->alarm;
	d.facts.arena = arena;
	d.facts.slots =
		arena_array(arena, r->slots + 1, sizeof(*d.facts.slots));
	if (!d.facts.slots)
		return -ENOMEM;
	d.run.facts = &d.facts;
	d.run.pool = (struct regex_pool *)&r->pool;
	buf_init(&d.text, TEMPLATE_MAX);

	decide_env(&d);
	decide_owner(&d);
	decide_ci(&d);
	decide_severity(&d);
	decide_policy(&d);
	decide_priority(&d);
	decide_guards(&d);
	write_verdict(&d);

	run_fini(&d.run);
	buf_fini(&d.text);
	rc = d.run.error ? d.run.error : arena_error(arena);
	if (rc)
		return -ENOMEM;
	*out = d.v;
	return 0;
}
