#ifndef INCIDENT_HANDLE_H
#define INCIDENT_HANDLE_H

#include "incident/incident.h"
#include "rule/rule.h"

/*
 * One alarm from rules to change: decide, look at what is known, apply, and
 * join the team's parent incident beyond its limit. What the daemon, the tests
 * of rules and replay run alike; the store, or memory, stands behind `world`.
 */
struct world {
	/*
	 * What is known of a subject and a key. An open incident keeps its
	 * alarms: subject's own open incident first (one whose group_ms has
	 * passed: only while the member is in ALARM in it), then the latest of
	 * key. others: are the other members asked for? tally: is the key's?
	 * Asked twice where an alarm joins its team's parent incident: the
	 * change is for the last answer.
	 */
	int (*situation)(struct situation *out, struct str subject,
			 struct str key, bool others, bool tally, void *arg);
	/* What is known of an incident whose timer is due: the members in
	 * ALARM, all of them, and its lane; no member, no tally. */
	int (*timer)(struct situation *out, int64_t incident, void *arg);
	/* Incidents of the team opened since then, parents left out. */
	int (*opened)(unsigned *out, struct str team, int64_t since_ms,
		      void *arg);
	/* The marker of a key, without incarnation, in arena. */
	int (*marker)(struct str *out, struct arena *arena, struct str key,
		      void *arg);
	void *arg;
};

struct handling {
	struct verdict verdict;
	struct situation situation;	/* the one that change applies to */
	struct change change;
};

enum { HANDLE_PENDING = 1 };

/*
 * in: as for ruleset_decide(); brief and again are set here. final: take what
 * look-ups haven't answered as not found. 0 and *out; HANDLE_PENDING: a new
 * incident or a hold hangs on a look-up that isn't answered yet (out holds the
 * verdict); -ENOMEM or what world said. event->alarm NULL (ON_TIMER alone):
 * nothing is decided anew.
 */
int incident_handle(struct handling *out, const struct ruleset *rules,
		    const struct decision_input *in, const struct world *world,
		    struct str subject, const struct handled_event *event,
		    bool final, struct arena *arena);

#endif
