/* From a difference to an event of the journal. */
#include <errno.h>
#include <stdlib.h>

#include "agent/intake/made.h"
#include "agent/log.h"
#include "agent/reconcile/internal.h"
#include "agent/reconcile/message.h"
#include "base/clock.h"
#include "doc/json.h"

#define MESSAGE_MAX (4 << 20)

/* ---- what is known ---- */

int finding_known(struct plan_known *out, struct reconcile *r,
		  struct str subject, struct arena *arena)
{
	struct member *m = arena_alloc(arena, sizeof(*m));
	struct incident *i = arena_alloc(arena, sizeof(*i));
	int rc;

	*out = (struct plan_known){ NULL, NULL };
	if (!m || !i)
		return -ENOMEM;
	rc = store_member(m, r->reader, subject, arena);
	if (rc <= 0)
		return rc;
	out->member = m;
	if (!m->incident)
		return 0;
	rc = store_incident_by_id(i, r->reader, m->incident, arena);
	if (rc > 0)
		out->incident = i;
	return rc < 0 ? rc : 0;
}

/* Was this very alarm known before? Its member may be expired; the last
 * incident of its key isn't. */
static int was_seen(struct reconcile *r, const struct plan_known *known,
		    struct str key, const struct alarm *a, struct arena *arena)
{
	struct incident i;
	int rc;

	if (known->member)
		return 1;
	rc = store_incident_by_key(&i, r->reader, key, arena);
	if (rc <= 0)
		return rc;
	return str_eq(i.account, a->account) && str_eq(i.region, a->region) &&
	       str_eq(i.alarm, a->name);
}

/* ---- the journal ---- */

/* 1: journaled; 0: the journal knew it. */
static int journal(struct reconcile *r, const struct alarm *a,
		   const struct alarm_input *in)
{
	struct buf id = BUF_INIT(64);
	int rc = made_journal(r->agent, a, in,
			      STR("{\"by\":\"cloudwatch\"}"), &id);

	if (rc > 0) {
		metrics_add(r->agent->metrics, METRIC_RECONCILED, 1);
		LOG(INFO, a->event == ALARM_DELETED ?
				  "CloudWatch has this alarm no more" :
				  "CloudWatch told what no message did",
		    LF("event", buf_str(&id)), LF("alarm", a->name),
		    LFC("state", alarm_state_name(a->state)),
		    LF("region", a->region), LF("account", a->account));
	}
	buf_fini(&id);
	return rc;
}

/* ---- a change of state ---- */

/* Is it muted, as far as can be told? 1, 0; negative: not now. */
static int is_muted(struct reconcile *r, struct place *p, struct str name)
{
	struct str region = str_from(p->name);
	struct err err;
	int rc;

	if (p->mutes == MUTES_UNKNOWN && !p->mutes_refused) {
		rc = cloudwatch_muted(r->cw, region, STR_NONE, &err);
		if (rc == -EACCES || rc == -EINVAL) {
			p->mutes_refused = true;
			LOG(WARNING, "mute rules can't be read, for want of "
				     "cloudwatch:ListAlarmMuteRules: a lost "
				     "ALARM opens even where one holds",
			    LFC("region", p->name), LFC("error", err.text));
		} else if (rc < 0 && rc != -ECANCELED &&
			   ++p->mutes_failed >= 2) {
			/* An alarm that nobody hears of is worse. */
			p->mutes = MUTES_NONE;
		} else if (rc < 0) {
			return rc == -ECANCELED ? rc : -EAGAIN;
		} else {
			p->mutes_failed = 0;
			p->mutes = rc ? MUTES_SOME : MUTES_NONE;
		}
	}
	if (p->mutes_refused || p->mutes == MUTES_NONE)
		return 0;
	rc = cloudwatch_muted(r->cw, region, name, &err);
	return rc < 0 && rc != -ECANCELED ? -EAGAIN : rc;
}

/* Would its message, had it come, have opened an incident? */
static int may_open(struct reconcile *r, const struct finding *f,
		    enum plan plan, const struct plan_known *known,
		    const struct alarm *a)
{
	const struct decision_input in = {
		.alarm = a, .brief = true, .again = true,
	};
	struct verdict v;
	int rc = ruleset_decide(&v, f->rules, &in, f->arena);

	if (rc)
		return rc;
	if (a->state == ALARM_INSUFFICIENT &&
	    v.insufficient != INSUFFICIENT_OPEN)
		return 0;
	if (plan == PLAN_OPEN_IF_SEEN) {
		rc = was_seen(r, known, v.dedup_key, a, f->arena);
		if (rc <= 0)
			return rc;
	}
	rc = is_muted(r, f->place, a->name);
	return rc < 0 ? rc : !rc;
}

static void count(struct reconcile *r, enum plan plan)
{
	pthread_mutex_lock(&r->lock);
	r->opened += plan == PLAN_OPEN || plan == PLAN_OPEN_IF_SEEN;
	r->resolved += plan == PLAN_RESOLVE;
	pthread_mutex_unlock(&r->lock);
}

