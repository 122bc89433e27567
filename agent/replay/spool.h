#ifndef AGENT_REPLAY_SPOOL_H
#define AGENT_REPLAY_SPOOL_H

#include "base/buf.h"
#include "base/err.h"
#include "store/store.h"

/*
 * Events on their way from one who reads them to several who decide them, each
 * at its own pace: in a temporary file without a name, so that memory holds a
 * few bytes of each.
 */
struct spool;

int spool_new(struct spool **out, struct err *err) MUST_CHECK;
void spool_free(struct spool *s);

/*
 * By the reader alone. An event without a payload shares that of the one
 * before, if that is of the same message. 0; -ENOENT, it has none; -errno.
 */
int spool_add(struct spool *s, const struct event *e, struct str ci_id);
/* No more come; rc: why, 0 where all were added. */
void spool_end(struct spool *s, int rc);
size_t spool_count(struct spool *s);

/* The n-th event, from 0, once it is there: 1; 0: there are no more; or what
 * spool_end() was told. What it reads lies in a cursor of the caller's. */
struct spool_cursor {
	struct buf bytes, payload;
	int64_t payload_at;		/* which is in payload; -1: none */
};
struct spool_event {
	struct event event;		/* times, position, names, payload */
	struct str ci_id;
	int64_t message;		/* equal: the same payload */
};
void spool_cursor_init(struct spool_cursor *c);
void spool_cursor_fini(struct spool_cursor *c);
int spool_get(struct spool_event *out, struct spool *s, size_t n,
	      struct spool_cursor *c);

#endif
