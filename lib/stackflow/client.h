#ifndef STACKFLOW_CLIENT_H
#define STACKFLOW_CLIENT_H

#include "base/arena.h"
#include "doc/json.h"
#include "rest/rest.h"
#include "stackflow/auth.h"
#include "stackflow/bound.h"
#include "stackflow/limits.h"
#include "stackflow/stackflow.h"
#include "stackflow/timers.h"
#include "stackflow/trail.h"

/* What a kind of call promises and how its answers are judged. */
enum sf_kind {
	SF_HEALTH, SF_CREATE, SF_GET, SF_UPDATE, SF_NOTE, SF_LIST,
	SF_BULK,		/* a write: a job's start */
	SF_JOB,
	SF_AI,			/* only reads, though by POST */
};

#define SF_BODY_MAX (4u << 20)
#define SF_KEY_MAX 255

struct sf_call_spec {
	enum sf_kind kind;
	enum sf_class class;	/* whose turn it waits for */
	const char *method;
	struct str path;	/* after base_url, encoded */
	bool from_host;		/* path is after base_url's host */
	struct str body;	/* JSON, or STR_NONE */
	const char *key;	/* Idempotency-Key, or NULL */
	struct str id;		/* the record in question */
	unsigned timeout_ms;	/* 0: the client's */
	/* For the audit log: "incident.create"; every write names one. */
	const char *action;
	unsigned records;	/* of a bulk; 0: one */
};

struct sf_call;
struct sf_handed;
struct sf_loop;

/* The client's calls in one order; a ring around an empty head. */
struct sf_link {
	struct sf_link *next, *prev;
};

/* A lane a class, so that what is paused holds up nothing else; health, which
 * waits for no token, has its own. */
#define SF_LANE_HEALTH SF_CLASSES
#define SF_LANES (SF_CLASSES + 1)

struct sf_client {
	struct rest *rest;
	char *base_url;
	unsigned concurrency, queue, retries, timeout_ms;
	sf_log *log;			/* or NULL */
	void *log_arg;
	struct sf_loop *loop;		/* its own thread; NULL: the caller's */
	bool told;			/* the time, at least once */
	bool closing;			/* of a client without a thread */
	int64_t now_ms;			/* as last told */
	unsigned active;		/* begun and not ended */
	unsigned airborne;		/* of them, handed to rest */
	struct sf_rates rates;
	struct sf_timers timers;	/* run by the client's own thread */
	char *jobs_path;		/* or NULL */
	struct sf_authn auth;
	struct sf_bounds bounds;
	struct sf_trail trail;
	struct sf_link lanes[SF_LANES];	/* wait for a token or their turn */
	unsigned turn;			/* the lane that had the last one */
	struct sf_link flying;
	struct sf_link fresh, later;	/* are sent again; see call.h */
	struct sf_handed *handed;	/* while done is called */
	struct arena *arena;		/* of one answer */
	uint64_t requests, answered_2xx, answered_429, answered_5xx;
};

/* One line to the log, secrets taken out; not while lanes are walked. */
void sf_say(struct sf_client *c, enum sf_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Tell the time and do what is due. */
void sf_turn(struct sf_client *c, int64_t mono_ms);
/* Milliseconds until sf_turn() has something to do; -1: not before an answer
 * or another call. */
int64_t sf_due_ms(const struct sf_client *c);
/* A turn and a step of the caller's loop, time going on from what was told
 * last. Zeroed before the first. */
struct sf_drive {
	int64_t told_ms, begun_ms;
};
void sf_drive(struct sf_client *c, struct sf_drive *d, int64_t at_most_ms);
/* How many calls may be in it at once. */
unsigned sf_room(const struct sf_client *c);
void sf_stats_of(const struct sf_client *c, struct sf_stats *out);
/* End all that is left: each call's done, its renewal. */
void sf_client_end(struct sf_client *c);
/* Takes bearer. */
void sf_token_replace(struct sf_client *c, struct buf *bearer);
/* Let the client's thread, where it has one, look around: from any thread. */
void sf_client_wake(struct sf_client *c);

int sf_call_start(struct sf_client *c, const struct sf_call_spec *spec,
		  sf_done *done, void *arg);

/* Bytes of url that are its scheme and host. */
size_t sf_host_end(struct str url);

/* A bulk job's start; records: how many json names, at most SF_BULK_MAX. */
struct sf_bulk_path {
	const char *path, *action;
};
extern const struct sf_bulk_path sf_bulk_incidents, sf_bulk_items;
int sf_bulk_start(struct sf_client *c, const struct sf_bulk_path *to,
		  struct str json, unsigned records, const char *key,
		  sf_done *done, void *arg);

/* GET resource?query&next; query may be NULL or "", next STR_NONE. */
int sf_list_start(struct sf_client *c, const char *resource, const char *query,
		  struct str next, sf_done *done, void *arg);
int sf_list_within(struct sf_client *c, const char *resource,
		   const char *query, struct str next, unsigned timeout_ms,
		   sf_done *done, void *arg);

/* The first of these members, NULL-ended, that is a string with something in
 * it; row's own. */
struct str sf_row_str(const struct json *row, const char *const *keys);
/* A member that counts something; -1: none, or no number of that. */
int64_t sf_row_count(const struct json *row, const char *key);
/* Is s one of these words, NULL-ended, in any case? */
bool sf_one_of(struct str s, const char *const *words);

/*
 * Judge one answer. out->body is a part of *root, which is for json_free;
 * problem stands in words, an id in arena. asked: the path's id or STR_NONE.
 */
void sf_judge(struct sf_result *out, struct json **root, struct buf *words,
	      enum sf_kind kind, struct str asked,
	      const struct rest_response *r, const struct sf_authn *auth,
	      struct arena *arena);

#endif
