#ifndef AGENT_CMD_ARGS_H
#define AGENT_CMD_ARGS_H

#include <stdbool.h>

#include "agent/cmd/cmd.h"

#define ARGS_RULES_MAX 64

struct conf;

/* The options that commands share. */
struct args {
	const char *conf;	/* -c FILE */
	bool json;		/* --json */
	const char *format;	/* --format WORD */
	const char *limit;	/* --limit N */
	const char *state;	/* --state WORD */
	const char *event;	/* --event ID */
	const char *at;		/* --at TIME */
	bool export;		/* --export */
	const char *since;	/* --since SPAN */
	const char *events;	/* --events FILE */
	const char *rules[ARGS_RULES_MAX];	/* --rules PATH, each time */
	int rules_count;
	bool coverage;		/* --coverage */
	bool explain;		/* --explain */
	bool strict;		/* --strict */
	const char *schema;	/* --schema WORD */
	const char *evidence;	/* --evidence ID */
	const char *before;	/* --before SPAN|TIME */
	const char *account;	/* --account ID */
	bool dry_run;		/* --dry-run */
	bool yes;		/* --yes */
	bool force;		/* --force */
	bool quiet;		/* -q */
	char **rest;		/* what isn't an option */
	int rest_count;
};

/*
 * Read argv by the letters of allowed: c -c, j --json, f --format, l --limit,
 * s --state, e --event, a --at, x --export, n --since, r --rules,
 * v --events, C --coverage,
 * E --explain, S --strict, K --schema, V --evidence, B --before,
 * A --account, D --dry-run, y --yes, F --force, q -q. -1: go on; else the exit status (--help was shown, or wrong
 * usage was told).
 */
int args_read(struct args *out, const struct cmd *cmd, const char *allowed,
	      int argc, char **argv);

/* The configuration as conf_look() reads it: 0, or CMD_CONFIG after its faults
 * were told on stderr. */
int args_conf(struct conf **out, const char *path);

#endif
