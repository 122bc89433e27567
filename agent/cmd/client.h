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

/*
 * The agent asked several things at a time, by one thread and over kept
 * connections. client_open(): 0, or an exit status after the failure was told.
 */
struct client;
int client_open(struct client **out, const char *conf);
/* What is under way ends first, unanswered. */
void client_close(struct client *c);

struct client_answer {
	int status;		/* HTTP's; 0: none came */
	struct str body;
	const char *problem;	/* one line where it is 0, or 400 and more */
};
typedef void client_done(const struct client_answer *a, void *arg);

/* done comes once, from client_step() or client_close(); never where this
 * fails. Nothing is told on stderr. */
int client_begin(struct client *c, const char *method, const char *path,
		 struct str body, client_done *done, void *arg);
/* As rest_step() and rest_wake(). */
void client_step(struct client *c, int wait_ms);
void client_wake(struct client *c);

/* Who asks, as they claim: $SUDO_USER, $USER, or whose process it is; or
 * NULL. */
const char *client_user(void);

struct json;
/* client_call(), parsed; free with json_free(). */
int client_json(struct json **out, const char *conf, const char *path);

#endif
