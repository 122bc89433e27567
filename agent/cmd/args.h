#ifndef AGENT_CMD_ARGS_H
#define AGENT_CMD_ARGS_H

#include <stdbool.h>

#include "agent/cmd/cmd.h"

#define ARGS_RULES_MAX 64

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
	bool quiet;		/* -q */
	char **rest;		/* what isn't an option */
	int rest_count;
};

/*
 * Read argv by the letters of allowed: c -c, j --json, f --format, l --limit,
 * s --state, e --event, a --at, x --export, n --since, r --rules,
 * v --events, C --coverage,
 * E --explain, S --strict, K --schema, q -q. -1: go on; else the exit status (--help was shown, or wrong
 * usage was told).
 */
int args_read(struct args *out, const struct cmd *cmd, const char *allowed,
	      int argc, char **argv);

#endif
