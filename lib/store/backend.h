#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H

#include "store/store.h"

/*
 * What a database must be able to do. store.c and writer.c hold what is the
 * same for all: the queue, the group commit, the counts.
 */

/* Work for the writer that isn't a submission of events or writes. */
enum job_kind { JOB_RECOVER, JOB_EXPIRE, JOB_RULES, JOB_RULESET,
		JOB_CLOCK_BACK,
		JOB_SILENCE, JOB_RELEASE, JOB_ERASE,
		JOB_SCRUB /* in no transaction */ };

struct store_job {
	enum job_kind kind;
	int64_t ms;			/* recover, back, rule set: now;
					   expire: before */
	int64_t by_ms;			/* back */
	size_t max;			/* expire */
	/* Of a rule set its hash and body. */
	struct str file, text;		/* rules; release: file is the hold */
	const struct store_silence *silence;
	const struct store_erase *erase;
	struct store_erased *erased;
	int64_t *after;
	int count;			/* what recover, expire, erase and
					   scrub tell */
	store_done *done;
	void *arg;
	struct store_job *next;
};

/* What a transaction adds up, besides its rows. */
struct store_tally {
	struct store_counts counts;
	int64_t next_event, next_incident, next_member, next_op,
		next_tally;
	unsigned what;			/* for store_on_commit */
};

/* A backend's reader begins with this. */
struct store_reader {
	const struct store_backend *backend;
};

/*
 * The writer's functions are called from one thread at a time. Between begin
 * and commit any number of accept, batch and job; a negative result of these
 * and of accepted but -ESTALE, which has written nothing, means that all must
 * be rolled back. rollback takes back the tally too, undo_accept and
 * undo_batch the ids that were given.
 */
struct store_backend {
	const char *scheme;		/* "sqlite:" */
	int (*open)(void **out, const struct store_options *o,
		    const char *where, bool *made, struct err *err);
	void (*close)(void *db);

	int (*begin)(void *db);
	int (*commit)(void *db);
	void (*rollback)(void *db);
	int (*accept)(void *db, struct store_accept *a);
	int (*batch)(void *db, struct store_batch *b);
	/* What was accepted since begin is to be triaged; before commit. */
	int (*accepted)(void *db);
	int (*job)(void *db, struct store_job *j);
	void (*undo_accept)(void *db, struct store_accept *a);
	void (*undo_batch)(void *db, struct store_batch *b);
	/* Past the high-water mark? Asked between begin and commit. */
	bool (*full)(void *db);
	const struct store_tally *(*tally)(void *db);
	/*
	 * Housekeeping between transactions. *wait_ms: when to call again
	 * while nothing else happens; -1: not needed.
	 */
	int (*tidy)(void *db, bool idle, int *wait_ms);

	/* Between transactions: 0, 1 (not wholly), negative. It may take long;
	 * goes_on is called now and then meanwhile. */
	int (*scrub)(void *db, void (*goes_on)(void *arg), void *arg);

