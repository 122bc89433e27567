#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "base/err.h"
#include "incident/incident.h"
#include "incident/op.h"

/*
 * The journal of events, the incidents, and the operations owed. One writer
 * thread commits everything (group commit: what waits at one moment shares one
 * transaction and one fsync) and also checkpoints, between commits. Readers
 * have connections of their own, one a thread.
 *
 * After a failed fsync nothing is acknowledged any more by this process:
 * store_failed() turns true and every submission ends with -EIO.
 */
struct store;

struct store_options {
	const char *url;		/* sqlite:/path */
	uint64_t max_size;		/* bytes; events are refused past 90 % */
	int64_t retain_ms;
	const uint8_t *hash_key;	/* 16 bytes, from the install key */
};

/*
 * -EBUSY: another process has it open. -ENOTSUP: made by a newer tocsin.
 * -EUCLEAN: damaged, or not tocsin's; it is never changed or deleted then.
 * -EINVAL: url, or a store that was made with another hash_key. The file's
 * folder must exist. Files are made with mode 0600.
 */
int store_open(struct store **out, const struct store_options *o,
	       struct err *err) MUST_CHECK;
/*
 * Commits what was submitted, checkpoints, ends the writer. Readers are
 * closed before, and nobody submits any more. NULL is allowed.
 */
void store_close(struct store *s);
bool store_failed(const struct store *s);
/* How long the writer has been at what it does now; 0: it waits for work. */
int64_t store_busy_ms(const struct store *s);
/* The store was made by this start: nothing is known of StackFlow's side. */
bool store_is_new(const struct store *s);

/* ---- events ---- */

enum event_state { EVENT_NEW = 0, EVENT_DONE = 1, EVENT_QUARANTINED = 2 };

struct event {
	int64_t seq;			/* set by the commit */
	struct str identity;		/* not kept: absent when read */
	struct str id;			/* public, "e" and 13 of base32; set by
					   store_event_id() */
	int64_t change_ms;		/* the alarm's own time */
	int64_t received_ms, sent_ms;
	int64_t first;			/* seq of the first event stored of its
					   message; set by the commit */
	unsigned position;
	const char *intake;		/* sns, webhook, sqs */
	struct str kind, name, state, account, region;	/* for lists */
	struct str topic, message_id, subject;
	struct str payload;		/* position 0 only; read: all */
	struct str trust;		/* JSON: why its message was believed;
					   position 0 only; read, by
					   store_event() alone: all */
	bool duplicate;			/* set by the commit: was known already */
	enum event_state status;
	/* once triaged */
	struct str action, because, team, policy, where, ruleset;
	int64_t incident;
	int64_t decided_ms;
	struct str world;		/* JSON: what look-ups told then;
					   absent: nothing was asked */
};

/* The id an identity gets: stable across stores of one install key. */
void store_event_id(struct buf *out, const struct store *s,
		    struct str identity);

typedef void store_done(int result, void *arg);

/*
 * Journal the events of one message: all or none. done is called from the
 * writer's thread after the fsync: 0 (stored or known already: see
 * duplicate), -ENOSPC past the high-water mark, -EIO, -EBUSY, -ENOMEM. events
 * must stay until then. confirm: an operation to owe with them (OP_CONFIRM);
 * NULL. It isn't owed again where every event was known already.
 */
struct store_accept {
	struct event *events;
	size_t count;
	const struct op *confirm;
	store_done *done;
	void *arg;
	struct store_accept *next;	/* the store's */
};
void store_accept(struct store *s, struct store_accept *a);

/*
 * The next untriaged events after a sequence number, with payloads, oldest
 * first. Strings live in arena. Returns how many (0: none), or negative.
 */
struct store_reader;
int store_reader_open(struct store_reader **out, struct store *s,
		      struct err *err) MUST_CHECK;
void store_reader_close(struct store_reader *r);
/*
 * What is read between these is of one moment, and cheaper; end soon, since
 * the WAL can't shrink meanwhile.
 */
int store_reader_begin(struct store_reader *r) MUST_CHECK;
void store_reader_end(struct store_reader *r);
int store_new_events(struct event *out, size_t max, struct store_reader *r,
		     int64_t after, struct arena *arena);
/* The same without payloads, for who has the message itself as a rule; the
 * payload of the message whose events begin at first: 1, 0, negative. */
int store_new_heads(struct event *out, size_t max, struct store_reader *r,
		    int64_t after, struct arena *arena);
int store_payload(struct str *out, struct store_reader *r, int64_t first,
		  struct arena *arena);

