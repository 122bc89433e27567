#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/cmd/args.h"
#include "agent/cmd/journal.h"
#include "agent/cmd/term.h"
#include "agent/report/put.h"
#include "agent/report/read.h"
#include "base/clock.h"

#define TOP 10
#define TOP_MAX 1000
#define OUTPUT_MAX (256 << 20)
#define ARENA_MAX (256u << 20)
#define SPAN_MAX_MS (3650LL * 24 * 60 * 60 * 1000)

struct words {
	struct args args;
	const char *team, *top;
};

static int wrong(const char *why)
{
	return args_wrong(&cmd_report, why);
}

static void put(struct buf *out, const struct hygiene *h, const char *format)
{
	if (format && strcmp(format, "json") == 0)
		hygiene_put_json(out, h);
	else if (format && strcmp(format, "html") == 0)
		hygiene_put_html(out, h);
	else
		hygiene_put_text(out, h);
}

static int print(const struct facts *f, const struct words *o, size_t top,
		 bool agent)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct buf out = BUF_INIT(OUTPUT_MAX);
	struct findings findings;
	struct hygiene h = { .findings = &findings, .agent = agent };
	struct term term;
	int rc = arena ? findings_make(&findings, f, str_from(o->team), top,
				       arena) : -ENOMEM;

	term_look(&term, &o->args);
	h.colour = term.colour;
	if (!rc) {
		put(&out, &h, o->args.format);
		rc = buf_error(&out);
	}
	if (!rc && (fputs(buf_str(&out).p, stdout) == EOF || fflush(stdout)))
		rc = -errno;
	if (rc)
		fprintf(stderr, "tocsin report: the report can't be written: "
			"%s\n", strerror(-rc));
	arena_free(arena);
	buf_fini(&out);
	return rc ? CMD_FAILED : CMD_OK;
}

static int run(int argc, char **argv)
{
	struct words o = { .args = { .since = "30d" } };
	int status = args_read(&o.args, &cmd_report, argc, argv);
	int64_t now = clock_wall_ms(), since;
	uint64_t top = TOP;
	struct facts *f;
	bool agent = false;

	if (status >= 0)
		return status;
	if (o.top && (str_to_u64(&top, str_from(o.top)) || !top ||
		      top > TOP_MAX))
		return wrong("--top is a number from 1 to 1000");
	status = journal_since(&since, "report", o.args.since);
	if (status)
		return status;
	if (!since || now - since > SPAN_MAX_MS)
		return wrong("--since is at most 3650d");
	f = facts_new(since, now);
	if (!f) {
		fputs("tocsin report: out of memory\n", stderr);
		return CMD_FAILED;
	}
	status = report_read(f, &agent, o.args.conf);
	if (!status)
		status = print(f, &o, (size_t)top, agent);
	facts_free(f);
	return status;
}

static const struct opt options[] = {
	OPT_CONF,
	{ "since", .value = "SPAN", .help = "the period: 30d, 12h (30d); it is "
	  "compared with the one before", ARG_TEXT(args, since) },
	{ "team", .value = "NAME", .help = "of this team alone",
	  ARG_TEXT(words, team) },
	{ "top", .value = "N", .help = "the worst of each kind (10)",
	  ARG_TEXT(words, top) },
	{ "format", .value = "FORM", .words = "text|json|html",
	  .help = "text, json, or html: one page that needs nothing else",
	  ARG_TEXT(args, format) },
	OPT_COLOR,
	{ .name = NULL },
};

const struct cmd cmd_report = {
	.name = "report",
	.summary = "what makes noise, for all and for each team, and what to do",
	.forms = (const char *const[]){ "[OPTION]...", NULL },
	.about =
		"Looks through the journal's alarms, incidents and silences for what "
		"a team should tidy up: no OK action, flapping, always on, noisy, "
		"never acknowledged, over within minutes, often urgent, without a CI, "
		"rules that never decided, silences, claimed by nobody. Each with the "
		"rule's place and, where it is simple, the YAML that would mend it.",
	.options = options,
	.operand = VALUE_NONE,
	.examples = (const char *const[]){
		"--since 7d --team payments",
		"--format html", NULL },
	.run = run,
};
