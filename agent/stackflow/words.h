#ifndef AGENT_STACKFLOW_WORDS_H
#define AGENT_STACKFLOW_WORDS_H

#include "agent/cmd/args.h"

/* What any command of stackflow(1) may be given; args.h says how. */
struct words {
	struct args args;
	const char *base_url, *timeout;
	bool no_color, verbose;

	/* A record's fields, and filters of the same name. */
	const char *short_description, *description, *priority, *category,
		*subcategory, *group, *ci, *assigned_to;
	struct texts fields;
	const char *from;

	const char *created_before, *resolved_before, *name, *arn, *visibility;
	bool all;

	/* The AI's. */
	const char *model, *record, *type, *record_type, *results;
	struct texts wanted;

	const char *email, *client_id, *region, *endpoint;
	bool print;
	const char *list;	/* of completion */
};

/* Of every command; its last two lines of --help. */
#define OPTS_GLOBAL \
	{ "json", ARG_FLAG(args, json) }, \
	{ "no-color", .help = "JSON, one document a line; no colour", \
	  ARG_FLAG(words, no_color) }, \
	{ "base-url", .value = "URL", ARG_TEXT(words, base_url) }, \
	{ "timeout", .value = "SPAN", ARG_TEXT(words, timeout) }, \
	{ "verbose", 'v', .help = "the API; time for an answer (15s); say " \
	  "more", ARG_FLAG(words, verbose) }

#define PRIORITIES "P1|P2|P3|P4"
#define STATES "new|in_progress|resolved|closed"
#define MODELS "claude-3-haiku|claude-3-sonnet|claude-3-opus"

#define STATUSES "0 done; 1 failed; 2 wrong usage."
#define STATUSES_WRITE "0 done; 1 failed; 2 wrong usage; 3 it may have been " \
	"carried out: look before you repeat it."

/* A write that may have been carried out. */
enum { CMD_UNKNOWN = 3 };

extern const struct cmd cmd_analyze, cmd_articles, cmd_ask, cmd_bulk_close,
	cmd_changes, cmd_cis, cmd_create, cmd_exemplars, cmd_health, cmd_login,
	cmd_logout, cmd_note, cmd_query, cmd_suggest, cmd_update;

#endif
