#ifndef AGENT_STACKFLOW_KEPT_H
#define AGENT_STACKFLOW_KEPT_H

#include "base/buf.h"
#include "base/err.h"

/*
 * What `stackflow login` leaves in $XDG_STATE_HOME/stackflow/login.json, for
 * its owner alone: a token of one user at one StackFlow.
 */
struct kept {
	struct buf base_url, endpoint, region, client_id, email, user;
	struct buf token, refresh;
	int64_t renew_ms, expires_ms;	/* wall clock */
};

void kept_init(struct kept *k);
void kept_fini(struct kept *k);		/* wipes */

enum { KEPT_NONE = 1 };
/* 0, KEPT_NONE, or negative with words. */
int kept_read(struct kept *out, struct err *err) MUST_CHECK;
int kept_write(const struct kept *k, struct err *err) MUST_CHECK;
/* KEPT_NONE: there was none. */
int kept_remove(struct err *err) MUST_CHECK;

/* One program at a time renews; negative with words, else to close(). */
int kept_lock(struct err *err) MUST_CHECK;

struct sf_options;
struct sf_login;
/* Take a token that was just granted. */
void kept_take(struct kept *k, const struct sf_login *l, int64_t now_ms);
/* A fresh token where this one is about to expire, written back. 0, or
 * negative with words. */
int kept_renew(struct kept *k, const struct sf_options *o, struct err *err)
	MUST_CHECK;

#endif
