#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/cmd/client.h"
#include "agent/cmd/list.h"
#include "agent/cmd/match.h"
#include "base/encode.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define MATCHES_MAX 32
#define BODY_MAX (64 << 10)
#define REASON_MAX 1000

static const struct column columns[] = {
	{ "ID", "id", 0, COLUMN_TEXT },
	{ "STATE", "state", 1, COLUMN_WORD },
	{ "ENDS", "ends_at", 0, COLUMN_TIME },
	{ "HOLDS", "holding", 0, COLUMN_NUMBER },
	{ "OWNER", "owner", 2, COLUMN_TEXT },
	{ "REASON", "reason", 3, COLUMN_TEXT },
	{ "MATCH", "match", 0, COLUMN_TEXT },
};

struct words {
	struct args args;
	const char *span, *until, *owner, *reason;
	const char *incident, *alarm;
	struct texts match;
	bool all;
};

/* ---- matchers: FIELD=GLOB, FIELD!=GLOB, FIELD=~REGEX, FIELD!~REGEX ---- */

struct matcher {
	struct str field, value;
	bool negated, regex;
};

static int split(struct matcher *out, const char *text)
{
	struct str s = str_from(text);
	size_t at = strcspn(text, "=!"), n = 1;

	*out = (struct matcher){ 0 };
	if (at && text[at] == '!') {
		out->negated = true;
		out->regex = text[at + 1] == '~';
		n = out->regex || text[at + 1] == '=' ? 2 : 0;
	} else if (at && text[at] == '=' && text[at + 1] == '~') {
		out->regex = true;
		n = 2;
	}
	if (!at || !text[at] || !n) {
		fprintf(stderr, "tocsin silence: --match '%s': expected "
			"FIELD=GLOB, FIELD!=GLOB, FIELD=~REGEX, FIELD!~REGEX "
			"or {...}\n", text);
		return CMD_USAGE;
	}
	out->field = str_trim(str_sub(s, 0, at));
	out->value = str_sub(s, at + n, s.n - at - n);
	return 0;
}

static void put_pair(struct jsonw *w, const struct matcher *m)
{
	jsonw_key_str(w, m->field);
	if (m->regex) {
		jsonw_object(w);
		jsonw_kstr(w, "re", m->value);
		jsonw_end_object(w);
	} else {
		jsonw_str(w, m->value);
	}
}

/* All must hold: none of the negated ones may. */
static void put_negated(struct jsonw *w, const struct matcher *list, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += list[i].negated;
	if (!count)
		return;
	jsonw_key(w, "not");
	if (count > 1) {
		jsonw_object(w);
		jsonw_key(w, "any");
		jsonw_array(w);
	}
	for (size_t i = 0; i < n; i++) {
		if (!list[i].negated)
			continue;
		jsonw_object(w);
		put_pair(w, &list[i]);
		jsonw_end_object(w);
	}
	if (count > 1) {
		jsonw_end_array(w);
		jsonw_end_object(w);
	}
}

static int check_twice(const struct matcher *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (!list[i].negated && !list[k].negated &&
			    str_eq(list[i].field, list[k].field)) {
				fprintf(stderr, "tocsin silence: %.*s is "
					"matched twice, and all must hold; for "
					"any of several: --match '{%.*s: "
					"[A, B]}'\n", STR_ARG(list[i].field),
					STR_ARG(list[i].field));
				return CMD_USAGE;
			}
	return 0;
}

static int put_match(struct jsonw *w, const struct words *in)
{
	struct matcher list[MATCHES_MAX];
	int status = 0;

	jsonw_key(w, "match");
	if (in->match.count == 1 &&
	    str_starts(str_trim(str_from(in->match.list[0])), "{")) {
		jsonw_cstr(w, in->match.list[0]);
		return 0;
	}
	for (size_t i = 0; i < in->match.count && !status; i++)
		status = split(&list[i], in->match.list[i]);
	if (!status)
		status = check_twice(list, in->match.count);
	if (status)
		return status;
	jsonw_object(w);
	for (size_t i = 0; i < in->match.count; i++)
		if (!list[i].negated)
			put_pair(w, &list[i]);
	put_negated(w, list, in->match.count);
	jsonw_end_object(w);
	return 0;
}

/* ---- add ---- */

static int missing(const char *what)
{
	return args_wrong(&cmd_silence, what);
}

