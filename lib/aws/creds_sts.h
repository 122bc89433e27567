#ifndef AWS_CREDS_STS_H
#define AWS_CREDS_STS_H

#include "aws/creds_source.h"

/* A role to be taken on, borrowed. Who fills it has checked it. */
struct creds_role {
	struct str arn;
	struct str session;	/* 2 to 64 of letters, digits and +=,.@-_ */
	struct str external_id;	/* STR_NONE: none */
	uint64_t seconds;	/* 0: what the role has as default */
};

/* "arn:aws:iam::111122223333:role/x", to be put into a request and a log? */
bool creds_arn_ok(struct str arn);
bool creds_session_ok(struct str name);
/* The name of a session where nobody gave one. */
void creds_session_default(char out[65], int64_t now_ms);

/* AssumeRole, signed with keys; region may be STR_NONE. As creds_fetch. */
int creds_assume(struct aws_held **out, struct creds_ask *a,
		 const struct aws_keys *keys, const struct creds_role *role,
		 struct str region, struct err *err) MUST_CHECK;
/* AssumeRoleWithWebIdentity, unsigned; the token file is read each time. */
int creds_assume_web(struct aws_held **out, struct creds_ask *a,
		     const char *token_file, const struct creds_role *role,
		     struct str region, struct err *err) MUST_CHECK;

/*
 * Read STS's answer. 0: keys; -EAGAIN: it may pass; -EACCES. secret: what was
 * sent and must not come back in err.
 */
int creds_sts_read(struct aws_held **out, const struct creds_answer *res,
		   struct str secret, int64_t now_ms,
		   struct err *err) MUST_CHECK;

#endif
