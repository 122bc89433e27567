#ifndef AGENT_DELIVER_INTERNAL_H
#define AGENT_DELIVER_INTERNAL_H

#include "agent/deliver.h"
#include "agent/pulse.h"
#include "rest/rest.h"
#include "stackflow/stackflow.h"

/*
 * One thread owns all of this. A task is an operation on its way through
 * VIEW (what did a person do meanwhile?), BEGIN (commit IN FLIGHT), SEND and
 * RECORD; a doubt is one whose outcome has to be looked up.
 */
enum phase {
	PHASE_VIEW,	/* GET before a write: to be sent */
	PHASE_BEGIN,	/* to be committed as IN FLIGHT */
	PHASE_SEND,	/* committed: to be sent */
	PHASE_UNDERWAY,	/* an answer is awaited */
	PHASE_RECORD,	/* result stands: to be committed */
	PHASE_GATHER,	/* committed: waits for others to go in bulk with */
};

struct task {
	struct task *next;
	struct deliver *d;
	struct arena *arena;
	struct op op;
	struct incident incident;	/* op.incident != 0 */
	enum phase phase;
	bool reopen_first;	/* PATCH before the note */
	bool noted;		/* a merge's note is there, its PATCH isn't */
	bool spends;		/* holds a token of the re-send budget */
	bool alone;		/* not in bulk */
	int64_t gathered_ms;	/* mono: since when it is in PHASE_GATHER */
	struct bulk *bulk;	/* goes with it, as its n-th */
	size_t bulk_at;
	/* The result, in PHASE_RECORD */
	enum result {
		RESULT_DONE, RESULT_LATER, RESULT_DEAD, RESULT_DOUBT,
		RESULT_SUCCESSOR, RESULT_NOT_NEEDED, RESULT_ADOPTED,
		RESULT_ESCALATED,
		RESULT_DECLINED,	/* refused, and nobody need know */
	} result;
	bool viewed;		/* escalated: view could be read */
	int status;
	struct str remote;	/* of a created incident */
	struct str known[4];	/* a create: ids that may be its incident */
	int known_count;
	struct str problem;
	int64_t retry_after_ms;
	struct remote_view view;
};

struct doubt {
	struct doubt *next;
	int64_t op;
	enum op_kind kind;
	struct str marker;	/* create, audit: without the incarnation */
	unsigned incarnation;
	struct str short_description;
	struct str remote;	/* audit: the incident we hold */
	int64_t incident;
	int64_t since_ms;	/* wall: never sent before; 0: this clock
				   doesn't tell */
	int64_t span_ms, next_ms, first_ms;
	unsigned searches;
	bool looking;		/* a read-back is under way */
	bool swept;		/* takes part in the sweep at work */
	struct str hits[8];	/* remote ids, the oldest first */
	int64_t hit_ms[8];
	unsigned hit_count;
	struct arena *arena;
};

struct fetch {
	struct fetch *next;
	struct deliver *d;
	char url[];
};

struct sweep;
struct question;
struct enquiry;
struct bulk;

struct deliver {
	struct agent *agent;
	struct conf *conf;
	struct rest *rest;
	struct sf_client *sf;
	struct aws_client *aws;		/* for fallback.sns; or NULL */
	struct store_reader *reader;
	pthread_t thread;
	struct pulse pulse;

	struct task *tasks;
	size_t task_count;
	struct doubt *doubts;
	bool doubts_left;		/* more in the store than were loaded */
	struct sweep *sweep;		/* NULL: none at work */
	bool swept, known_any, create_waits;
	int64_t sweep_after_ms;		/* wall: not before, after a failure */
	int64_t due_ms;			/* wall: when to look for due ops */
	bool looked_short;		/* the last look may have missed some */
	int64_t burst_ms;		/* mono: no request before; 0: at once */
	int64_t owed_ms;		/* mono: since when a commit is owed
					   for a task; 0: for none */
	int64_t wall_less_mono_ms;	/* as last seen */
	int64_t steady_ms;		/* wall: since then it has gone along */
	int64_t steady_less_mono_ms;	/* with the monotonic clock: then */
	int64_t fallback_ms, load_ms;	/* mono: next check */
	double resend;			/* tokens for writes sent again: a
					   tenth of the others, and ten a second */
	int64_t resend_ms;
	int64_t slot_ms;		/* wall: when the next of them is due */
	int64_t failing_since_ms, last_ok_ms, last_try_ms;	/* mono */
	bool breaker;
	char auth_problem[256];		/* as last told; "" */
	struct enquiry *enquiries;	/* of StackFlow's AI */
	size_t enquiry_count;
	unsigned asking;		/* of those, requests under way */
	int64_t enrich_ms;		/* wall: the last turn given away */
	struct bulk *bulks;		/* jobs under way */
	size_t gathered;		/* tasks that wait for one, or go with
					   one: they take nobody's room */
	int64_t bulk_after_ms;		/* mono: none before, after a refusal */
	unsigned lookups;		/* CI look-ups under way */
	unsigned questions;		/* for changes, begun */
	struct question *paused;	/* with pages to come */

