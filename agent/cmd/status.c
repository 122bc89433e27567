#include <stdio.h>

#include "agent/cmd/args.h"
#include "agent/cmd/client.h"
#include "agent/cmd/term.h"
#include "base/encode.h"
#include "doc/json.h"

/* What is written, for whom. */
struct sheet {
	struct buf out;
	struct term term;
	struct arena *arena;
};

static void put_label(struct sheet *s, const char *label)
{
	buf_printf(&s->out, "%-20s ", label);
}

static void put_value(struct sheet *s, const struct json *v, size_t max)
{
	utf8_put_safe(&s->out, json_text(v, s->arena), max);
}

/* Of times "never", where there is none. */
static void put_time(struct sheet *s, const struct json *v, const char *none)
{
	if (v)
		term_put_time(&s->out, &s->term, json_text(v, s->arena));
	else
		buf_puts(&s->out, none);
}

static void line(struct sheet *s, const char *label, const struct json *v)
{
	struct buf text = BUF_INIT(4096);

	put_label(s, label);
	utf8_put_safe(&text, v ? json_text(v, s->arena) : STR("-"), 500);
	if (str_ends(str_from(label), "problem"))
		term_put(&s->out, &s->term, TONE_BAD, buf_str(&text));
	else
		term_put(&s->out, &s->term, term_tone(buf_str(&text)),
			 buf_str(&text));
	buf_putc(&s->out, '\n');
	buf_fini(&text);
}

static void time_line(struct sheet *s, const char *label,
		      const struct json *v, const char *none)
{
	put_label(s, label);
	put_time(s, v, none);
	buf_putc(&s->out, '\n');
}

static void put_more(struct sheet *s, const char *label, int64_t total,
		     const struct json *list)
{
	if (total > (int64_t)json_count(list))
		buf_printf(&s->out, "%-20s and %lld more\n", label,
			   (long long)(total - (int64_t)json_count(list)));
}

/* ---- parts of a line ---- */

static void put_part(struct sheet *s, const struct json *v, const char *key,
		     const char *before)
{
	if (!json_get(v, key))
		return;
	buf_puts(&s->out, before);
	put_value(s, json_get(v, key), 500);
}

/* " until TIME"; relative " ends in 2h". */
static void put_moment(struct sheet *s, const struct json *v, const char *key,
		       const char *before_utc, const char *before)
{
	if (!json_get(v, key))
		return;
	buf_puts(&s->out, s->term.utc ? before_utc : before);
	put_time(s, json_get(v, key), "");
}

/* ---- the parts ---- */

static void put_warnings(struct sheet *s, const struct json *list)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *w = json_item(list, i);
		bool bad = str_is(json_get_str(w, "level"), "bad");

		term_put(&s->out, &s->term, bad ? TONE_BAD : TONE_WARN,
			 STR("warning             "));
		put_part(s, w, "code", " ");
		put_part(s, w, "text", ": ");
		put_moment(s, w, "since", ", since ", ", since ");
		put_part(s, w, "advice", " \u2014 ");
		buf_putc(&s->out, '\n');
	}
}

static void put_queues(struct sheet *s, const struct json *list)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *q = json_item(list, i);

		put_label(s, "queue");
		put_part(s, q, "name", "");
		put_part(s, q, "state", ": ");
		put_part(s, q, "problem", ", ");
		put_part(s, q, "waiting", ", waiting ");
		put_part(s, q, "lag_seconds", ", seconds behind ");
		buf_puts(&s->out, ", last answer ");
		put_time(s, json_get(q, "last_success_at"), "never");
		buf_putc(&s->out, '\n');
	}
}

/* Every alarm that waits: by what, since when, until when. */
static void put_held(struct sheet *s, const struct json *status)
{
	const struct json *list = json_get(status, "alarms_held");

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *h = json_item(list, i);

		put_label(s, json_get(h, "held_by") ? "held" :
						      "waiting (open_after)");
		put_part(s, h, "alarm", "");
		put_part(s, h, "account", " ");
		put_part(s, h, "region", " ");
		put_part(s, h, "held_by", " by ");
		put_part(s, h, "held_about", ", ");
		put_moment(s, h, "since", " since ", " since ");
		put_moment(s, h, "until", " until ", ", ends ");
		buf_putc(&s->out, '\n');
	}
	put_more(s, "held",
		 json_int(json_get(status, "alarms_held_total"), 0) +
		 json_int(json_get(status, "alarms_waiting_total"), 0), list);
}

/* What open incidents have before them. */
static void put_timers(struct sheet *s, const struct json *list)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *t = json_item(list, i);

		put_label(s, "timer");
		put_part(s, t, json_get(t, "incident") ? "incident" :
							 "dedup_key", "");
		put_part(s, t, "held_by", " held by ");
		put_moment(s, t, "held_until", " until ", ", ends ");
		put_moment(s, t, "resolves_at", " resolves at ", " resolves ");
		put_moment(s, t, "escalates_at", " escalates at ",
			   " escalates ");
		buf_putc(&s->out, '\n');
	}
}

