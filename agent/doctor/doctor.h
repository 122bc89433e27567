#ifndef AGENT_DOCTOR_DOCTOR_H
#define AGENT_DOCTOR_DOCTOR_H

#include <stdarg.h>

#include "agent/conf.h"
#include "base/buf.h"

/*
 * What a set-up gets wrong, looked at from outside the agent. Each group of
 * checks has a thread and a list of findings of its own, and ends by itself
 * within some ten seconds. Nothing is changed, sent or received, and no
 * finding ever holds a secret.
 */
enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor_finding {
	struct doctor_finding *next;
	enum doctor_level level;
	char *what, *finding;
	char *advice;	/* what to do; NULL: nothing */
};

struct doctor_group {
	const char *name;
	void (*check)(struct doctor_group *g);
	const struct conf *conf;
	struct doctor_finding *first, **last;
};

#define DOCTOR_OWN_USER                                                        \
	"run the doctor as the agent's user to be sure: sudo -u tocsin tocsin "\
	"doctor"

#define DOCTOR_CALL_MS 5000	/* of one request */
#define DOCTOR_GROUP_MS 10000	/* of all of a group's requests */

/* One finding; advice: NULL, or what to do, a sentence without its stop. */
void doctor_say(struct doctor_group *g, enum doctor_level level,
		const char *what, const char *advice, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* How our clock, which showed wall_ms, stands to a Date; 0: it sent none. */
void doctor_clock(struct doctor_group *g, const char *whose, int64_t date_ms,
		  int64_t wall_ms);

const char *doctor_level_name(enum doctor_level level);
void doctor_fini(struct doctor_group *g);

/* A certificate file as SNS's client sees it. */
void doctor_chain(struct doctor_group *g, const char *what,
		  const char *certificate, const char *key);

/* The groups */
void doctor_store(struct doctor_group *g);
void doctor_listen(struct doctor_group *g);
void doctor_agent(struct doctor_group *g);
void doctor_stackflow(struct doctor_group *g);
void doctor_sns(struct doctor_group *g);
void doctor_aws(struct doctor_group *g);

#endif
