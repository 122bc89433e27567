#ifndef AGENT_CMD_SHELLS_H
#define AGENT_CMD_SHELLS_H

#include "base/buf.h"

/* The completions of a shell, from the commands' tables. */
void shells_put_bash(struct buf *out);
void shells_put_zsh(struct buf *out);
void shells_put_fish(struct buf *out);

#endif