	int (*reader_open)(struct store_reader **out, void *db,
			   struct err *err);
	void (*reader_close)(struct store_reader *r);
	int (*reader_begin)(struct store_reader *r);
	void (*reader_end)(struct store_reader *r);
	int (*new_heads)(struct event *out, size_t max,
			  struct store_reader *r, int64_t after,
			  struct arena *arena);
	int (*payload)(struct str *out, struct store_reader *r, int64_t first,
		       struct arena *arena);
	int (*incident_by_key)(struct incident *out, struct store_reader *r,
			       struct str key, struct arena *arena);
	int (*incident_by_id)(struct incident *out, struct store_reader *r,
			      int64_t id, struct arena *arena);
	int (*unchanged)(struct str *remote, struct store_reader *r,
			 const struct incident *i, const struct op *op,
			 struct arena *arena);
	int (*member)(struct member *out, struct store_reader *r,
		      struct str subject, struct arena *arena);
	int (*firing_open)(struct member *out, size_t max,
			   struct store_reader *r, const struct member *after,
			   struct arena *arena);
	int (*others_firing)(unsigned *out, struct store_reader *r,
			     int64_t incident, int64_t except);
	int (*tally_of)(struct tally *out, struct store_reader *r,
			struct str key, struct arena *arena);
	int (*opened)(unsigned *out, struct store_reader *r, struct str team,
		      int64_t from_ms, int64_t to_ms);
	int (*open_behind)(struct incident *out, size_t max,
			   struct store_reader *r, struct str policy,
			   const struct field *same, size_t same_count,
			   struct arena *arena);
	int (*due_waits)(struct member *out, size_t max,
			 struct store_reader *r, int64_t now_ms,
			 struct arena *arena);
	int (*due_timers)(struct incident *out, size_t max,
			  struct store_reader *r, int64_t now_ms,
			  struct arena *arena);
	int (*next_timer)(int64_t *out_ms, struct store_reader *r);
	int (*event_at)(struct event *out, struct store_reader *r, int64_t seq,
			struct arena *arena);
	int (*lane_tail)(struct op *out, struct store_reader *r,
			 int64_t incident, struct arena *arena);
	int (*due_ops)(struct op *out, size_t max, struct store_reader *r,
		       int64_t now_ms, struct arena *arena);
	int (*ops_in)(struct op *out, size_t max, struct store_reader *r,
		      enum op_state state, struct arena *arena);
	int (*op)(struct op *out, struct store_reader *r, int64_t id,
		  struct arena *arena);
	int (*next_due)(int64_t *out_ms, struct store_reader *r);
	int (*known)(struct str *out, size_t max, struct store_reader *r,
		     struct str marker, struct arena *arena);
	int (*remote_is_ours)(struct store_reader *r, struct str remote);
	int (*meta)(struct str *out, struct store_reader *r, struct str key,
		    struct arena *arena);
	int (*saved_rules)(struct str *out, struct store_reader *r,
			   struct str file, struct arena *arena);
	int (*silences)(struct store_silence *out, size_t max,
			struct store_reader *r, int64_t after_ms,
			struct arena *arena);
	int (*list_incidents)(struct incident *out, struct store_reader *r,
			      const struct store_page *p, struct arena *arena);
	int (*list_events)(struct event *out, struct store_reader *r,
			   const struct store_page *p, struct arena *arena);
	int (*event)(struct event *out, struct store_reader *r, uint64_t hash,
		     struct arena *arena);
	int (*list_ops)(struct op *out, struct store_reader *r,
			enum op_state state, const struct store_page *p,
			struct arena *arena);

	/* A reader of a store that isn't opened here. */
	int (*look)(struct store_reader **out, const char *where,
		    struct err *err);
	int (*backup)(const char *where, const char *to, bool force,
		      struct err *err);
	int (*restore)(const char *where, const char *from,
		       const uint8_t *hash_key, int64_t now_ms,
		       struct buf *aside, struct err *err);
	int (*ruleset)(struct str *out, struct store_reader *r,
		       struct str hash, struct arena *arena);
	int (*past_events)(struct past_event *out, size_t max,
			   struct store_reader *r, int64_t after,
			   int64_t since_ms, struct arena *arena);
	int (*past_count)(int64_t *out, struct store_reader *r,
			  int64_t since_ms);
	int (*list_audit)(struct store_audit *out, struct store_reader *r,
			  const struct store_page *p, struct arena *arena);
	int (*event_ops)(struct op *out, size_t max, struct store_reader *r,
			 const struct event *e, struct arena *arena);
	int (*incident_ops)(struct op *out, size_t max,
			    struct store_reader *r, int64_t incident,
			    int64_t before, struct arena *arena);
	int (*search_events)(struct event *out, int64_t *next,
			     struct store_reader *r,
			     const struct store_page *p,
			     const struct store_search *s,
			     struct arena *arena);
	int (*search_incidents)(struct incident *out, int64_t *next,
				struct store_reader *r,
				const struct store_page *p,
				const struct store_search *s,
				struct arena *arena);
	int (*members)(struct member *out, size_t max, struct store_reader *r,
		       int64_t incident, struct arena *arena);
	int (*series)(struct store_bucket *out, size_t n,
		      struct store_reader *r, int64_t from_ms,
		      int64_t step_ms);
};

extern const struct store_backend store_sqlite;

/* A public event id of a hash, and back: 0 or -EINVAL. */
void store_put_id(struct buf *out, uint64_t hash);
int store_id_hash(uint64_t *out, struct str id);

#endif
