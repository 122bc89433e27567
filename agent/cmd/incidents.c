#include <stdio.h>
#include <string.h>

#include "agent/cmd/client.h"
#include "agent/cmd/list.h"
#include "agent/top/top.h"
#include "base/encode.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define BODY_MAX (64 << 10)

static const struct column columns[] = {
	{ "INCIDENT", "incident", 0, COLUMN_TEXT },
	{ "PRI", "priority", 0, COLUMN_WORD },
	{ "STATE", "state", 0, COLUMN_WORD },
	{ "EVENTS", "events", 3, COLUMN_NUMBER },
	{ "NOTES", "notes", 4, COLUMN_NUMBER },
	{ "CI", "ci_id", 2, COLUMN_TEXT },
	{ "TEAM", "team", 1, COLUMN_TEXT },
	{ "CHANGED", "changed_at", 0, COLUMN_TIME },
	{ "SHORT DESCRIPTION", "short_description", 0, COLUMN_TEXT },
};

static int list(const struct args *a)
{
	struct buf path = BUF_INIT(4096);
	int status;

	if (a->rest_count)
		return args_wrong(&cmd_incidents, "list takes no argument");
	status = list_path(&path, a, "/api/v1/incidents", "state", a->state);
	if (!status)
		status = list_run(a, path.p, "incidents", columns,
				  sizeof(columns) / sizeof(columns[0]),
				  "no incidents");
	buf_fini(&path);
	return status;
}

static void put_path(struct buf *out, const char *id, const char *verb)
{
	buf_puts(out, "/api/v1/incidents/");
	encode_url(out, str_from(id));
	buf_puts(out, verb);
}

/* ---- show ---- */

static int print_one(const struct args *a, struct str answer)
{
	struct buf text = BUF_INIT(64 << 20);
	struct json *doc = NULL;
	struct term term;
	struct err err;

	if (json_parse(&doc, answer, 0, &err)) {
		fprintf(stderr, "tocsin: the answer can't be read: %s\n",
			err.text);
		return CMD_FAILED;
	}
	term_look(&term, a);
	top_put_incident(&text, doc, &term);
	fputs(buf_str(&text).p, stdout);
	buf_fini(&text);
	json_free(doc);
	return CMD_OK;
}

static int show(const struct args *a)
{
	int status = CMD_OK;

	if (!a->rest_count)
		return args_wrong(&cmd_incidents, "show ID...: the list shows "
						  "them");
	for (int i = 0; i < a->rest_count && !status; i++) {
		struct buf path = BUF_INIT(4096), answer = BUF_INIT(64 << 20);

		put_path(&path, a->rest[i], "");
		status = client_call(&answer, a->conf, "GET",
				     buf_str(&path).p);
		if (!status && a->json)
			fputs(buf_str(&answer).p, stdout);
		else if (!status)
			status = print_one(a, buf_str(&answer));
		if (!status && !a->json && i + 1 < a->rest_count)
			putchar('\n');
		buf_fini(&path);
		buf_fini(&answer);
	}
	return status;
}

/* ---- note, resolve ---- */

/* Words that the shell took apart are one text. */
static void put_body(struct buf *out, const struct args *a)
{
	struct jsonw w = JSONW(out);
	struct buf text = BUF_INIT(BODY_MAX);

	for (int i = 1; i < a->rest_count; i++) {
		buf_puts(&text, i > 1 ? " " : "");
		buf_puts(&text, a->rest[i]);
	}
	jsonw_object(&w);
	if (text.n)
		jsonw_kstr(&w, "text", buf_str(&text));
	jsonw_end_object(&w);
	if (buf_error(&text))
		out->error = buf_error(&text);
	buf_fini(&text);
}

static int act(const struct args *a, bool resolve)
{
	struct buf path = BUF_INIT(4096), body = BUF_INIT(BODY_MAX);
	struct buf answer = BUF_INIT(1 << 20);
	int status = CMD_USAGE;

	if (!a->rest_count || (!resolve && a->rest_count < 2))
		return args_wrong(&cmd_incidents, resolve ? "resolve ID [TEXT]"
							  : "note ID TEXT");
	put_path(&path, a->rest[0], resolve ? "/resolve" : "/note");
	put_body(&body, a);
	if (buf_error(&path) || buf_error(&body))
		fputs("tocsin incidents: that is too long\n", stderr);
	else
		status = client_post(&answer, a->conf, path.p, buf_str(&body));
	if (!status && a->json)
		fputs(buf_str(&answer).p, stdout);
	else if (!status)
		printf("%s: the %s is taken and goes to StackFlow\n",
		       a->rest[0], resolve ? "resolve" : "note");
	buf_fini(&path);
	buf_fini(&body);
	buf_fini(&answer);
	return status;
}

static int run(int argc, char **argv)
{
	struct args a = { 0 };
	int status = args_read(&a, &cmd_incidents, argc, argv);

	if (status >= 0)
		return status;
	if (strcmp(a.verb, "show") == 0)
		return show(&a);
	if (strcmp(a.verb, "list") == 0)
		return list(&a);
	return act(&a, strcmp(a.verb, "resolve") == 0);
}

static const struct opt options[] = {
	OPT_CONF,
	{ "limit", .value = "N", .verbs = "list",
	  .help = "at most so many, 1 to 1000 (50)", ARG_TEXT(args, limit) },
	{ "state", .value = "STATE", .words = "open|resolved|closed|failed",
	  .verbs = "list",
	  .help = "only those: open, resolved, closed (by a person) or failed "
		  "(StackFlow refused to open it)", ARG_TEXT(args, state) },
	OPTS_TABLE_BRIEF,
	{ .name = NULL },
};

static const struct verb verbs[] = {
	{ "list", "the incidents, the newest first", VALUE_NONE },
	{ "show", "all that is known of one", VALUE_INCIDENT },
	{ "note", "append a note", VALUE_INCIDENT },
	{ "resolve", "resolve one, with a note", VALUE_INCIDENT },
	{ .name = NULL },
};

const struct cmd cmd_incidents = {
	.name = "incidents",
	.summary = "what the agent keeps: list, show, note, resolve",
	.forms = (const char *const[]){
		"[OPTION]...", "show ID...", "note ID TEXT",
		"resolve ID [TEXT]", NULL },
	.about =
		"The list begins with the newest. Notes and resolves are kept on "
		"disk and sent as everything else, never twice. Acting needs "
		"admin.token, or the unix socket.",
	.options = options,
	.verbs = verbs,
	.examples = (const char *const[]){
		"--state open", "note INC0000001 'The vendor is on it.'",
		NULL },
	.run = run,
};
