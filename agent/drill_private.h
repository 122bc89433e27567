#ifndef AGENT_DRILL_PRIVATE_H
#define AGENT_DRILL_PRIVATE_H

#include "agent/drill.h"
#include "agent/drill_record.h"
#include "alarm/drill.h"
#include "aws/call.h"
#include "base/arena.h"

/*
 * The drill's thread owns all of it but what stands under the lock. drill.c
 * has the thread and the record, drill_send.c what goes to SNS, drill_look.c
 * what has come of it.
 */
struct drill {
	struct agent *agent;
	struct rest *rest;
	struct aws_client *aws;
	struct store_reader *reader;
	pthread_t thread;
	bool running;
	char name[96];			/* of this agent: no other has it */

	struct drill_record now;	/* state NONE: none is under way */
	int64_t retry_ms;		/* mono: no publishing before it */
	struct {			/* the last call's answer */
		bool done;
		enum aws_outcome outcome;
		char words[300];
	} answer;

	pthread_mutex_t lock;		/* of what follows */
	pthread_cond_t wake;
	bool stop;
	bool wanted;			/* shown is yet to begin */
	struct drill_record shown, last;
	int64_t success_ms;		/* when the last came through */
	int64_t next_ms;		/* wall: the next; 0: not by itself */
};

/* What is published for the drill at hand: state ALARM or OK. */
void drill_describe(struct drill_alarm *out, const struct drill *d,
		    const struct drill_record *r, enum alarm_state state);
/* 0: SNS has taken it. -EACCES: nor will it; -EAGAIN; -ECANCELED: the end. */
int drill_send(struct drill *d, const struct drill_record *r,
	       enum alarm_state state, struct err *err) MUST_CHECK;

/* How far it is, as the store has it. Hops that are reached are set, and
 * *changed. 0 or negative. */
int drill_look(struct drill_record *r, bool *changed,
	       const struct drill *d) MUST_CHECK;

#endif
