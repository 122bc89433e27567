#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/cmd/args.h"
#include "agent/conf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/json.h"
#include "doc/jsonw.h"
#include "incident/incident.h"

#define INPUT_MAX (16 << 20)

struct explaining {
	struct ruleset *rules;
	bool json;
	int shown;
};

struct explained {
	const struct alarm *alarm;
	struct verdict verdict;
	struct trace trace;
	const char *action;
	const char *because;
};

/*
 * What the daemon would do: an ALARM with nothing open; any other state as if
 * its incident were open, since that is what one wants to know of it.
 */
static int decide(struct explained *e, struct arena *arena)
{
	const struct incident open = {
		.id = 1, .incarnation = 1, .state = INCIDENT_OPEN,
		.priority = e->verdict.priority, .remote = STR("INC0000000"),
		.key = e->verdict.dedup_key,
	};
	const struct member firing = { .id = 1, .incident = 1,
				       .state = ALARM_FIRING };
	struct situation s = { 0 };
	struct change change;
	int rc;

	if (e->alarm->state != ALARM_FIRING ||
	    e->alarm->event != ALARM_CHANGED) {
		s.incident = &open;
		s.member = &firing;
	}
	rc = incident_apply(&change, arena, &s, e->alarm, &e->verdict,
			    STR("e"), STR("tocsin"), e->alarm->time_ms);
	if (rc)
		return rc;
	e->action = action_name(change.action);
	e->because = change.because;
	return 0;
}

static void put_decision(struct jsonw *w, const struct explained *e)
{
	const struct verdict *v = &e->verdict;
	char priority[3] = { 'P', (char)('0' + v->priority), '\0' };

	jsonw_key(w, "decision");
	jsonw_object(w);
	jsonw_kcstr(w, "action", e->action);
	jsonw_kstr(w, "team", v->team.n ? v->team : STR_NONE);
	jsonw_kstr(w, "policy", v->policy);
	jsonw_kstr(w, "where", v->where);
	jsonw_kcstr(w, "severity", severity_name(v->severity));
	jsonw_kcstr(w, "priority", priority);
	jsonw_kstr(w, "dedup_key", v->dedup_key);
	jsonw_kstr(w, "suppressed_by", e->alarm->suppressed_by.n ?
				       e->alarm->suppressed_by : STR_NONE);
	jsonw_kcstr(w, "because", e->because);
	jsonw_end_object(w);
	jsonw_key(w, "incident");
	jsonw_object(w);
	jsonw_kstr(w, "short_description", v->short_description);
	jsonw_kstr(w, "description", v->description);
	jsonw_kcstr(w, "priority", priority);
	jsonw_kstr(w, "category", v->category);
	jsonw_kstr(w, "subcategory", v->subcategory);
	jsonw_kstr(w, "assignment_group", v->assignment_group);
	jsonw_kstr(w, "ci_id", v->ci_id.n ? v->ci_id : STR_NONE);
	for (size_t i = 0; i < v->field_count; i++) {
		jsonw_key_str(w, v->fields[i].name);
		jsonw_str(w, v->fields[i].value);
	}
	jsonw_end_object(w);
}

static void print_json(const struct explained *e)
{
	struct buf out = BUF_INIT(8 << 20);
	struct jsonw w = JSONW(&out);

	jsonw_object(&w);
	jsonw_key(&w, "alarm");
	alarm_write(&w, e->alarm);
	put_decision(&w, e);
	jsonw_key(&w, "trace");
	jsonw_array(&w);
	for (size_t i = 0; i < e->trace.count; i++) {
		const struct trace_step *t = &e->trace.steps[i];

		jsonw_object(&w);
		jsonw_kstr(&w, "where", t->where);
		jsonw_kstr(&w, "rule", t->rule);
		jsonw_kbool(&w, "matched", t->matched);
		jsonw_kstr(&w, "because", t->because);
		jsonw_end_object(&w);
	}
	jsonw_end_array(&w);
	jsonw_end_object(&w);
	puts(buf_str(&out).p);
	buf_fini(&out);
}

static void line(struct buf *out, const char *label, struct str value)
{
	if (!value.n)
		return;
	buf_printf(out, "  %-12s ", label);
	utf8_put_safe(out, value, 400);
	buf_putc(out, '\n');
}

/* Several lines, each set in from the left. */
static void paragraph(struct buf *out, struct str text)
{
	struct str one;

	while (str_cut(&text, '\n', &one)) {
		buf_puts(out, "    | ");
		utf8_put_safe(out, one, 1000);
		buf_putc(out, '\n');
	}
}

static void put_alarm_text(struct buf *out, const struct alarm *a)
{
	buf_printf(out, "alarm (%s, %s)\n", a->source, a->kind);
	line(out, "state", str_from(alarm_state_name(a->state)));
	if (a->previous_state != ALARM_NONE)
		line(out, "before",
		     str_from(alarm_state_name(a->previous_state)));
	line(out, "alarm", a->name);
	line(out, "account", a->account);
	line(out, "region", a->region);
	buf_printf(out, "  %-12s ", "time");
	clock_put(out, a->time_ms);
	buf_putc(out, '\n');
	line(out, "arn", a->arn);
	line(out, "contributor", a->contributor);
	line(out, "namespace", a->namespace);
	line(out, "metric", a->metric);
	for (size_t i = 0; i < a->dim_count; i++) {
		buf_printf(out, "  %-12s ", "dim");
		utf8_put_safe(out, a->dims[i].name, 300);
		buf_puts(out, " = ");
		utf8_put_safe(out, a->dims[i].value, 300);
		buf_putc(out, '\n');
	}
	line(out, "reason", a->reason);
}

