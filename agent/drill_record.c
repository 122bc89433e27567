#include "agent/drill_record.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/encode.h"
#include "doc/json.h"
#include "doc/jsonw.h"

static const struct {
	const char *name, *missing;
} hops[HOPS] = {
	[HOP_PUBLISHED] = { "published", "SNS didn't take it" },
	[HOP_RECEIVED] = { "received", "it was published, but no message of "
				       "it came" },
	[HOP_JOURNALED] = { "journaled", "it came, but wasn't journaled" },
	[HOP_DECIDED] = { "decided", "it is journaled, but not decided" },
	[HOP_INCIDENT] = { "incident", "it is decided, but StackFlow has no "
				       "incident of it" },
	[HOP_RESOLVED] = { "resolved", "its incident is there, but not "
				       "resolved: its OK didn't come through" },
};

static const char *const states[] = {
	[DRILL_NONE] = "none",
	[DRILL_UNDER_WAY] = "under way",
	[DRILL_CAME] = "came through",
	[DRILL_LATE] = "late",
};

const char *drill_hop_name(enum drill_hop hop)
{
	return hops[hop].name;
}

const char *drill_state_name(enum drill_state s)
{
	return states[s];
}

void drill_begin(struct drill_record *r, struct str id, struct str topic,
		 int64_t now_ms, int64_t within_ms)
{
	*r = (struct drill_record){ .state = DRILL_UNDER_WAY,
				    .started_ms = now_ms,
				    .within_ms = within_ms };
	utf8_keep(r->id, sizeof(r->id), id);
	utf8_keep(r->topic, sizeof(r->topic), topic);
}

enum drill_hop drill_next(const struct drill_record *r)
{
	int i = 0;

	while (i < HOPS && r->at[i])
		i++;
	return (enum drill_hop)i;
}

int64_t drill_hop_ms(const struct drill_record *r, enum drill_hop hop)
{
	int64_t before = hop ? r->at[hop - 1] : r->started_ms;

	if (!r->at[hop])
		return -1;
	/* SNS may deliver before it answers; and clocks are set back. */
	return r->at[hop] > before ? r->at[hop] - before : 0;
}

int64_t drill_took_ms(const struct drill_record *r)
{
	enum drill_hop next = drill_next(r);
	int64_t ms = next ? r->at[next - 1] - r->started_ms : 0;

	return ms > 0 ? ms : 0;
}

bool drill_judge(struct drill_record *r, int64_t now_ms)
{
	bool all = drill_next(r) == HOPS;

	if (!all && now_ms - r->started_ms <= r->within_ms)
		return false;
	r->state = all && drill_took_ms(r) <= r->within_ms ? DRILL_CAME
							   : DRILL_LATE;
	return true;
}

void drill_put_why(struct buf *out, const struct drill_record *r)
{
	enum drill_hop next = drill_next(r);

	if (next == HOPS) {
		buf_puts(out, "it came through only after ");
		clock_put_span(out, drill_took_ms(r));
	} else {
		buf_puts(out, hops[next].missing);
		buf_puts(out, " within ");
		clock_put_span(out, r->within_ms);
	}
	if (r->problem[0])
		buf_printf(out, ": %s", r->problem);
}

static void put_hops(struct jsonw *w, const struct drill_record *r)
{
	jsonw_key(w, "hops");
	jsonw_array(w);
	for (int i = 0; i < HOPS; i++) {
		jsonw_object(w);
		jsonw_kcstr(w, "hop", hops[i].name);
		jsonw_ktime(w, "at", r->at[i]);
		jsonw_key(w, "seconds");
		if (r->at[i])
			jsonw_double(w, (double)drill_hop_ms(r, (enum drill_hop)
							     i) / 1000);
		else
			jsonw_null(w);
		jsonw_end_object(w);
	}
	jsonw_end_array(w);
}

void drill_put_record(struct jsonw *w, const struct drill_record *r)
{
	struct buf why = BUF_INIT(1024);

	if (r->state == DRILL_LATE)
		drill_put_why(&why, r);
	jsonw_object(w);
	jsonw_kcstr(w, "id", r->id);
	jsonw_kcstr(w, "state", states[r->state]);
	jsonw_kstr(w, "why", why.n ? buf_str(&why) : STR_NONE);
	jsonw_kcstr(w, "topic", r->topic);
	jsonw_ktime(w, "started_at", r->started_ms);
	jsonw_kint(w, "within_ms", r->within_ms);
	jsonw_key(w, "seconds");
	jsonw_double(w, (double)drill_took_ms(r) / 1000);
	jsonw_kcstr(w, "incident", r->incident[0] ? r->incident : NULL);
	put_hops(w, r);
	jsonw_ktime(w, "ok_at", r->ok_ms);
	jsonw_kbool(w, "ok_published", r->ok_sent);
	jsonw_kcstr(w, "problem", r->problem[0] ? r->problem : NULL);
	jsonw_end_object(w);
	buf_fini(&why);
}

bool drill_read_record(struct drill_record *out, const struct json *v)
{
	const struct json *list = json_get(v, "hops");
	struct str state = json_get_str(v, "state");
	struct drill_record r;
	int i = DRILL_UNDER_WAY;

	drill_begin(&r, json_get_str(v, "id"), json_get_str(v, "topic"),
		    json_get_time(v, "started_at"),
		    json_int(json_get(v, "within_ms"), 0));
	while (i <= DRILL_LATE && !str_is(state, states[i]))
		i++;
	if (i > DRILL_LATE || !r.id[0] || !r.started_ms)
		return false;
	r.state = (enum drill_state)i;
	r.ok_ms = json_get_time(v, "ok_at");
	r.ok_sent = json_bool(json_get(v, "ok_published"), false);
	for (size_t k = 0; k < HOPS && k < json_count(list); k++)
		r.at[k] = json_get_time(json_item(list, k), "at");
	utf8_keep(r.incident, sizeof(r.incident), json_get_str(v, "incident"));
	utf8_keep(r.problem, sizeof(r.problem), json_get_str(v, "problem"));
	*out = r;
	return true;
}
