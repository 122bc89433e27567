#include "agent/stackflow/words.h"

const char program_name[] = "stackflow";

const struct cmd *const cmds[] = {
	&cmd_incidents, &cmd_changes, &cmd_cis, &cmd_articles, &cmd_ask,
	&cmd_query, &cmd_analyze, &cmd_exemplars, &cmd_suggest, &cmd_login,
	&cmd_logout, &cmd_health, &cmd_create, &cmd_note, &cmd_update,
	&cmd_bulk_close, &cmd_completion, &cmd_version,
	NULL,
};
