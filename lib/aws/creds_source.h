#ifndef AWS_CREDS_SOURCE_H
#define AWS_CREDS_SOURCE_H

#include <pthread.h>
#include <stdatomic.h>

#include "aws/creds.h"
#include "rest/rest.h"

/* What the files behind creds.h share. */

/* Not set up here: the next provider is asked; err says what is absent. */
#define CREDS_NONE 1

#define CREDS_ID_MAX 256
#define CREDS_SECRET_MAX 1024
#define CREDS_TOKEN_MAX (16u << 10)
#define CREDS_ANSWER_MAX (64u << 10)

/* Access keys that several hold at a time; wiped when the last drops them. */
struct aws_held {
	atomic_uint holders;
	struct aws_keys keys;
	int64_t expire_ms;		/* 0: never */
	bool stable;			/* served past expire_ms, see creds_imds.c */
	size_t size;
	char text[];
};

/*
 * Copy the keys. 0, -EINVAL where one is empty, too long or could not stand
 * in a header (err names the part, not its value), -ENOMEM.
 */
int creds_held_new(struct aws_held **out, const struct aws_keys *keys,
		   int64_t expire_ms, struct err *err) MUST_CHECK;
bool creds_held_same(const struct aws_held *a, const struct aws_held *b);

/*
 * A copy of all that o points to, with an env that is never NULL. *out is
 * empty after a failure. An empty text counts as none.
 */
int creds_options_copy(struct aws_creds_options *out,
		       const struct aws_creds_options *o) MUST_CHECK;
void creds_options_fini(struct aws_creds_options *o);

/* The one request that is under way, so that another thread can end it. */
struct creds_net {
	pthread_mutex_t lock;
	struct rest *rest;		/* under lock; NULL: none */
	atomic_bool stopping;
};

/* End what is under way and all that is asked after it. From any thread. */
void creds_net_stop(struct creds_net *net);

/* Time as it is passed in; tests have their own. */
struct creds_clock {
	int64_t (*wall_ms)(void *arg);
	void *arg;
};

/* One look at the providers. */
struct creds_ask {
	const struct aws_creds_options *o; /* env is never NULL */
	struct creds_net *net;
	struct creds_clock clock;
	unsigned process_ms;		/* how long a credential_process may take */
	struct buf via;			/* how it went, in words for the log */
};

static inline int64_t creds_now_ms(const struct creds_ask *a)
{
	return a->clock.wall_ms(a->clock.arg);
}

/* A whole answer. Wiped by creds_answer_fini(), also after a failure. */
struct creds_answer {
	int status;
	int64_t date_ms;		/* 0: the answer has no Date */
	struct buf body;
};

/*
 * One request from begin to end. 0: an answer came, of any status; -EAGAIN:
 * none; -ECANCELED: stopping; other negative: it can't be sent.
 */
int creds_http(struct creds_answer *out, struct creds_ask *a,
	       const struct rest_request *req, struct err *err) MUST_CHECK;
void creds_answer_fini(struct creds_answer *a);

/* An answer other than the one wanted: -EAGAIN or -EACCES, and words. */
int creds_refused(const struct creds_answer *res, const char *who,
		  struct err *err);

/*
 * The file as it is, at most out->max - 1 bytes; -ENOENT and the like, with
 * its name in err.
 */
int creds_file(struct buf *out, const char *path, struct err *err) MUST_CHECK;

enum {
	CREDS_JSON_VERSION = 1, /* what a credential_process prints */
	CREDS_JSON_CODE = 2,	/* what IMDS answers: Code must be Success */
};

/* Keys from a JSON answer that may hold anything. 0, -EINVAL, -EACCES. */
int creds_json(struct aws_held **out, struct str json, unsigned flags,
	       int64_t date_ms, int64_t now_ms, struct err *err) MUST_CHECK;
/* The code of an error answer, where it has one that can be shown: 1 or 0. */
int creds_json_code(struct buf *out, struct str json);
/* Letters, digits and ._- alone, at most 64. */
bool creds_word(struct str s);

/*
 * A point of time by our clock, from one by the clock of who answered:
 * date_ms is what that one said the time is, 0 where it didn't.
 */
int creds_expiry(int64_t *out, struct str when, int64_t date_ms,
		 int64_t now_ms, struct err *err) MUST_CHECK;

/* For STS: the configured region, else aws_region_find()'s, else STR_NONE. */
int creds_region(struct str *out, struct buf *room,
		 const struct aws_creds_options *o) MUST_CHECK;

/*
 * Cut a command as Python's shlex.split() does: blanks, quotes, backslashes;
 * nothing is expanded. argv points into room and ends with NULL. 0, -EINVAL.
 */
int creds_split(char **argv, size_t max, struct buf *room, struct str command,
		struct err *err) MUST_CHECK;
/*
 * Run a credential_process and read the keys it prints. where: the file and
 * line that asks for it.
 */
int creds_process(struct aws_held **out, struct creds_ask *a,
		  struct str command, const char *where,
		  struct err *err) MUST_CHECK;

/* A variable of the environment; STR_NONE where absent or empty. */
struct str creds_env(const struct aws_creds_options *o, const char *name);

/*
 * Fetch: 0 and keys in *out; CREDS_NONE; -ECANCELED: stopping; -EAGAIN: it is
 * set up and failed in a way that may pass; other negative: it is set up and
 * failed for a reason that somebody must mend.
 */
typedef int creds_fetch(struct aws_held **out, struct creds_ask *a,
			struct err *err);

struct creds_source {
	const char *name;
	creds_fetch *fetch;
};

/* NULL-ended, in the order they are asked. */
extern const struct creds_source creds_sources[];

creds_fetch creds_from_configuration, creds_from_environment,
	creds_from_web_identity, creds_from_profile, creds_from_container,
	creds_from_instance;

/*
 * Ask one provider after the other until one is set up; *won says which. What
 * the others said goes to said, "NAME: WHY; NAME: WHY".
 */
int creds_chain(struct aws_held **out, const struct creds_source **won,
		struct creds_ask *a, struct buf *said) MUST_CHECK;

/* aws_creds_new() without the thread: creds_step() is called by hand. */
int creds_open(struct aws_creds **out, const struct aws_creds_options *o,
	       struct creds_clock clock, struct err *err) MUST_CHECK;
/* Do what is due. Milliseconds until something is due again. */
int64_t creds_step(struct aws_creds *c);

#endif
