#ifndef AGENT_CMD_PROGRAM_H
#define AGENT_CMD_PROGRAM_H

/* The command that argv names, or help of one or all; the exit status. */
int program_run(int argc, char **argv);

#endif