static int tell(struct reconcile *r, const struct finding *f,
		const struct cw_alarm *a, const struct cw_contributor *c,
		const struct plan_result *plan, const struct plan_known *known)
{
	struct buf body = BUF_INIT(MESSAGE_MAX);
	struct alarm_input in = {
		.topic = plan->topic,
		.received_ms = clock_wall_ms(),
		.intake = "reconcile",
	};
	struct cw_arn arn;
	struct alarms alarms;
	int rc;

	if (!cloudwatch_arn_read(&arn, a->arn))
		return 0;
	message_put_state(&body, a, arn.account, arn.region, c,
			  known->member ? known->member->state : ALARM_NONE);
	in.body = buf_str(&body);
	rc = buf_error(&body) ? buf_error(&body) : alarm_decode(&alarms, &in);
	if (!rc) {
		rc = 1;
		if (plan->plan == PLAN_OPEN || plan->plan == PLAN_OPEN_IF_SEEN)
			rc = may_open(r, f, plan->plan, known, alarms.list);
		if (rc > 0)
			rc = journal(r, alarms.list, &in);
		alarms_fini(&alarms);
	}
	buf_fini(&body);
	if (rc > 0)
		count(r, plan->plan);
	return rc;
}

static void make_plan(struct plan_result *out, const struct finding *f,
		      const struct cw_alarm *a, const struct plan_known *known)
{
	const char *const *topics = f->conf->sns.topics;
	int64_t now_ms = clock_wall_ms();

	if (f->about.n) {
		plan_contributor(out, a, known, topics, now_ms);
		return;
	}
	plan_alarm(out, a, known, topics, now_ms);
	/* A contributor ends with its alarm; of its beginning that one says
	 * nothing. */
	if (f->contributor.n && out->plan != PLAN_RESOLVE)
		out->plan = PLAN_NOTHING;
}

/* What f's texts hold. False: nothing to be told of. */
static bool read_finding(struct cw_alarm *a, struct cw_contributor *c,
			 const struct finding *f, const struct json *json,
			 const struct json *about)
{
	if (!cloudwatch_alarm_read(a, f->type, json))
		return false;
	*c = (struct cw_contributor){ .id = f->contributor };
	if (!f->about.n)
		return true;
	if (!cloudwatch_contributor_read(c, about))
		return false;
	a->state = STR("ALARM");
	a->changed_ms = c->changed_ms;
	return true;
}

int finding_act(struct reconcile *r, const struct finding *f)
{
	struct json *json = NULL, *about = NULL;
	struct cw_contributor c = { 0 };
	struct plan_known known = { 0 };
	struct plan_result plan;
	struct cw_alarm a;
	int rc = json_parse(&json, f->text, 0, NULL);

	if (!rc && f->about.n)
		rc = json_parse(&about, f->about, 0, NULL);
	if (!rc)
		rc = finding_known(&known, r, f->subject, f->arena);
	else if (rc != -ENOMEM)
		rc = 0;			/* not ours to mend */
	if (!rc && json && read_finding(&a, &c, f, json, about)) {
		make_plan(&plan, f, &a, &known);
		if (plan.plan != PLAN_NOTHING)
			rc = tell(r, f, &a, c.id.n ? &c : NULL, &plan, &known);
		LOG(DEBUG, "compared with CloudWatch", LF("alarm", a.name),
		    LF("contributor", c.id), LF("state", a.state),
		    LFC("because", plan.because), LFN("journaled", rc));
	}
	json_free(about);
	json_free(json);
	return rc;
}

int finding_ended(struct reconcile *r, const struct finding *f,
		  unsigned rounds, int64_t since_ms)
{
	const struct cw_contributor c = {
		.id = f->contributor,
		.reason = STR("It isn't among those in ALARM any more."),
	};
	struct plan_result plan = { .plan = PLAN_RESOLVE };
	struct plan_known known;
	struct cw_alarm a;
	struct json *json;
	int rc = finding_known(&known, r, f->subject, f->arena);

	if (rc || !plan_ended(&known, rounds, since_ms))
		return rc;
	rc = json_parse(&json, f->text, 0, NULL);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	if (cloudwatch_alarm_read(&a, f->type, json)) {
		a.state = STR("OK");
		a.changed_ms = since_ms;
		plan.topic = plan_topic(a.on_alarm, f->conf->sns.topics);
		rc = tell(r, f, &a, &c, &plan, &known);
	}
	json_free(json);
	return rc;
}

/* ---- an alarm that is gone ---- */

int finding_deleted(struct reconcile *r, const struct finding *f,
		    unsigned rounds)
{
	struct buf body = BUF_INIT(MESSAGE_MAX);
	struct alarm_input in = {
		.received_ms = clock_wall_ms(),
		.intake = "reconcile",
	};
	struct plan_known known;
	struct alarms alarms;
	struct cw_arn arn;
	int rc = finding_known(&known, r, f->subject, f->arena);

	if (rc || !plan_deleted(&known, rounds, in.received_ms) ||
	    !cloudwatch_arn_read(&arn, f->subject))
		return rc;
	message_put_deleted(&body, f->subject, arn.name, arn.account,
			    arn.region, in.received_ms);
	in.body = buf_str(&body);
	rc = buf_error(&body) ? buf_error(&body) : alarm_decode(&alarms, &in);
	if (!rc) {
		rc = journal(r, alarms.list, &in);
		alarms_fini(&alarms);
	}
	buf_fini(&body);
	if (rc > 0) {
		pthread_mutex_lock(&r->lock);
		r->deleted++;
		pthread_mutex_unlock(&r->lock);
	}
	return rc;
}
