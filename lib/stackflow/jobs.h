#ifndef STACKFLOW_JOBS_H
#define STACKFLOW_JOBS_H

#include "base/str.h"

/*
 * How a bulk job's answers are read. The pages say that it answers a job id
 * and is polled, and show nothing of it: names that such interfaces use are
 * taken, and what none of them tells isn't known. Pure.
 */
struct json;

enum sf_job_state {
	SF_JOB_RUNNING,		/* whatever isn't one of the others */
	SF_JOB_ENDED,
	SF_JOB_BROKEN,		/* gave up: what it didn't say isn't known */
};
/* body NULL: running. */
enum sf_job_state sf_job_state(const struct json *body);

/* Its own id, beside where it is polled; STR_NONE: none that is usable. */
struct str sf_job_id(const struct json *body);
/* What it says in words; STR_NONE. */
struct str sf_job_message(const struct json *body);

/*
 * Of n records, as it counts them; -1: it doesn't. failed is at least as many
 * as its lists name, both never more than n.
 */
struct sf_job_counts {
	int64_t done, failed;
};
void sf_job_count(struct sf_job_counts *out, const struct json *body,
		  size_t n);

/* A record that it names; at: which of the n. */
typedef void sf_job_named(size_t at, bool failed, struct str message,
			  void *arg);
/* ids: of the n records, or NULL where they are new. */
void sf_job_each(const struct json *body, const struct str *ids, size_t n,
		 sf_job_named *named, void *arg);

#endif
