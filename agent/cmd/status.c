#include <stdio.h>

#include "agent/cmd/args.h"
#include "agent/cmd/client.h"
#include "base/encode.h"
#include "doc/json.h"

static void line(const char *label, const struct json *v, struct arena *arena)
{
	struct buf b = BUF_INIT(4096);

	if (v)
		utf8_put_safe(&b, json_text(v, arena), 500);
	else
		buf_putc(&b, '-');
	printf("%-20s %s\n", label, buf_str(&b).p);
	buf_fini(&b);
}

static void print_queue(const struct json *q, struct arena *arena)
{
	struct buf b = BUF_INIT(4096);

	utf8_put_safe(&b, json_get_str(q, "name"), 100);
	buf_puts(&b, ": ");
	utf8_put_safe(&b, json_get_str(q, "state"), 20);
	if (json_get(q, "problem")) {
		buf_puts(&b, ", ");
		utf8_put_safe(&b, json_get_str(q, "problem"), 300);
	}
	buf_puts(&b, ", last answer ");
	utf8_put_safe(&b, json_get(q, "last_success_at") ?
			      json_text(json_get(q, "last_success_at"), arena) :
			      STR("never"), 40);
	printf("%-20s %s\n", "queue", buf_str(&b).p);
	buf_fini(&b);
}

/* Alarms that open incidents and nothing ends, each on a line. */
static void print_lacking(const struct json *c, struct arena *arena)
{
	const struct json *list = json_get(c, "alarms_without_ok_action");
	int64_t total = json_int(
		json_get(c, "alarms_without_ok_action_total"), 0);
	struct buf b = BUF_INIT(4096);

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *a = json_item(list, i);

		buf_reset(&b);
		utf8_put_safe(&b, json_text(json_get(a, "region"), arena), 64);
		buf_putc(&b, ' ');
		utf8_put_safe(&b, json_text(json_get(a, "alarm"), arena), 500);
		printf("%-20s %s\n", "no OK action", buf_str(&b).p);
	}
	if (total > (int64_t)json_count(list))
		printf("%-20s and %lld more\n", "no OK action",
		       (long long)(total - (int64_t)json_count(list)));
	buf_fini(&b);
}

static void print_cloudwatch(const struct json *c, struct arena *arena)
{
	line("CloudWatch compared", json_get(c, "last_compared_at"), arena);
	if (json_get(c, "problem"))
		line("CloudWatch problem", json_get(c, "problem"), arena);
	print_lacking(c, arena);
}

static void put_part(struct buf *b, const struct json *v, const char *key,
		     const char *before, struct arena *arena)
{
	if (!json_get(v, key))
		return;
	buf_puts(b, before);
	utf8_put_safe(b, json_text(json_get(v, key), arena), 300);
}

/* Every alarm that waits: by what, since when, until when. */
static void print_held(const struct json *s, struct arena *arena)
{
	const struct json *list = json_get(s, "alarms_held");
	int64_t total = json_int(json_get(s, "alarms_held_total"), 0) +
			json_int(json_get(s, "alarms_waiting_total"), 0);
	struct buf b = BUF_INIT(8192);

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *h = json_item(list, i);

		buf_reset(&b);
		put_part(&b, h, "alarm", "", arena);
		put_part(&b, h, "account", " ", arena);
		put_part(&b, h, "region", " ", arena);
		put_part(&b, h, "held_by", " by ", arena);
		put_part(&b, h, "held_about", ", ", arena);
		put_part(&b, h, "since", " since ", arena);
		put_part(&b, h, "until", " until ", arena);
		printf("%-20s %s\n", json_get(h, "held_by") ?
				"held" : "waiting (open_after)",
		       buf_str(&b).p);
	}
	if (total > (int64_t)json_count(list))
		printf("%-20s and %lld more\n", "held",
		       (long long)(total - (int64_t)json_count(list)));
	buf_fini(&b);
}

/* What open incidents have before them. */
static void print_timers(const struct json *s, struct arena *arena)
{
	const struct json *list = json_get(s, "incident_timers");
	struct buf b = BUF_INIT(8192);

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *t = json_item(list, i);

		buf_reset(&b);
		put_part(&b, t, json_get(t, "incident") ? "incident" :
							  "dedup_key",
			 "", arena);
		put_part(&b, t, "held_by", " held by ", arena);
		put_part(&b, t, "held_until", " until ", arena);
		put_part(&b, t, "resolves_at", " resolves at ", arena);
		put_part(&b, t, "escalates_at", " escalates at ", arena);
		printf("%-20s %s\n", "timer", buf_str(&b).p);
	}
	buf_fini(&b);
}

static void print(const struct json *s, struct arena *arena)
{
	static const struct {
		const char *label, *key;
	} lines[] = {
		{ "health", "health" },
		{ "version", "version" },
		{ "started", "started_at" },
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
	};
	const struct json *sf = json_get(s, "stackflow");
	const struct json *stale = json_get(s, "rules_stale");

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (json_get(s, lines[i].key))
			line(lines[i].label, json_get(s, lines[i].key), arena);
	if (json_get(s, "not_ready_because"))
		line("not ready", json_get(s, "not_ready_because"), arena);
	line("StackFlow reachable", json_get(sf, "reachable"), arena);
	line("StackFlow last seen", json_get(sf, "last_success_at"), arena);
	if (json_get(sf, "problem"))
		line("StackFlow problem", json_get(sf, "problem"), arena);
	for (size_t i = 0; i < json_count(json_get(s, "queues")); i++)
		print_queue(json_item(json_get(s, "queues"), i), arena);
	for (size_t i = 0; i < json_count(stale); i++)
		line("rules stale", json_item(stale, i), arena);
	print_held(s, arena);
	print_timers(s, arena);
	if (json_get(s, "cloudwatch"))
		print_cloudwatch(json_get(s, "cloudwatch"), arena);
}

static int run(int argc, char **argv)
{
	struct buf text = BUF_INIT(1 << 20);
	struct arena *arena;
	struct json *s;
	struct args a;
	int status = args_read(&a, &cmd_status, "cj", argc, argv);

	if (status >= 0)
		return status;
	if (a.json) {
		status = client_call(&text, a.conf, "GET", "/api/v1/status");
		if (!status)
			fputs(buf_str(&text).p, stdout);
		buf_fini(&text);
		return status;
	}
	status = client_json(&s, a.conf, "/api/v1/status");
	if (status)
		return status;
	arena = arena_new(1 << 20);
	if (arena)
		print(s, arena);
	arena_free(arena);
	json_free(s);
	return CMD_OK;
}

const struct cmd cmd_status = {
	.name = "status",
	.summary = "health and backlog of the running agent",
	.usage = "usage: tocsin status [-c FILE] [--json]\n"
		 "\n"
		 "Asks the agent at the configuration's admin address.\n",
	.run = run,
};
