#ifndef AGENT_CMD_SHELLS_H
#define AGENT_CMD_SHELLS_H

#include "base/buf.h"

/* The completions of bash, zsh or fish, from the commands' tables; nothing is
 * put for any other. */
void shells_put(struct buf *out, const char *shell);
/* "NAME<tab>SUMMARY", a command a line. */
void shells_put_commands(struct buf *out);

#endif