static void print_text(const struct explained *e)
{
	const struct verdict *v = &e->verdict;
	struct buf out = BUF_INIT(8 << 20);

	put_alarm_text(&out, e->alarm);
	buf_printf(&out, "decision: %s, P%d (%s)\n", e->action, v->priority,
		   v->severity ? severity_name(v->severity) : "no severity");
	line(&out, "because", str_from(e->because));
	line(&out, "team", v->team);
	line(&out, "policy", v->policy);
	line(&out, "where", v->where);
	line(&out, "dedup key", v->dedup_key);
	buf_puts(&out, "incident\n");
	line(&out, "short", v->short_description);
	line(&out, "group", v->assignment_group);
	line(&out, "category", v->category);
	line(&out, "subcategory", v->subcategory);
	line(&out, "CI", v->ci_id);
	for (size_t i = 0; i < v->field_count; i++) {
		buf_printf(&out, "  %.*s = ", STR_ARG(v->fields[i].name));
		utf8_put_safe(&out, v->fields[i].value, 400);
		buf_putc(&out, '\n');
	}
	paragraph(&out, v->description);
	buf_puts(&out, "rules\n");
	for (size_t i = 0; i < e->trace.count; i++) {
		const struct trace_step *t = &e->trace.steps[i];

		buf_printf(&out, "  %s %-24.*s %.*s: ", t->matched ? "+" : "-",
			   STR_ARG(t->where), STR_ARG(t->rule));
		utf8_put_safe(&out, t->because, 400);
		buf_putc(&out, '\n');
	}
	fputs(buf_str(&out).p, stdout);
	buf_fini(&out);
}

static int explain_one(struct explaining *x, const struct alarm *alarm)
{
	struct arena *arena = arena_new(64 << 20);
	struct explained e = { .alarm = alarm };
	struct decision_input in = { .alarm = alarm, .trace = &e.trace };
	int rc = -ENOMEM;

	if (arena) {
		e.trace.arena = arena;
		rc = ruleset_decide(&e.verdict, x->rules, &in, arena);
	}
	if (!rc)
		rc = decide(&e, arena);
	if (!rc) {
		if (x->shown++ && !x->json)
			putchar('\n');
		if (x->json)
			print_json(&e);
		else
			print_text(&e);
	}
	arena_free(arena);
	return rc;
}

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

static int fault_status(const struct faults *faults)
{
	struct buf text = BUF_INIT(1 << 20);

	faults_put_text(&text, faults);
	fputs(buf_str(&text).p, stderr);
	buf_fini(&text);
	return faults->errors ? CMD_CONFIG : CMD_OK;
}

/* The configuration's rules; the built-in ones where nothing is configured. */
static int load_rules(struct ruleset **out, const char *conf)
{
	const char *path = conf_path(conf);
	struct rule_file_list list = { 0 };
	struct faults faults;
	struct conf *c = NULL;
	int rc = 0, status;

	faults_init(&faults);
	if (conf_named(conf) || access(path, F_OK) == 0) {
		rc = conf_load(&c, conf, &faults);
		if (!rc)
			rc = conf_rule_files(&list, c, &faults);
	}
	if (!rc)
		*out = ruleset_load(list.sources, list.count, &faults, NULL);
	status = fault_status(&faults);
	if (!status && (rc || !*out))
		status = CMD_CONFIG;
	rule_files_free(&list);
	conf_free(c);
	faults_fini(&faults);
	return status;
}

static int run(int argc, char **argv)
{
	struct explaining x = { 0 };
	struct buf text = BUF_INIT(INPUT_MAX);
	struct args a;
	struct err err = { "" };
	int status = args_read(&a, &cmd_explain, "cj", argc, argv), n;

	if (status >= 0)
		return status;
	if (a.rest_count != 1) {
		fputs("tocsin explain: one FILE, or - for standard input\n",
		      stderr);
		return CMD_USAGE;
	}
	x.json = a.json;
	status = load_rules(&x.rules, a.conf);
	if (!status && read_input(&text, a.rest[0]))
		status = CMD_FAILED;
	if (!status) {
		n = alarm_unwrap(buf_str(&text), clock_wall_ms(), each, &x,
				 &err);
		if (n < 0) {
			fprintf(stderr, "tocsin explain: %s: %s\n", a.rest[0],
				err.text[0] ? err.text : strerror(-n));
			status = CMD_FAILED;
		}
	}
	ruleset_free(x.rules);
	buf_fini(&text);
	return status;
}

const struct cmd cmd_explain = {
	.name = "explain",
	.summary = "what one message would become, and by which rules",
	.usage =
		"usage: tocsin explain [-c FILE] [--json] FILE|-\n"
		"\n"
		"Decodes one message, raw or in an SNS, SQS or EventBridge\n"
		"envelope, and shows how it was read, every rule that decided or\n"
		"was passed over, and the incident it would open. A state other\n"
		"than ALARM is shown as if its incident were open. Nothing is\n"
		"sent and no store is needed.\n"
		"\n"
		"  -c FILE   configuration whose rules decide; without one, and\n"
		"            without /etc/tocsin/tocsin.yaml, the built-in rules\n"
		"  --json    one object a line\n",
	.run = run,
};
