#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "agent/cmd/client.h"
#include "agent/cmd/list.h"
#include "base/encode.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define MATCHES_MAX 32
#define BODY_MAX (64 << 10)

static const struct column columns[] = {
	{ "ID", "id", 0 },	     { "STATE", "state", 1 },
	{ "ENDS", "ends_at", 0 },    { "HOLDS", "holding", 0 },
	{ "OWNER", "owner", 2 },     { "REASON", "reason", 3 },
	{ "MATCH", "match", 0 },
};

struct words {
	const char *conf, *span, *until, *owner, *reason;
	const char *match[MATCHES_MAX];
	size_t matches;
	bool json, all;
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
	if (in->matches == 1 &&
	    str_starts(str_trim(str_from(in->match[0])), "{")) {
		jsonw_cstr(w, in->match[0]);
		return 0;
	}
	for (size_t i = 0; i < in->matches && !status; i++)
		status = split(&list[i], in->match[i]);
	if (!status)
		status = check_twice(list, in->matches);
	if (status)
		return status;
	jsonw_object(w);
	for (size_t i = 0; i < in->matches; i++)
		if (!list[i].negated)
			put_pair(w, &list[i]);
	put_negated(w, list, in->matches);
	jsonw_end_object(w);
	return 0;
}

/* ---- add ---- */

static int missing(const char *what)
{
	fprintf(stderr, "tocsin silence add: %s\n"
		"`tocsin silence --help` shows how\n", what);
	return CMD_USAGE;
}

static int put_body(struct buf *out, const struct words *in)
{
	struct jsonw w = JSONW(out);
	int status;

	if (!in->matches)
		return missing("--match FIELD=GLOB says what is silenced");
	if (!in->span == !in->until)
		return missing("one of --for SPAN and --until TIME ends it");
	if (!in->owner)
		return missing("--owner NAME says who answers for it");
	if (!in->reason)
		return missing("--reason TEXT says why");
	jsonw_object(&w);
	status = put_match(&w, in);
	if (status)
		return status;
	if (in->span)
		jsonw_kcstr(&w, "for", in->span);
	else
		jsonw_kcstr(&w, "ends_at", in->until);
	jsonw_kcstr(&w, "owner", in->owner);
	jsonw_kcstr(&w, "reason", in->reason);
	jsonw_end_object(&w);
	if (buf_error(out)) {
		fputs("tocsin silence: that is too long\n", stderr);
		return CMD_USAGE;
	}
	return 0;
}

static int tell_added(struct str answer)
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
		status = client_post(&answer, in->conf, "/api/v1/silences",
				     buf_str(&body));
	if (!status && in->json)
		fputs(buf_str(&answer).p, stdout);
	else if (!status)
		status = tell_added(buf_str(&answer));
	buf_fini(&body);
	buf_fini(&answer);
	return status;
}

/* ---- list, expire ---- */

static int list(const struct words *in)
{
	const struct args a = { .conf = in->conf, .json = in->json };

	return list_run(&a, in->all ? "/api/v1/silences?all=true" :
				      "/api/v1/silences",
			"silences", columns,
			sizeof(columns) / sizeof(columns[0]),
			in->all ? "no silences" : "no silences in force");
}

static int expire(const struct words *in, char **ids, int count)
{
	int status = CMD_OK;

	if (!count)
		return missing("expire ID...: the list shows them");
	for (int i = 0; i < count; i++) {
		struct buf path = BUF_INIT(4096), answer = BUF_INIT(65536);

		buf_puts(&path, "/api/v1/silences/");
		encode_url(&path, str_from(ids[i]));
		buf_puts(&path, "/expire");
		if (buf_error(&path) ||
		    client_post(&answer, in->conf, path.p, STR("")))
			status = CMD_FAILED;
		else if (in->json)
			fputs(buf_str(&answer).p, stdout);
		else
			printf("%s: ended\n", ids[i]);
		buf_fini(&path);
		buf_fini(&answer);
	}
	return status;
}

/* ---- words ---- */

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "json", no_argument, NULL, 'j' },
	{ "all", no_argument, NULL, 'a' },
	{ "match", required_argument, NULL, 'm' },
	{ "for", required_argument, NULL, 'f' },
	{ "until", required_argument, NULL, 'u' },
	{ "owner", required_argument, NULL, 'o' },
	{ "reason", required_argument, NULL, 'r' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* -1: go on; else the exit status. */
static int read_words(struct words *out, int argc, char **argv)
{
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			out->conf = optarg;
			break;
		case 'j':
			out->json = true;
			break;
		case 'a':
			out->all = true;
			break;
		case 'm':
			if (out->matches == MATCHES_MAX)
				return missing("that many --match: give one "
					       "{...} instead");
			out->match[out->matches++] = optarg;
			break;
		case 'f':
			out->span = optarg;
			break;
		case 'u':
			out->until = optarg;
			break;
		case 'o':
			out->owner = optarg;
			break;
		case 'r':
			out->reason = optarg;
			break;
		case 'h':
			fputs(cmd_silence.usage, stdout);
			return CMD_OK;
		default:
			fputs("`tocsin silence --help` shows how\n", stderr);
			return CMD_USAGE;
		}
	}
	return -1;
}

static bool only_for_add(const struct words *w)
{
	return w->matches || w->span || w->until || w->owner || w->reason;
}

static int run(int argc, char **argv)
{
	struct words w = { 0 };
	int status = read_words(&w, argc, argv), left;
	const char *what;

	if (status >= 0)
		return status;
	left = argc - optind;
	what = left ? argv[optind] : "list";
	if (strcmp(what, "add") == 0 && left == 1 && !w.all)
		return add(&w);
	if (only_for_add(&w) || (w.all && strcmp(what, "list") != 0)) {
		fprintf(stderr, "tocsin silence %s: these options aren't its "
			"own\n`tocsin silence --help` shows how\n", what);
		return CMD_USAGE;
	}
	if (strcmp(what, "list") == 0 && left <= 1)
		return list(&w);
	if (strcmp(what, "expire") == 0)
		return expire(&w, argv + optind + 1, left - 1);
	fputs("tocsin silence: add, list, or expire ID...\n"
	      "`tocsin silence --help` shows how\n", stderr);
	return CMD_USAGE;
}

const struct cmd cmd_silence = {
	.name = "silence",
	.summary = "hold alarms back for a while: add, list, expire",
	.usage =
		"usage: tocsin silence add [-c FILE] [--json] --match MATCH...\n"
		"                          --for SPAN|--until TIME --owner NAME "
		"--reason TEXT\n"
		"       tocsin silence list [-c FILE] [--json] [--all]\n"
		"       tocsin silence expire [-c FILE] [--json] ID...\n"
		"\n"
		"A silence holds what matches: alarms are recorded and no incident is\n"
		"opened; what still fires at its end opens then. Guards bind it. MATCH is\n"
		"FIELD=GLOB, FIELD!=GLOB, FIELD=~REGEX or FIELD!~REGEX, and all of them\n"
		"must hold; or one whole match of the rule language, as in\n"
		"'{alarm: [pay-*, web-*], not: {env: dev}}'. SPAN is 30m, 2h or 3d; TIME\n"
		"is like 2026-11-21T10:00:00Z; the end lies at most 30 days ahead.\n"
		"list shows those in force, and with --all those that ended.\n"
		"Adding and ending needs admin.token, or the unix socket.\n",
	.run = run,
};
