#ifndef AGENT_SANDBOX_JOBS_H
#define AGENT_SANDBOX_JOBS_H

#include <stdint.h>

#include "base/err.h"

/*
 * Bulk jobs: records that are carried out one after the other over a job's
 * time. No thread does that: whoever can see what became of them makes a
 * request, and each request first carries out what is due by then. Jobs are
 * kept in the records and go on after a restart. Any thread.
 */
struct box_jobs;
struct box_records;

int box_jobs_new(struct box_jobs **out, struct box_records *r,
		 struct err *err) MUST_CHECK;
void box_jobs_free(struct box_jobs *j);
/* Carry out what is due at now_ms, StackFlow's clock. */
void box_jobs_run(struct box_jobs *j, int64_t now_ms);

#endif
