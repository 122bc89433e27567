#include "agent/cmd/list.h"
#include "base/buf.h"

static const struct column columns[] = {
	{ "INCIDENT", "incident" },   { "PRI", "priority" },
	{ "STATE", "state" },	      { "EVENTS", "events" },
	{ "NOTES", "notes" },	      { "CI", "ci_id" },
	{ "TEAM", "team" },	      { "CHANGED", "changed_at" },
	{ "SHORT DESCRIPTION", "short_description" },
};

static int run(int argc, char **argv)
{
	struct buf path = BUF_INIT(4096);
	struct args a;
	int status = args_read(&a, &cmd_incidents, "cjls", argc, argv);

	if (status >= 0)
		return status;
	status = list_path(&path, &a, "/api/v1/incidents", "state", a.state);
	if (!status)
		status = list_run(&a, path.p, "incidents", columns,
				  sizeof(columns) / sizeof(columns[0]),
				  "no incidents");
	buf_fini(&path);
	return status;
}

const struct cmd cmd_incidents = {
	.name = "incidents",
	.summary = "the incidents that the running agent keeps",
	.usage =
		"usage: tocsin incidents [-c FILE] [--json] [--limit N] "
		"[--state STATE]\n"
		"\n"
		"The newest first. STATE is open, resolved, closed (by a person)\n"
		"or failed (StackFlow refused to open it).\n",
	.run = run,
};
