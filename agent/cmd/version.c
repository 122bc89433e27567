#include <stdio.h>

#include "agent/cmd/args.h"

static int run(int argc, char **argv)
{
	struct args a = { 0 };
	int status = args_read(&a, &cmd_version, argc, argv);

	if (status >= 0)
		return status;
	if (a.json)
		puts("{\"version\":\"" TOCSIN_VERSION "\"}");
	else
		printf("%s %s\n", program_name, TOCSIN_VERSION);
	return CMD_OK;
}

static const struct opt options[] = {
	OPT_JSON,
	{ .name = NULL },
};

const struct cmd cmd_version = {
	.name = "version",
	.summary = "print the version",
	.minor = true,
	.forms = (const char *const[]){ "[--json]", NULL },
	.about = "Prints the version.",
	.options = options,
	.operand = VALUE_NONE,
	.examples = (const char *const[]){ "", "--json", NULL },
	.statuses = "0 done; 2 wrong usage.",
	.run = run,
};
