#ifndef AGENT_CMD_HELP_H
#define AGENT_CMD_HELP_H

#include <stdio.h>

#include "agent/cmd/cmd.h"

/* The list of commands, on 80x24. */
void help_all(FILE *to);

/* One command's, on 80x24: use, what it does, options, examples, statuses. Of
 * one verb alone, where it has a page of its own; verb may be NULL. */
void help_cmd(FILE *to, const struct cmd *cmd, const char *verb);

/* Lines of at most 79 columns, behind first and then indent blanks; a newline
 * in text begins one. Returns nothing that isn't seen. */
void help_wrap(FILE *to, const char *first, int indent, const char *text);

#endif