	pthread_mutex_t lock;		/* of what follows */
	struct fetch *fetches;
	bool woken, stop;
	int64_t stop_by_ms;
	struct deliver_state state;
};

/* deliver.c */
int64_t deliver_room(struct deliver *d, int64_t mono_ms);
/* Is a request under way, but for questions to the AI? */
bool deliver_busy(const struct deliver *d);
void deliver_result(struct deliver *d, const struct sf_result *r);
struct task *task_new(struct deliver *d, const struct op *op);
void task_free(struct task *t);

/* pace.c */
/* Not what isn't for StackFlow: its rate is nothing to it. */
bool pace_is_rated(const struct op *op);
/*
 * As deliver_room(), for operations: once the rate holds them up, they go a
 * few at a time, and so share commits before and after. P1 never waits for
 * that, nor what comes alone.
 */
int64_t pace_room(struct deliver *d, int64_t mono_ms);
/*
 * How long results wait for those of other requests under way, and operations
 * to be begun for results, to share a transaction; 0: no longer, -1: there are
 * none. No room is left unused: what waits has others before it, begun or to
 * be asked about, that are held up by the rate.
 */
int64_t pace_commit_ms(struct deliver *d, int64_t mono_ms);
/* Does the rate hold anything up? */
bool pace_held_up(const struct deliver *d);
/* How long there is nothing to do, unless something comes. */
int pace_wait_ms(struct deliver *d, int64_t now_ms);

/* send.c: start the requests of a task's phase. 0 started or ended, -EAGAIN
 * no room now. */
int task_view(struct task *t);
int task_send(struct task *t);

/* record.c */
/* Commit what has ended, and with begin what is to be IN FLIGHT. */
int tasks_commit(struct deliver *d, bool begin);
/* A note that waits for its budget would keep what comes behind it back: 1 and
 * *tail, READY now, where there is one; 0; negative. */
int lane_release(struct op *tail, struct deliver *d, int64_t incident,
		 struct arena *arena, int64_t now_ms);
/* A search for a twin of a create that was sent more than once. */
struct op audit_op(struct arena *arena, struct str remote, struct str marker,
		   int64_t incident, int64_t now_ms, int64_t after_ms);
#define AUDIT_LATE_MS (10 * 60 * 1000)
#define RESEND_PER_SECOND 10

/* doubt.c */
int doubt_add(struct deliver *d, const struct op *op, int64_t now_ms);
void doubt_remove(struct deliver *d, struct doubt *gone);
int doubts_load(struct deliver *d);
void doubts_look(struct deliver *d, int64_t now_ms);
int64_t doubts_next_ms(const struct deliver *d);
/* What a sweep, now ended, says of those that took part. */
int doubts_settle(struct deliver *d, int64_t now_ms);

/* sweep.c */
bool sweep_needed(const struct deliver *d, int64_t now_ms);
int sweep_start(struct deliver *d);
void sweep_step(struct deliver *d);
void sweep_free(struct deliver *d);

/* changes.c: what agent/changes.h wants asked; drop: at the end. */
void changes_ask(struct deliver *d);
void changes_drop(struct deliver *d);

/*
 * enrich.c: OP_ENRICH of those that are due are taken up, or given a later
 * turn. What was taken up goes on by enrich_step(), which is called each turn
 * while there are enquiries. 0 or what the store says.
 */
#define ENRICH_MAX 4		/* at a time, beside `concurrency` */
#define ENRICH_LOOK_MAX 128
int enrich_take(struct deliver *d, struct op *ops, int n, int64_t now_ms);
int enrich_step(struct deliver *d);
void enrich_drop(struct deliver *d);

/*
 * bulk.c: resolves that are IN FLIGHT wait a little for others, and many go as
 * one job. false: t goes alone.
 */
bool bulk_gather(struct task *t);
void bulk_step(struct deliver *d, bool stop);
/* Milliseconds until there is something to do; INT64_MAX: nothing. */
int64_t bulk_wait_ms(const struct deliver *d, int64_t mono_ms);
/* A new client is made, or it ends: what became of jobs isn't known. */
void bulk_drop(struct deliver *d);

/* fallback.c */
void fallback_check(struct deliver *d, int64_t now_ms);
int fallback_send(struct task *t);

#endif
