#ifndef AGENT_CMD_CMD_H
#define AGENT_CMD_CMD_H

#include <stdbool.h>
#include <stddef.h>

/* What a word of the command line is; completions go by it. */
enum value {
	VALUE_TEXT,
	VALUE_NONE,		/* no such word is taken */
	VALUE_FILE, VALUE_FOLDER,
	VALUE_ALARM, VALUE_DEAD, VALUE_EVENT, VALUE_INCIDENT, VALUE_SILENCE,
};

/* One option of a command, and where its value goes; ARG_FLAG() and its
 * neighbours in args.h write the last two. */
struct opt {
	const char *name;	/* --name; NULL ends a table */
	char letter;		/* -l; '\0': none */
	const char *value;	/* what --help calls it; NULL: a flag */
	const char *help;	/* NULL: shown in one line with the next */
	const char *words;	/* "text|json": nothing else is taken */
	const char *verbs;	/* "add extend": who takes it; NULL: all */
	enum value is;
	enum opt_kind { OPT_FLAG, OPT_TEXT, OPT_TEXTS } kind;
	size_t at;
};

/* What follows the command's name, as in `silence add`. The first of a table
 * is meant where none is given. */
struct verb {
	const char *name;	/* NULL ends a table */
	const char *summary;
	enum value operand;
};

/* What --help says of one verb, where a command has more than a screen. */
struct more {
	const char *verb;	/* NULL ends a table */
	const char *const *forms, *about, *const *examples;	/* as below */
};

/*
 * One command of a program: what --help, the completions and the reading of
 * its words go by. run() gets its own words, argv[0] the command's name, and
 * returns the exit status. Results go to stdout, errors to stderr.
 */
struct cmd {
	const char *name;
	const char *summary;	/* one line for the list of commands */
	bool minor;		/* only named there */
	const char *const *forms;	/* of use, behind the name; to NULL */
	const char *about;
	const struct opt *options;	/* NULL: none but --help */
	const struct verb *verbs;	/* NULL: none */
	const struct more *more;	/* NULL: one page for all verbs */
	const char *as;		/* a short form of this verb: of the options
				   its alone; NULL: none */
	enum value operand;	/* where there are no verbs */
	const char *words;	/* "a|b": what operands there are, if so */
	const char *const *examples;	/* behind the name; to NULL */
	const char *statuses;	/* "0 done; 1 ..."; NULL: the usual ones */
	int (*run)(int argc, char **argv);
};

enum { CMD_OK = 0, CMD_FAILED = 1, CMD_USAGE = 2, CMD_DIFFERS = 3,
       CMD_CONFIG = 78 };

extern const struct cmd cmd_audit, cmd_backup, cmd_check, cmd_completion,
	cmd_dead, cmd_doctor, cmd_drill, cmd_erase, cmd_events, cmd_explain,
	cmd_incidents, cmd_replay, cmd_report, cmd_restore, cmd_run,
	cmd_sandbox, cmd_send, cmd_silence, cmd_status, cmd_test, cmd_top,
	cmd_version;

/* Each program's own: its name, and all of its commands in the order of the
 * list; NULL ends it. */
extern const char program_name[];
extern const struct cmd *const cmds[];

/* Is o an option of this command, where it's a short form? */
bool cmd_takes(const struct cmd *cmd, const struct opt *o);

#endif
