#ifndef AGENT_STACKFLOW_SESSION_H
#define AGENT_STACKFLOW_SESSION_H

#include "agent/cmd/term.h"
#include "agent/stackflow/words.h"
#include "stackflow/answer.h"

/* What a command works with: a client, its answer, and where it prints. */
struct session {
	const struct cmd *cmd;
	const struct words *words;
	struct sf_client *client;
	struct sf_answer *answer;	/* of one call at a time */
	struct sf_bound *bound;
	struct term term;
	struct arena *arena;
};

/* Read the words and, where they are right, act; the exit status. */
typedef int session_act(struct session *s);
int session_run(const struct cmd *cmd, int argc, char **argv,
		session_act *act);
/* The same by the command's verb, of a table that has each. */
struct act {
	const char *verb;
	session_act *act;
};
int session_run_verb(const struct cmd *cmd, int argc, char **argv,
		     const struct act *acts);

/* A client with the environment's credentials, else the login's. 0 or an exit
 * status, told. */
int session_open(struct session *s);
/* The same without credentials where there are none. */
int session_open_anyhow(struct session *s);

/*
 * Begin a call and wait for its end:
 *
 *	r = SESSION_CALL(s, sf_incident_get, id);
 */
#define SESSION_CALL(s, call, ...) \
	sf_answer_wait((s)->answer, call((s)->client, __VA_ARGS__, \
					 sf_answer_done, (s)->answer))

/* The exit status of a call, told where it isn't 0. what: "read INC0000001".
 * look: how to look a write up; NULL: it only reads. */
int session_end(const struct sf_result *r, const char *what, const char *look);

/* "stackflow: ..." on stderr, safe on a terminal; CMD_FAILED. */
int session_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* "stackflow NAME: WHY", as args_wrong(). */
int session_wrong(const struct session *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* "15s" in milliseconds, or "15s" ago; -1 where it's told. */
int64_t session_span(const struct session *s, const char *option,
		     const char *text);

#endif
