#include "agent/cmd/list.h"
#include "base/buf.h"

static const struct column columns[] = {
	{ "INCIDENT", "incident", 0 }, { "PRI", "priority", 0 },
	{ "STATE", "state", 0 },       { "EVENTS", "events", 3 },
	{ "NOTES", "notes", 4 },       { "CI", "ci_id", 2 },
	{ "TEAM", "team", 1 },	       { "CHANGED", "changed_at", 0 },
	{ "SHORT DESCRIPTION", "short_description", 0 },
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
