#ifndef ALARM_ALARM_H
#define ALARM_ALARM_H

#include "base/arena.h"
#include "base/buf.h"

struct json;
struct jsonw;

/*
 * A monitoring alarm's change of state, whatever it came as. Strings are
 * borrowed from the input, the parsed payload or the arena, and live with the
 * struct alarms that holds them. STR_NONE: not known.
 */
enum alarm_state {
	ALARM_NONE, /* not said (previous_state only) */
	ALARM_OK,
	ALARM_FIRING,
	ALARM_INSUFFICIENT,
	ALARM_UNKNOWN, /* another word: never taken for OK */
};

/* What the message is about. */
enum alarm_event {
	ALARM_CHANGED,	  /* a state was reported: the ordinary case */
	ALARM_DELETED,	  /* the alarm's definition is gone */
	ALARM_CONFIGURED, /* created or edited: nothing to do */
	ALARM_NOTICE,	  /* progress or success: nothing to do */
};

struct alarm_pair {
	struct str name, value;
};

struct alarm {
	const char *source; /* cloudwatch, eventbridge, alertmanager, ... */
	const char *kind;   /* metric-alarm, composite-alarm, text, ... */
	enum alarm_event event;
	enum alarm_state state, previous_state;
	struct str state_text; /* as sent: ALARM, OK, or an unknown word */
	struct str account, region, name, arn, contributor;
	struct str namespace, metric, description, reason;
	struct str severity; /* critical high medium low, or as sent */
	struct str ci_id;    /* stackflow_ci_id */
	struct str resource_arn;
	struct str subject; /* SNS's */
	struct str topic;   /* ARN of the SNS topic it came by */
	/* CloudWatch's: actions suppressed or muted. */
	struct str suppressed_by, suppressed_reason;
	int64_t suppressed_until_ms;	/* its mute window's end; 0: not told */
	int64_t time_ms; /* when the state changed; always above 0 */
	bool has_threshold;
	double threshold;
	const struct alarm_pair *dims, *tags;
	size_t dim_count, tag_count;
	const struct json *payload; /* raw message, parsed; NULL: text */
	struct str raw;		    /* raw message */
	bool own_time;	     /* time_ms is the payload's, not the message's */
	struct str event_id; /* the payload's own id of this event */
	struct str title;    /* one line for people; STR_NONE: the name */
	struct str url;	     /* where to look; from the sender: unchecked */
	/* The sender's own id of what this is about, unique among all that it
	 * tells of; STR_NONE: account, region, name and contributor are. */
	struct str key;
	/* When it was told, where time_ms doesn't put the messages of one alarm
	 * in order: who sends an old state again names its old time. Else 0. */
	int64_t told_ms;
};

/* The intake of what tocsin says of itself: source tocsin, kind direct. */
#define ALARM_OWN_INTAKE "tocsin"

struct alarm_input {
	struct str body; /* SNS's Message, a webhook's or queue's body */
	struct str subject, topic, message_id; /* SNS; STR_NONE else */
	int64_t sent_ms;		       /* SNS's Timestamp; 0: unknown */
	int64_t received_ms;
	const char *intake; /* sns, webhook, sqs, file */
};

struct alarms {
	struct alarm *list;
	size_t count; /* at least 1 */
	struct arena *arena;
	struct json *json;   /* owned */
	struct json **inner; /* of messages inside the message; owned */
	size_t inner_count;
};

/*
 * Decode a message into one or more alarms. Never fails for what it doesn't
 * know: that is kind `json` or `text`, state ALARM. 0 or -ENOMEM.
 */
int alarm_decode(struct alarms *out, const struct alarm_input *in);
void alarms_fini(struct alarms *a);

/*
 * Unwrap what `tocsin explain` may be given: an SNS envelope, an SQS or Lambda
 * record list, an EventBridge event, or the bare payload. Calls each for every
 * message found; a negative result of each ends it and is returned. Returns
 * how many, or -EINVAL (a subscription message, bad JSON envelope; err says
 * it), or -ENOMEM. What it hands over lives until each returns.
 */
struct err;
int alarm_unwrap(struct str document, int64_t now_ms,
		 int (*each)(const struct alarm_input *in, void *arg),
		 void *arg, struct err *err);

/*
 * What makes two messages one event: the same alarm (ARN, or
 * account/region/name), contributor, state and time where it is a CloudWatch
 * alarm and tells its time, else the payload's own id, else (state and time
 * where told_ms is 0), else topic, MessageId and position, else the same alarm,
 * state and time told within the same minute;
 * a message without any of them is unique (1, salted with something random),
 * else 0.
 */
int alarm_identity(struct buf *out, const struct alarm *a,
		   const struct alarm_input *in, size_t position);

/* What makes two events the same alarm: ARN, else account/region/name; and
 * /contributor. For kinds of other sources: source, account and key. */
void alarm_subject(struct buf *out, const struct alarm *a);

/* "ALARM", "OK", "INSUFFICIENT_DATA", "UNKNOWN"; "NONE"; never NULL. */
const char *alarm_state_name(enum alarm_state s);

/*
 * Tags that were looked up, for an alarm whose message had none: severity and
 * CI are read from them as if they had come with it. They must outlive a.
 */
void alarm_set_tags(struct alarm *a, const struct alarm_pair *tags,
		    size_t count);

/* A dimension's or tag's value by name; STR_NONE where absent. */
struct str alarm_dim(const struct alarm *a, struct str name);
struct str alarm_tag(const struct alarm *a, struct str name);

/* What puts two messages of one alarm in order. */
static inline int64_t alarm_order(const struct alarm *a)
{
	return a->told_ms > 0 ? a->told_ms : a->time_ms;
}

/*
 * Where a person can look at it: in the AWS console of its partition, or what
 * the message names, if that is a plain http or https URL; else nothing.
 */
void alarm_put_console_url(struct buf *out, const struct alarm *a);

/* The object that `tocsin explain --json` shows as "alarm". */
void alarm_write(struct jsonw *w, const struct alarm *a);

#endif
