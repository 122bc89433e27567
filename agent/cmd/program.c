#include "agent/cmd/program.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "agent/cmd/args.h"
#include "agent/cmd/help.h"

#define COMMANDS_MAX 40

static int unknown(const char *name)
{
	const char *names[COMMANDS_MAX + 1];
	size_t n = 0;

	for (; n < COMMANDS_MAX && cmds[n]; n++)
		names[n] = cmds[n]->name;
	names[n] = NULL;
	fprintf(stderr, "%s: no command '%s'", program_name, name);
	args_nearest(name, names, "");
	fprintf(stderr, "`%s help` lists them\n", program_name);
	return CMD_USAGE;
}

static const struct cmd *find(const char *name)
{
	for (size_t i = 0; cmds[i]; i++)
		if (strcmp(name, cmds[i]->name) == 0)
			return cmds[i];
	return NULL;
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
	       strcmp(word, "help") == 0;
}

static int show_help(const char *name, const char *verb)
{
	const struct cmd *cmd = name ? find(name) : NULL;

	if (cmd)
		help_cmd(stdout, cmd, verb);
	else if (name)
		return unknown(name);
	else
		help_all(stdout);
	return CMD_OK;
}

int program_run(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	const struct cmd *cmd;

	setlocale(LC_CTYPE, "C.UTF-8");	/* how wide characters are */
	if (!name) {
		help_all(stderr);
		return CMD_USAGE;
	}
	if (is_help(name))
		return show_help(argc > 2 && argv[2][0] != '-' ? argv[2] : NULL,
				 argc > 3 ? argv[3] : NULL);
	if (strcmp(name, "--version") == 0)
		name = "version";
	cmd = find(name);
	return cmd ? cmd->run(argc - 1, argv + 1) : unknown(name);
}
