/*
 * Amazon SES: what became of mails, as SNS notifications, as published
 * events, in EventBridge's form and in Lambda's. Not a mail is an alarm but
 * what goes wrong for a sending address, however many mails it hits.
 */
#include "alarm/event.h"

static const struct outcome outcomes[] = {
	OPENS("Bounce", "low"), OPENS("Complaint", "medium"),
	OPENS("Reject", "medium"), OPENS("Rendering Failure", "medium"),
	OPENS("DeliveryDelay", "low"), TELLS("Delivery"), TELLS("Send"),
	TELLS("Open"), TELLS("Click"), TELLS("Received"), TELLS("Subscription"),
	TELLS("AmazonSnsSubscriptionSucceeded"),
	/* "SES Advisor Recommendation Status" and the like. */
	OPENS("OPEN", "medium"), RESOLVES("FIXED"), RESOLVES("RESOLVED"),
	OUTCOMES_END
};

static struct str type_of(struct decoder *d, const struct json *v)
{
	return field_any(d, v, FIELD_WORD,
			 KEYS("eventType", "notificationType", "status"));
}

/* Whom a bounce or a complaint is about, and what was said. */
static void put_recipient(struct decoder *d, struct buf *b,
			  const struct json *what, const char *list)
{
	const struct json *r = json_item(json_get(what, list), 0);

	prose_field(b, d, "Recipient", json_get(r, "emailAddress"));
	prose_field(b, d, "Answer", json_get(r, "diagnosticCode"));
}

static void describe(struct decoder *d, struct alarm *a, const struct json *v)
{
	const struct json *bounce = json_get(v, "bounce");
	const struct json *complaint = json_get(v, "complaint");
	struct buf b = PROSE_INIT;

	prose_field(&b, d, "Bounce type", json_get(bounce, "bounceType"));
	prose_field(&b, d, "Kind", json_get(bounce, "bounceSubType"));
	put_recipient(d, &b, bounce, "bouncedRecipients");
	prose_field(&b, d, "Complaint",
		    json_get(complaint, "complaintFeedbackType"));
	put_recipient(d, &b, complaint, "complainedRecipients");
	prose_field(&b, d, "Rejected because",
		    json_at(v, "reject", "reason", NULL));
	prose_field(&b, d, "Template",
		    json_at(v, "failure", "templateName", NULL));
	prose_field(&b, d, "Error",
		    json_at(v, "failure", "errorMessage", NULL));
	prose_field(&b, d, "Sender", json_at(v, "mail", "source", NULL));
	prose_field(&b, d, "Mail", json_at(v, "mail", "messageId", NULL));
	a->description = prose_take(d, &b);
}

static void take_mail(struct decoder *d, struct alarm *a, const struct json *v)
{
	const struct json *mail = json_get(v, "mail");
	struct str account = field_get(d, mail, "sendingAccountId", FIELD_WORD);
	struct str source = field_get(d, mail, "sourceArn", FIELD_NAME);
	struct arn arn;

	if (account_looks(account))
		a->account = account;
	if (arn_cut(&arn, source)) {
		a->resource_arn = source;
		if (region_looks(arn.region))
			a->region = arn.region;
	}
	a->name = field_get(d, mail, "source", FIELD_NAME);
	event_dim(d, a, "Sender", a->name);
	if (!field_set_time(a, json_at(v, "bounce", "timestamp", NULL)) &&
	    !field_set_time(a, json_at(v, "complaint", "timestamp", NULL)) &&
	    !event_type(d->root).n)
		field_set_time(a, json_get(mail, "timestamp"));
}

static int decode(struct decoder *d, struct alarm *a, const struct json *v)
{
	if (!a)
		return arena_error(d->arena);
	take_mail(d, a, v);
	outcome_set(a, outcomes, type_of(d, v));
	/* One that comes back for now is tried again by SES itself. */
	if (str_is(json_str(json_at(v, "bounce", "bounceType", NULL)),
		   "Transient"))
		outcome_tells(a);
	a->contributor = a->state_text;
	if (a->state == ALARM_OK && a->event == ALARM_CHANGED)
		a->contributor = STR("OPEN");
	if (!a->event_id.n)
		a->event_id =
			event_text(d, v, FIELD_WORD, "bounce", "feedbackId");
	if (!a->event_id.n)
		a->event_id =
			event_text(d, v, FIELD_WORD, "complaint", "feedbackId");
	a->title = JOIN(d, STR("SES: "), a->state_text,
			a->name.n ? STR(" for ") : STR_NONE, a->name);
	describe(d, a, v);
	return event_finish(d, a, NULL);
}

bool ses_is(const struct json *root)
{
	return json_is(json_get(root, "mail"), JSON_OBJECT) ||
	       str_is(json_get_str(root, "notificationType"),
		      "AmazonSnsSubscriptionSucceeded");
}

int ses_decode(struct decoder *d)
{
	bool event = event_type(d->root).n > 0;

	return event ? decode(d, event_append(d), event_detail(d))
		     : decode(d, service_append(d), d->root);
}

bool ses_records_is(const struct json *root)
{
	const struct json *first = json_item(json_get(root, "Records"), 0);

	return str_is(json_get_str(first, "eventSource"), "aws:ses") &&
	       json_is(json_get(first, "ses"), JSON_OBJECT);
}

/* A mail that came in: told, but nothing is wrong. */
static int record_decode(struct decoder *d, const struct json *record)
{
	const struct json *ses = json_get(record, "ses");
	struct alarm *a;

	if (!json_is(ses, JSON_OBJECT))
		return 0;
	a = service_append(d);
	if (!a)
		return arena_error(d->arena);
	take_mail(d, a, ses);
	outcome_tells(a);
	a->state_text = a->contributor = STR("Received");
	a->title = JOIN(d, STR("SES: mail received from "), a->name);
	describe(d, a, ses);
	return event_finish(d, a, NULL);
}

int ses_records_decode(struct decoder *d)
{
	return alarm_each(d, json_get(d->root, "Records"), record_decode);
}
