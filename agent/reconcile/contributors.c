/* Alarms of several time series: each of them tells for itself. */
#include <errno.h>

#include "agent/log.h"
#include "agent/reconcile/internal.h"
#include "base/clock.h"
#include "doc/json.h"

#define IDS_MAX 1000
#define TEXT_MAX (1 << 20)
#define PAUSE_MS 20000

/* One to act on. */
struct news {
	struct str id, text;
	struct news *next;
};

struct contributors {
	struct str *ids;
	size_t count;
	bool more;		/* than were kept: who lacks isn't known */
	int64_t asked_ms;
};

struct gathering {
	struct reconcile *r;
	const struct finding *f;
	struct cw_alarm alarm;
	struct arena *arena;
	struct contributors *c;
	struct news *news, **last;
};

/* ---- what CloudWatch tells ---- */

static struct str subject_of(struct arena *arena, struct str arn,
			     struct str id)
{
	return arena_printf(arena, "%.*s/%.*s", STR_ARG(arn), STR_ARG(id));
}

static int keep_news(struct gathering *g, const struct cw_contributor *c,
		     struct str id)
{
	struct buf text = BUF_INIT(TEXT_MAX);
	struct news *n = arena_alloc(g->arena, sizeof(*n));

	json_put(&text, c->json);
	if (n && !buf_error(&text)) {
		n->id = id;
		n->text = arena_str(g->arena, buf_str(&text));
		*g->last = n;
		g->last = &n->next;
	}
	buf_fini(&text);
	return n ? arena_error(g->arena) : -ENOMEM;
}

static int on_contributor(const struct cw_contributor *c, void *arg)
{
	struct gathering *g = arg;
	struct cw_alarm a = g->alarm;
	struct plan_known known;
	struct plan_result plan;
	struct str id;
	int rc;

	if (g->c->count == IDS_MAX) {
		g->c->more = true;
		return 0;
	}
	id = arena_str(g->arena, c->id);
	g->c->ids[g->c->count++] = id;
	arena_reset(g->f->arena);
	rc = finding_known(&known, g->r,
			   subject_of(g->f->arena, a.arn, c->id), g->f->arena);
	if (rc)
		return rc;
	a.state = STR("ALARM");
	a.changed_ms = c->changed_ms;
	plan_contributor(&plan, &a, &known, g->f->conf->sns.topics,
			 clock_wall_ms());
	if (plan.plan != PLAN_NOTHING)
		rc = keep_news(g, c, id);
	return rc ? rc : arena_error(g->arena);
}

/* ---- asking ---- */

static void bad(struct place *p, int rc, const struct err *err)
{
	bool off = rc == -EACCES || rc == -ENOTSUP;

	/* A region that fails is let be until the next round at least. */
	p->contributors_off_ms = clock_mono_ms() + (off ? OFF_MS : PAUSE_MS);
	if (!p->contributors_said)
		LOG(WARNING, off ? "contributors of alarms aren't compared, "
				   "for want of cloudwatch:"
				   "DescribeAlarmContributors; asked again in "
				   "an hour" :
				   "contributors of alarms can't be compared "
				   "now",
		    LFC("region", p->name), LFC("error", err->text));
	p->contributors_said = true;
}

static void good(struct place *p)
{
	if (p->contributors_said)
		LOG(INFO, "contributors of alarms are compared again",
		    LFC("region", p->name));
	p->contributors_said = false;
}

/* 0: all are in g. 1: they can't be had. */
static int ask(struct gathering *g)
{
	struct place *p = g->f->place;
	struct err err;
	int rc = cloudwatch_contributors(g->r->cw, str_from(p->name),
					 g->alarm.name, on_contributor, g,
					 &err);

	switch (rc) {
	case 0:
		good(p);
		return 0;
	case -EINVAL:		/* gone meanwhile, or not of several series */
		return 1;
	case -EACCES:
	case -ENOTSUP:
	case -EAGAIN:
	case -EBADMSG:
		bad(p, rc, &err);
		return 1;
	default:
		return rc;
	}
}

static int act(struct gathering *g)
{
	int rc = 0;

	for (const struct news *n = g->news; rc >= 0 && n; n = n->next) {
		struct finding f = *g->f;

		arena_reset(f.arena);
		f.subject = subject_of(f.arena, g->f->subject, n->id);
		f.contributor = n->id;
		f.about = n->text;
		rc = finding_act(g->r, &f);
		if (rc == -EAGAIN)
			rc = 0;
	}
	return rc < 0 ? rc : 0;
}

int contributors_find(struct contributors **out, struct reconcile *r,
		      const struct finding *f, struct arena *arena)
{
	struct gathering g = { .r = r, .f = f, .arena = arena };
	struct json *json;
	int rc;

	*out = NULL;
	if (clock_mono_ms() < f->place->contributors_off_ms)
		return 0;
	g.last = &g.news;
	g.c = arena_alloc(arena, sizeof(*g.c));
	if (g.c)
		g.c->ids = arena_array(arena, IDS_MAX, sizeof(*g.c->ids));
	if (!g.c || !g.c->ids)
		return -ENOMEM;
	g.c->asked_ms = agent_outside_ms(r->agent);
	rc = json_parse(&json, f->text, 0, NULL);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	rc = 1;
	if (cloudwatch_alarm_read(&g.alarm, f->type, json))
		rc = ask(&g);
	json_free(json);
	if (!rc) {
		*out = g.c;
		rc = act(&g);
	}
	return rc < 0 ? rc : 0;
}

/* ---- who isn't among them ---- */

static bool is_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
		    !(c >= 'A' && c <= 'Z') && c != '-' && c != '_')
			return false;
	}
	return s.n > 0;
}

/*
 * A message without an id is known by its attributes: who isn't named as those
 * in ALARM are can't be missed among them.
 */
bool contributors_lack(const struct contributors *c, struct str id)
{
	bool alike = false;

	if (!c || c->more || !is_word(id))
		return false;
	for (size_t i = 0; i < c->count; i++) {
		if (str_eq(c->ids[i], id))
			return false;
		alike |= c->ids[i].n == id.n;
	}
	return alike;
}

int64_t contributors_asked_ms(const struct contributors *c)
{
	return c->asked_ms;
}
