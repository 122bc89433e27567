#include <stdio.h>
#include <string.h>

#include "agent/cmd/cmd.h"

static const struct cmd *const cmds[] = {
	&cmd_run, &cmd_check, &cmd_test, &cmd_explain,
	&cmd_replay, &cmd_status, &cmd_incidents, &cmd_events,
	&cmd_dead, &cmd_audit, &cmd_silence, &cmd_erase, &cmd_backup, &cmd_restore, &cmd_doctor,
	&cmd_send, &cmd_sandbox, &cmd_version,
};

#define CMDS (sizeof(cmds) / sizeof(cmds[0]))

static void usage(FILE *to)
{
	fputs("usage: tocsin COMMAND [ARGUMENT]...\n\n", to);
	for (size_t i = 0; i < CMDS; i++)
		fprintf(to, "  %-10s %s\n", cmds[i]->name, cmds[i]->summary);
	fputs("\n`tocsin COMMAND --help` says more; so does tocsin(1).\n", to);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name) {
		usage(stderr);
		return CMD_USAGE;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
	    strcmp(name, "help") == 0) {
		usage(stdout);
		return CMD_OK;
	}
	if (strcmp(name, "--version") == 0)
		name = "version";
	for (size_t i = 0; i < CMDS; i++)
		if (strcmp(name, cmds[i]->name) == 0)
			return cmds[i]->run(argc - 1, argv + 1);
	fprintf(stderr, "tocsin: no command '%s'; `tocsin help` lists them\n",
		name);
	return CMD_USAGE;
}
