/* When a window is open. */
#include "rule/window.h"

#include <errno.h>
#include <stddef.h>

#include "base/encode.h"
#include "rule/set.h"

#define DAY 86400
#define WINDOWS_MAX 200
/* Days to look ahead for the next: the 5th of a weekday, or the 31st, is never
 * further away. */
#define AHEAD 400

static bool day_counts(const struct recurrence *r, int64_t days)
{
	struct zone_date d = zone_date(days);
	bool of_week = r->weekdays >> d.weekday & 1;
	int last;

	if (r->kind == DAYS_OF_WEEK)
		return of_week;
	if (r->kind == NTH_WEEKDAY && !of_week)
		return false;
	last = zone_month_days(d.year, d.month);
	if (r->kind == DAYS_OF_MONTH)
		return r->numbers >> d.day & 1 ||
		       (r->numbers & 1 && d.day == last);
	return r->numbers >> ((d.day - 1) / 7 + 1) & 1 ||
	       (r->numbers & 1 && d.day + 7 > last);
}

/* Cut to what may count; false where nothing is left. */
static bool clip(const struct window *w, struct span *s, int64_t longest_ms)
{
	if (s->ends_ms - s->begins_ms > longest_ms)
		s->ends_ms = s->begins_ms + longest_ms;
	if (w->until_ms && s->ends_ms > w->until_ms)
		s->ends_ms = w->until_ms;
	return s->begins_ms < s->ends_ms;
}

/* The one that begins on a day. */
static bool span_of(const struct window *w, const struct recurrence *r,
		    int64_t days, int64_t longest_ms, struct span *out)
{
	int64_t end = days * DAY + r->end + (r->end <= r->begin ? DAY : 0);

	if (!day_counts(r, days))
		return false;
	out->begins_ms = zone_moment(w->zone, days * DAY + r->begin) * 1000;
	out->ends_ms = zone_moment(w->zone, end) * 1000;
	return clip(w, out, longest_ms);
}

static int64_t local_day(const struct window *w, int64_t now_ms)
{
	int64_t utc = now_ms / 1000, local = utc + zone_offset(w->zone, utc);

	return (local >= 0 ? local : local - DAY + 1) / DAY;
}

bool window_inside(const struct window *w, int64_t now_ms, int64_t longest_ms,
		   struct span *out)
{
	struct span s = { w->begins_ms, w->ends_ms };
	bool inside = false;
	int64_t today;

	if (!w->count) {
		inside = clip(w, &s, longest_ms) && s.begins_ms <= now_ms &&
			 now_ms < s.ends_ms;
		*out = inside ? s : *out;
		return inside;
	}
	today = local_day(w, now_ms);
	/* Over midnight, and over a day that a zone left out. */
	for (size_t i = 0; i < w->count; i++)
		for (int64_t day = today - 2; day <= today + 1; day++) {
			if (!span_of(w, &w->every[i], day, longest_ms, &s) ||
			    now_ms < s.begins_ms || now_ms >= s.ends_ms ||
			    (inside && s.ends_ms <= out->ends_ms))
				continue;
			inside = true;
			*out = s;
		}
	return inside;
}

bool window_next(const struct window *w, int64_t now_ms, struct span *out)
{
	struct span s = { w->begins_ms, w->ends_ms };
	bool found = false;
	int64_t today;

	if (!w->count) {
		found = clip(w, &s, INT64_MAX) && s.begins_ms > now_ms;
		*out = found ? s : *out;
		return found;
	}
	today = local_day(w, now_ms);
	for (int64_t day = today - 1; !found && day <= today + AHEAD; day++)
		for (size_t i = 0; i < w->count; i++) {
			if (!span_of(w, &w->every[i], day, INT64_MAX, &s) ||
			    s.begins_ms <= now_ms ||
			    (found && s.begins_ms >= out->begins_ms))
				continue;
			found = true;
			*out = s;
		}
	return found;
}

/* ---- loading ---- */

struct reading {
	struct window *window;
	const struct yaml *from, *to, *until, *zone, *every;
};

static void keep(const struct yaml *v, void *to)
{
	*(const struct yaml **)to = v;
}

static void load_node(struct loader *l, const struct yaml *v, void *to)
{
	if (load_is(l, v, YAML_SCALAR))
		keep(v, to);
}

static void load_any_node(struct loader *l, const struct yaml *v, void *to)
{
	(void)l;
	keep(v, to);
}

static void load_owner(struct loader *l, const struct yaml *v, void *to)
{
	struct reading *r = to;

	if (!load_is(l, v, YAML_SCALAR))
		return;
	if (!v->text.n || v->text.n > 200)
		load_error(l, v, "bad-value",
			   "`owner` says whom to ask, in at most 200 bytes");
	else
		r->window->owner = arena_str(l->arena, v->text);
}

