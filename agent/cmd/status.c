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
	for (size_t i = 0; i < json_count(stale); i++)
		line("rules stale", json_item(stale, i), arena);
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
