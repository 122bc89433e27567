#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/cmd/args.h"
#include "agent/cmd/journal.h"
#include "agent/cmd/ruleload.h"
#include "agent/cmd/term.h"
#include "agent/explain/past.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/json.h"

#define INPUT_MAX (16 << 20)
#define OUTPUT_MAX (64 << 20)

struct explaining {
	struct ruleset *rules;
	int64_t now_ms;			/* 0: the alarm's own time */
	bool json, colour;
	size_t width;
	int shown;
};

static int explain_one(struct explaining *x, const struct alarm *alarm)
{
	struct arena *arena = arena_new(64 << 20);
	struct buf out = BUF_INIT(OUTPUT_MAX);
	const struct explain_input in = {
		.rules = x->rules,
		.alarm = alarm,
		.now_ms = x->now_ms ? x->now_ms : alarm->time_ms,
	};
	struct explanation e;
	int rc = arena ? explain_alarm(&e, &in, arena) : -ENOMEM;

	if (!rc) {
		if (x->shown++ && !x->json)
			putchar('\n');
		if (x->json)
			explain_put_json(&out, &e);
		else
			explain_put_text(&out, &e, x->colour, x->width);
		rc = buf_error(&out);
		fputs(buf_str(&out).p, stdout);
	}
	buf_fini(&out);
	arena_free(arena);
	return rc;
}

/* ---- a message ---- */

static int each(const struct alarm_input *in, void *arg)
{
	struct explaining *x = arg;
	struct alarms alarms;
	int rc = alarm_decode(&alarms, in);

	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < alarms.count; i++)
		rc = explain_one(x, &alarms.list[i]);
	alarms_fini(&alarms);
	return rc;
}

static int read_input(struct buf *out, const char *path)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	size_t n;

	if (!f) {
		fprintf(stderr, "tocsin explain: %s: %s\n", path,
			strerror(errno));
		return -errno;
	}
	do {
		char *to = buf_room(out, 65536);

		n = to ? fread(to, 1, 65536, f) : 0;
		if (to)
			buf_added(out, n);
	} while (n);
	if (f != stdin)
		fclose(f);
	if (buf_error(out))
		fprintf(stderr, "tocsin explain: %s: more than 16 MiB\n",
			path);
	return buf_error(out);
}

static int explain_message(struct explaining *x, const struct args *a)
{
	struct buf text = BUF_INIT(INPUT_MAX);
	struct err err = { "" };
	int status = ruleload_conf(&x->rules, a->conf), n;

	if (!status && read_input(&text, a->rest[0]))
		status = CMD_FAILED;
	if (!status) {
		n = alarm_unwrap(buf_str(&text), clock_wall_ms(), each, x,
				 &err);
		if (n < 0) {
			fprintf(stderr, "tocsin explain: %s: %s\n", a->rest[0],
				err.text[0] ? err.text : strerror(-n));
			status = CMD_FAILED;
		}
	}
	buf_fini(&text);
	return status;
}

/* ---- a stored event ---- */

static int refuse(const struct event *e, const char *why)
{
	fprintf(stderr, "tocsin explain: event %.*s %s\n", STR_ARG(e->id),
		why);
	return CMD_FAILED;
}

/* The rules that decided it. */
static int load_past(struct explaining *x, struct journal *j,
		     const struct event *e)
{
	struct buf sources = BUF_INIT(256 << 20);
	struct faults faults;
	int rc = journal_ruleset(&sources, j, e->ruleset);

	if (rc < 0) {
		rc = CMD_FAILED;
	} else if (rc == 0) {
		fprintf(stderr, "tocsin explain: the rule set %.*s that decided "
			"this event isn't kept any more; its payload, by "
			"`tocsin events --export`, can be explained under "
			"today's rules\n", STR_ARG(utf8_cut(e->ruleset, 12)));
		rc = CMD_FAILED;
	} else {
		/* What was wrong with them was told on that day. */
		faults_init(&faults);
		rc = ruleset_again(&x->rules, buf_str(&sources), &faults);
		faults_fini(&faults);
		if (rc)
			rc = refuse(e, "was decided by rules that can't be "
				       "read any more");
	}
	buf_fini(&sources);
	return rc;
}

