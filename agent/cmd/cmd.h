#ifndef AGENT_CMD_CMD_H
#define AGENT_CMD_CMD_H

/*
 * One command of the program. run() gets its own words, argv[0] the command's
 * name, and returns the exit status: CMD_OK, CMD_FAILED, CMD_USAGE or
 * CMD_CONFIG. Results go to stdout, errors to stderr; --help prints usage to
 * stdout.
 */
struct cmd {
	const char *name;
	const char *summary;	/* one line for the list of commands */
	const char *usage;	/* whole text of --help */
	int (*run)(int argc, char **argv);
};

enum { CMD_OK = 0, CMD_FAILED = 1, CMD_USAGE = 2, CMD_DIFFERS = 3,
       CMD_CONFIG = 78 };

extern const struct cmd cmd_audit, cmd_backup, cmd_check, cmd_dead,
	cmd_doctor, cmd_erase, cmd_events, cmd_explain, cmd_incidents,
	cmd_replay, cmd_restore, cmd_run, cmd_sandbox, cmd_send, cmd_silence,
	cmd_status, cmd_test, cmd_version;

#endif
