#ifndef AWS_CREDS_H
#define AWS_CREDS_H

#include "aws/sigv4.h"

/*
 * Where AWS's access keys come from, as AWS's own SDKs look for them, in this
 * order: given in the configuration, environment, web identity, the named
 * profile, container, instance (IMDSv2). The first provider that is set up
 * wins and stays; where it fails it is asked again, and none after it, for
 * keys of another identity than the one meant would be worse than none. A
 * thread of its own fetches, and renews 15 min ahead with jitter, one request
 * at a time; keys are served until they truly expire. Any thread may ask.
 */
struct aws_creds;

struct aws_creds_options {
	/* Given in the configuration; NULL: not. Copied, wiped at the end. */
	const char *access_key_id, *secret_access_key, *session_token;
	const char *profile;		/* NULL: AWS_PROFILE, and none without */
	const char *region;		/* for STS; NULL: none known */
	const char *sts_endpoint;	/* before the environment's; or NULL */
	bool credential_process;	/* may a profile run one */
	const char *ca_file;		/* as rest_options */
	const char *const *connect_to;
	const char *proxy;		/* for STS alone */
	/* The environment; NULL: getenv(). */
	const char *(*env)(const char *name, void *arg);
	void *env_arg;
	/*
	 * What happened, in words and without a secret: which provider won and
	 * why those before it didn't, a renewal that failed. From the thread.
	 */
	void (*log)(bool trouble, const char *text, void *arg);
	void *log_arg;
};

/* Starts the thread. 0, -EINVAL (half of a pair of keys), -ENOMEM. */
int aws_creds_new(struct aws_creds **out, const struct aws_creds_options *o,
		  struct err *err) MUST_CHECK;
void aws_creds_free(struct aws_creds *c);

/* Keys that stay valid memory until they are dropped; secrets are wiped then. */
struct aws_held;
const struct aws_keys *aws_held_keys(const struct aws_held *h);
void aws_held_drop(struct aws_held *h);

/*
 * The keys of now; never waits for the network. 0; -EAGAIN: the first look is
 * under way; -ENOENT: no provider has any, or what there was has expired, and
 * err says which said what. It goes on trying by itself.
 */
int aws_creds_get(struct aws_held **out, struct aws_creds *c,
		  struct err *err) MUST_CHECK;

/* Wait until aws_creds_get() wouldn't say -EAGAIN, at most so long. */
void aws_creds_wait(struct aws_creds *c, unsigned timeout_ms);

/*
 * A service called h's keys expired or unknown: fetch anew, once for all who
 * say so of the same keys. aws_creds_get() then says -EAGAIN until it ended.
 */
void aws_creds_expired(struct aws_creds *c, const struct aws_held *h);

/* The provider that won: "environment", "container", ...; NULL: none yet. */
const char *aws_creds_provider(struct aws_creds *c);
/* When the keys of now expire; 0: never, or none. */
int64_t aws_creds_expire_ms(struct aws_creds *c);

/*
 * The region without a configured one: AWS_REGION, AWS_DEFAULT_REGION, the
 * profile's. 1 and appended to out, 0 where none says, negative -errno.
 * (The instance's own is asked by aws_creds_instance_region().)
 */
int aws_region_find(struct buf *out, const struct aws_creds_options *o);
/* By IMDSv2; may take 2 s. The same results. */
int aws_creds_instance_region(struct buf *out,
			      const struct aws_creds_options *o);

#endif