static int explain_stored(struct explaining *x, struct journal *j,
			  const struct past_event *past)
{
	const struct event *e = &past->event;
	const char *problem = explain_past_problem(e);
	struct buf out = BUF_INIT(OUTPUT_MAX);
	int status;

	if (!problem && !e->payload.p)
		problem = "has lost its bytes: they were erased, or have "
			  "expired";
	if (problem)
		return refuse(e, problem);
	status = load_past(x, j, e);
	if (status)
		return status;
	status = explain_past(x->json ? &out : NULL, x->json ? NULL : &out,
			      past, x->rules, x->width, x->colour);
	if (!status)
		status = buf_error(&out);
	fputs(buf_str(&out).p, stdout);
	buf_fini(&out);
	return status ? refuse(e, "can't be explained: out of memory") : 0;
}

static int explain_event(struct explaining *x, const struct args *a)
{
	struct journal_options o = { .conf = a->conf };
	struct buf line = BUF_INIT(256 << 20);
	struct past_line past;
	struct journal *j = NULL;
	struct err err = { "" };
	int status = journal_open(&j, &o), rc;

	if (status)
		return status;
	rc = journal_event(&line, j, str_from(a->event));
	if (rc == 0)
		fprintf(stderr, "tocsin explain: no event %s is in the "
			"journal; `tocsin events` lists them\n", a->event);
	if (rc <= 0) {
		status = CMD_FAILED;
	} else if (past_read(&past, str_trim(buf_str(&line)), &err)) {
		fprintf(stderr, "tocsin explain: %s\n", err.text);
		status = CMD_FAILED;
	} else {
		status = explain_stored(x, j, &past.past);
		past_line_fini(&past);
	}
	journal_close(j);
	buf_fini(&line);
	return status;
}

/* ---- the command ---- */

static int wrong(const char *why)
{
	fprintf(stderr, "tocsin explain: %s\n", why);
	return CMD_USAGE;
}

static void look_at_terminal(struct explaining *x, const struct args *a)
{
	struct term term;

	term_look(&term, a);
	x->colour = term.colour;
	x->width = term.width == SIZE_MAX ? 0 : term.width;
}

static int run(int argc, char **argv)
{
	struct explaining x = { 0 };
	struct args a = { 0 };
	int status = args_read(&a, &cmd_explain, argc, argv);

	if (status >= 0)
		return status;
	if (a.event && (a.rest_count || a.at))
		return wrong("--event stands alone: it brings payload and "
			     "time");
	if (!a.event && a.rest_count != 1)
		return wrong("one FILE, or - for standard input, or --event "
			     "ID");
	if (a.at && clock_parse(&x.now_ms, str_from(a.at)))
		return wrong("--at is a time such as 2026-11-21T10:00:00Z");
	x.json = a.json;
	look_at_terminal(&x, &a);
	status = a.event ? explain_event(&x, &a) : explain_message(&x, &a);
	ruleset_free(x.rules);
	return status;
}

static const struct opt options[] = {
	{ "config", 'c', .value = "FILE", .is = VALUE_FILE,
	  .help = "whose rules decide; without one, and without "
		  "/etc/tocsin/tocsin.yaml, the built-in rules",
	  ARG_TEXT(args, conf) },
	{ "at", .value = "TIME",
	  .help = "as if decided then; else at the alarm's own time",
	  ARG_TEXT(args, at) },
	{ "event", .value = "ID", .is = VALUE_EVENT,
	  .help = "one of the journal instead, under the rules that decided it",
	  ARG_TEXT(args, event) },
	{ "json", .help = "one object a line", ARG_FLAG(args, json) },
	OPT_COLOR,
	{ .name = NULL },
};

const struct cmd cmd_explain = {
	.name = "explain",
	.summary = "what one message becomes, and by which rules",
	.forms = (const char *const[]){
		"[OPTION]... FILE|-", "[OPTION]... --event ID", NULL },
	.about =
		"Decodes one message, raw or in an SNS, SQS or EventBridge envelope, "
		"and shows how it was read, every rule that decided or was passed "
		"over, and the incident it would open; a state other than ALARM as "
		"if its incident were open. Nothing is sent and no store is needed.",
	.options = options,
	.operand = VALUE_FILE,
	.examples = (const char *const[]){
		"-c tocsin.yaml message.json", "--event ey6d2oyjbaskoa", NULL },
	.run = run,
};
