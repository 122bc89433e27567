/* One look at CloudWatch, region by region. */
#include <errno.h>
#include <stdlib.h>

#include "agent/log.h"
#include "agent/reconcile/internal.h"
#include "base/clock.h"
#include "doc/json.h"

#define ARENA_MAX (192 << 20)
#define SCRATCH_MAX (4 << 20)
#define CUTS_MAX 4
#define TEXT_MAX (1 << 20)
#define SERIES_MAX 100		/* alarms of several time series, a round */

/* An alarm that CloudWatch told of in this round. */
struct told {
	struct str arn, text;		/* text: STR_NONE where it isn't needed */
	enum cw_type type;
	bool firing;
	struct told *next;		/* of those to act on */
	struct told *next_series;	/* of those of several time series */
	struct contributors *series;	/* which of them are in ALARM; NULL:
					   not known */
};

/* An alarm in ALARM whose incident is open, in the region at work. */
struct open_alarm {
	struct str subject, name;	/* name: rest of the subject, a
					   contributor perhaps at its end */
	struct open_alarm *next;
};

struct round {
	struct reconcile *r;
	const struct conf *conf;
	const struct ruleset *rules;
	struct place *place;
	struct arena *arena;		/* of the round at this place */
	struct arena *scratch;
	struct map *told;		/* ARN -> struct told */
	struct told *acts, **acts_last;
	struct told *series;
	unsigned series_count;
	struct open_alarm *open;
	struct lacking_list *lacking;	/* NULL: no audit */
	bool named;			/* asked by name: keep all */
};

/* ---- what CloudWatch tells ---- */

static struct str text_of(struct round *o, const struct cw_alarm *a)
{
	struct buf b = BUF_INIT(TEXT_MAX);
	struct str s = STR_NONE;

	json_put(&b, a->json);
	if (!buf_error(&b))
		s = arena_str(o->arena, buf_str(&b));
	buf_fini(&b);
	return s;
}

static void note_lacking(struct round *o, const struct cw_alarm *a)
{
	struct lacking_list *l = o->lacking;
	struct lacking *at;

	if (!l || !plan_lacks_ok(a, o->conf->sns.topics) ||
	    l->total++ >= LACKING_MAX)
		return;
	at = &l->list[l->count++];
	at->region = str_from(o->place->name);
	at->name = arena_str(l->arena, a->name);
}

/* Does it differ from what is known? Looked at again before it is told. */
static int differs(struct round *o, const struct cw_alarm *a)
{
	struct plan_known known;
	struct plan_result plan;
	int rc;

	arena_reset(o->scratch);
	rc = finding_known(&known, o->r, a->arn, o->scratch);
	if (rc)
		return rc;
	plan_alarm(&plan, a, &known, o->conf->sns.topics, clock_wall_ms());
	return plan.plan != PLAN_NOTHING;
}

static void add_series(struct round *o, struct told *t)
{
	if (o->series_count++ >= SERIES_MAX) {
		if (!o->place->contributors_left)
			LOG(WARNING, "many alarms of several time series are "
				     "in ALARM: not all are compared",
			    LFC("region", o->place->name),
			    LFN("compared", SERIES_MAX));
		o->place->contributors_left = true;
		return;
	}
	t->next_series = o->series;
	o->series = t;
}

