#ifndef AGENT_RECONCILE_H
#define AGENT_RECONCILE_H

#include "agent/agent.h"

/*
 * CloudWatch itself, asked: which alarms are in ALARM and nobody was told,
 * which open incidents belong to an alarm that went back to OK or is gone.
 * What it finds becomes an event of the journal like any other, so rules,
 * explain and replay see it as an alarm. A thread of its own, "reconcile".
 */
struct reconcile;

/*
 * After cloud_new(), the store and triage, before the servers start: they read
 * a->reconcile. c->aws.reconcile_ms must be above 0. 0; negative errno and err.
 */
int reconcile_start(struct reconcile **out, struct agent *a,
		    const struct conf *c, struct err *err) MUST_CHECK;
/* Ends the thread; a call under way is abandoned. Before the store closes and
 * before triage_free(), which it may wake. */
void reconcile_stop(struct reconcile *r);
void reconcile_free(struct reconcile *r);

/* Can't it be compared, in one region at least? err says why. Any thread. */
bool reconcile_off(struct reconcile *r, struct err *err);

/* The object that /api/v1/status shows as "cloudwatch". From any thread. */
struct jsonw;
void reconcile_put_status(struct jsonw *w, struct reconcile *r);

#endif
