/* What holds an alarm back: suppress entries and silences, under guards. */
#include "base/clock.h"
#include "base/encode.h"
#include "rule/decide.h"

/* How soon to ask again of what doesn't say when it ends. */
#define ASK_AGAIN_MS 60000

/* ---- what guards say, asked once and only where something would hold ---- */

static void bind(struct decision *d)
{
	const struct rule_file *f = d->set->platform;

	d->bound = true;
	d->longest_ms = INT64_MAX;
	for (size_t i = 0; f && f->binds && i < f->guard_count; i++) {
		const struct guard *g = &f->guards[i];

		if ((!g->forbid && !g->max_window) ||
		    !match_run(&g->match, &d->run))
			continue;
		if (g->forbid && !d->forbidden)
			d->forbidden = g;
		if (!g->max_window || g->max_window >= d->longest_ms)
			continue;
		d->longest_ms = g->max_window;
		d->shortest = g;
	}
}

/* The step traced last matched, yet holds nothing. */
static bool passed_over(struct decision *d, const char *why)
{
	decide_add(d, "; %s: holds nothing", why);
	if (d->trace && d->trace->count)
		d->trace->steps[d->trace->count - 1].matched = false;
	return false;
}

static bool guarded(struct decision *d, const struct guard *g, const char *how)
{
	passed_over(d, how);
	decide_add(d, " (%.*s, %.*s)", STR_ARG(g->id), STR_ARG(g->where));
	if (d->trace)
		trace_add(d->trace, g->where,
			  arena_printf(d->trace->arena, "hold guard %.*s",
				       STR_ARG(g->id)),
			  true, str_from(how));
	return false;
}

static bool allowed(struct decision *d)
{
	if (!d->bound)
		bind(d);
	return !d->forbidden ||
	       guarded(d, d->forbidden, "forbidden by a guard");
}

/* Of all that hold, the one that ends last. */
static void weigh(struct decision *d, const struct hold *h)
{
	struct buf b = BUF_INIT(64);

	if (d->v.hold.kind == HOLD_NONE || h->until_ms > d->v.hold.until_ms)
		d->v.hold = *h;
	if (!d->trace)
		return;
	clock_put_seconds(&b, h->until_ms);
	decide_add(d, "; holds: %.*s, %s %.*s", STR_ARG(h->about),
		   h->kind == HOLD_CHANGE || h->kind == HOLD_INCIDENT
			   ? "looked at again at"
			   : "until",
		   STR_ARG(buf_str(&b)));
	buf_fini(&b);
}

/* ---- the three conditions ---- */

static bool in_window(struct decision *d, const struct suppress *s,
		      struct hold *h)
{
	const struct window *w = s->window;
	struct span span = { 0, 0 };

	if (!window_inside(w, d->in->now_ms, d->longest_ms, &span)) {
		if (d->trace && d->shortest &&
		    window_inside(w, d->in->now_ms, INT64_MAX, &span))
			return guarded(d, d->shortest,
				       "a guard lets no window count for so "
				       "long");
		return passed_over(d, "outside of its window");
	}
	h->kind = HOLD_WINDOW;
	h->until_ms = span.ends_ms;
	h->about = arena_printf(d->arena, "window %.*s", STR_ARG(w->name));
	return true;
}

/* An open change of the CI, for people. */
static enum ci_answer ask_change(struct decision *d, struct str *out,
				 const struct str *states, size_t count)
{
	const struct hold_source *source = d->in->holds;
	struct rule_change c = { .id = STR_NONE };
	enum ci_answer answer;

	answer = source->change(&c, d->arena, d->ci.id, states, count,
				source->arg);
	if (answer == CI_PENDING)
		d->v.hold_pending = true;
	if (answer != CI_FOUND)
		return answer;
	*out = decide_line(d,
			   c.title.n ? arena_printf(d->arena, "%.*s %.*s",
						    STR_ARG(c.id),
						    STR_ARG(c.title))
				     : c.id,
			   DECIDE_LINE);
	return answer;
}

static const char *why_no_change(enum ci_answer answer)
{
	return answer == CI_PENDING  ? "the look-up isn't answered yet"
	       : answer == CI_FAILED ? "the look-up failed"
				     : "no such change is open on the CI";
}

static bool in_change(struct decision *d, const struct suppress *s,
		      struct hold *h)
{
	enum ci_answer answer;

	if (!d->in->holds || !d->in->holds->change)
		return passed_over(d, "no changes to ask for");
	if (!d->facts.ci || !d->ci.id.n)
		return passed_over(d, "no CI is known");
	answer = ask_change(d, &h->about, s->states, s->state_count);
	if (answer != CI_FOUND)
		return passed_over(d, why_no_change(answer));
	h->kind = HOLD_CHANGE;
	h->until_ms = d->in->now_ms + ASK_AGAIN_MS;
	d->v.change = h->about;
	return true;
}

/* The values that are to be the same, the team first: ids of policies are
 * unique in a file. NULL: the alarm lacks one. */
