/*
 * decide KIND RULES MESSAGES: what decoding and deciding a message costs under
 * so many rules. Prints ns of CPU a message, and ms of CPU that loading took.
 * decide -o FOLDER KIND RULES: write the files of these rules, for an agent.
 * Kinds: prefix glob list regex wildcard claims.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "alarm/alarm.h"
#include "base/buf.h"
#include "rule/rule.h"

#define NAMES 1000
#define A_FILE 20     /* policies, where each has a claim */
#define MOST_A_FILE 1000 /* of the others: svc-00000 to svc-00999 */

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void put_value(struct buf *b, const char *kind, int i)
{
	if (!strcmp(kind, "prefix"))
		buf_printf(b, "\"svc-%05d-*\"", i);
	else if (!strcmp(kind, "glob"))
		buf_printf(b, "\"svc-%05d-*-high\"", i);
	else if (!strcmp(kind, "list"))
		buf_printf(b,
			   "[svc-%05d-cpu-high, svc-%05d-mem-high, "
			   "\"svc-%05d-disk-*\"]",
			   i, i, i);
	else if (!strcmp(kind, "regex"))
		buf_printf(b, "{re: \"^svc-%05d-[a-z]+-(high|low)$\"}", i);
	else
		buf_printf(b, "\"*-%05d-*\"", i);
}

static void put_policy(struct buf *b, const char *kind, int i)
{
	buf_printf(b, "  - {id: p%d, match: {alarm: ", i);
	put_value(b, kind, i);
	buf_puts(b, "}}\n");
}

/* A file for each thousand rules, or for twenty with a claim each. */
static size_t make_files(struct buf *files, const char *kind, int rules)
{
	bool claims = !strcmp(kind, "claims");
	int each = claims ? A_FILE : MOST_A_FILE;
	size_t n = 0;

	for (int from = 0; from < rules; from += each, n++) {
		struct buf *b = &files[n];

		buf_init(b, 1 << 20);
		buf_puts(b, "version: 1\nteam: bench\n");
		if (claims)
			buf_puts(b, "claims:\n");
		else if (rules > each)
			buf_printf(b, "claims: [{alarm: \"svc-%02d*\"}]\n",
				   from / each);
		for (int i = from; claims && i < from + each; i++)
			buf_printf(b, "  - {alarm: \"svc-%05d-*\"}\n", i);
		buf_puts(b, "severity: [{else: medium}]\npolicies:\n");
		for (int i = from; i < from + each && i < rules; i++)
			put_policy(b, claims ? "prefix" : kind, i);
		buf_puts(b, "  - {id: last, match: {}}\n");
	}
	return n;
}

static void write_files(const char *folder, const char *kind, int rules)
{
	struct buf *files = calloc((size_t)rules + 1, sizeof(*files));
	size_t n = make_files(files, kind, rules);

	for (size_t i = 0; i < n; i++) {
		char path[4096];
		FILE *f;

		snprintf(path, sizeof(path), "%s/%06zu.yaml", folder, i);
		f = fopen(path, "w");
		if (!f || fwrite(files[i].p, 1, files[i].n, f) != files[i].n ||
		    fclose(f)) {
			perror(path);
			exit(1);
		}
	}
}

static struct ruleset *make_rules(const char *kind, int rules, double *ms)
{
	struct buf *files = calloc((size_t)rules + 1, sizeof(*files));
	struct rule_source *sources = calloc((size_t)rules + 1,
					     sizeof(*sources));
	char (*names)[32] = calloc((size_t)rules + 1, sizeof(*names));
	size_t n = make_files(files, kind, rules);
	struct faults faults;
	struct ruleset *r;
	int64_t start;

	for (size_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof(*names), "%06zu.yaml", i);
		sources[i] = (struct rule_source){ .name = names[i],
						   .text = buf_str(&files[i]) };
	}
	faults_init(&faults);
	start = cpu_ns();
	r = ruleset_load(sources, n, &faults, NULL);
	*ms = (double)(cpu_ns() - start) / 1e6;
	if (!r || faults.errors) {
		fprintf(stderr, "%s\n",
			faults.count ? faults.list[0].text : "no memory");
		exit(1);
	}
	return r;
}

static void make_message(struct buf *b, int i)
{
	buf_init(b, 1 << 14);
	buf_printf(b,
		   "{\"AlarmName\":\"svc-%05d-cpu-high\","
		   "\"AlarmDescription\":\"CPU of a service. severity: HIGH\","
		   "\"AWSAccountId\":\"111122223333\","
		   "\"NewStateValue\":\"ALARM\",\"NewStateReason\":\"Threshold "
		   "Crossed: 3 out of the last 3 datapoints were greater than "
		   "the threshold (90.0).\",\"StateChangeTime\":"
		   "\"2026-11-21T10:00:00.000+0000\",\"Region\":"
		   "\"US East (N. Virginia)\",\"AlarmArn\":\"arn:aws:cloudwatch:"
		   "us-east-1:111122223333:alarm:svc-%05d-cpu-high\","
		   "\"OldStateValue\":\"OK\",\"Trigger\":{\"MetricName\":"
		   "\"CPUUtilization\",\"Namespace\":\"AWS/EC2\","
		   "\"StatisticType\":\"Statistic\",\"Statistic\":\"AVERAGE\","
		   "\"Dimensions\":[{\"value\":\"i-0%05d\",\"name\":"
		   "\"InstanceId\"}],\"Period\":60,\"EvaluationPeriods\":3,"
		   "\"ComparisonOperator\":\"GreaterThanThreshold\","
		   "\"Threshold\":90.0}}",
		   i, i, i);
}

static void one(const struct ruleset *r, struct str raw, struct arena *arena)
{
	struct alarm_input in = { .body = raw, .intake = "sns" };
	struct decision_input ask = { .now_ms = 1795255200000 };
	struct alarms alarms;
	struct verdict v;

	if (alarm_decode(&alarms, &in) || !alarms.count)
		abort();
	ask.alarm = &alarms.list[0];
	if (ruleset_decide(&v, r, &ask, arena))
		abort();
	alarms_fini(&alarms);
	arena_reset(arena);
}

int main(int argc, char **argv)
{
	int rules = argc == 4 ? atoi(argv[2]) : 0;
	int messages = argc == 4 ? atoi(argv[3]) : 0;
	struct buf raw[NAMES];
	struct arena *arena = arena_new(16 << 20);
	int64_t start;
	struct ruleset *r;
	double ms;

	if (argc == 5 && !strcmp(argv[1], "-o") && atoi(argv[4]) > 0) {
		write_files(argv[2], argv[3], atoi(argv[4]));
		return 0;
	}
	if (rules <= 0 || messages <= 0 || !arena) {
		fputs("usage: decide KIND RULES MESSAGES\n"
		      "       decide -o FOLDER KIND RULES\n", stderr);
		return 2;
	}
	r = make_rules(argv[1], rules, &ms);
	/* The same names whatever the rules: all over 10,000. */
	for (int i = 0; i < NAMES; i++)
		make_message(&raw[i], (int)(i * 7919L % 10000));
	for (int i = 0; i < NAMES; i++)
		one(r, buf_str(&raw[i]), arena);
	start = cpu_ns();
	for (int i = 0; i < messages; i++)
		one(r, buf_str(&raw[i % NAMES]), arena);
	start = cpu_ns() - start;
	printf("%.0f %.1f\n", (double)start / messages, ms);
	return 0;
}
