#ifndef ALARM_RECOGNISE_H
#define ALARM_RECOGNISE_H

#include "alarm/alarm.h"
#include "doc/json.h"

/*
 * Inside lib/alarm only: how a kind of payload is added. A kind is one row of
 * the table in alarm.c; its two functions stand in the file of its family.
 */
struct recogniser;

struct decoder {
	const struct alarm_input *in;
	const struct json *root;	/* NULL: the message is text */
	const struct recogniser *row;	/* the one that recognised it */
	struct arena *arena;
	struct alarm *list;
	size_t count, cap;
};

struct recogniser {
	const char *kind;
	const char *source;		/* NULL: named by the way it came */
	bool (*recognises)(const struct json *root);
	/* Appends an alarm or more; none: decoded as json. 0 or -ENOMEM. */
	int (*decode)(struct decoder *d);
};

/*
 * A new alarm at the end of the list, filled with what every kind has: kind,
 * source, state ALARM, subject, topic, payload, and the message's time.
 * Pointers to those before it become stale. NULL past ALARMS_MAX or out of
 * memory: then return arena_error(d->arena).
 */
#define ALARMS_MAX 10000
struct alarm *alarm_append(struct decoder *d);

/* ---- alarm families ---- */
bool cloudwatch_is_composite(const struct json *root);
bool cloudwatch_is_log(const struct json *root);
bool cloudwatch_is_contributor(const struct json *root);
bool cloudwatch_is_metric(const struct json *root);
int cloudwatch_decode(struct decoder *d);

bool event_is_contributor(const struct json *root);
bool event_is_alarm(const struct json *root);
bool lambda_is_composite(const struct json *root);
bool lambda_is_metric(const struct json *root);
int event_alarm_decode(struct decoder *d);
bool event_is_any(const struct json *root);
int event_any_decode(struct decoder *d);

bool direct_is(const struct json *root);
int direct_decode(struct decoder *d);

int json_decode(struct decoder *d);
int text_decode(struct decoder *d);

/* ---- fields.c: reading members of any type ---- */

/* What a field may hold at most; AWS's own limits are below these. */
enum {
	FIELD_WORD = 128,	/* an account, a state, a severity, an id */
	FIELD_NAME = 1024,	/* 255 characters of four bytes fit */
	FIELD_VALUE = 4096,
	FIELD_TEXT = 1 << 20,	/* description and reason: as they came */
};

#define KEYS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* The first of the keys that v has (and isn't null); NULL. */
const struct json *field_find(const struct json *v, const char *const *keys);
/* Text of a string or number, cut to max bytes; STR_NONE where it is another
 * type or empty. */
struct str field_text(struct decoder *d, const struct json *v, size_t max);
struct str field_get(struct decoder *d, const struct json *v, const char *key,
		     size_t max);
struct str field_any(struct decoder *d, const struct json *v, size_t max,
		     const char *const *keys);

/* utf8_cut() that never takes more than a character from invalid bytes. */
struct str field_cut(struct str s, size_t max);

/* Pieces joined in the arena; STR_NONE out of memory. */
struct str field_join(struct arena *arena, const struct str *parts, size_t n);

/*
 * Add name-value pairs to a list: from an object, or from an array of
 * {name,value} (capitals or not, or key). Scalars only, the first of a name
 * wins, at most PAIRS_MAX in all.
 */
#define PAIRS_MAX 200
void field_pairs(struct decoder *d, const struct alarm_pair **list,
		 size_t *count, const struct json *v);

/* OK, ALARM, INSUFFICIENT_DATA, exactly; else ALARM_UNKNOWN. */
enum alarm_state field_state(struct str word);
/* State and state_text from v; what isn't text is an unknown state. */
void field_set_state(struct decoder *d, struct alarm *a, const struct json *v);

/* Contributor and dimensions. Without an id the attributes (or else, where they
 * are none, the whole) tell it from the alarm's other contributors. */
void field_set_contributor(struct decoder *d, struct alarm *a,
			   const struct json *id, const struct json *attributes,
			   const struct json *whole);

/*
 * The payload's own time: a date, or a number of seconds or milliseconds
 * since 1970. What can't be read leaves the alarm's time as it is; false.
 */
bool field_set_time(struct alarm *a, const struct json *v);

/* ---- describe.c ---- */

/*
 * Severity, CI and tags; the last step of a decoder. Read from the payload's
 * own fields (members of own), then tags, then description. 0 or -ENOMEM.
 */
int alarm_classify(struct decoder *d, struct alarm *a, const struct json *own);

/* ---- arn.c ---- */

struct arn {
	struct str partition, service, region, account, resource;
};
bool arn_cut(struct arn *out, struct str text);
/* us-east-1, us-gov-west-1: shaped like the code of a region? */
bool region_looks(struct str s);
bool account_looks(struct str s);	/* twelve digits */
/* "aws", "aws-cn"... by a region's prefix */
const char *region_partition(struct str region);
/* "US East (N. Virginia)", "US - N. Virginia": its code; STR_NONE unknown. */
struct str region_of_display(struct str text);
/* Partition of an alarm: its ARN's, else its region's. */
struct str alarm_partition(const struct alarm *a);
/*
 * Region and account: of the ARN, where it has them, else what is set, else
 * display (a region's code or shown name) and the topic.
 */
void alarm_complete(struct decoder *d, struct alarm *a, struct str display);
/* A CloudWatch alarm's ARN from partition, region, account and name, where it
 * wasn't sent (before 2020), so that all forms of an alarm have one. */
void alarm_derive_arn(struct decoder *d, struct alarm *a);

/* ---- metric.c ---- */

/* Names of the same things in SNS's and in EventBridge's form. */
struct metric_keys {
	const char *stat, *metric, *namespace, *name, *dimensions, *returns,
		*account;
};
extern const struct metric_keys metric_keys_sns, metric_keys_event;

/*
 * Namespace, metric and dimensions from a list of metric data queries: of the
 * first metric that returns data, else the first that feeds an expression.
 * Returns the account that the metric lives in; STR_NONE: the alarm's own.
 */
struct str metric_take(struct decoder *d, struct alarm *a,
		       const struct json *queries,
		       const struct metric_keys *k);
/* resource_arn where namespace and dimensions name a resource for sure. */
void metric_resource(struct decoder *d, struct alarm *a, struct str account);

#endif
