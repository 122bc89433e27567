#ifndef AGENT_CLOUD_H
#define AGENT_CLOUD_H

#include "agent/agent.h"
#include "aws/call.h"

/*
 * What the parts that ask AWS share: credentials, the region, and how to make
 * a client on a rest loop of their own.
 */
struct cloud;

/* Does this configuration ask AWS for anything that needs credentials? */
bool cloud_wanted(const struct conf *c);

/* 0; -EINVAL (no region known; err says where it was looked for), -ENOMEM. */
int cloud_new(struct cloud **out, const struct conf *c,
	      struct err *err) MUST_CHECK;
/* The same with words of the credentials' own for who listens, not the log. */
int cloud_new_for(struct cloud **out, const struct conf *c,
		  void (*say)(bool trouble, const char *text, void *arg),
		  void *arg, struct err *err) MUST_CHECK;
void cloud_free(struct cloud *c);

struct aws_creds *cloud_creds(struct cloud *c);
const char *cloud_region(const struct cloud *c);

/*
 * A rest loop with the configuration's network settings and a client on it,
 * for one thread. Both are yours; free the client first.
 */
int cloud_client(struct rest **rest, struct aws_client **client,
		 struct cloud *c, const struct conf *conf,
		 struct err *err) MUST_CHECK;
/* A client on a rest loop that is there already. */
int cloud_client_on(struct aws_client **client, struct rest *rest,
		    struct cloud *c, const struct conf *conf,
		    struct err *err) MUST_CHECK;

/*
 * Why a configuration read anew needs a restart, for what of AWS's is in use
 * since the start: "sqs", "aws", ...; NULL: it needs none.
 */
const char *cloud_changed(const struct conf *old, const struct conf *fresh);

#endif