/* One that is there says itself what it is of, and why. */
static int of_incident(struct buf *match, struct buf *reason,
		       const struct words *in)
{
	struct buf path = BUF_INIT(4096);
	struct json *i = NULL;
	int status;

	buf_puts(&path, "/api/v1/incidents/");
	encode_url(&path, str_from(in->incident));
	status = client_json(&i, in->args.conf, buf_str(&path).p);
	buf_fini(&path);
	if (status)
		return status;
	if (!match_put_alarm(match, i)) {
		fprintf(stderr, "tocsin silence: %s has no alarm\n",
			in->incident);
		status = CMD_FAILED;
	}
	buf_puts(reason, "for ");
	buf_put_str(reason, json_get(i, "incident") ?
		    json_get_str(i, "incident") : str_from(in->incident));
	json_free(i);
	return status;
}

static int put_shortcut(struct jsonw *w, const struct words *in)
{
	struct buf match = BUF_INIT(BODY_MAX), reason = BUF_INIT(4096);
	const char *owner = in->owner ? in->owner : client_user();
	int status = 0;

	if (in->alarm) {
		match_put_name(&match, str_from(in->alarm));
		buf_printf(&reason, "for the alarm %s", in->alarm);
	} else {
		status = of_incident(&match, &reason, in);
	}
	jsonw_key(w, "match");
	jsonw_raw(w, buf_str(&match));
	jsonw_kcstr(w, "owner", owner ? owner : "unknown");
	jsonw_kstr(w, "reason", in->reason ? str_from(in->reason) :
			       utf8_cut(buf_str(&reason), REASON_MAX));
	buf_fini(&match);
	buf_fini(&reason);
	return status;
}

static int put_whole(struct jsonw *w, const struct words *in)
{
	int status;

	if (in->match.count > MATCHES_MAX)
		return missing("that many --match: give one {...} instead");
	if (!in->owner)
		return missing("--owner NAME says who answers for it");
	if (!in->reason)
		return missing("--reason TEXT says why");
	status = put_match(w, in);
	if (status)
		return status;
	jsonw_kcstr(w, "owner", in->owner);
	jsonw_kcstr(w, "reason", in->reason);
	return 0;
}

static int put_end(struct jsonw *w, const struct words *in)
{
	if (!in->span == !in->until)
		return missing("one of --for SPAN and --until TIME ends it");
	if (in->span)
		jsonw_kcstr(w, "for", in->span);
	else
		jsonw_kcstr(w, "ends_at", in->until);
	return 0;
}

static int put_body(struct buf *out, const struct words *in)
{
	struct jsonw w = JSONW(out);
	int status;

	if ((in->match.count > 0) + !!in->incident + !!in->alarm != 1)
		return missing("--match FIELD=GLOB, --alarm NAME or "
			       "--incident ID says what is silenced");
	jsonw_object(&w);
	status = put_end(&w, in);
	if (!status)
		status = in->match.count ? put_whole(&w, in) :
					   put_shortcut(&w, in);
	jsonw_end_object(&w);
	if (!status && buf_error(out)) {
		fputs("tocsin silence: that is too long\n", stderr);
		return CMD_USAGE;
	}
	return status;
}

static int tell_end(struct str answer)
{
	struct json *v = NULL;
	struct err err;

	if (json_parse(&v, answer, 0, &err)) {
		fprintf(stderr, "tocsin: the answer can't be read: %s\n",
			err.text);
		return CMD_FAILED;
	}
	printf("%.*s until %.*s\n", STR_ARG(json_get_str(v, "id")),
	       STR_ARG(json_get_str(v, "ends_at")));
	json_free(v);
	return CMD_OK;
}

static int add(const struct words *in)
{
	struct buf body = BUF_INIT(BODY_MAX), answer = BUF_INIT(1 << 20);
	int status = put_body(&body, in);

	if (!status)
		status = client_post(&answer, in->args.conf, "/api/v1/silences",
				     buf_str(&body));
	if (!status && in->args.json)
		fputs(buf_str(&answer).p, stdout);
	else if (!status)
		status = tell_end(buf_str(&answer));
	buf_fini(&body);
	buf_fini(&answer);
	return status;
}

/* ---- list, extend, expire ---- */

static int list(const struct words *in)
{
	return list_run(&in->args, in->all ? "/api/v1/silences?all=true" :
					     "/api/v1/silences",
			"silences", columns,
			sizeof(columns) / sizeof(columns[0]),
			in->all ? "no silences" : "no silences in force");
}

