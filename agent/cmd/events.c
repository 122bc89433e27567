#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/cmd/journal.h"
#include "agent/cmd/list.h"

static const struct column columns[] = {
	{ "EVENT", "id", 0 },	       { "RECEIVED", "received_at", 0 },
	{ "SOURCE", "source", 3 },     { "KIND", "kind", 1 },
	{ "STATE", "state", 0 },       { "ACTION", "action", 0 },
	{ "TEAM", "team", 2 },	       { "ALARM", "alarm", 0 },
};

static int list(const struct args *a)
{
	struct buf path = BUF_INIT(8192);
	int status = list_path(&path, a, "/api/v1/events", "alarm",
			       a->rest_count ? a->rest[0] : NULL);

	if (!status)
		status = list_run(a, path.p, "events", columns,
				  sizeof(columns) / sizeof(columns[0]),
				  "no events");
	buf_fini(&path);
	return status;
}

/* A line as it came; what reads it may be slow, or gone. */
static bool print(struct str line)
{
	return fwrite(line.p, 1, line.n, stdout) == line.n &&
	       putchar('\n') != EOF;
}

static int export(const struct args *a)
{
	struct journal_options o = { .conf = a->conf };
	struct journal *j = NULL;
	struct str line;
	int status = journal_since(&o.since_ms, "events", a->since), rc = 0;

	if (!status)
		status = journal_open(&j, &o);
	while (!status && (rc = journal_line(&line, j)) > 0)
		if (!print(line))
			status = CMD_FAILED;
	if (!status && fflush(stdout))
		status = CMD_FAILED;
	if (status == CMD_FAILED && ferror(stdout))
		fprintf(stderr, "tocsin events: what was to be written: %s\n",
			strerror(errno));
	journal_close(j);
	return !status && rc < 0 ? CMD_FAILED : status;
}

static int run(int argc, char **argv)
{
	struct args a;
	int status = args_read(&a, &cmd_events, "cjlxn", argc, argv);

	if (status >= 0)
		return status;
	if (a.export && (a.limit || a.rest_count)) {
		fputs("tocsin events: --export takes --since and no other "
		      "choice\n", stderr);
		return CMD_USAGE;
	}
	if (a.since && !a.export) {
		fputs("tocsin events: --since is for --export\n", stderr);
		return CMD_USAGE;
	}
	return a.export ? export(&a) : list(&a);
}

const struct cmd cmd_events = {
	.name = "events",
	.summary = "the alarm events of the agent's journal",
	.usage =
		"usage: tocsin events [-c FILE] [--json] [--limit N] [ALARM]\n"
		"       tocsin events [-c FILE] --export [--since SPAN]\n"
		"\n"
		"The newest first, with what was decided of each; with ALARM only\n"
		"the events of that alarm's name.\n"
		"\n"
		"  --export      the oldest first and whole, one JSON object a\n"
		"                line, for `tocsin replay --events`; of the\n"
		"                running agent, or else of its store\n"
		"  --since SPAN  those received within it: 30d, 12h\n",
	.run = run,
};
