#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/cmd/client.h"
#include "agent/cmd/journal.h"
#include "agent/cmd/list.h"
#include "agent/conf.h"
#include "agent/evidence.h"
#include "base/encode.h"

static const struct column columns[] = {
	{ "EVENT", "id", 0, COLUMN_TEXT },
	{ "RECEIVED", "received_at", 0, COLUMN_TIME },
	{ "SOURCE", "source", 3, COLUMN_TEXT },
	{ "KIND", "kind", 1, COLUMN_TEXT },
	{ "STATE", "state", 0, COLUMN_WORD },
	{ "ACTION", "action", 0, COLUMN_TEXT },
	{ "TEAM", "team", 2, COLUMN_TEXT },
	{ "ALARM", "alarm", 0, COLUMN_TEXT },
};

#define EVIDENCE_MAX (256 << 20)

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

static int of_store(struct buf *out, const struct args *a)
{
	struct arena *arena = arena_new(EVIDENCE_MAX);
	struct store_reader *reader = NULL;
	struct conf *c = NULL;
	int status = arena ? journal_look(&reader, &c, a->conf) : CMD_FAILED;
	int rc = status ? 0 : evidence_put(out, reader, c,
					   str_from(a->evidence), arena);

	if (rc == -ENOENT)
		status = CLIENT_NOTHING;
	else if (rc) {
		fprintf(stderr, "tocsin events: the store can't be read: %s\n",
			strerror(-rc));
		status = CMD_FAILED;
	}
	store_reader_close(reader);
	conf_free(c);
	arena_free(arena);
	return status;
}

/* Of the running agent, or else of its store. */
static int evidence(const struct args *a)
{
	struct buf path = BUF_INIT(8192), out = BUF_INIT(EVIDENCE_MAX);
	int status;

	buf_puts(&path, "/api/v1/events/");
	encode_url(&path, str_from(a->evidence));
	buf_puts(&path, "/evidence");
	status = client_try(&out, a->conf, path.p);
	if (status == CLIENT_NOBODY) {
		buf_reset(&out);
		status = of_store(&out, a);
	}
	if (status == CLIENT_NOTHING) {
		fprintf(stderr, "tocsin events: no event '%s'; `tocsin events` "
			"lists them\n", a->evidence);
		status = CMD_FAILED;
	} else if (!status && (fwrite(out.p, 1, out.n, stdout) != out.n ||
			       fflush(stdout))) {
		fprintf(stderr, "tocsin events: what was to be written: %s\n",
			strerror(errno));
		status = CMD_FAILED;
	}
	buf_fini(&out);
	buf_fini(&path);
	return status;
}

static int run(int argc, char **argv)
{
	struct args a = { 0 };
	int status = args_read(&a, &cmd_events, argc, argv);

	if (status >= 0)
		return status;
	if (a.evidence && (a.export || a.limit || a.since || a.rest_count)) {
		fputs("tocsin events: --evidence takes no other choice\n",
		      stderr);
		return CMD_USAGE;
	}
	if (a.evidence)
		return evidence(&a);
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

static const struct opt options[] = {
	OPT_CONF, OPT_LIMIT, OPTS_TABLE_BRIEF,
	{ "export", .help = "the oldest first and whole, one JSON object a line, "
	  "for `tocsin replay --events`", ARG_FLAG(args, export) },
	{ "since", .value = "SPAN", .help = "those received within it: 30d, 12h",
	  ARG_TEXT(args, since) },
	{ "evidence", .value = "ID", .is = VALUE_EVENT,
	  .help = "one event as a JSON document that stands by itself: the "
	  "signed envelope, the payload, the decision and its rules, what became "
	  "of it, audit lines", ARG_TEXT(args, evidence) },
	{ .name = NULL },
};

const struct cmd cmd_events = {
	.name = "events",
	.summary = "the alarm events of the agent's journal",
	.forms = (const char *const[]){
		"[OPTION]... [ALARM]", "[-c FILE] --export [--since SPAN]",
		"[-c FILE] --evidence ID", NULL },
	.about =
		"The newest first, with what was decided of each; with ALARM only "
		"the events of that alarm's name. --export and --evidence read the "
		"store where no agent runs.",
	.options = options,
	.operand = VALUE_ALARM,
	.examples = (const char *const[]){
		"--limit 10 pay-db-cpu", "--export --since 30d", NULL },
	.run = run,
};
