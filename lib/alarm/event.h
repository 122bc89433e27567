#ifndef ALARM_EVENT_H
#define ALARM_EVENT_H

#include "alarm/recognise.h"

/*
 * Inside lib/alarm only: what the decoders of AWS's other services and of
 * other monitoring systems share.
 */

/* What a sender's word for a state means; ends with an empty row. */
struct outcome {
	const char *word;
	enum alarm_state state;
	enum alarm_event event;
	const char *severity; /* where it opens; NULL: not known */
};

#define OPENS(word, severity)                                                  \
	{                                                                      \
		word, ALARM_FIRING, ALARM_CHANGED, severity                    \
	}
#define RESOLVES(word)                                                         \
	{                                                                      \
		word, ALARM_OK, ALARM_CHANGED, NULL                            \
	}
#define TELLS(word)                                                            \
	{                                                                      \
		word, ALARM_OK, ALARM_NOTICE, NULL                             \
	}
#define OUTCOMES_END                                                           \
	{                                                                      \
		NULL, ALARM_NONE, ALARM_CHANGED, NULL                          \
	}

/*
 * State, event and severity (where none is set) by a word in any case. A word
 * that isn't listed is an unknown state; no word leaves the alarm as it is.
 */
void outcome_set(struct alarm *a, const struct outcome *list, struct str word);
/* The same of the first row whose word the text ends with (and "" always);
 * false: none does, and nothing was set. */
bool outcome_by_end(struct alarm *a, const struct outcome *list,
		    struct str text);

/* Nothing to do: the message only tells. */
void outcome_tells(struct alarm *a);

/* Foreign scales on ours: warning, error, page, P2, SEV-1, 3; as sent where
 * the word isn't known. */
struct str severity_scale(struct str word);

/* A member's words for a path of keys. */
struct str event_text(struct decoder *d, const struct json *v, size_t max,
		      const char *first, const char *second);

/*
 * An alarm with an EventBridge event's envelope read: account, region, time,
 * id and the first resource that is an ARN.
 */
struct alarm *event_append(struct decoder *d);
/* An alarm with its topic's account and region, for a service's own SNS
 * message. */
struct alarm *service_append(struct decoder *d);
/* The last step: a name where none was found, severity, CI, tags; and the
 * source in front of the contributor where there is no key. */
int event_finish(struct decoder *d, struct alarm *a, const struct json *own);
/* detail-type, or detailType as notification rules write it. */
struct str event_type(const struct json *root);
const struct json *event_detail(const struct decoder *d);

/* Add a dimension; nothing where the value is empty or the name is taken. */
void event_dim(struct decoder *d, struct alarm *a, const char *name,
	       struct str value);
/* CloudWatch's namespace, and from it and the dimensions the resource's ARN. */
void event_resource(struct decoder *d, struct alarm *a, const char *namespace);
/* The sender's own id: key and contributor. */
void event_key(struct alarm *a, struct str id);
/* The message's own time as the one that puts messages in order. */
void event_told(struct decoder *d, struct alarm *a);
/* The sender's own words for its account and region, where they are any. */
void event_place(struct alarm *a, struct str account, struct str region);
/* What stands behind the last ':' or '/'. */
struct str arn_tail(struct str arn);

/* Pieces in one, for a title, a name or a link; at most FIELD_NAME. */
struct str event_join(struct decoder *d, const struct str *parts, size_t n);
#define JOIN(d, ...)                                                           \
	event_join(d, (const struct str[]){ __VA_ARGS__ },                     \
		   sizeof((const struct str[]){ __VA_ARGS__ }) /               \
			   sizeof(struct str))

/* ---- descriptions, put together paragraph by paragraph ---- */

#define PROSE_MAX 16384
#define PROSE_INIT BUF_INIT(PROSE_MAX)

void prose_text(struct buf *b, struct str paragraph);
void prose_line(struct buf *b, const char *label, struct str value);
/* A line with a member's scalar; the text of a string, number or bool. */
void prose_field(struct buf *b, struct decoder *d, const char *label,
		 const struct json *v);
/* Into the arena; frees b. */
struct str prose_take(struct decoder *d, struct buf *b);

/* A link into the console of a's partition and region: path, "?region=R",
 * fragment and the encoded id. STR_NONE where there is no such console. */
struct str console_link(struct decoder *d, const struct alarm *a,
			const char *path, const char *fragment, struct str id);

/* ---- decoders of EventBridge events, each in the file of its family ---- */
int health_decode(struct decoder *d);
int guardduty_decode(struct decoder *d);
int malware_decode(struct decoder *d);
int insight_results_decode(struct decoder *d);
int inspector_decode(struct decoder *d);
int inspector_other_decode(struct decoder *d);
int ec2_state_decode(struct decoder *d);
int ec2_spot_decode(struct decoder *d);
int ecs_task_decode(struct decoder *d);
int ecs_instance_decode(struct decoder *d);
int ecs_service_decode(struct decoder *d);
int scaling_decode(struct decoder *d);
int backup_decode(struct decoder *d);
int pipeline_decode(struct decoder *d);
int build_decode(struct decoder *d);
int deployment_decode(struct decoder *d);
int execution_decode(struct decoder *d);
int glue_decode(struct decoder *d);
int ecr_decode(struct decoder *d);
int canary_decode(struct decoder *d);
int advisor_decode(struct decoder *d);
int environment_decode(struct decoder *d);

/* ---- and of texts ---- */
int budget_decode(struct decoder *d);
int backup_text_decode(struct decoder *d);
int beanstalk_text_decode(struct decoder *d);
int alertmanager_text_decode(struct decoder *d);

#endif