/* ---- triage ---- */

/* Latest incarnation of a key, by arena copy: 1 found, 0 none, negative. */
int store_incident_by_key(struct incident *out, struct store_reader *r,
			  struct str key, struct arena *arena);
int store_incident_by_id(struct incident *out, struct store_reader *r,
			 int64_t id, struct arena *arena);
/*
 * Are an incident and an op of its lane, READY, still as they were read? 1
 * and *remote, the id in StackFlow, which alone may have come meanwhile; 0;
 * negative.
 */
int store_unchanged(struct str *remote, struct store_reader *r,
		    const struct incident *i, const struct op *op,
		    struct arena *arena);
int store_member(struct member *out, struct store_reader *r,
		 struct str subject, struct arena *arena);
/*
 * Members in ALARM of incidents that are open, by incident and id, those after
 * `after` (NULL: from the first). How many, or negative.
 */
int store_firing_open(struct member *out, size_t max, struct store_reader *r,
		      const struct member *after, struct arena *arena);
/* Members of an incident in ALARM, except one id; counted up to 1000. */
int store_others_firing(unsigned *out, struct store_reader *r,
			int64_t incident, int64_t except);
/* Newest op of a lane that is not DONE; 1, 0, negative. */
int store_lane_tail(struct op *out, struct store_reader *r, int64_t incident,
		    struct arena *arena);

/* 1 and *out, 0 where nothing of the key is known, negative. */
int store_tally(struct tally *out, struct store_reader *r, struct str key,
		struct arena *arena);
/* Incidents of a team opened within these, both included, parents left out;
 * counted up to 1000. */
int store_opened(unsigned *out, struct store_reader *r, struct str team,
		 int64_t from_ms, int64_t to_ms);
/*
 * Open incidents of a policy whose context holds all of same; those whose
 * context is empty are never found. How many, or negative.
 */
int store_open_behind(struct incident *out, size_t max, struct store_reader *r,
		      struct str policy, const struct field *same,
		      size_t same_count, struct arena *arena);

/* ---- timers ---- */

/* Members that wait, and incidents with a timer, whose due_ms has come, the
 * earliest first. How many, or negative. */
int store_due_waits(struct member *out, size_t max, struct store_reader *r,
		    int64_t now_ms, struct arena *arena);
int store_due_timers(struct incident *out, size_t max, struct store_reader *r,
		     int64_t now_ms, struct arena *arena);
/* The earliest due_ms of both, past or future; INT64_MAX: none. */
int store_next_timer(int64_t *out_ms, struct store_reader *r);
/* One event with its outcome, without payload. 1, 0, negative. */
int store_event_at(struct event *out, struct store_reader *r, int64_t seq,
		   struct arena *arena);
/* Whatever any hold holds is due now: the rules aren't what they were. */
int store_look_again(struct store *s, int64_t now_ms) MUST_CHECK;

/*
 * One write of a batch. Kinds are applied in order within one transaction;
 * all writes of one store_batch commit together or not at all. An inserted
 * incident, member, tally or op gets its id set; later writes of the same
 * batch may refer to it by pointer (incident_ref) before the id is known.
 */
enum store_write_kind {
	WRITE_EVENT_DONE,	/* event: outcome fields */
	WRITE_INCIDENT,		/* insert (id 0), or replace all but `remote`
				   where the stored version is incident->version
				   (else the batch fails with -ESTALE); the
				   stored version rises by one */
	WRITE_REMOTE,		/* incident: set only its `remote`; the version
				   stays */
	WRITE_MOVE,		/* members and unfinished READY ops of incident
				   id `from` go over to `incident` (by pointer) */
	WRITE_MEMBER,
	WRITE_OP,		/* insert or replace; DONE and DEAD included */
	WRITE_OP_STATE,		/* op->id: only state held attempts searches
				   not_before sent searched status problem
				   target; body, events and count stay, so that
				   a repeat merged meanwhile isn't lost */
	WRITE_META,		/* key, value */
	WRITE_KNOWN,		/* a marker seen in StackFlow by the first sweep */
	WRITE_TALLY,
	WRITE_SETTLED,		/* event: seq, action and because of one whose
				   outcome is there already; incident too,
				   where it is set */
	WRITE_LOOK_AGAIN,	/* holds that are due between from and until_ms
				   are due at from */
	WRITE_AUDIT,		/* audit: what the rest of the batch does, or
				   alone; it fails with nothing but the batch */
};

