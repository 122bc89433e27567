#ifndef AGENT_CMD_ARGS_H
#define AGENT_CMD_ARGS_H

#include <stdbool.h>

#include "agent/cmd/cmd.h"

/* The options that commands share. */
struct args {
	const char *conf;	/* -c FILE */
	bool json;		/* --json */
	const char *format;	/* --format WORD */
	const char *limit;	/* --limit N */
	const char *state;	/* --state WORD */
	char **rest;		/* what isn't an option */
	int rest_count;
};

/*
 * Read argv by the letters of allowed: c -c, j --json, f --format, l --limit,
 * s --state. -1: go on; else the exit status (--help was shown, or wrong
 * usage was told).
 */
int args_read(struct args *out, const struct cmd *cmd, const char *allowed,
	      int argc, char **argv);

#endif
