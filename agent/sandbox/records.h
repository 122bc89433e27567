#ifndef AGENT_SANDBOX_RECORDS_H
#define AGENT_SANDBOX_RECORDS_H

#include "base/buf.h"
#include "base/err.h"

/*
 * What the sandbox's StackFlow holds, in one SQLite file: incidents and their
 * notes, CIs, changes, and small texts of the sandbox's own. Written without
 * fsync: it survives a kill of the sandbox, not a power cut. Any thread.
 */
struct box_records;

int box_records_open(struct box_records **out, const char *path,
		     struct err *err) MUST_CHECK;
void box_records_close(struct box_records *r);

enum { BOX_NOT_FOUND = 1 };

struct box_new {
	struct str fields;	/* a JSON object, checked */
	struct str marker;	/* of its tocsin-ref line; STR_NONE */
	struct str key;		/* its Idempotency-Key; STR_NONE */
	int64_t now_ms, visible_ms;
};

int box_incident_create(int64_t *out, struct box_records *r,
			const struct box_new *new, struct err *err) MUST_CHECK;
/* Merge fields (RFC 7396). 0, BOX_NOT_FOUND or negative. */
int box_incident_patch(struct box_records *r, int64_t n, struct str fields,
		       int64_t now_ms, struct err *err) MUST_CHECK;
int box_note_add(int64_t *out, struct box_records *r, int64_t n,
		 struct str body, struct str visibility, int64_t now_ms,
		 struct err *err) MUST_CHECK;

enum {
	BOX_WITH_NOTES = 1,
	BOX_WITH_NOTE_COUNT = 2,
	BOX_WITH_TRUTH = 4,	/* marker, Idempotency-Key */
	BOX_NO_DESCRIPTION = 8,
};

/* Append one incident as JSON. now_ms 0: even where it isn't visible yet. */
int box_incident_put(struct buf *out, struct box_records *r, int64_t n,
		     int64_t now_ms, unsigned flags,
		     struct err *err) MUST_CHECK;

struct box_query {
	struct str state, priority, assignment_group, ci_id; /* STR_NONE: any */
	int64_t created_before_ms;	/* 0: any */
	int64_t now_ms;			/* 0: hidden ones too */
	int64_t offset, limit;
	const int64_t *after;		/* a cursor; NULL: by offset */
	int order;			/* enum of settings.h */
	unsigned flags;
};

struct box_page {
	int64_t total, last;	/* last: the cursor behind this page */
	bool more;
};

/* Append a JSON array. */
int box_incident_list(struct buf *out, struct box_page *page,
		      struct box_records *r, const struct box_query *q,
		      struct err *err) MUST_CHECK;
/* [{"marker":...,"ids":[...]}] of markers that several incidents carry. */
int box_duplicates_put(struct buf *out, int64_t *count, struct box_records *r,
		       struct err *err) MUST_CHECK;

/* CIs and changes: their JSON as given, found by these few fields. */
struct box_thing {
	struct str id, name, arn, resource_id, state, ci_id;
};

int box_thing_put(struct box_records *r, const char *kind,
		  const struct box_thing *t, struct str json,
		  struct err *err) MUST_CHECK;
/* Merge fields into one (RFC 7396), but for its id; append what it is now.
 * 0, BOX_NOT_FOUND or negative. */
int box_thing_patch(struct buf *out, struct box_records *r, const char *kind,
		    struct str id, struct str fields,
		    struct err *err) MUST_CHECK;
/* A new one under the next number, its id: "CHG" and seven digits; t->id isn't
 * used. Append what it is now. */
int box_thing_add(struct buf *out, struct box_records *r, const char *kind,
		  const char *prefix, const struct box_thing *t,
		  struct str fields, struct err *err) MUST_CHECK;
/* Append one. 0, BOX_NOT_FOUND or negative. */
int box_thing_get(struct buf *out, struct box_records *r, const char *kind,
		  struct str id, struct err *err) MUST_CHECK;
/* Fields of t that are not STR_NONE must be equal. */
int box_thing_list(struct buf *out, struct box_page *page,
		   struct box_records *r, const char *kind,
		   const struct box_thing *t, int64_t offset, int64_t limit,
		   struct err *err) MUST_CHECK;

/* Small texts. get: 0, BOX_NOT_FOUND. */
int box_text_get(struct buf *out, struct box_records *r, const char *name,
		 struct err *err) MUST_CHECK;
int box_text_set(struct box_records *r, const char *name, struct str value,
		 struct err *err) MUST_CHECK;

/* INC0000001; 0 where id isn't of that form. */
int64_t box_id_read(struct str id, const char *prefix);

#endif