struct store_row {
	bool found;		/* of an event: it is there */
	/* of an incident */
	enum incident_state state_of_incident;
	int64_t due_ms;
	/* of an op */
	int64_t incident, pos, not_before_ms;
	enum op_kind kind;
	enum op_state state;
	int rank;
	bool held, free;
};

struct store_write {
	enum store_write_kind kind;
	struct event *event;
	struct incident *incident;	/* of WRITE_INCIDENT; else whose new id
					   member->incident, op->incident or
					   event->incident takes; or NULL */
	struct member *member;
	struct op *op;
	struct tally *tally;
	const struct store_audit *audit;
	enum op_state expect;	/* WRITE_OP, WRITE_OP_STATE with id: only where
				   the stored op is in this state (0: any); else
				   the batch fails with -ESTALE */
	int64_t from;		/* WRITE_MOVE, WRITE_LOOK_AGAIN */
	int64_t until_ms;	/* WRITE_LOOK_AGAIN */
	struct str key, value;	/* WRITE_META; WRITE_KNOWN: marker without
				   incarnation, remote id */
	struct store_row row;	/* the store's: what is replaced, as found
				   before anything of the batch was written */
};

/*
 * -ESTALE as above, -EEXIST (an incident of that key and incarnation, or a
 * member of that subject, is there already), -ENOENT (a replaced row isn't),
 * -ENOSPC, -EBUSY, -EIO, -ENOMEM. After a failure ids are as they were.
 *
 * A version is compared, and raised in the store alone, at the first write of
 * an incident in a batch. Its key, incarnation, opened_ms and context never
 * change. An op's target
 * isn't kept where it is the incident's remote id, nor are body and problem of
 * an op that is DONE. An event's outcome may be written again; that of an
 * expired event is left out.
 */
struct store_batch {
	struct store_write *writes;
	size_t count;
	store_done *done;	/* writer's thread, after the fsync */
	void *arg;
	struct store_batch *next;
};
void store_submit(struct store *s, struct store_batch *b);
/* store_submit and wait. Never from a done or wake callback. */
int store_commit(struct store *s, struct store_write *writes,
		 size_t count) MUST_CHECK;

/* Writes that are needed to finish (outcomes) still commit past the
 * high-water mark; new events don't. */

/* ---- operations ---- */

/*
 * Wherever an op is read, target is the incident's remote id unless the op
 * has one of its own.
 *
 * Ops that may go now: READY, not_before_ms passed, the oldest unfinished one
 * of their lane (its create before all others; after a DEAD create: none), best
 * rank first. Strings in arena. Count or negative.
 */
int store_due_ops(struct op *out, size_t max, struct store_reader *r,
		  int64_t now_ms, struct arena *arena);
/* IN_DOUBT (or, at start, IN_FLIGHT) ops, oldest first. */
int store_ops_in(struct op *out, size_t max, struct store_reader *r,
		 enum op_state state, struct arena *arena);
int store_op(struct op *out, struct store_reader *r, int64_t id,
	     struct arena *arena);
/* not_before_ms of the next op that store_due_ops would tell, past or future;
 * INT64_MAX: none. */
int store_next_due(int64_t *out_ms, struct store_reader *r);
/* At start: IN_FLIGHT becomes IN_DOUBT; not_before more than an hour ahead is
 * clamped to now, but what is held stays so for as long as it was meant to.
 * A clock that was set back meanwhile is as store_clock_back() for timers.
 * Returns how many were in flight. */
int store_recover(struct store *s, int64_t now_ms, struct err *err);
/* The wall clock went back by by_ms to now_ms: what waited for a later moment
 * waits as long as it would have, operations and timers alike. 0 or a negative
 * errno. */
int store_clock_back(struct store *s, int64_t now_ms,
		     int64_t by_ms) MUST_CHECK;

/* Remote ids with this marker (without incarnation) from the first sweep. */
int store_known(struct str *out, size_t max, struct store_reader *r,
		struct str marker, struct arena *arena);
/* Is this remote id one of our incidents'? 1, 0, negative. */
int store_remote_is_ours(struct store_reader *r, struct str remote);

/* 1 and *out, 0 where absent, negative. */
int store_meta(struct str *out, struct store_reader *r, struct str key,
	       struct arena *arena);
int store_set_meta(struct store *s, struct str key, struct str value);

/* ---- who did what ---- */

/* A line of the audit log. Kept as long as events are. */
struct store_audit {
	int64_t id;			/* set by the commit; not told */
	int64_t at_ms;
	struct str who;			/* "tocsin", "token", "uid 0 (root)" */
	struct str action;		/* "dead.retry", "incident.note" */
	struct str resource_type, resource_id;
	struct str details;		/* a JSON object, or empty */
};

