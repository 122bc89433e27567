/* Incidents of many alarms: groups, and a team's parent beyond its limit. */
#include "incident/step.h"

#include "incident/text.h"

/* What a parent lists is told, whatever the policies' budgets are. */
#define PARENT_NOTES 100000

/* Its time is over, for an alarm that isn't in ALARM in it. */
bool group_over(const struct step *st)
{
	const struct incident *i = st->s->incident;
	const struct member *m = st->s->member;

	if (!i->group_ms || st->now_ms < i->group_ms)
		return false;
	return !m || m->wait || m->state != ALARM_FIRING ||
	       m->incident != i->id;
}

bool group_shared(const struct incident *i)
{
	return i->group_ms || i->parent;
}

void group_parent(struct verdict *out, const struct verdict *v,
		  const struct alarm *a, struct arena *arena)
{
	struct str span = text_span(arena, v->limit.within_ms);

	*out = (struct verdict){
		.team = v->team,
		.policy = STR("limits"),
		.where = v->where,
		.file = v->file,
		.severity = v->severity,
		.priority = v->priority,
		.env = v->env,
		.dedup_key = arena_printf(arena, "limit/%.*s",
					  STR_ARG(v->team)),
		.short_description = arena_printf(
			arena, "%.*s: more than %u incidents within %.*s",
			STR_ARG(v->team), v->limit.count, STR_ARG(span)),
		.category = v->category,
		.subcategory = v->subcategory,
		.assignment_group = v->assignment_group,
		.insufficient = v->insufficient,
		.notes_every_ms = v->notes_every_ms,
		.notes_max = PARENT_NOTES,
		.resolve = true,
		.reopen_within_ms = v->limit.within_ms,
		.still_firing = v->still_firing,
	};
	out->description = arena_printf(
		arena, "The limit of %u new incidents of %.*s within %.*s is "
		"reached.\nFurther alarms join this incident, and its notes "
		"list them, until\nfewer are opened. P1 still opens its own."
		"\n\n%.*s\n", v->limit.count, STR_ARG(v->team), STR_ARG(span),
		STR_ARG(text_listed(arena, a, v->priority)));
}
