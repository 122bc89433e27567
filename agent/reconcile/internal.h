#ifndef AGENT_RECONCILE_INTERNAL_H
#define AGENT_RECONCILE_INTERNAL_H

#include "agent/cloud.h"
#include "agent/reconcile.h"
#include "agent/reconcile/plan.h"
#include "base/map.h"

#define PLACES_MAX 40
#define LACKING_MAX 200
/* How long nobody is asked who lacks the right, or the keys, for it. */
#define OFF_MS (60 * 60 * 1000)
/* All alarms are read so often, to find those without an OK action. */
#define AUDIT_MS (60 * 60 * 1000)

enum mutes { MUTES_UNKNOWN, MUTES_NONE, MUTES_SOME };

/* A region that is asked. */
struct place {
	char name[64];
	int64_t off_until_ms;	/* monotonic; a right is missing */
	int64_t audit_ms;	/* monotonic; when all alarms are due */
	bool complained;	/* logged that it can't be read */
	bool mutes_refused;	/* logged that mute rules can't be read */
	unsigned mutes_failed;	/* rounds in a row */
	int64_t contributors_off_ms;	/* monotonic; not asked before it */
	bool contributors_said;	/* logged that they can't be read */
	bool contributors_left;	/* logged that they aren't all read */
	enum mutes mutes;	/* of this round */
	unsigned round;		/* the last that wanted it */
	unsigned whole;		/* rounds that read all of it */
};

/* An alarm that says ALARM to us and doesn't say OK. */
struct lacking {
	struct str region, name;	/* in the list's arena */
};

struct lacking_list {
	struct arena *arena;
	struct lacking list[LACKING_MAX];
	size_t count, total;
};

void lacking_free(struct lacking_list *l);

struct absent {
	unsigned rounds;	/* in a row */
	unsigned whole;		/* the last of them, as its place counts */
	unsigned round;
	/* Wall clock of these rounds: of the last, of the one before it. */
	int64_t last_ms, before_ms;
};

struct reconcile {
	struct agent *agent;
	struct rest *rest;
	struct aws_client *client;
	struct cloudwatch *cw;
	struct store_reader *reader;
	pthread_t thread;
	_Atomic bool stop;
	bool running;

	char account[13];	/* the credentials' own; "": not known */
	int64_t account_ms;	/* monotonic; when to ask again */
	int64_t off_until_ms;	/* monotonic; no credentials */
	bool off_said, account_failed;
	struct place places[PLACES_MAX];
	size_t place_count;
	struct map *absent;	/* subject -> struct absent */
	unsigned round;

	int64_t tags_next_ms, tags_off_until_ms;	/* monotonic */
	unsigned tags_active;
	bool tags_off_said;

	pthread_mutex_t lock;	/* of what people ask for */
	struct lacking_list *lacking[PLACES_MAX];	/* beside places */
	int64_t last_round_ms;
	uint64_t opened, resolved, deleted;
	struct err problem;
};

/* ---- places.c ---- */

/* Find the regions to ask in this round. 0 or negative. */
int places_find(struct reconcile *r, const struct conf *c) MUST_CHECK;
/* Calls each for every alarm in ALARM whose incident is open and whose account
 * is the credentials' own; scratch is reset meanwhile. */
typedef int place_each(const struct member *m, const struct cw_arn *arn,
		       void *arg);
int places_each_open(struct reconcile *r, struct arena *scratch,
		     place_each *each, void *arg) MUST_CHECK;
struct lacking_list *lacking_new(void);
/* All its alarms were read; takes l. */
void place_audited(struct reconcile *r, struct place *p,
		   struct lacking_list *l);
void place_failed(struct reconcile *r, struct place *p, int rc,
		  const struct err *err);
void place_good(struct reconcile *r, struct place *p);

/* ---- round.c ---- */

/* One round through all places. -ECANCELED: it is to end. */
int round_run(struct reconcile *r, const struct conf *c,
	      const struct ruleset *rules) MUST_CHECK;

/* ---- finding.c ---- */

/* What one step of a round journals. */
struct finding {
	struct place *place;
	const struct conf *conf;
	const struct ruleset *rules;
	struct arena *arena;
	struct str subject;	/* of the member; an ARN, perhaps more */
	struct str contributor;	/* rest of the subject; STR_NONE */
	struct str about;	/* it, as CloudWatch told it; STR_NONE */
	struct str text;	/* the alarm, as DescribeAlarms told it */
	enum cw_type type;
};

/*
 * The member and its incident of a subject, read now, in arena. 0 or
 * negative.
 */
int finding_known(struct plan_known *out, struct reconcile *r,
		  struct str subject, struct arena *arena);
/* Look once more, and journal what still differs. 1: journaled; 0: no need;
 * negative. */
int finding_act(struct reconcile *r, const struct finding *f);
/* Journal that a contributor, in ALARM no more for so many rounds and at
 * since_ms, is over. The same results. */
int finding_ended(struct reconcile *r, const struct finding *f,
		  unsigned rounds, int64_t since_ms);
/* Journal that the alarm of a subject is gone. The same results. */
int finding_deleted(struct reconcile *r, const struct finding *f,
		    unsigned rounds);

/* ---- contributors.c ---- */

/* Those of an alarm that were in ALARM at one moment. */
struct contributors;

/*
 * Ask for those of f's alarm, and journal the lost ALARM of each. *out, in
 * arena (not f's, which is reset): NULL where they can't be had now. 0 or
 * negative.
 */
int contributors_find(struct contributors **out, struct reconcile *r,
		      const struct finding *f, struct arena *arena) MUST_CHECK;
/* Others are in ALARM, and this one isn't. NULL: false. */
bool contributors_lack(const struct contributors *c, struct str id);
int64_t contributors_asked_ms(const struct contributors *c);

#endif
