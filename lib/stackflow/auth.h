#ifndef STACKFLOW_AUTH_H
#define STACKFLOW_AUTH_H

#include "base/buf.h"
#include "rest/rest.h"
#include "stackflow/grant.h"
#include "stackflow/stackflow.h"

/*
 * The credential of one client: a static one, or a token that is had by a
 * request, renewed ahead of its expiry, one renewal at a time, while the old
 * one serves until it truly expires.
 */
struct grant;

typedef void sf_auth_ended(void *arg);

struct sf_authn {
	struct sf_auth conf;		/* owned copies */
	struct rest *rest;
	unsigned timeout_ms;
	sf_auth_ended *ended;		/* a renewal ended, well or not */
	void *arg;

	bool fixed;			/* nothing to renew */
	struct buf bearer;		/* "Authorization: Bearer ..." */
	struct buf former;		/* the one before, to redact it */
	struct buf basic;		/* client_credentials' own */
	struct buf refresh, user;
	bool rotates;			/* refresh tokens, by SF_GRANT_ROTATE */
	uint64_t generation;		/* of the bearer */
	int64_t now_ms, expires_ms, renew_ms;
	int64_t next_ms;		/* no renewal before */
	unsigned failures;
	bool refused;			/* StackFlow's last word was 401 */
	bool permanent;			/* a person must do something */
	struct grant *grant;		/* the renewal under way */
	uint64_t renewals;
	char problem[256];
};

int sf_auth_init(struct sf_authn *a, const struct sf_auth *conf,
		 struct rest *rest, struct err *err) MUST_CHECK;
/* Wipes; a renewal under way ends without a word. */
void sf_auth_fini(struct sf_authn *a);

/* Tell the time; begin a renewal where one is due and may be. */
void sf_auth_now(struct sf_authn *a, int64_t mono_ms);

/* Until sf_auth_now() has something to do; -1: nothing, or when an answer
 * comes. */
int64_t sf_auth_due_ms(const struct sf_authn *a);

/* Make the header line of a token. -EINVAL, -ENOMEM. */
int sf_bearer_put(struct buf *out, struct str token) MUST_CHECK;
/* Take that one from now on, forget what made the one before. */
void sf_auth_replace(struct sf_authn *a, struct buf *bearer);

/* The header line, NULL where there is none that is valid. */
const char *sf_auth_header(const struct sf_authn *a);
/* 0 where a token is there or on its way, else until one is asked for. */
int64_t sf_auth_wait_ms(const struct sf_authn *a);

/*
 * A request that bore that generation got a 401. True: wait for (or take) a
 * newer token and repeat it. False: there is none to be had now.
 */
bool sf_auth_rejected(struct sf_authn *a, uint64_t generation);
/* Even a token renewed for it was rejected: renew no more for a while. */
void sf_auth_rejected_again(struct sf_authn *a);
void sf_auth_accepted(struct sf_authn *a);

/* Append text with every secret, and every longer beginning of one, as ***. */
void sf_auth_redact(const struct sf_authn *a, struct buf *out,
		    struct str text);

/*
 * The request for one token, with a's credentials; its parts are its own, so
 * it stays where it is. done and arg are the caller's.
 */
#define SF_GRANT_ANSWER_MAX (1u << 17)
struct sf_ask {
	struct buf body, caller;
	const char *headers[4];
	struct rest_request req;
};
int sf_ask_init(struct sf_ask *q, const struct sf_authn *a,
		enum sf_grant_kind kind) MUST_CHECK;
/* Wipes; whatever sf_ask_init() said. */
void sf_ask_fini(struct sf_ask *q);

#endif
