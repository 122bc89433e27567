#ifndef AWS_CLOUDWATCH_H
#define AWS_CLOUDWATCH_H

#include "aws/call.h"
#include "base/arena.h"
#include "base/buf.h"

struct json;

/*
 * CloudWatch's API as far as tocsin asks it: alarms with their state, their
 * tags, what mutes them. AWS JSON 1.0; service and signing name "monitoring".
 */
#define CLOUDWATCH_SERVICE "monitoring"
#define CLOUDWATCH_TARGET "GraniteServiceVersion20100801."
#define CLOUDWATCH_NAME_MAX 255		/* characters of an alarm's name */
#define CLOUDWATCH_NAMES_MAX 100	/* a DescribeAlarms */

/* ---- one request, one answer: pure ---- */

enum cw_type { CW_METRIC, CW_COMPOSITE, CW_LOG };

/* Borrowed from the answer. */
struct cw_alarm {
	enum cw_type type;
	struct str name, arn;		/* never empty */
	struct str state;		/* OK, ALARM, INSUFFICIENT_DATA or new */
	struct str suppressed_by;	/* ActionsSuppressedBy; composite only */
	int64_t changed_ms;		/* when state began; 0: not told */
	bool actions_enabled;
	/* Arrays, each entry to be read by json_str(); NULL: none. */
	const struct json *on_alarm, *on_ok, *on_insufficient;
	const struct json *json;	/* all of it */
};

struct cw_query {
	struct str state;		/* only alarms in it; STR_NONE: all */
	const struct str *names;	/* only these, CLOUDWATCH_NAMES_MAX */
	size_t count;			/* 0: by no name */
	bool no_log_alarms;		/* a place that doesn't know them */
};

/* arn:aws:cloudwatch:REGION:ACCOUNT:alarm:NAME; false where it is none. */
struct cw_arn {
	struct str region, account, name;
};
bool cloudwatch_arn_read(struct cw_arn *out, struct str arn);

void cloudwatch_put_describe(struct buf *out, const struct cw_query *q,
			     struct str next_token);
/* One entry of an answer's list. False: no alarm that could be told of. */
bool cloudwatch_alarm_read(struct cw_alarm *out, enum cw_type type,
			   const struct json *v);
/*
 * Every alarm of one answer; each's negative result ends it. *next: the token
 * of the next page, STR_NONE after the last. 0; -EBADMSG: not an answer to
 * DescribeAlarms, and err says why.
 */
typedef int cw_each(const struct cw_alarm *a, void *arg);
int cloudwatch_page_read(struct str *next, const struct json *answer,
			 cw_each *each, void *arg, struct err *err) MUST_CHECK;

/*
 * A time series of an alarm that has several, and is in ALARM: those that
 * aren't are not told. Borrowed from the answer.
 */
struct cw_contributor {
	struct str id;			/* never empty */
	struct str reason;
	int64_t changed_ms;		/* since when; 0: not told */
	const struct json *attributes;	/* an object, or NULL */
	const struct json *json;	/* all of it */
};

#define CLOUDWATCH_ID_MAX 1024

/* False: no contributor that could be told of. */
bool cloudwatch_contributor_read(struct cw_contributor *out,
				 const struct json *v);
void cloudwatch_put_contributors_of(struct buf *out, struct str name,
				    struct str next_token);
/* As cloudwatch_page_read(), of an answer to DescribeAlarmContributors. */
typedef int cw_each_contributor(const struct cw_contributor *c, void *arg);
int cloudwatch_contributors_read(struct str *next, const struct json *answer,
				 cw_each_contributor *each, void *arg,
				 struct err *err) MUST_CHECK;

/* A point of time as AWS JSON tells it: seconds since 1970, with decimals.
 * 0 where v is none. */
int64_t cloudwatch_time(const struct json *v);

struct cw_tag {
	struct str key, value;
};

#define CLOUDWATCH_TAGS_MAX 200

void cloudwatch_put_tags_of(struct buf *out, struct str arn);
/* Count of tags in *out (in arena, borrowed from answer), or -EBADMSG,
 * -ENOMEM. */
int cloudwatch_tags_read(const struct cw_tag **out, const struct json *answer,
			 struct arena *arena);

/* Mute rules that hold now, of an alarm or (STR_NONE) of any: asked for, and is
 * there one? 1, 0, -EBADMSG. */
void cloudwatch_put_mutes_of(struct buf *out, struct str name);
int cloudwatch_muted_read(const struct json *answer);

/* ---- asked in the caller's thread, waiting ---- */

/*
 * Asks one after the other, at most three a second, well below the nine a
 * second and region that DescribeAlarms allows an account. Throttling and
 * faults are tried again a few times.
 */
struct cloudwatch;

struct cloudwatch_options {
	struct rest *rest;		/* stay yours */
	struct aws_client *client;
	/* Called at each turn of a wait: once a second, and after rest_wake().
	 * True: give up; what is under way is abandoned. NULL: never. */
	bool (*turn)(void *arg);
	void *arg;
	unsigned tries;			/* of one request; 0: 5 */
};

int cloudwatch_new(struct cloudwatch **out, const struct cloudwatch_options *o,
		   struct err *err) MUST_CHECK;
/* Before the client goes: what was abandoned ends with it. */
void cloudwatch_free(struct cloudwatch *c);

/*
 * Results of all four: 0; -ECANCELED (turn said so); -EACCES (a right is
 * missing); -ENOKEY (no credentials, or none that are accepted); -EAGAIN
 * (throttled, unreachable or failing, again and again); -EINVAL (refused for
 * another reason); -EBADMSG (answers that can't be read); -ENOMEM. err says
 * what AWS said, never a secret.
 */

/*
 * All pages of DescribeAlarms, every type of alarm that the region knows. each
 * is called in the middle of it: alarms are borrowed for that call alone, and
 * where the result isn't 0 they weren't all.
 */
int cloudwatch_alarms(struct cloudwatch *c, struct str region,
		      const struct cw_query *q, cw_each *each, void *arg,
		      struct err *err) MUST_CHECK;
/*
 * All pages of DescribeAlarmContributors, in the same way; -ENOTSUP: the region
 * doesn't know the question.
 */
int cloudwatch_contributors(struct cloudwatch *c, struct str region,
			    struct str name, cw_each_contributor *each,
			    void *arg, struct err *err) MUST_CHECK;
/* Is an alarm (STR_NONE: any) muted now? 1, 0, or as above. */
int cloudwatch_muted(struct cloudwatch *c, struct str region, struct str name,
		     struct err *err) MUST_CHECK;
/* The account that the credentials are of, appended to out. */
int cloudwatch_account(struct cloudwatch *c, struct str region,
		       struct buf *out, struct err *err) MUST_CHECK;

/* Wait so long, turning the loop; -ECANCELED where turn said so. */
int cloudwatch_wait(struct cloudwatch *c, int64_t ms) MUST_CHECK;

#endif
