#ifndef STACKFLOW_HANDED_H
#define STACKFLOW_HANDED_H

#include "base/buf.h"
#include "stackflow/answer.h"

/*
 * What a result that is handed to done stands on. Who keeps it beyond done
 * takes root and words out of the client's handed, which is NULL where a
 * result has neither.
 */
struct sf_handed {
	struct sf_result res;
	struct json *root; /* res.body is of it */
	struct buf words;  /* res.problem is in it */
};

/* A call that ends in this answer begins, or didn't after all. */
void sf_answer_expect(struct sf_answer *a, bool begins);

#endif
