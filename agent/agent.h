#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "agent/conf.h"
#include "agent/keys.h"
#include "agent/metrics.h"
#include "base/err.h"
#include "rule/rule.h"
#include "store/store.h"

/*
 * An array too large to be zeroed on each entry, where the compiler does that:
 * what is read of it was written before.
 */
#if __has_attribute(uninitialized)
#define UNZEROED __attribute__((uninitialized))
#else
#define UNZEROED
#endif

/*
 * The daemon's parts. They share the store, the snapshots of configuration
 * and rules, counters and wake-ups; never each other's insides.
 */
struct agent {
	struct metrics *metrics;
	struct warnings *warnings;
	struct watch *watch;		/* of what can be seen of the rest */
	struct store *store;
	struct keys keys;
	struct web *web;		/* intake */
	struct web *admin;
	struct explainer *explainer;	/* of past decisions, for admin */
	struct live *live;		/* who listens there */
	struct sns_certs *certs;
	struct cis *cis;
	struct changes *changes;	/* of CIs, as StackFlow has them */
	struct silencing *silences;
	struct tags *tags;		/* of alarms; off without reconcile */
	struct cloud *cloud;		/* AWS's keys; NULL: not asked for */
	struct queues *queues;		/* SQS; NULL: none configured */
	struct reconcile *reconcile;	/* CloudWatch; NULL: off */
	struct drill *drill;		/* NULL: not asked for */
	struct handoff *handoff;	/* from intake to triage */
	struct triage *triage;
	struct deliver *deliver;
	struct eraser *eraser;
	struct pulse *pulses;		/* of threads that must go on */

	struct conf *first_conf;	/* of the start: for AWS's parts */
	pthread_mutex_t snapshot_lock;	/* of the two pointers below */
	struct conf *conf;
	struct ruleset *rules;

	int64_t started_ms;
	_Atomic bool stopping;
	/* The last Date that AWS or StackFlow sent, less the monotonic clock. */
	_Atomic int64_t date_less_mono_ms;
	_Atomic bool date_known;
	/* Backlog of the moment before an accept is counted by the store. */
	struct rule_states *rule_states;
};

/* One reference each, yours to drop. */
struct conf *agent_conf(struct agent *a);
struct ruleset *agent_rules(struct agent *a);

/* An answer from outside carried a Date. */
void agent_saw_date(struct agent *a, int64_t date_ms);
/* Now, as the last of those Dates has it or our clock, whichever is earlier. */
int64_t agent_outside_ms(const struct agent *a);
/* Does our clock agree within 5 minutes with what was last seen? */
bool agent_clock_trusted(const struct agent *a);

/*
 * Read configuration and rules again and swap what loads. 0, or -EINVAL where
 * something stays at its last good version; faults says what.
 */
int agent_reload(struct agent *a, struct faults *faults);

/* Run until SIGTERM or SIGINT. The exit status. */
int agent_run(const char *conf_path);

#endif
