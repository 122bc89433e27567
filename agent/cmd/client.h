#ifndef AGENT_CMD_CLIENT_H
#define AGENT_CMD_CLIENT_H

#include "base/buf.h"

/*
 * One request to the running agent's admin address, which the configuration
 * names (127.0.0.1:9464 without one). The answer's body goes to out. 0, or an
 * exit status after the failure was told on stderr.
 */
int client_call(struct buf *out, const char *conf, const char *method,
		const char *path);

struct json;
/* The same, parsed; free with json_free(). */
int client_json(struct json **out, const char *conf, const char *path);

#endif