/* ---- what people ask ---- */

struct store_page {
	size_t limit;
	int64_t before;		/* ids or seqs below this; 0: the newest */
	struct str filter;	/* incidents: open, resolved, closed, failed or
				   empty; events: alarm name; audit: resource
				   id */
};
int store_list_incidents(struct incident *out, struct store_reader *r,
			 const struct store_page *p, struct arena *arena);
int store_list_events(struct event *out, struct store_reader *r,
		      const struct store_page *p, struct arena *arena);
/* One event with its payload, by public id. 1, 0, negative. */
int store_event(struct event *out, struct store_reader *r, struct str id,
		struct arena *arena);
int store_list_ops(struct op *out, struct store_reader *r,
		   enum op_state state, const struct store_page *p,
		   struct arena *arena);

/* The newest first. How many, or negative. */
int store_list_audit(struct store_audit *out, struct store_reader *r,
		     const struct store_page *p, struct arena *arena);

/*
 * The operations that tell of an event, the oldest first, finished ones too
 * (without their text). Those of its incident and of its incident's
 * successors are looked through. How many, or negative.
 */
int store_event_ops(struct op *out, size_t max, struct store_reader *r,
		    const struct event *e, struct arena *arena);
/* All of an incident, below `before` (0: the newest), the newest first. */
int store_incident_ops(struct op *out, size_t max, struct store_reader *r,
		       int64_t incident, int64_t before, struct arena *arena);

/*
 * As the lists above, of those with a text in them, ASCII letters in either
 * case: of an event in alarm, account, region, kind, subject, topic, message
 * id, team, policy or place, of an incident in alarm, key, remote id, CI or
 * short description. At most 50,000 rows are looked through: *next is the
 * `before` by which it goes on, 0: there is nothing more.
 */
struct store_search {
	struct str text;		/* or empty */
	struct str team;		/* all of it; or empty */
	int priority;			/* of an incident, 1 to 4; 0: any */
};
int store_search_events(struct event *out, int64_t *next,
			struct store_reader *r, const struct store_page *p,
			const struct store_search *s, struct arena *arena);
int store_search_incidents(struct incident *out, int64_t *next,
			   struct store_reader *r, const struct store_page *p,
			   const struct store_search *s, struct arena *arena);
/* The alarms whose last incident it is, those in ALARM first. */
int store_members(struct member *out, size_t max, struct store_reader *r,
		  int64_t incident, struct arena *arena);

/* What happened in each of n steps of time from a moment on. */
struct store_bucket {
	int64_t events;			/* received, expired ones too */
	int64_t incidents;		/* opened here, in StackFlow or not yet */
	int64_t resolved, notes;	/* told to StackFlow */
};
/*
 * Events and incidents are found by bisection, the rest is one range of an
 * index: a day of a million alarms costs milliseconds. A moment that is as
 * old as retention allows, or older, is counted as far as it is kept.
 */
int store_series(struct store_bucket *out, size_t n, struct store_reader *r,
		 int64_t from_ms, int64_t step_ms);

struct store_counts {
	int64_t events, untriaged, ops_open, ops_held, in_doubt, dead,
		incidents_open;
	int64_t waiting, held;	/* alarms: until they last, in a hold */
	int64_t timers;		/* incidents that have one */
	uint64_t bytes;		/* of the store's files */
	uint64_t wal_bytes;	/* the WAL's share; a slow reader makes it grow */
	uint64_t commits, fsyncs_failed;
	bool full;		/* past the high-water mark */
};
/*
 * From memory, kept by the writer: no query. Backlog = untriaged + ops_open,
 * where ops_open counts READY (not held, not behind a DEAD create of its
 * lane), IN_FLIGHT and IN_DOUBT. An accepted event is counted before its done
 * is called. events: stored and not expired.
 */
void store_count(const struct store *s, struct store_counts *out);

/* Called from the writer's thread after each commit that added untriaged
 * events (what & 1) or ops (what & 2), or set a timer (what & 4), and after
 * the answers to it; no more once another was set, or NULL. Must not call store_on_commit() itself. */
void store_on_commit(struct store *s, void (*wake)(unsigned what, void *arg),
		     void *arg);

/*
 * Drop events decided before a time, with outcomes, unless their incident is
 * open or an alarm waits with them; a bounded step, each going on where the
 * last one ended. Done ops, members in OK and superseded incarnations go too; a key's last incarnation
 * stays, so that a marker is never used again. Identities are kept for
 * retain_ms, at least eight days. Returns how many events, or negative.
 */
