#include <stdio.h>

#include "agent/cmd/args.h"

static int run(int argc, char **argv)
{
	struct args a;
	int status = args_read(&a, &cmd_version, "j", argc, argv);

	if (status >= 0)
		return status;
	printf(a.json ? "{\"version\":\"%s\"}\n" : "tocsin %s\n",
	       TOCSIN_VERSION);
	return CMD_OK;
}

const struct cmd cmd_version = {
	.name = "version",
	.summary = "print the version",
	.usage = "usage: tocsin version [--json]\n",
	.run = run,
};
