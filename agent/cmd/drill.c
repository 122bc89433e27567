#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/cmd/args.h"
#include "agent/cmd/client.h"
#include "agent/cmd/table.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/json.h"

#define PATH "/api/v1/drill"
#define POLL_US 200000
#define LOST_MS 30000	/* neither under way nor over: nobody begins it */

struct words {
	struct args args;
	bool wait, last;
};

static bool is(const struct json *drill, const char *id)
{
	return str_is(json_get_str(drill, "id"), id);
}

/* Until the drill of this id is over. 0 and *out, or an exit status. */
static int wait_for(struct json **out, const struct words *w, const char *id)
{
	int64_t seen_ms = clock_mono_ms();

	for (;;) {
		int status = client_json(out, w->args.conf, PATH);

		if (status)
			return status;
		if (is(json_get(*out, "last"), id))
			return 0;
		if (is(json_get(*out, "under_way"), id))
			seen_ms = clock_mono_ms();
		json_free(*out);
		*out = NULL;
		if (clock_mono_ms() - seen_ms > LOST_MS) {
			fprintf(stderr, "tocsin drill: the agent knows no "
				"drill %s any more; its log says more\n", id);
			return CMD_FAILED;
		}
		usleep(POLL_US);
	}
}

/* Of a drill that is over, or under way. */
static void put_drill(struct buf *out, const struct json *drill,
		      const struct term *t)
{
	static const struct column columns[] = {
		{ "HOP", "hop", 0, COLUMN_TEXT },
		{ "AT", "at", 1, COLUMN_TIME },
		{ "SECONDS", "seconds", 0, COLUMN_NUMBER },
	};
	struct str state = json_get_str(drill, "state");
	struct str why = json_get_str(drill, "why");
	struct str incident = json_get_str(drill, "incident");
	bool came = str_is(state, "came through");

	buf_puts(out, "drill ");
	utf8_put_safe(out, json_get_str(drill, "id"), 64);
	buf_putc(out, ' ');
	term_put(out, t, came ? TONE_GOOD : why.n ? TONE_BAD : TONE_NONE,
		 state);
	if (came)
		buf_printf(out, " in %.1f s",
			   json_double(json_get(drill, "seconds"), 0));
	if (why.n) {
		buf_puts(out, ": ");
		utf8_put_safe(out, why, 600);
	}
	if (incident.n) {
		buf_puts(out, "; incident ");
		utf8_put_safe(out, incident, 64);
	}
	buf_putc(out, '\n');
	table_put(out, json_get(drill, "hops"), columns,
		  sizeof(columns) / sizeof(columns[0]), t);
}

/* The last, or one that was waited for: its end is the command's. */
static int show(const struct words *w, const struct json *drill)
{
	struct buf out = BUF_INIT(1 << 20);
	struct term t;

	if (w->args.json) {
		json_put(&out, drill);
		buf_putc(&out, '\n');
	} else {
		term_look(&t, &w->args);
		put_drill(&out, drill, &t);
	}
	fputs(buf_str(&out).p, stdout);
	buf_fini(&out);
	return str_is(json_get_str(drill, "state"), "late") ? CMD_FAILED
							    : CMD_OK;
}

static int last(const struct words *w)
{
	struct json *doc = NULL;
	int status = client_json(&doc, w->args.conf, PATH);
	const struct json *drill = json_get(doc, "under_way");

	if (status)
		return status;
	if (!json_is(drill, JSON_OBJECT))
		drill = json_get(doc, "last");
	if (json_is(drill, JSON_OBJECT)) {
		status = show(w, drill);
	} else {
		fprintf(stderr, "tocsin drill: there was none yet\n");
		status = CMD_FAILED;
	}
	json_free(doc);
	return status;
}

static int begun(const struct words *w, struct str answer)
{
	struct json *doc = NULL, *state = NULL;
	char id[64];
	bool fresh;
	int status;

	if (json_parse(&doc, answer, 0, NULL)) {
		fprintf(stderr, "tocsin drill: the answer can't be read\n");
		return CMD_FAILED;
	}
	utf8_keep(id, sizeof(id), json_get_str(doc, "id"));
	fresh = json_bool(json_get(doc, "begun"), false);
	json_free(doc);
	if (!w->wait) {
		if (w->args.json)
			fputs(answer.p, stdout);
		else
			printf("drill %s %s\n", id, fresh ? "has begun" :
			       "was under way already");
		return CMD_OK;
	}
	status = wait_for(&state, w, id);
	if (!status)
		status = show(w, json_get(state, "last"));
	json_free(state);
	return status;
}

static int run(int argc, char **argv)
{
	struct words w = { .args = { 0 } };
	struct buf answer = BUF_INIT(1 << 20);
	int status = args_read(&w.args, &cmd_drill, argc, argv);

	if (status >= 0)
		return status;
	if (w.last)
		return w.wait ? args_wrong(&cmd_drill, "--last begins no "
					   "drill to --wait for") : last(&w);
	status = client_post(&answer, w.args.conf, PATH, STR(""));
	if (!status)
		status = begun(&w, buf_str(&answer));
	buf_fini(&answer);
	return status;
}

static const struct opt options[] = {
	OPT_CONF,
	{ "wait", .help = "until it is over, and show each hop",
	  ARG_FLAG(words, wait) },
	{ "last", .help = "begin none; show the last, or the one under way",
	  ARG_FLAG(words, last) },
	OPTS_TABLE,
	{ .name = NULL },
};

const struct cmd cmd_drill = {
	.name = "drill",
	.summary = "publish an alarm and see it come through",
	.forms = (const char *const[]){ "[--wait|--last]", NULL },
	.about =
		"Has the running agent publish an alarm named tocsin-drill to "
		"drill.topic now, and its OK once StackFlow has the incident. By "
		"itself it does so every drill.every. Whatever stands between is "
		"tried: SNS, the subscription, signature, journal, rules, StackFlow. "
		"Needs admin.token, or the unix socket.",
	.options = options,
	.operand = VALUE_NONE,
	.examples = (const char *const[]){ "--wait", "--last --json", NULL },
	.statuses = "0 begun, or with --wait and --last not late; 1 late, or "
		    "it couldn't be begun",
	.run = run,
};
