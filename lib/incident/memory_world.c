/* What the engine asks, answered from memory. */
#include <errno.h>

#include "incident/memory_private.h"

static void fill(struct situation *out, struct memory *m, bool mine)
{
	struct kept_incident *k = m->at;

	*out = (struct situation){
		.incident = k ? &k->i : NULL,
		.member = m->member ? &m->member->m : NULL,
	};
	if (!k)
		return;
	out->others_firing = k->firing - mine;
	if (k->waiting)
		out->tail_note = &k->note;
}

/* A group's own alarms stay, the time in which it takes others being over. */
static bool keeps(const struct memory *m, const struct kept_incident *k,
		  const struct member *x)
{
	if (k->i.state != INCIDENT_OPEN)
		return false;
	return !k->i.group_ms || m->now_ms < k->i.group_ms ||
	       x->state == ALARM_FIRING;
}

static int situation(struct situation *out, struct str subject, struct str key,
		     bool others, bool tally, void *arg)
{
	struct memory *m = arg;
	const struct member *x;

	(void)others;
	m->subject = subject;
	m->member = map_get(m->by_subject, subject);
	m->at = NULL;
	x = m->member ? &m->member->m : NULL;
	if (x && x->incident && keeps(m, m->incidents[x->incident - 1], x))
		m->at = m->incidents[x->incident - 1];
	else
		m->at = map_get(m->by_key, key);
	fill(out, m, x && x->incident && m->at &&
		     x->incident == m->at->i.id && x->state == ALARM_FIRING);
	if (tally)
		out->tally = map_get(m->tallies, key);
	return 0;
}

static int timer(struct situation *out, int64_t incident, void *arg)
{
	struct memory *m = arg;

	m->subject = STR_NONE;
	m->member = NULL;
	m->at = m->incidents[incident - 1];
	fill(out, m, false);
	return 0;
}

static int opened(unsigned *out, struct str team, int64_t since_ms, void *arg)
{
	const struct memory *m = arg;

	*out = 0;
	for (size_t n = m->incident_count; n; n--) {
		const struct incident *i = &m->incidents[n - 1]->i;

		if (i->opened_ms < since_ms)
			break;
		*out += !i->parent && str_eq(i->team, team);
	}
	return 0;
}

/* Of the form that a keyed hash has in the daemon; nobody searches for it. */
static int marker(struct str *out, struct arena *arena, struct str key,
		  void *arg)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	(void)arg;
	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * UINT64_C(0x100000001b3);
	*out = arena_printf(arena, MARKER_PREFIX "%016llx",
			    (unsigned long long)h);
	return arena_error(arena);
}

static enum ci_answer change(struct rule_change *out, struct arena *arena,
			     struct str ci_id, const struct str *states,
			     size_t state_count, void *arg)
{
	const struct memory *m = arg;

	return m->change ? m->change(out, arena, ci_id, states, state_count,
				     m->change_arg) : CI_NONE;
}

static int is_open(struct str *out, struct arena *arena, struct str policy,
		   const struct field *same, size_t same_count, void *arg)
{
	const struct memory *m = arg;

	for (const struct kept_incident *k = m->open; k; k = k->next_open) {
		if (!str_eq(k->i.policy, policy) ||
		    !incident_context_has(k->i.context, same, same_count))
			continue;
		*out = arena_str(arena, k->i.remote);
		return arena_error(arena) ? -ENOMEM : 1;
	}
	return 0;
}

void memory_world_init(struct memory *m)
{
	m->world = (struct world){ situation, timer, opened, marker, m };
	m->holds = (struct hold_source){ .change = change, .open = is_open,
					 .arg = m };
}
