#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <sqlite3.h>

#include "store/backend.h"
#include "store/sqlite_sql.h"

/* ---- statements, prepared at first use and kept ---- */

struct sql {
	sqlite3 *db;
	sqlite3_stmt *stmt[SQL_COUNT];
};

void sql_fini(struct sql *q); /* ends the connection too */
/* -errno of an SQLite result code. */
int sql_errno(int code);

/* One run of a statement. Failures stick until query_row or query_run. */
struct query {
	struct sql *q;
	sqlite3_stmt *st;
	int at; /* parameter or column */
	int rc;
	struct arena *arena; /* for get_str */
};

struct query query_begin(struct sql *q, enum sql_statement n);
/* The next parameter. */
void put_int(struct query *u, int64_t v);
void put_str(struct query *u, struct str s);
void put_blob(struct query *u, struct str s);
/* 1: a row; 0: no more; or negative. Unless 1 the run has ended. */
int query_row(struct query *u);
void query_end(struct query *u);
/* Run to the end: 0 or negative. */
int query_run(struct query *u);
/* One number, or absent where there is no row. */
int query_int(struct query *u, int64_t absent, int64_t *out);
/* The row's next column. */
int64_t get_int(struct query *u);
struct str get_str(struct query *u); /* in arena */
/* The next column without a copy, good until the run goes on. */
struct str get_view(struct query *u);

/* ---- the writer's connection ---- */

struct sqlite {
	struct sql q;
	char *path;
	int lock;
	uint8_t hash_key[16];
	uint64_t max_size, spare; /* spare: to stay free on the disk */
	int64_t retain_ms;
	int64_t page_size;

	/* As it is, as it was at begin, as it was before the last rollback. */
	struct store_tally tally, mark, undone;
	int64_t dropped, dropped_mark;	/* events that ever expired */
	int64_t rulesets_seen;	/* dropped, when rule sets were looked at */
	bool full, roomy;
	uint64_t asked;		/* commits when fullness was looked at last */
	int64_t at[7]; /* where expiry goes on */

	/* Frames in the WAL: all; copied to the database; all, when copying
	 * was last tried. */
	int frames, copied, tried;
};

uint64_t sqlite_hash(const struct sqlite *d, struct str s);

int sqlite_accept(void *db, struct store_accept *a);
int sqlite_batch(void *db, struct store_batch *b);
int sqlite_job(void *db, struct store_job *j);
int sqlite_accepted(void *db);
void sqlite_undo_accept(void *db, struct store_accept *a);
void sqlite_undo_batch(void *db, struct store_batch *b);

/* sqlite_op.c. Insert or replace; an inserted one's id is set. found: the row
 * where it was read already, and is still so; or NULL. */
int sqlite_write_op(struct sqlite *d, struct op *op,
		    const struct store_row *found);
/* Of a stored op what WRITE_OP_STATE names. */
int sqlite_write_op_state(struct sqlite *d, const struct op *op,
			  const struct store_row *found);
/* Ready ops of one lane go over to another. */
int sqlite_move_ops(struct sqlite *d, int64_t from, int64_t to);
/* sqlite_timer.c */
int sqlite_write_tally(struct sqlite *d, struct tally *t);
int sqlite_look_again(struct sqlite *d, const struct store_write *w);
int sqlite_timers_back(struct sqlite *d, int64_t now_ms, int64_t by_ms);
/* At a start: was the clock set back meanwhile? */
int sqlite_timers_recover(struct sqlite *d, int64_t now_ms);
int sqlite_count_timers(struct sqlite *d);
/* A stored op; 1, 0: there is none; or negative. */
int sqlite_see_op(struct store_row *out, struct sqlite *d, int64_t id);

/* sqlite_silence.c: the jobs of silences; what expiry and a clock that went
 * back do to them. */
int sqlite_put_silence(struct sqlite *d, const struct store_job *j);
int sqlite_release(struct sqlite *d, struct store_job *j);
int sqlite_expire_silences(struct sqlite *d, int64_t before_ms);
/* At a start: what those hold that were ended early is due. */
int sqlite_silences_recover(struct sqlite *d, int64_t now_ms);
int sqlite_silences_back(struct sqlite *d, int64_t now_ms, int64_t by_ms);

void sqlite_measure(struct sqlite *d);
/* sqlite_erase.c */
int sqlite_erase(struct sqlite *d, struct store_job *j);
int sqlite_scrub(void *db, void (*goes_on)(void *arg), void *arg);

/* sqlite_backup.c */
int sqlite_backup(const char *where, const char *to, bool force,
		  struct err *err);
int sqlite_restore(const char *where, const char *from,
		   const uint8_t *hash_key, int64_t now_ms, struct buf *aside,
		   struct err *err);

/* sqlite_audit.c */
int sqlite_put_audit(struct sqlite *d, const struct store_audit *a);
int sqlite_list_audit(struct store_audit *out, struct store_reader *r,
		      const struct store_page *p, struct arena *arena);

/* sqlite_series.c */
int sqlite_event_ops(struct op *out, size_t max, struct store_reader *r,
		     const struct event *e, struct arena *arena);
int sqlite_incident_ops(struct op *out, size_t max, struct store_reader *r,
			int64_t incident, int64_t before, struct arena *arena);
int sqlite_series(struct store_bucket *out, size_t n, struct store_reader *r,
		  int64_t from_ms, int64_t step_ms);

/* sqlite_search.c */
int sqlite_search_events(struct event *out, int64_t *next,
			 struct store_reader *r, const struct store_page *p,
			 const struct store_search *s, struct arena *arena);