int store_expire(struct store *s, int64_t before_ms, size_t max);

/*
 * Erase what events carried: payload, subject, world, signature. Outcomes,
 * ids, names and times stay. A message goes as a whole where one of its events
 * is meant and every one of them may go: none undecided, of an incident that
 * is open, waited with by an alarm, or of an incident that is owed something,
 * dead letters included. account: empty means all; dry: only count.
 *
 * A bounded step from *after (0: the first) on, which it moves: 1, there may be
 * more; 0, that was all; negative. *out is what this step found.
 */
struct store_erase {
	int64_t before_ms;		/* received before */
	struct str account;
	bool dry;
};
struct store_erased {
	int64_t events;			/* whose message was erased */
	int64_t undecided, open, waiting, owed;	/* that stay, by why */
};
int store_erase(struct store *s, struct store_erased *out,
		const struct store_erase *what, int64_t *after,
		size_t max) MUST_CHECK;
/*
 * Write the files anew, so that nothing erased or expired is left in them.
 * Nothing else is committed meanwhile, about a second for 50 MB. 0; 1 where the
 * disk has no room for it and copies may be left in unused parts of pages;
 * -EBUSY where a reader keeps the WAL; negative.
 */
int store_scrub(struct store *s) MUST_CHECK;
bool store_scrubbing(const struct store *s);

/* Last good copies of rule files. */
int store_save_rules(struct store *s, struct str file, struct str text);
int store_saved_rules(struct str *out, struct store_reader *r, struct str file,
		      struct arena *arena);

/* ---- other days ---- */

/*
 * The rule set that decides from now on: its sources, in a form of the
 * caller's, are kept once under its hash, and dropped when it was followed by
 * another and no kept event was decided by it.
 */
int store_keep_ruleset(struct store *s, struct str hash, struct str sources,
		       int64_t now_ms) MUST_CHECK;
/* 1 and *out, 0 where it isn't kept, negative. */
int store_ruleset(struct str *out, struct store_reader *r, struct str hash,
		  struct arena *arena);

/*
 * Events after a sequence number that were received since then, oldest first,
 * with their outcomes but without payloads. How many, or negative.
 */
struct past_event {
	struct event event;
	struct str ci_id;		/* of its incident; or empty */
};
int store_past_events(struct past_event *out, size_t max,
		      struct store_reader *r, int64_t after, int64_t since_ms,
		      struct arena *arena);
int store_past_count(int64_t *out, struct store_reader *r, int64_t since_ms);

/*
 * A reader of a store that may be at work in another process: nothing is
 * written, locked or checkpointed. What asks by key, subject or marker finds
 * nothing. -EUCLEAN and -ENOTSUP as store_open().
 */
int store_look(struct store_reader **out, const char *url,
	       struct err *err) MUST_CHECK;

/* ---- copies ---- */

/*
 * Copy a store, as it is at this moment, to a file by itself (mode 0600, on
 * disk when this returns), whether an agent is at work with it or not; it
 * isn't held up. -EEXIST: the file is there, and force isn't set. -EUCLEAN and
 * -ENOTSUP as store_look().
 */
int store_backup(const char *url, const char *to, bool force,
		 struct err *err) MUST_CHECK;
/*
 * Make a copy the store. The one that was there is kept under the name that
 * aside is given (empty: there was none). What StackFlow was told since the
 * copy was made isn't known to it: it looks through StackFlow before its first
 * create, and all that was owed is in doubt. -EBUSY: an agent is at work;
 * -EUCLEAN: damaged, or no copy; -ENOTSUP: of a newer tocsin; -EINVAL: url, or
 * of another hash_key. Nothing has changed then.
 */
int store_restore(const struct store_options *o, const char *from,
		  int64_t now_ms, struct buf *aside,
		  struct err *err) MUST_CHECK;

/* ---- silences made at run time: match isn't looked into ---- */

struct store_silence {
	struct str id, match, owner, reason;
	int64_t begins_ms, ends_ms, created_ms;
};
#define STORE_SILENCES 5000	/* beyond, those that ended first go */

/* Insert, or replace the one of that id. */
int store_put_silence(struct store *s, const struct store_silence *x);
/* Those that end after a moment, the newest first. How many, or negative. */
int store_silences(struct store_silence *out, size_t max,
		   struct store_reader *r, int64_t after_ms,
		   struct arena *arena);
/* What a hold of this id holds, alarms and notes, is due at now_ms: how many,
 * or negative. */
int store_release(struct store *s, struct str hold, int64_t now_ms);

#endif
