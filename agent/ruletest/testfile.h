#ifndef AGENT_RULETEST_TESTFILE_H
#define AGENT_RULETEST_TESTFILE_H

#include "doc/yaml.h"
#include "rule/silence.h"

/*
 * A file of rule tests, read and checked whole: samples are decoded, times
 * worked out, expectations known to be well-formed. Running it needs no file
 * any more.
 */
struct ruletest {
	const char *path;	/* as given: for people */
	char *folder;		/* samples and rules lie beneath it */
	struct arena *arena;
	const struct yaml *root;
	const struct yaml *rules;	/* a list's first, or the one; NULL:
					   those of the configuration */
	size_t rule_count;
	struct test *tests;
	size_t count;
	struct sample *samples;	/* owned */
};

#define TEST_AT_MAX_MS (90 * 86400000LL)	/* how far a test's clock goes */
#define TEST_EVENTS_MAX 1000			/* alarms of one test */
#define TESTS_MAX 10000				/* of one file */

/* An alarm that comes in, or its second delivery. */
struct test_event {
	const struct yaml *from;
	int64_t at_ms, arrives_ms;	/* wall clock */
	const struct alarm *alarms;
	size_t count;
	size_t index;		/* in the file's order */
	bool known;		/* came before: dropped, as intake does */
	const struct sample *sample;
};

/* What is compared at one moment. */
struct test_moment {
	int64_t at_ms;		/* wall clock */
	struct str label;	/* "2h51m"; STR_NONE: after the last event */
	const struct yaml *expect;
};

/* Open in StackFlow before the test begins. */
struct test_incident {
	struct str id, key, policy, team, account, region, alarm, title;
	struct str state, assigned_to;	/* StackFlow's */
	int severity, priority;
	int64_t since_ms;	/* before the clock */
	const struct yaml *same;
	struct str context;
};

struct test_change {
	struct str id, title, state, ci_id;
};

struct test_given {
	struct ci *cis;
	size_t ci_count;
	struct test_change *changes;
	size_t change_count;
	bool cis_down, changes_down;	/* the look-up fails */
	struct test_incident *incidents;
	size_t incident_count;
	struct silence *silences;
	size_t silence_count;
};

struct test {
	struct str name;
	const struct yaml *from;
	int64_t clock_ms;
	struct test_given given;
	struct test_event *events;	/* in the order in which they arrive */
	size_t event_count;
	struct test_moment *moments;	/* in order of time */
	size_t moment_count;
};

/*
 * 0 and *out; -EINVAL: faults say everything that is wrong; -ENOMEM. text must
 * stay until the file is freed.
 */
int ruletest_load(struct ruletest **out, const char *path, struct str text,
		  struct faults *faults) MUST_CHECK;
void ruletest_free(struct ruletest *t);

/* What an incident's `state` may be, in the order of enum incident_state. */
extern const char *const test_states[];

/* The i-th name under `rules`. */
struct str ruletest_rule(const struct ruletest *t, size_t i,
			 const struct yaml **at);

#endif
