#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/cmd/args.h"
#include "agent/cmd/client.h"
#include "base/clock.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define POLL_US 200000

static int wrong(const char *text)
{
	fprintf(stderr, "tocsin erase: %s\n", text);
	return CMD_USAGE;
}

/* "30d": so long ago; or a time. */
static int read_before(int64_t *out_ms, const char *text)
{
	int64_t span;

	if (!clock_parse_span(&span, str_from(text)) && span >= 0) {
		*out_ms = clock_wall_ms() - span;
		return *out_ms < 0 ? -1 : 0;
	}
	return clock_parse(out_ms, str_from(text));
}

static int put_request(struct buf *out, const struct args *a, bool dry)
{
	struct jsonw w = JSONW(out);
	int64_t before;

	jsonw_object(&w);
	if (a->before) {
		if (read_before(&before, a->before))
			return wrong("--before is a span such as 30d, or a "
				     "time such as 2026-11-21T10:00:00Z");
		jsonw_ktime(&w, "before", before);
	}
	if (a->account)
		jsonw_kcstr(&w, "account", a->account);
	jsonw_kbool(&w, "dry_run", dry);
	jsonw_end_object(&w);
	return 0;
}

static long long number(const struct json *doc, const char *key)
{
	return (long long)json_int(json_get(doc, key), 0);
}

/* Until it is over. 0 and *out, or an exit status. */
static int wait_for(struct json **out, const struct args *a)
{
	bool shows = isatty(STDERR_FILENO), shown = false;
	int status;

	for (;;) {
		struct str state;

		status = client_json(out, a->conf, "/api/v1/erase");
		if (status)
			return status;
		state = json_get_str(*out, "state");
		if (str_is(state, "done") || str_is(state, "failed"))
			break;
		if (shows)
			fprintf(stderr, "\r%.*s: %lld events  ",
				STR_ARG(state), number(*out, "erased"));
		shown = shows;
		json_free(*out);
		*out = NULL;
		usleep(POLL_US);
	}
	if (shown)
		fputs("\r\033[K", stderr);
	return 0;
}

static int perform(struct json **out, const struct args *a, bool dry)
{
	struct buf body = BUF_INIT(4096), answer = BUF_INIT(1 << 20);
	int status = put_request(&body, a, dry);

	if (!status)
		status = client_post(&answer, a->conf, "/api/v1/erase",
				     buf_str(&body));
	if (!status)
		status = wait_for(out, a);
	buf_fini(&body);
	buf_fini(&answer);
	return status;
}

static void tell_stays(const struct json *doc)
{
	static const struct {
		const char *key, *why;
	} stays[] = {
		{ "stay_undecided", "not decided yet" },
		{ "stay_incident_open", "their incident is open" },
		{ "stay_waiting", "an alarm waits with them" },
		{ "stay_owed", "StackFlow is owed something of their "
			       "incident, or a dead letter has to be retried "
			       "or dropped" },
	};

	for (size_t i = 0; i < sizeof(stays) / sizeof(stays[0]); i++)
		if (number(doc, stays[i].key))
			printf("%lld stay: %s\n", number(doc, stays[i].key),
			       stays[i].why);
}

static int tell(const struct json *doc, bool dry)
{
	struct str problem = json_get_str(doc, "problem");

	printf(dry ? "%lld events would be erased\n" : "%lld events erased\n",
	       number(doc, "erased"));
	tell_stays(doc);
	if (problem.n) {
		fprintf(stderr, "tocsin erase: it wasn't finished: %.*s; the "
			"agent's log says more\n", STR_ARG(problem));
		return CMD_FAILED;
	}
	if (!dry && !json_bool(json_get(doc, "files_rewritten"), false)) {
		fputs("tocsin erase: the disk has no room to write the store "
		      "anew: copies may be left in unused parts of its "
		      "files\n", stderr);
		return CMD_FAILED;
	}
	return CMD_OK;
}

static int confirm(const struct args *a)
{
	struct json *doc = NULL;
	char line[16] = "";
	int status;

	if (!isatty(STDIN_FILENO))
		return wrong("what is erased is gone: say --yes, or see with "
			     "--dry-run what it would be");
	status = perform(&doc, a, true);
	if (status)
		return status;
	tell(doc, true);
	json_free(doc);
	fputs("Alarms wait while the files are written anew. Erase for good? "
	      "[yes/no] ", stdout);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin) || strcmp(line, "yes\n") != 0) {
		puts("nothing was erased");
		return CMD_FAILED;
	}
	return 0;
}

static int run(int argc, char **argv)
{
	struct json *doc = NULL;
	struct buf text = BUF_INIT(1 << 20);
	struct args a = { 0 };
	int status = args_read(&a, &cmd_erase, argc, argv);

	if (status >= 0)
		return status;
	if (a.rest_count || (!a.before && !a.account))
		return wrong("--before, --account or both say what");
	status = put_request(&text, &a, true);
	buf_reset(&text);
	if (!status && !a.dry_run && !a.yes)
		status = confirm(&a);
	if (!status)
		status = perform(&doc, &a, a.dry_run);
	if (!status && a.json) {
		json_put(&text, doc);
		puts(buf_str(&text).p);
		status = json_get_str(doc, "problem").n ? CMD_FAILED : CMD_OK;
	} else if (!status) {
		status = tell(doc, a.dry_run);
	}
	json_free(doc);
	buf_fini(&text);
	return status;
}

static const struct opt options[] = {
	OPT_CONF,
	{ "before", .value = "SPAN|TIME",
	  .help = "received so long ago, or before: 30d, 2026-11-21T10:00:00Z",
	  ARG_TEXT(args, before) },
	{ "account", .value = "ID", .help = "of this AWS account",
	  ARG_TEXT(args, account) },
	{ "dry-run", .help = "say what would go and what would stay",
	  ARG_FLAG(args, dry_run) },
	{ "yes", .help = "don't ask", ARG_FLAG(args, yes) },
	OPT_JSON,
	{ .name = NULL },
};

const struct cmd cmd_erase = {
	.name = "erase",
	.summary = "remove what old events carried, keep what became of them",
	.forms = (const char *const[]){
		"[OPTION]... --before SPAN|TIME|--account ID", NULL },
	.about =
		"Removes payloads, subjects and signatures from the running agent's "
		"store and its files; outcomes, ids, names and times stay. Events "
		"that aren't decided yet or whose incident is open are left alone. "
		"The files are written anew at the end: alarms wait meanwhile, about "
		"a second for 50 MB, and their senders try again.",
	.options = options,
	.operand = VALUE_NONE,
	.examples = (const char *const[]){
		"--before 30d --dry-run",
		"--before 2026-11-21T10:00:00Z --account 111122223333 --yes", NULL },
	.run = run,
};
