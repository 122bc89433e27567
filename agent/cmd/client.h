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

/* The same by POST, with a body; "" for none. */
int client_post(struct buf *out, const char *conf, const char *path,
		struct str body);

/*
 * A GET where it is no failure that no agent runs (CLIENT_NOBODY) or that it
 * knows of no such thing (CLIENT_NOTHING): nothing is told then.
 */
enum { CLIENT_NOBODY = -1, CLIENT_NOTHING = -2 };
int client_try(struct buf *out, const char *conf, const char *path);

struct json;
/* client_call(), parsed; free with json_free(). */
int client_json(struct json **out, const char *conf, const char *path);

#endif