static const struct field *same_of(struct decision *d, const struct suppress *s)
{
	struct field *list =
		arena_array(d->arena, s->same_count + 1, sizeof(*list));

	if (!list)
		return NULL;
	list[0] = (struct field){ STR("team"), d->facts.team };
	for (size_t i = 0; i < s->same_count; i++) {
		struct str value = facts_get(&d->facts, s->same[i]);

		if (!value.p)
			return NULL;
		list[i + 1].name = s->same[i]->path;
		list[i + 1].value = decide_line(d, value, DECIDE_COMPARED);
	}
	return list;
}

static bool behind_incident(struct decision *d, const struct suppress *s,
			    struct hold *h)
{
	const struct hold_source *source = d->in->holds;
	const struct field *same;
	int rc;

	if (d->policy == s->policy)
		return passed_over(d, "that policy decides this alarm itself");
	if (!source || !source->open)
		return passed_over(d, "no incidents to ask for");
	same = same_of(d, s);
	if (!same)
		return passed_over(d, "a field that `same` compares is "
				      "missing");
	rc = source->open(&h->about, d->arena, s->policy->id, same,
			  s->same_count + 1, source->arg);
	if (rc < 0)
		return passed_over(d, "the look-up failed");
	if (!rc)
		return passed_over(d, "no such incident is open");
	h->kind = HOLD_INCIDENT;
	h->until_ms = d->in->now_ms + ASK_AGAIN_MS;
	return true;
}

static void weigh_entry(struct decision *d, const struct suppress *s)
{
	struct hold h = { .id = s->id, .where = s->where };
	bool holds;

	if (!decide_match(d, &s->match, s->where, "suppress", 0, s->id))
		return;
	if (s->never_above && d->facts.priority < s->never_above) {
		passed_over(d, "its `never_above` is lower than the priority");
		return;
	}
	if (!allowed(d))
		return;
	holds = s->window   ? in_window(d, s, &h)
		: s->policy ? behind_incident(d, s, &h)
			    : in_change(d, s, &h);
	if (holds)
		weigh(d, &h);
}

/* ---- silences ---- */

static bool in_silence(struct decision *d, const struct silence *s,
		       struct hold *h)
{
	int64_t ends = s->ends_ms;

	if (d->longest_ms < ends - s->begins_ms)
		ends = s->begins_ms + d->longest_ms;
	if (d->in->now_ms >= ends)
		return guarded(d, d->shortest,
			       "a guard lets no silence count for so long");
	h->kind = HOLD_SILENCE;
	h->until_ms = ends;
	h->about = arena_printf(d->arena, "%.*s: %.*s", STR_ARG(s->owner),
				STR_ARG(s->reason));
	return true;
}

/* Their fields have slots of their own. */
static void weigh_silences(struct decision *d, const struct silences *list)
{
	struct facts facts = d->facts, *own = d->run.facts;

	facts.slots =
		arena_array(d->arena, list->slots + 1, sizeof(*facts.slots));
	if (!facts.slots)
		return;
	for (size_t i = 0; i < list->count; i++) {
		const struct silenced *s = &list->list[i];
		struct hold h = { .where = STR("silence") };
		bool yes;

		if (d->in->now_ms < s->silence.begins_ms ||
		    d->in->now_ms >= s->silence.ends_ms)
			continue;
		d->run.facts = &facts;
		yes = decide_match(d, &s->match, h.where, "silence", 0,
				   s->silence.id);
		d->run.facts = own;
		if (!yes || !allowed(d))
			continue;
		h.id = arena_str(d->arena, s->silence.id);
		if (in_silence(d, &s->silence, &h))
			weigh(d, &h);
	}
}

/* ---- require_change ---- */

/* Only what is known may be told: where the look-up fails, nothing is. */
static void require_change(struct decision *d)
{
	const struct hold_source *source = d->in->holds;
	enum ci_answer answer = CI_NONE;

	d->v.require_change = true;
	if (source && source->change && d->facts.ci && d->ci.id.n &&
	    !d->v.change.n)
		answer = ask_change(d, &d->v.change, NULL, 0);
	if (d->v.change.n)
		answer = CI_FOUND;
	else if (answer != CI_NONE || d->v.ci_pending)
		d->v.require_change = false;
	decide_explain(d, d->policy->where, "require_change", 0,
		       answer == CI_FOUND,
		       answer != CI_FOUND ? why_no_change(answer) : "found ");
	if (answer == CI_FOUND)
		decide_add(d, "%.*s", STR_ARG(d->v.change));
}

void decide_holds(struct decision *d)
{
	const struct rule_file *f = d->file;
	const struct silences *silences =
		d->in->holds ? d->in->holds->silences : NULL;

	/* An OK is never held, and asks nobody. */
	if (d->in->alarm->state == ALARM_OK || d->drill)
		return;
	for (size_t i = 0; f && i < f->suppress_count; i++)
		weigh_entry(d, &f->suppress[i]);
	if (silences && silences->count)
		weigh_silences(d, silences);
	if (d->policy->body.require_change == 1 && !d->in->brief)
		require_change(d);
}
