/* The stages of one decision, in the order of enum stage. */
#include "rule/decide.h"

#include <errno.h>
#include <stdlib.h>

#include "alarm/drill.h"
#include "base/encode.h"
#include "rule/text.h"

/* ---- severity and env ---- */

/* The text that entry gives, where it holds; STR_NONE: go on. */
static struct str choose(struct decision *d, const struct choice *c,
			 const char *rule, size_t n)
{
	struct str word;

	if (c->otherwise)
		decide_explain(d, c->where, rule, n, true, "else");
	else if (!decide_match(d, &c->match, c->where, rule, n, STR_NONE))
		return STR_NONE;
	if (!decide_render(d, c->set)) {
		decide_add(d, "; passed over, as a field that it sets from "
			      "is missing");
		return STR_NONE;
	}
	word = decide_line(d, buf_str(&d->text), DECIDE_LINE);
	decide_add(d, "; sets \"%.*s\"", STR_ARG(word));
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
			decide_add(d, ", which is no severity: passed over");
	}
	d->facts.severity = builtin_severity(d->in->alarm);
	d->guessed = severity_of(d->in->alarm->severity) == SEVERITY_NONE;
	decide_explain(d, STR("built-in"), "severity", 0, true,
		       !d->in->alarm->severity.n
			       ? "the alarm names none: medium"
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
	if (!decide_render(d, s->value))
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
	d->ci.id = decide_line(d, buf_str(&d->text), DECIDE_LINE);
	return NULL;
}

static void decide_ci(struct decision *d)
{
	const struct rule_file *f = d->file;
	const char *why = "no look-up";

	if (!f || !f->ci_given) {
		if (!d->in->alarm->ci_id.n)
			return;
		d->ci.id = decide_line(d, d->in->alarm->ci_id, DECIDE_LINE);
		d->facts.ci = &d->ci;
		decide_explain(d, STR("built-in"), "ci", 0, true,
			       "the alarm's own "
			       "stackflow_ci_id");
		return;
	}
	for (size_t i = 0; why && i < f->ci_count; i++) {
		why = try_ci(d, &f->ci[i]);
		decide_explain(d, f->ci[i].where, "ci", i + 1, !why,
			       why ? why : "");
		if (!why)
			decide_add(d, "found \"%.*s\"", STR_ARG(d->ci.id));
	}
	if (!why)
		d->facts.ci = &d->ci;
}

/* ---- claims and policies ---- */

static const struct policy *unclaimed(struct decision *d)
{
	const struct ruleset *r = d->set;

	if (str_is(str_from(d->in->alarm->source), "tocsin")) {
		decide_explain(d, STR("built-in"), "policy tocsin", 0, true,
			       "no file claims what tocsin says of itself");
		return &r->own;
	}
	if (r->empty && builtin_understood(d->in->alarm)) {
		decide_explain(d, STR("built-in"), "policy built-in", 0, true,
			       "there are no rules");
		return &r->builtin;
	}
	d->v.catch_all = true;
	decide_explain(d, r->catch_all.where, "catch-all", 0, true,
		       r->empty ? "the message is of no known kind"
				: "no file claims it");
	return &r->catch_all;
}

/* For explain: the same policies, one by one. */
static void trace_policies(struct decision *d, size_t hit)
{
	for (size_t i = 0; i <= hit; i++) {
		const struct policy *p = &d->file->policies[i];

		decide_match(d, &p->match, p->where, "policy", 0, p->id);
	}
}

/* A file's last policy matches everything. */
static const struct policy *first_policy(struct decision *d)
{
	const struct rule_file *f = d->file;
	size_t last = f->policy_count - 1, hit;

	if (f->index.count) {
		hit = index_first(&f->index, &d->run);
		hit = hit < last ? hit : last;
	} else {
		hit = chain_run(&f->chain, last, &d->run);
	}
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

	if (d->drill)
		p = 4;
	/* What `self_alerts` says is meant as it stands. */
	if (!p && d->file && d->policy != &d->set->own)
		p = d->file->priority[d->facts.severity];
	d->facts.priority = p ? p : builtin_priority(d->facts.severity);
}

int decide_cap(struct decision *d, int priority)
{
	const struct rule_file *f = d->set->platform;
	int before = d->facts.priority;

	d->facts.priority = priority;
	for (size_t i = 0; f && i < f->guard_count; i++) {
		const struct guard *g = &f->guards[i];

		if (!g->max_priority ||
		    !decide_match(d, &g->match, g->where, "guard", 0, g->id) ||
		    d->facts.priority >= g->max_priority)
			continue;
		decide_add(d, "; P%d becomes P%d", d->facts.priority,
			   g->max_priority);
		d->facts.priority = g->max_priority;
	}
	priority = d->facts.priority;
	d->facts.priority = before;
	return priority;
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
	d.drill = drill_alarm_is(in->alarm);

	decide_env(&d);
	decide_owner(&d);
	decide_ci(&d);
	decide_severity(&d);
	decide_policy(&d);
	decide_priority(&d);
	d.facts.priority = decide_cap(&d, d.facts.priority);
	decide_holds(&d);
	write_verdict(&d);

	run_fini(&d.run);
	buf_fini(&d.text);
	rc = d.run.error ? d.run.error : arena_error(arena);
	if (rc)
		return -ENOMEM;
	*out = d.v;
	return 0;
}
