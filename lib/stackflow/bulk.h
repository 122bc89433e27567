#ifndef STACKFLOW_BULK_H
#define STACKFLOW_BULK_H

#include "stackflow/stackflow.h"

/*
 * Writes of many records (API Reference, "Bulk Operations"): at most a hundred
 * a request, carried out behind a job that is polled. Any number of records is
 * split, its jobs started one after the other, polled and collected. No rate
 * holds for a job's start; a 429 of one pauses these alone.
 */
#define SF_BULK_MAX 100

/*
 * One request each: a job's start as StackFlow answers it, and its state.
 * json: {"operation": "update", "ids": [...], "fields": {...}} or, as the
 * pages show no more, {"operation": "create", "records": [...]}; -E2BIG with
 * more than SF_BULK_MAX. The result's id says where the job is polled: the
 * answer's status_url or Location or the job's id, STR_NONE where none came.
 */
int sf_incident_bulk(struct sf_client *c, struct str json, const char *key,
		     sf_done *done, void *arg);
int sf_ci_bulk(struct sf_client *c, struct str json, const char *key,
	       sf_done *done, void *arg);
/* where: such an id; a job's own stands beneath jobs_path, by itself the path
 * that started it ("/incidents/bulk"). A URL of another host than base_url's
 * is -EINVAL. */
int sf_job_get(struct sf_client *c, const char *path, struct str where,
	       sf_done *done, void *arg);

struct sf_bulk_result {
	/* SF_OK: each job has ended, whatever became of its records. Else the
	 * first that couldn't be started or followed, and nothing after it was
	 * sent; SF_UNKNOWN: its records may have been written. */
	enum sf_outcome outcome;
	/* records: the sum of the others */
	size_t records, done, failed, unknown, unsent;
	const char *problem;		/* NULL, or the first in words */
};

/* The state of one record that failed or isn't known; at: its index. */
struct sf_bulk_failure {
	size_t at;
	struct str id;			/* or STR_NONE */
	struct str message;		/* StackFlow's own, cut; or STR_NONE */
	bool unknown;
};

struct sf_bulk;
/* After each answer, one at a time; it may not free b. While a job is under
 * way its records are unknown until it counts them. */
typedef void sf_bulk_seen(struct sf_bulk *b, const struct sf_bulk_result *now,
			  bool ended, void *arg);

/*
 * The same fields for all these incidents; strings are copied. seen may be
 * NULL. timeout_ms: for a job's end, 0: 10 minutes. -EINVAL: an id that can't
 * be one, fields or a record that is no JSON object; -E2BIG: one too large.
 * On behalf of the context that is bound now. It ends before its client does.
 */
int sf_bulk_update(struct sf_bulk **out, struct sf_client *c,
		   const struct str *ids, size_t n, struct str fields,
		   unsigned timeout_ms, sf_bulk_seen *seen,
		   void *arg) MUST_CHECK;
/* Records of their own, each a JSON object: new incidents or CIs. */
int sf_bulk_create(struct sf_bulk **out, struct sf_client *c,
		   const struct str *records, size_t n, unsigned timeout_ms,
		   sf_bulk_seen *seen, void *arg) MUST_CHECK;
int sf_bulk_cis(struct sf_bulk **out, struct sf_client *c,
		const struct str *records, size_t n, unsigned timeout_ms,
		sf_bulk_seen *seen, void *arg) MUST_CHECK;
/* On the caller's own loop: begin what is due (as sf_client_wait_ms(), which
 * has to be asked as well). Milliseconds until the next; -1: has ended. */
int64_t sf_bulk_step(struct sf_bulk *b, int64_t mono_ms);
/* Wait for its end. Not from within done. */
const struct sf_bulk_result *sf_bulk_wait(struct sf_bulk *b);
/* Of what has ended; n counts all, at most max are written. Where StackFlow
 * counts more failures than it names, those named. */
size_t sf_bulk_failures(struct sf_bulk_failure *out, size_t max,
			const struct sf_bulk *b);
/* Start no more; a job under way goes on at StackFlow. */
void sf_bulk_free(struct sf_bulk *b);

#endif