static int on_alarm(const struct cw_alarm *a, void *arg)
{
	struct round *o = arg;
	bool firing = str_is(a->state, "ALARM");
	bool series = firing && plan_has_contributors(a);
	struct cw_arn arn;
	struct told *t;
	int act;

	if (!cloudwatch_arn_read(&arn, a->arn) ||
	    !str_is(arn.region, o->place->name) ||
	    map_get(o->told, a->arn))
		return 0;
	note_lacking(o, a);
	act = differs(o, a);
	if (act < 0)
		return act;
	if (!firing && !o->named && !act)
		return 0;
	t = arena_alloc(o->arena, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->arn = arena_str(o->arena, a->arn);
	t->type = a->type;
	t->firing = firing;
	if (act || !firing || series)
		t->text = text_of(o, a);
	if (series)
		add_series(o, t);
	if (act) {
		*o->acts_last = t;
		o->acts_last = &t->next;
	}
	if (arena_error(o->arena) || map_set(o->told, t->arn, t) < 0)
		return -ENOMEM;
	return 0;
}

static int list(struct round *o, struct err *err)
{
	struct str region = str_from(o->place->name);
	struct cw_query q = { .state = STR("ALARM") };
	int rc;

	if (o->lacking)
		q.state = STR_NONE;
	rc = cloudwatch_alarms(o->r->cw, region, &q, on_alarm, o, err);
	if (rc || o->lacking || !ruleset_opens_insufficient(o->rules))
		return rc;
	q.state = STR("INSUFFICIENT_DATA");
	return cloudwatch_alarms(o->r->cw, region, &q, on_alarm, o, err);
}

/* ---- open incidents, by name ---- */

static int take_open(const struct member *m, const struct cw_arn *arn,
		     void *arg)
{
	struct round *o = arg;
	struct open_alarm *a;

	if (!str_is(arn->region, o->place->name))
		return 0;
	a = arena_alloc(o->arena, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->subject = arena_str(o->arena, m->subject);
	a->name = str_sub(a->subject, a->subject.n - arn->name.n,
			  arn->name.n);
	a->next = o->open;
	o->open = a;
	return arena_error(o->arena);
}

/* CloudWatch counts characters. */
static bool fits(struct str name)
{
	size_t n = 0;

	for (size_t i = 0; i < name.n; i++)
		n += ((unsigned char)name.p[i] & 0xc0) != 0x80;
	return n > 0 && n <= CLOUDWATCH_NAME_MAX;
}

/*
 * An alarm's name may hold slashes, and a contributor stands behind one: the
 * names that a could mean, the longest first.
 */
static size_t names_of(struct str out[CUTS_MAX + 1],
		       const struct open_alarm *a)
{
	struct str name = a->name;
	size_t n = 0;

	while (n <= CUTS_MAX && name.n) {
		if (fits(name))
			out[n++] = name;
		while (name.n && name.p[name.n - 1] != '/')
			name.n--;
		if (name.n)
			name.n--;
	}
	return n;
}

/* The ARN that a's subject begins with, up to the end of one of its names. */
static struct str arn_to(const struct open_alarm *a, struct str name)
{
	return str_sub(a->subject, 0,
		       (size_t)(name.p + name.n - a->subject.p));
}

/* What was told of a. *name: by which of its names; NULL: nothing. */
static struct told *told_of(struct round *o, const struct open_alarm *a,
			    struct str *name)
{
	struct str names[CUTS_MAX + 1];
	size_t n = names_of(names, a);

	for (size_t i = 0; i < n; i++) {
		struct told *t = map_get(o->told, arn_to(a, names[i]));

		*name = names[i];
		if (t)
			return t;
	}
	return NULL;
}

struct names {
	struct str list[CLOUDWATCH_NAMES_MAX];
	size_t count;
	struct map *asked;
};

static int ask_names(struct round *o, struct names *n, struct err *err)
{
	const struct cw_query q = { .names = n->list, .count = n->count };
	int rc = 0;

	if (n->count)
		rc = cloudwatch_alarms(o->r->cw, str_from(o->place->name), &q,
				       on_alarm, o, err);
	n->count = 0;
	return rc;
}

static int ask_open(struct round *o, struct names *n,
		    const struct open_alarm *a, struct err *err)
{
	struct str names[CUTS_MAX + 1], name;
	size_t count = names_of(names, a);
	int rc = 0;

	if (told_of(o, a, &name))
		return 0;
	for (size_t i = 0; !rc && i < count; i++) {
		if (map_get(n->asked, names[i]))
			continue;
		if (map_set(n->asked, names[i], o) < 0)
			return -ENOMEM;
		n->list[n->count++] = names[i];
		if (n->count == CLOUDWATCH_NAMES_MAX)
			rc = ask_names(o, n, err);
	}
	return rc;
}

/* Those whose alarm isn't among what is in ALARM: what became of them? */
static int list_open(struct round *o, struct err *err)
{
	struct names *n = arena_alloc(o->arena, sizeof(*n));
	int rc = n ? places_each_open(o->r, o->scratch, take_open, o) : -ENOMEM;

	if (rc)
		return rc;
	n->asked = map_new();
	if (!n->asked)
		return -ENOMEM;
	o->named = true;
	for (const struct open_alarm *a = o->open; !rc && a; a = a->next)
		rc = ask_open(o, n, a, err);
	if (!rc)
		rc = ask_names(o, n, err);
	map_free(n->asked);
	return rc;
}

/* ---- what comes of it ---- */

static struct finding finding_of(struct round *o, struct str subject)
{
	return (struct finding){
		.place = o->place,
		.conf = o->conf,
		.rules = o->rules,
		.arena = o->scratch,
		.subject = subject,
	};
}

static int act(struct round *o)
{
	int rc = 0;

	for (const struct told *t = o->acts; rc >= 0 && t; t = t->next) {
		struct finding f = finding_of(o, t->arn);

		f.text = t->text;
		f.type = t->type;
		arena_reset(o->scratch);
		rc = finding_act(o->r, &f);
		/* One that can't be told now comes up again. */
		if (rc == -EAGAIN)
			rc = 0;
	}
	return rc < 0 ? rc : 0;
}

static int act_series(struct round *o)
{
	int rc = 0;

	for (struct told *t = o->series; !rc && t; t = t->next_series) {
		struct finding f = finding_of(o, t->arn);

		f.text = t->text;
		f.type = t->type;
		rc = contributors_find(&t->series, o->r, &f, o->arena);
	}
	return rc;
}

/* Another whole round, asked at now_ms, that didn't find it. */
static struct absent count_absent(struct round *o, struct str subject,
				  int64_t now_ms)
{
	struct reconcile *r = o->r;
	struct absent *a = map_get(r->absent, subject);

	if (!a) {
		a = calloc(1, sizeof(*a));
		if (!a || map_set(r->absent, subject, a) < 0) {
			free(a);
			return (struct absent){ .rounds = 0 };
		}
	}
	if (a->whole + 1 != o->place->whole)
		a->rounds = 0;
	a->rounds++;
	a->whole = o->place->whole;
	a->round = r->round;
	a->before_ms = a->last_ms;
	a->last_ms = now_ms;
	return *a;
}

static void forget_absent(struct reconcile *r, struct str subject)
{
	free(map_remove(r->absent, subject));
}

static int act_open(struct round *o, const struct open_alarm *a)
{
	struct str name = STR_NONE;
	struct told *t = told_of(o, a, &name);
	struct finding f = finding_of(o, a->subject);
	struct absent absent;
	int rc = 0;

	arena_reset(o->scratch);
	if (t && name.n < a->name.n && t->text.p) {
		f.contributor = str_sub(a->name, name.n + 1,
					a->name.n - name.n - 1);
		f.text = t->text;
		f.type = t->type;
	}
	if (!t && o->r->account[0]) {
		absent = count_absent(o, a->subject, clock_wall_ms());
		rc = finding_deleted(o->r, &f, absent.rounds);
	} else if (t && contributors_lack(t->series, f.contributor)) {
		absent = count_absent(o, a->subject,
				      contributors_asked_ms(t->series));
		rc = finding_ended(o->r, &f, absent.rounds, absent.before_ms);
	} else {
		forget_absent(o->r, a->subject);
		return f.contributor.n ? finding_act(o->r, &f) : 0;
	}
	if (rc > 0)
		forget_absent(o->r, a->subject);
	return rc;
}

static int compare(struct round *o, struct err *err)
{
	int rc = list(o, err);

	if (!rc)
		rc = list_open(o, err);
	if (rc)
		return rc;
	o->place->whole++;
	rc = act(o);
	if (!rc)
		rc = act_series(o);
	for (const struct open_alarm *a = o->open; rc >= 0 && a; a = a->next)
		rc = act_open(o, a);
	return rc < 0 ? rc : 0;
}

/* ---- a place ---- */

static int round_place(struct round *o)
{
	struct err err = { "the journal can't be read or written" };
	bool audit = clock_mono_ms() >= o->place->audit_ms;
	int rc = -ENOMEM;

	o->arena = arena_new(ARENA_MAX);
	o->scratch = arena_new(SCRATCH_MAX);
	o->told = map_new();
	o->acts_last = &o->acts;
	o->place->mutes = MUTES_UNKNOWN;
	if (audit)
		o->lacking = lacking_new();
	if (o->arena && o->scratch && o->told && (!audit || o->lacking))
		rc = compare(o, &err);
	if (!rc && audit)
		place_audited(o->r, o->place, o->lacking);
	else
		lacking_free(o->lacking);
	map_free(o->told);
	arena_free(o->scratch);
	arena_free(o->arena);
	if (!rc)
		place_good(o->r, o->place);
	else if (rc != -ECANCELED)
		place_failed(o->r, o->place, rc, &err);
	return rc;
}

/* What is open no more is absent no more. */
static void drop_absent(struct reconcile *r)
{
	struct str subject;
	size_t at = 0;
	void *v;

	while (map_next(r->absent, &at, &subject, &v)) {
		struct absent *a = v;

		if (r->round - a->round < 100)
			continue;
		map_remove(r->absent, subject);
		free(a);
	}
}

int round_run(struct reconcile *r, const struct conf *c,
	      const struct ruleset *rules)
{
	int rc;

	r->round++;
	rc = places_find(r, c);
	for (size_t i = 0; i < r->place_count; i++) {
		struct round o = {
			.r = r, .conf = c, .rules = rules,
			.place = &r->places[i],
		};

		if (rc == -ECANCELED || rc == -ENOKEY)
			return rc;
		if (o.place->round == r->round &&
		    clock_mono_ms() >= o.place->off_until_ms)
			rc = round_place(&o);
	}
	drop_absent(r);
	return rc == -ECANCELED || rc == -ENOKEY ? rc : 0;
}
