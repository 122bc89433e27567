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
	const struct json *root;      /* NULL: the message is text */
	const struct recogniser *row; /* the one that recognised it */
	struct arena *arena;
	struct alarm *list;
	size_t count, cap;
	struct json **inner; /* parsed messages inside; owned */
	size_t inner_count;
	bool nested; /* inside such a message */
};

struct recogniser {
	const char *key; /* a member it must have; NULL: none */
	const char *kind;
	const char *source; /* NULL: named by the way it came */
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

/*
 * For lists: call each for every entry that is an object, until one fails.
 * Entries that give no alarm are counted, and one more alarm of kind json
 * says how many there are, so that nothing in a message is lost unseen.
 */
int alarm_each(struct decoder *d, const struct json *list,
	       int (*each)(struct decoder *d, const struct json *entry));

/* The alarm that says so; nothing where left_out or the list's count is 0. */
int alarm_left_out(struct decoder *d, size_t left_out);

/* Decode a message that stands inside this one; body lives in the arena or in
 * the payload. */
int alarm_decode_inner(struct decoder *d, const struct alarm_input *in);

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
int event_any_decode(struct decoder *d);

/* Any other EventBridge event; the row is chosen by its source and type. */
bool event_is(const struct json *root);
int event_decode(struct decoder *d);

bool direct_is(const struct json *root);
int direct_decode(struct decoder *d);
/* The same form, with key and title. */
int own_decode(struct decoder *d);

/* ---- other senders; each in the file of its family ---- */
bool records_is(const struct json *root);
int records_decode(struct decoder *d);

bool alertmanager_is(const struct json *root);
bool grafana_is(const struct json *root);
int alertmanager_decode(struct decoder *d);
bool grafana_legacy_is(const struct json *root);
int grafana_legacy_decode(struct decoder *d);

bool rds_is(const struct json *root);
bool dms_is(const struct json *root);
int rds_decode(struct decoder *d);
bool autoscaling_is(const struct json *root);
int autoscaling_decode(struct decoder *d);
bool config_is(const struct json *root);
int config_decode(struct decoder *d);
bool finding_is(const struct json *root);
int finding_decode(struct decoder *d);
bool findings_is(const struct json *root);
int findings_decode(struct decoder *d);
bool anomaly_is(const struct json *root);
int anomaly_decode(struct decoder *d);
bool insight_is(const struct json *root);
int insight_decode(struct decoder *d);
bool approval_is(const struct json *root);
int approval_decode(struct decoder *d);
bool codedeploy_is(const struct json *root);
int codedeploy_decode(struct decoder *d);
bool ses_is(const struct json *root);
int ses_decode(struct decoder *d);
bool ses_records_is(const struct json *root);
int ses_records_decode(struct decoder *d);
bool elasticache_is(const struct json *root);
int elasticache_decode(struct decoder *d);

int json_decode(struct decoder *d);
int text_decode(struct decoder *d);

/* The row of a message that is no JSON. */
const struct recogniser *text_row(const struct alarm_input *in);

/* ---- fields.c: reading members of any type ---- */

/* What a field may hold at most; AWS's own limits are below these. */
enum {
	FIELD_WORD = 128,  /* an account, a state, a severity, an id */
	FIELD_NAME = 1024, /* 255 characters of four bytes fit */
	FIELD_VALUE = 4096,
	FIELD_TEXT = 1 << 20, /* description and reason: as they came */
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

/* The first line that isn't blank, cut for a name; "(empty message)". */
struct str field_first_line(struct str text);
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
 * The payload's own time: a date in any form that clock.h or when.c reads, or
 * a number of seconds or milliseconds since 1970. What can't be read leaves the
 * alarm's time as it is; false.
 */
bool field_set_time(struct alarm *a, const struct json *v);
bool field_set_date(struct alarm *a, struct str text);

/*
 * Dates as services write them for people: "Sat, 05 Jun 2016 15:10:09 GMT",
 * "Sun Jul 24 20:37:10 UTC 2016", "Sep 1, 2017 4:12:29 PM". A weekday isn't
 * checked: AWS's own samples have wrong ones. 0 or -EINVAL.
 */
int when_parse(int64_t *out_ms, struct str text);

/* ---- describe.c ---- */

/* One of the four words in lower case, however it was written; else as sent. */
struct str severity_word(struct str s);

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
bool account_looks(struct str s); /* twelve digits */
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
		       const struct json *queries, const struct metric_keys *k);
/* resource_arn where namespace and dimensions name a resource for sure. */
void metric_resource(struct decoder *d, struct alarm *a, struct str account);

#endif
