#include "agent/cmd/list.h"
#include "base/buf.h"

static const struct column columns[] = {
	{ "EVENT", "id", 0 },	       { "RECEIVED", "received_at", 0 },
	{ "SOURCE", "source", 3 },     { "KIND", "kind", 1 },
	{ "STATE", "state", 0 },       { "ACTION", "action", 0 },
	{ "TEAM", "team", 2 },	       { "ALARM", "alarm", 0 },
};

static int run(int argc, char **argv)
{
	struct buf path = BUF_INIT(8192);
	struct args a;
	int status = args_read(&a, &cmd_events, "cjl", argc, argv);

	if (status >= 0)
		return status;
	status = list_path(&path, &a, "/api/v1/events", "alarm",
			   a.rest_count ? a.rest[0] : NULL);
	if (!status)
		status = list_run(&a, path.p, "events", columns,
				  sizeof(columns) / sizeof(columns[0]),
				  "no events");
	buf_fini(&path);
	return status;
}

const struct cmd cmd_events = {
	.name = "events",
	.summary = "the alarm events of the running agent's journal",
	.usage =
		"usage: tocsin events [-c FILE] [--json] [--limit N] [ALARM]\n"
		"\n"
		"The newest first, with what was decided of each; with ALARM only\n"
		"the events of that alarm's name.\n",
	.run = run,
};
