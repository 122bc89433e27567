#include <stdio.h>

#include "agent/cmd/list.h"
#include "base/buf.h"

static const struct column columns[] = {
	{ "AT", "at", 0 },
	{ "WHO", "who", 0 },
	{ "ACTION", "action", 0 },
	{ "TYPE", "resource_type", 2 },
	{ "RESOURCE", "resource_id", 0 },
	{ "DETAILS", "details", 1 },
};

static int run(int argc, char **argv)
{
	struct buf path = BUF_INIT(8192);
	struct args a;
	int status = args_read(&a, &cmd_audit, "cjl", argc, argv);

	if (status >= 0)
		return status;
	if (a.rest_count > 1) {
		fputs("tocsin audit: one RESOURCE at most, such as "
		      "INC0000042\n", stderr);
		return CMD_USAGE;
	}
	status = list_path(&path, &a, "/api/v1/audit", "resource",
			   a.rest_count ? a.rest[0] : NULL);
	if (!status)
		status = list_run(&a, path.p, "audit", columns,
				  sizeof(columns) / sizeof(columns[0]),
				  "no audit lines");
	buf_fini(&path);
	return status;
}

const struct cmd cmd_audit = {
	.name = "audit",
	.summary = "who did what: people's actions, and what became of operations",
	.usage =
		"usage: tocsin audit [-c FILE] [--json] [--limit N] [RESOURCE]\n"
		"\n"
		"The newest first; with RESOURCE only what was done to it, by the\n"
		"id that the list shows: an incident's of StackFlow, a silence's, a\n"
		"dead letter's. A user's name behind \"claims to be\" is what the\n"
		"command line said, not what was checked.\n",
	.run = run,
};