const struct key window_keys[] = {
	{ "every", load_any_node, offsetof(struct reading, every) },
	{ "from", load_node, offsetof(struct reading, from) },
	{ "to", load_node, offsetof(struct reading, to) },
	{ "tz", load_node, offsetof(struct reading, zone) },
	{ "until", load_node, offsetof(struct reading, until) },
	{ "owner", load_owner, 0 },
	{ NULL, NULL, 0 },
};

/* A file's windows mostly have one zone. */
static void read_zone(struct loader *l, const struct yaml *v, struct window *w,
		      const struct rule_file *f)
{
	struct str name = v ? v->text : STR("UTC");
	struct err err = { "" };

	for (size_t i = 0; !w->zone && i + 1 < f->window_count; i++)
		if (f->windows[i].zone &&
		    str_eq(f->windows[i].zone_name, name)) {
			w->zone = f->windows[i].zone;
			w->zone_name = f->windows[i].zone_name;
		}
	if (w->zone)
		return;
	w->zone = zone_load(l->arena, name, &err);
	w->zone_name = arena_str(l->arena, name);
	if (!w->zone)
		load_error(l, v, "unknown-zone", "%s", err.text);
}

/* A date means its beginning, or where it ends something, its end. */
static void read_moment(struct loader *l, const struct yaml *v,
			struct window *w, bool end, int64_t *out)
{
	bool day = false;
	int64_t ms;

	if (window_moment(&ms, w->zone, v->text, &day)) {
		load_error(l, v, "bad-window",
			   "`%.*s` takes a date or a time like 2027-03-31 or "
			   "2027-03-31T22:00, not \"%.*s\"",
			   STR_ARG(v->key), STR_ARG(utf8_cut(v->text, 40)));
		return;
	}
	if (end && day) {
		int64_t next = local_day(w, ms) + 1;

		/* Its midnight may lie in a gap, and so be the next day's. */
		ms = zone_moment(w->zone, next * DAY) * 1000;
	}
	*out = ms;
}

static void read_once(struct loader *l, const struct reading *r)
{
	struct window *w = r->window;

	if (!r->from || !r->to)
		return;
	read_moment(l, r->from, w, false, &w->begins_ms);
	read_moment(l, r->to, w, true, &w->ends_ms);
	if (w->begins_ms && w->ends_ms && w->ends_ms <= w->begins_ms)
		load_error(l, r->to, "bad-window", "`to` isn't after `from`");
}

static void read_recurrence(struct loader *l, const struct yaml *v,
			    struct window *w)
{
	struct err err = { "" };

	if (!load_is(l, v, YAML_SCALAR))
		return;
	if (recurrence_parse(&w->every[w->count], v->text, &err))
		load_error(l, v, "bad-window", "%s", err.text);
	else
		w->count++;
}

static void read_every(struct loader *l, const struct yaml *v, struct window *w)
{
	if (v->type != YAML_LIST) {
		read_recurrence(l, v, w);
		return;
	}
	if (!v->count || v->count > RECURRENCES_MAX) {
		load_error(l, v, "bad-window", "`every` lists 1 to %d times",
			   RECURRENCES_MAX);
		return;
	}
	for (const struct yaml *c = v->child; c; c = c->next)
		read_recurrence(l, c, w);
}

/* What goes together. */
static bool check(struct loader *l, const struct yaml *v,
		  const struct reading *r)
{
	const struct yaml *once = r->from ? r->from : r->to;

	if (r->every && once) {
		load_error_key(l, once, "conflicting-keys",
			       "`%.*s` can't stand beside `every`: a window "
			       "comes back, or is there once",
			       STR_ARG(once->key));
		return false;
	}
	if (once && r->until) {
		load_error_key(l, r->until, "conflicting-keys",
			       "`until` belongs to `every`: this window ends "
			       "with `to`");
		return false;
	}
	if (once)
		return load_needs(l, v, "from") && load_needs(l, v, "to");
	return load_needs(l, v, "every") && r->every;
}

static void read_window(struct loader *l, const struct yaml *v,
			struct window *w, const struct rule_file *f)
{
	struct reading r = { .window = w };

	w->line = v->key_line;
	w->column = v->key_column;
	load_keys(l, v, window_keys, &r);
	if (v->type != YAML_MAP)
		return;
	read_zone(l, r.zone, w, f);
	if (!check(l, v, &r) || !w->zone)
		return;
	if (r.every)
		read_every(l, r.every, w);
	else
		read_once(l, &r);
	if (r.until)
		read_moment(l, r.until, w, true, &w->until_ms);
}

void load_windows(struct loader *l, const struct yaml *v, void *to)
{
	struct rule_file *f = to;

	if (!load_is(l, v, YAML_MAP))
		return;
	if (v->count > WINDOWS_MAX) {
		load_error(l, v, "bad-value", "at most %d windows",
			   WINDOWS_MAX);
		return;
	}
	f->windows = arena_array(l->arena, v->count + 1, sizeof(*f->windows));
	for (const struct yaml *c = v->child; f->windows && c; c = c->next) {
		struct window *w = &f->windows[f->window_count++];

		w->name = load_key_name(l, c);
		read_window(l, c, w, f);
	}
}
