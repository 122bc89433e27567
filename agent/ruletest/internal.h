#ifndef AGENT_RULETEST_INTERNAL_H
#define AGENT_RULETEST_INTERNAL_H

#include "agent/ruletest/testfile.h"
#include "alarm/alarm.h"
#include "rule/loader.h"

/* Reading one test file; l is first, so that a struct loader of ours is one. */
struct test_reader {
	struct loader l;
	struct ruletest *file;
	struct map *samples;	/* path: struct sample */
	struct test *test;	/* the one being read */
	struct test_event *events;	/* its events, in the file's order */
	size_t event_count;
	const struct yaml *expect, *expect_at;
};

static inline struct test_reader *test_reader(struct loader *l)
{
	return (struct test_reader *)l;
}

/* What a sample or a payload in place holds, decoded once. */
#define SAMPLE_MESSAGES 50
struct sample {
	struct sample *next;
	struct arena *arena;	/* the messages' bytes */
	struct alarm_input inputs[SAMPLE_MESSAGES];
	struct alarms messages[SAMPLE_MESSAGES];
	size_t count;
	size_t alarms;		/* of all messages */
	struct err problem;	/* it can't be used: why */
};

/* ---- what may stand where, each list ended by a NULL name ---- */
extern const struct key test_file_keys[], test_keys[], test_event_keys[],
	test_given_keys[], test_change_keys[], test_incident_keys[],
	test_silence_keys[], test_expect_keys[], test_decided_keys[];

/* ---- payload.c ---- */
/* The sample that a file's name or a payload in place stands for; NULL and a
 * fault where there is none. */
const struct sample *test_sample(struct test_reader *r, const struct yaml *v);
const struct sample *test_payload(struct test_reader *r, const struct yaml *v);
void test_sample_free(struct sample *s);
/* A node as JSON: what YAML's core schema takes for a number stays one. */
void test_put_json(struct buf *out, const struct yaml *v);

/* ---- event.c ---- */
void test_read_events(struct loader *l, const struct yaml *v, void *to);
/* Times, overrides and repetitions, once the clock is known. */
void test_finish_events(struct test_reader *r);

/* ---- given.c ---- */
void test_read_given(struct loader *l, const struct yaml *v, void *to);

/* ---- expect.c ---- */
/* Is what stands there something that can be compared? Else faults. */
void test_check_expect(struct loader *l, const struct yaml *v);

/* ---- load.c ---- */
/* 90s, 5m, 2h51m */
int test_span(int64_t *out_ms, struct str text);
void test_read_span(struct loader *l, const struct yaml *v, void *to);
/* Any one scalar's text. */
void test_read_text(struct loader *l, const struct yaml *v, void *to);
/* The entries of a list of maps, each into an array of size in the arena. */
void *test_read_list(struct loader *l, const struct yaml *v, size_t size,
		     size_t *count, size_t max,
		     void (*each)(struct loader *l, const struct yaml *v,
				  void *to));

#endif
