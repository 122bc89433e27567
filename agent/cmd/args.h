#ifndef AGENT_CMD_ARGS_H
#define AGENT_CMD_ARGS_H

#include "agent/cmd/cmd.h"

/*
 * The table of a command's options is its `options`: a row for each, the
 * shared ones below by name. A command with options that no other has puts
 * struct args first into a struct of its own and names that in its rows:
 *
 *	static const struct opt options[] = {
 *		OPT_CONF, OPT_JSON,
 *		{ "for", .value = "SPAN", .help = "for so long",
 *		  .verbs = "add extend", ARG_TEXT(words, span) },
 *		{ .name = NULL },
 *	};
 */
#define ARG_FLAG(type, to) .kind = OPT_FLAG, .at = offsetof(struct type, to)
#define ARG_TEXT(type, to) .kind = OPT_TEXT, .at = offsetof(struct type, to)
#define ARG_TEXTS(type, to) .kind = OPT_TEXTS, .at = offsetof(struct type, to)

#define ARGS_TEXTS_MAX 64

/* What an option that may be repeated was given; NULL ends it. */
struct texts {
	const char *list[ARGS_TEXTS_MAX + 1];
	size_t count;
};

struct conf;

/* The options of more than one command, or of one that has few. */
struct args {
	const char *conf;
	bool json;
	const char *format;
	const char *limit;
	const char *state;
	const char *event;
	const char *at;
	bool export;
	const char *since;
	const char *events;
	struct texts rules;
	bool coverage;
	bool explain;
	bool strict;
	const char *schema;
	const char *evidence;
	const char *before;
	const char *account;
	bool dry_run;
	bool yes;
	bool force;
	bool quiet;
	const char *color;
	bool utc;
	const char *verb;	/* NULL: the command has none */
	char **rest;		/* what isn't an option, nor the verb */
	int rest_count;
};

#define OPT_CONF { "config", 'c', .value = "FILE", \
	.help = "the configuration (/etc/tocsin/tocsin.yaml)", \
	.is = VALUE_FILE, ARG_TEXT(args, conf) }
#define OPT_JSON { "json", .help = "print JSON, for programs", \
	ARG_FLAG(args, json) }
#define OPT_LIMIT { "limit", .value = "N", \
	.help = "at most so many, 1 to 1000 (50)", ARG_TEXT(args, limit) }
#define OPT_UTC { "utc", .help = "times in UTC, not how long ago", \
	ARG_FLAG(args, utc) }
#define OPT_COLOR { "color", .value = "WHEN", .words = "auto|always|never", \
	.help = "colour: auto, always or never", ARG_TEXT(args, color) }
/* Of what prints tables, and the same in one line of --help. */
#define OPTS_TABLE OPT_JSON, OPT_UTC, OPT_COLOR
#define OPTS_TABLE_BRIEF { "json", ARG_FLAG(args, json) }, \
	{ "utc", ARG_FLAG(args, utc) }, \
	{ "color", .value = "WHEN", .words = "auto|always|never", \
	  .help = "JSON; times in UTC; auto, always or never", \
	  ARG_TEXT(args, color) }

/*
 * Read argv by cmd's table into out, which is zeroed or holds what is so when
 * not given. -1: go on; else the exit status: --help was shown, or wrong usage
 * was told.
 */
int args_read(struct args *out, const struct cmd *cmd, int argc, char **argv);

/* "PROGRAM NAME: WHY", and how to see more; CMD_USAGE. */
int args_wrong(const struct cmd *cmd, const char *why);

/* ", did you mean 'NEAR'?" or nothing, and the end of the line, on stderr. */
void args_nearest(const char *word, const char *const *list,
		  const char *prefix);

/* The configuration as conf_look() reads it: 0, or CMD_CONFIG after its faults
 * were told on stderr. */
int args_conf(struct conf **out, const char *path);

#endif