int sqlite_search_incidents(struct incident *out, int64_t *next,
			    struct store_reader *r, const struct store_page *p,
			    const struct store_search *s, struct arena *arena);
int sqlite_members(struct member *out, size_t max, struct store_reader *r,
		   int64_t incident, struct arena *arena);

/* sqlite_ruleset.c */
int sqlite_keep_ruleset(struct sqlite *d, const struct store_job *j);
/* Those that ended before then, and that no kept event refers to. */
int sqlite_drop_rulesets(struct sqlite *d, int64_t before_ms);
int sqlite_ruleset(struct str *out, struct store_reader *r, struct str hash,
		   struct arena *arena);

/* ---- a reader's connection ---- */

struct sqlite_reader {
	struct store_reader base;
	struct sql q;
	uint8_t hash_key[16];
	struct buf id;
};

int sqlite_open_reader(struct store_reader **out, const char *path,
		       struct err *err);
/* The row's next columns; id: for the public id. */
void sqlite_get_event(struct event *e, struct query *u, struct buf *id);
void sqlite_get_outcome(struct event *e, struct query *u);

/* sqlite_past.c */
int sqlite_look(struct store_reader **out, const char *where, struct err *err);
int sqlite_past_events(struct past_event *out, size_t max,
		       struct store_reader *r, int64_t after, int64_t since_ms,
		       struct arena *arena);
int sqlite_past_count(int64_t *out, struct store_reader *r, int64_t since_ms);

struct query reader_query(struct store_reader *r, enum sql_statement n,
			  struct arena *arena);
uint64_t reader_hash(struct store_reader *r, struct str s);
/* The end of a look-up that found a row or not. */
int reader_found(struct query *u, int r);
void get_incident(struct incident *i, struct query *u);
void get_member(struct member *out, struct query *u);
/* 0: none of that name. */
enum incident_state sqlite_state_of(struct str word);
/* Rows into out, from where n stands; how many there are then. */
int get_ops(struct op *out, int n, size_t max, struct query *u);

/* As store_*: sqlite_read.c, sqlite_timer.c */
int sqlite_tally_of(struct tally *out, struct store_reader *r, struct str key,
		    struct arena *arena);
int sqlite_opened(unsigned *out, struct store_reader *r, struct str team,
		  int64_t from_ms, int64_t to_ms);
int sqlite_open_behind(struct incident *out, size_t max,
		       struct store_reader *r, struct str policy,
		       const struct field *same, size_t same_count,
		       struct arena *arena);
int sqlite_due_waits(struct member *out, size_t max, struct store_reader *r,
		     int64_t now_ms, struct arena *arena);
int sqlite_due_timers(struct incident *out, size_t max,
		      struct store_reader *r, int64_t now_ms,
		      struct arena *arena);
int sqlite_next_timer(int64_t *out_ms, struct store_reader *r);
int sqlite_event_at(struct event *out, struct store_reader *r, int64_t seq,
		    struct arena *arena);
int sqlite_reader_open(struct store_reader **out, void *db, struct err *err);
void sqlite_reader_close(struct store_reader *r);
int sqlite_reader_begin(struct store_reader *r);
void sqlite_reader_end(struct store_reader *r);
int sqlite_new_heads(struct event *out, size_t max, struct store_reader *r,
		     int64_t after, struct arena *arena);
int sqlite_payload(struct str *out, struct store_reader *r, int64_t first,
		   struct arena *arena);
int sqlite_incident_by_key(struct incident *out, struct store_reader *r,
			   struct str key, struct arena *arena);
int sqlite_incident_by_id(struct incident *out, struct store_reader *r,
			  int64_t id, struct arena *arena);
int sqlite_unchanged(struct str *remote, struct store_reader *r,
		     const struct incident *i, const struct op *op,
		     struct arena *arena);
int sqlite_member(struct member *out, struct store_reader *r,
		  struct str subject, struct arena *arena);
int sqlite_firing_open(struct member *out, size_t max, struct store_reader *r,
		       const struct member *after, struct arena *arena);
int sqlite_others_firing(unsigned *out, struct store_reader *r,
			 int64_t incident, int64_t except);
int sqlite_lane_tail(struct op *out, struct store_reader *r, int64_t incident,
		     struct arena *arena);
int sqlite_due_ops(struct op *out, size_t max, struct store_reader *r,
		   int64_t now_ms, struct arena *arena);
int sqlite_ops_in(struct op *out, size_t max, struct store_reader *r,
		  enum op_state state, struct arena *arena);
int sqlite_op(struct op *out, struct store_reader *r, int64_t id,
	      struct arena *arena);
int sqlite_next_due(int64_t *out_ms, struct store_reader *r);
int sqlite_known(struct str *out, size_t max, struct store_reader *r,
		 struct str marker, struct arena *arena);
int sqlite_remote_is_ours(struct store_reader *r, struct str remote);
int sqlite_meta(struct str *out, struct store_reader *r, struct str key,
		struct arena *arena);
int sqlite_saved_rules(struct str *out, struct store_reader *r, struct str file,
		       struct arena *arena);
int sqlite_silences(struct store_silence *out, size_t max,
		    struct store_reader *r, int64_t after_ms,
		    struct arena *arena);
int sqlite_list_incidents(struct incident *out, struct store_reader *r,
			  const struct store_page *p, struct arena *arena);
int sqlite_list_events(struct event *out, struct store_reader *r,
		       const struct store_page *p, struct arena *arena);
int sqlite_event(struct event *out, struct store_reader *r, uint64_t hash,
		 struct arena *arena);
int sqlite_list_ops(struct op *out, struct store_reader *r, enum op_state state,
		    const struct store_page *p, struct arena *arena);

#endif
