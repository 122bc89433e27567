#ifndef AGENT_RULETEST_REPORT_H
#define AGENT_RULETEST_REPORT_H

#include "agent/ruletest/coverage.h"
#include "agent/ruletest/run.h"

/* Results on stdout: for people, as TAP 13, or as JUnit's XML. */
enum report_format { REPORT_TEXT, REPORT_TAP, REPORT_JUNIT };

struct report {
	enum report_format format;
	bool quiet;		/* text: tell failures alone */
	struct buf out;		/* what isn't printed yet */
	struct buf file;	/* JUnit: cases of the file under way */
	size_t files, tests, failed, broken;
	size_t file_tests, file_failed;
	int64_t us, file_us;
};

void report_begin(struct report *r, enum report_format format, bool quiet);
/* A test file that can't be run at all, and why. */
void report_broken(struct report *r, const char *path,
		   const struct faults *faults);
void report_test(struct report *r, const struct ruletest *file,
		 const struct ruletest_result *result);
void report_file(struct report *r, const char *path);	/* its end */
void report_coverage(struct report *r, const struct coverage *c);
void report_end(struct report *r);

#endif
