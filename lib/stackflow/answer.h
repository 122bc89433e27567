#ifndef STACKFLOW_ANSWER_H
#define STACKFLOW_ANSWER_H

#include "stackflow/stackflow.h"

/*
 * The end of one call, kept: for programs that wait rather than be called.
 *
 *	struct sf_answer *a = sf_answer_new(c);
 *	const struct sf_result *r = sf_answer_wait(a,
 *		sf_incident_get(c, STR("INC0001234"), sf_answer_done, a));
 *
 *	if (r->outcome == SF_OK)
 *		...json_get_str(r->body, "state")...
 *	sf_answer_free(a);
 */
struct sf_answer;

/* For one call of that client. NULL: out of memory. */
struct sf_answer *sf_answer_new(struct sf_client *c);
/* Waits for a call under way. */
void sf_answer_free(struct sf_answer *a);

/* The done of a call, its arg the answer. */
sf_done sf_answer_done;

/*
 * Wait for the call that started with rc; where rc says that it didn't (or a
 * is NULL), the result says so as SF_NOT_EXECUTED. The result, its body and
 * texts are the answer's until it is freed or waited for anew with another
 * call. On the caller's own loop this drives it. Not from within done.
 */
const struct sf_result *sf_answer_wait(struct sf_answer *a, int rc);
/* Has the call that began last ended? Never waits. */
bool sf_answer_ready(const struct sf_answer *a);

#endif