/* POST silences/ID/VERB for each; done: what is said then. */
static int act(const struct words *in, struct str body, const char *done)
{
	int status = CMD_OK;

	if (!in->args.rest_count)
		return missing("ID...: the list shows them");
	for (int i = 0; i < in->args.rest_count; i++) {
		const char *id = in->args.rest[i];
		struct buf path = BUF_INIT(4096), answer = BUF_INIT(65536);

		buf_puts(&path, "/api/v1/silences/");
		encode_url(&path, str_from(id));
		buf_printf(&path, "/%s", in->args.verb);
		if (buf_error(&path) ||
		    client_post(&answer, in->args.conf, path.p, body))
			status = CMD_FAILED;
		else if (in->args.json)
			fputs(buf_str(&answer).p, stdout);
		else if (done)
			printf("%s: %s\n", id, done);
		else if (tell_end(buf_str(&answer)))
			status = CMD_FAILED;
		buf_fini(&path);
		buf_fini(&answer);
	}
	return status;
}

static int extend(const struct words *in)
{
	struct buf body = BUF_INIT(BODY_MAX);
	struct jsonw w = JSONW(&body);
	int status;

	jsonw_object(&w);
	status = put_end(&w, in);
	jsonw_end_object(&w);
	if (!status)
		status = act(in, buf_str(&body), NULL);
	buf_fini(&body);
	return status;
}

static int run(int argc, char **argv)
{
	struct words w = { .args = { 0 } };
	int status = args_read(&w.args, &cmd_silence, argc, argv);

	if (status >= 0)
		return status;
	if (strcmp(w.args.verb, "expire") == 0)
		return act(&w, STR(""), "ended");
	if (strcmp(w.args.verb, "extend") == 0)
		return extend(&w);
	if (w.args.rest_count)
		return missing("add and list take no argument");
	return strcmp(w.args.verb, "add") == 0 ? add(&w) : list(&w);
}

static const struct opt options[] = {
	OPT_CONF,
	{ "match", .value = "MATCH", .verbs = "add",
	  .help = "FIELD=GLOB or !=GLOB, =~REGEX, !~REGEX, all of which must hold; "
		  "or one of rules, '{alarm: [a-*, b-*], not: {env: dev}}'",
	  ARG_TEXTS(words, match) },
	{ "incident", .value = "ID", .verbs = "add", .is = VALUE_INCIDENT,
	  ARG_TEXT(words, incident) },
	{ "alarm", .value = "NAME", .verbs = "add", .is = VALUE_ALARM,
	  .help = "or this incident's alarm, or that alone",
	  ARG_TEXT(words, alarm) },
	{ "for", .value = "SPAN", .verbs = "add extend",
	  ARG_TEXT(words, span) },
	{ "until", .value = "TIME", .verbs = "add extend",
	  .help = "2h, 3d or 2026-11-21T10:00:00Z; 30 days at most",
	  ARG_TEXT(words, until) },
	{ "owner", .value = "NAME", .verbs = "add", ARG_TEXT(words, owner) },
	{ "reason", .value = "TEXT", .verbs = "add", .help = "who, and why: --match needs both",
	  ARG_TEXT(words, reason) },
	{ "all", .verbs = "list", .help = "list those that ended, too",
	  ARG_FLAG(words, all) },
	OPTS_TABLE_BRIEF,
	{ .name = NULL },
};

static const struct verb verbs[] = {
	{ "list", "the silences in force", VALUE_NONE },
	{ "add", "hold what matches", VALUE_NONE },
	{ "extend", "let one last longer", VALUE_SILENCE },
	{ "expire", "end one now", VALUE_SILENCE },
	{ .name = NULL },
};

const struct cmd cmd_silence = {
	.name = "silence",
	.summary = "hold alarms back for a while: add, list, extend, expire",
	.forms = (const char *const[]){
		"[--all]",
		"add --match MATCH|--alarm NAME|--incident ID --for SPAN",
		"extend ID... --for SPAN", "expire ID...", NULL },
	.about =
		"Alarms that match are recorded and held: what still fires at the end "
		"opens then. Acting needs admin.token, or the unix socket.",
	.options = options,
	.verbs = verbs,
	.examples = (const char *const[]){
		"add --match 'alarm=pay-*' --for 2h --owner dba --reason move",
		"add --incident INC0000001 --for 2h",
		"extend si5fq2k7hw --for 1h", NULL },
	.run = run,
};