/* And the alarms that open incidents and nothing ends, each on a line. */
static void put_cloudwatch(struct sheet *s, const struct json *c)
{
	const struct json *list = json_get(c, "alarms_without_ok_action");

	if (!c)
		return;
	time_line(s, "CloudWatch compared", json_get(c, "last_compared_at"),
		  "-");
	if (json_get(c, "problem"))
		line(s, "CloudWatch problem", json_get(c, "problem"));
	for (size_t i = 0; i < json_count(list); i++) {
		put_label(s, "no OK action");
		put_part(s, json_item(list, i), "region", "");
		put_part(s, json_item(list, i), "alarm", " ");
		buf_putc(&s->out, '\n');
	}
	put_more(s, "no OK action",
		 json_int(json_get(c, "alarms_without_ok_action_total"), 0),
		 list);
}

static void put_drill(struct sheet *s, const struct json *drill)
{
	const struct json *last = json_get(drill, "last");

	if (!json_bool(json_get(drill, "configured"), false))
		return;
	put_label(s, "drill");
	if (json_is(last, JSON_OBJECT)) {
		put_part(s, last, "state", "");
		put_part(s, last, "why", ": ");
		buf_puts(&s->out, ", begun ");
		put_time(s, json_get(last, "started_at"), "-");
	} else {
		buf_puts(&s->out, "none yet");
	}
	put_moment(s, drill, "next_at", "; next at ", "; next ");
	buf_putc(&s->out, '\n');
}

static void put_status(struct sheet *s, const struct json *status)
{
	static const struct {
		const char *label, *key;
	} lines[] = {
		{ "backlog", "backlog" },
		{ "in doubt", "in_doubt" },
		{ "dead letters", "dead_letters" },
		{ "notes held", "operations_held" },
		{ "alarms held", "alarms_held_total" },
		{ "alarms waiting", "alarms_waiting_total" },
		{ "silences", "silences" },
		{ "incidents open", "incidents_open" },
		{ "events kept", "events" },
		{ "store bytes", "store_bytes" },
		{ "certificate days", "certificate_days" },
		{ "not ready", "not_ready_because" },
	};
	const struct json *sf = json_get(status, "stackflow");
	const struct json *stale = json_get(status, "rules_stale");

	line(s, "health", json_get(status, "health"));
	put_warnings(s, json_get(status, "warnings"));
	line(s, "version", json_get(status, "version"));
	time_line(s, "started", json_get(status, "started_at"), "-");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (json_get(status, lines[i].key))
			line(s, lines[i].label,
			     json_get(status, lines[i].key));
	line(s, "StackFlow reachable", json_get(sf, "reachable"));
	time_line(s, "StackFlow last seen", json_get(sf, "last_success_at"),
		  "-");
	if (json_get(sf, "problem"))
		line(s, "StackFlow problem", json_get(sf, "problem"));
	put_queues(s, json_get(status, "queues"));
	for (size_t i = 0; i < json_count(stale); i++)
		line(s, "rules stale", json_item(stale, i));
	put_drill(s, json_get(status, "drill"));
	put_held(s, status);
	put_timers(s, json_get(status, "incident_timers"));
	put_cloudwatch(s, json_get(status, "cloudwatch"));
}

static int show(const struct args *a)
{
	struct sheet s = { .out = BUF_INIT(16 << 20) };
	struct json *doc = NULL;
	int status = client_json(&doc, a->conf, "/api/v1/status");

	if (status)
		return status;
	term_look(&s.term, a);
	s.arena = arena_new(16 << 20);
	if (s.arena)
		put_status(&s, doc);
	fputs(buf_str(&s.out).p, stdout);
	arena_free(s.arena);
	buf_fini(&s.out);
	json_free(doc);
	return CMD_OK;
}

static int run(int argc, char **argv)
{
	struct buf text = BUF_INIT(16 << 20);
	struct args a = { 0 };
	int status = args_read(&a, &cmd_status, argc, argv);

	if (status >= 0)
		return status;
	if (!a.json)
		return show(&a);
	status = client_call(&text, a.conf, "GET", "/api/v1/status");
	if (!status)
		fputs(buf_str(&text).p, stdout);
	buf_fini(&text);
	return status;
}

static const struct opt options[] = {
	OPT_CONF, OPTS_TABLE,
	{ .name = NULL },
};

const struct cmd cmd_status = {
	.name = "status",
	.summary = "health and backlog of the running agent",
	.forms = (const char *const[]){ "[OPTION]...", NULL },
	.about =
		"Asks the agent at the configuration's admin address: health and what "
		"warns, backlog, StackFlow and queues as it sees them, alarms that "
		"are held back or wait, and open incidents with a timer.",
	.options = options,
	.operand = VALUE_NONE,
	.examples = (const char *const[]){ "", "-c tocsin.yaml --json", NULL },
	.run = run,
};
