#include "aws/sns.h"

#include <errno.h>

#include "aws/topic.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/json.h"

static const char *const type_names[] = {
	[SNS_NOTIFICATION] = "Notification",
	[SNS_SUBSCRIBE] = "SubscriptionConfirmation",
	[SNS_UNSUBSCRIBE] = "UnsubscribeConfirmation",
};

/* What is read of an envelope; the rest of the document could be anybody's. */
enum field {
	TYPE,
	MESSAGE_ID,
	TOPIC_ARN,
	MESSAGE,
	TIMESTAMP,
	SUBJECT,
	SIGNATURE_VERSION,
	SIGNATURE,
	SIGNING_CERT_URL,
	LAMBDA_CERT_URL,
	TOKEN,
	SUBSCRIBE_URL,
	FIELDS
};

struct envelope {
	struct sns_message m;
	struct json_member fields[FIELDS];
};

const char *sns_type_name(enum sns_type type)
{
	return type_names[type];
}

/*
 * The signed string has no lengths. It can be cut in one way only because
 * nothing but Message, which stands first, can hold a line feed.
 */
/* JSON holds them as escapes alone, but for DEL. */
static bool has_control(const struct json_member *field, struct str s)
{
	if (!field->escaped)
		return s.n && memchr(s.p, 0x7f, s.n);
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

/* A string without control characters: 1 found, 0 absent, -EINVAL. */
static int line(struct str *out, const struct json_member *field, size_t max,
		struct err *err)
{
	struct str s;
	int r = json_member_str(&s, field, err);

	if (r <= 0)
		return r;
	if (s.n > max)
		return err_set(err, -EINVAL, "%.*s has %zu bytes, more than %zu",
			       STR_ARG(field->key), s.n, max);
	if (has_control(field, s))
		return err_set(err, -EINVAL, "%.*s holds a control character",
			       STR_ARG(field->key));
	*out = s;
	return 1;
}

static int need_line(struct str *out, const struct json_member *field,
		     size_t max, struct err *err)
{
	int r = line(out, field, max, err);

	if (r < 0)
		return r;
	return r ? 0
		 : err_set(err, -EINVAL, "%.*s is missing",
			   STR_ARG(field->key));
}

static int read_type(struct envelope *e, struct err *err)
{
	struct sns_message *m = &e->m;
	struct str name = STR_NONE;
	int r = need_line(&name, &e->fields[TYPE], 64, err);

	if (r)
		return r;
	for (int i = SNS_NOTIFICATION; i <= SNS_UNSUBSCRIBE; i++)
		if (str_is(name, type_names[i])) {
			m->type = (enum sns_type)i;
			return 0;
		}
	return err_set(err, -EINVAL, "Type is \"%.*s\", none that SNS sends",
		       STR_ARG(name));
}

/* Like form, in which x stands for a hexadecimal digit and 9 for a decimal. */
static bool has_form(struct str s, const char *form)
{
	if (s.n != strlen(form))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool digit = c >= '0' && c <= '9';
		bool letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

		if (form[i] == 'x'   ? !digit && !letter
		    : form[i] == '9' ? !digit
				     : c != form[i])
			return false;
	}
	return true;
}

static int read_ids(struct envelope *e, struct err *err)
{
	struct sns_message *m = &e->m;
	int r = need_line(&m->message_id, &e->fields[MESSAGE_ID], 64, err);

	if (r)
		return r;
	if (!has_form(m->message_id, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"))
		return err_set(err, -EINVAL, "MessageId is no UUID");
	r = need_line(&m->timestamp, &e->fields[TIMESTAMP], 64, err);
	if (r)
		return r;
	if (!has_form(m->timestamp, "9999-99-99T99:99:99.999Z") ||
	    clock_parse(&m->timestamp_ms, m->timestamp))
		return err_set(err, -EINVAL,
			       "Timestamp is not of the form "
			       "YYYY-MM-DDThh:mm:ss.mmmZ");
	return 0;
}

static int read_topic(struct envelope *e, struct err *err)
{
	struct sns_message *m = &e->m;
	struct topic_arn arn;
	int r = need_line(&m->topic_arn, &e->fields[TOPIC_ARN], 512, err);

	if (r == 0)
		r = topic_arn_read(&arn, m->topic_arn, err);
	if (r)
		return r;
	m->partition = arn.partition;
	m->region = arn.region;
	m->account = arn.account;
	m->topic = arn.topic;
	return 0;
}

static int read_content(struct envelope *e, struct err *err)
{
	struct sns_message *m = &e->m;
	int r = json_member_str(&m->message, &e->fields[MESSAGE], err);

	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, -EINVAL, "Message is missing");
	if (m->type == SNS_NOTIFICATION) {
		r = line(&m->subject, &e->fields[SUBJECT], 1024, err);
		return r < 0 ? r : 0;
	}
	r = need_line(&m->token, &e->fields[TOKEN], 1024, err);
	if (r)
		return r;
	return need_line(&m->subscribe_url, &e->fields[SUBSCRIBE_URL], 4096, err);
}

static int read_signature(struct envelope *e, struct err *err)
{
	struct sns_message *m = &e->m;
	struct buf bytes = BUF_INIT(1026);
	struct str version = STR_NONE;
	int r = need_line(&version, &e->fields[SIGNATURE_VERSION], 16, err);

	if (r)
		return r;
	if (str_is(version, "1"))
		m->signature_version = 1;
	else if (str_is(version, "2"))
		m->signature_version = 2;
	else
		return err_set(err, -EINVAL,
			       "SignatureVersion is \"%.*s\", "
			       "expected \"1\" or \"2\"",
			       STR_ARG(version));
	r = need_line(&m->signature, &e->fields[SIGNATURE], 1368, err);
	if (r)
		return r;
	r = decode_base64(&bytes, m->signature);
	if (r == -ENOMEM)
		r = err_set(err, r, "out of memory");
	else if (r || bytes.n == 0 || bytes.n > 1024)
		r = err_set(err, -EINVAL,
			    "Signature is not base64 of 1 to "
			    "1024 bytes");
	buf_fini(&bytes);
	return r;
}

/* Lambda's copy of a message spells the key in its own way. */
static int read_cert_url(struct envelope *e, struct err *err)
{
	struct sns_message *m = &e->m;
	int r = line(&m->signing_cert_url, &e->fields[SIGNING_CERT_URL], 512, err);

	if (r == 0)
		r = line(&m->signing_cert_url, &e->fields[LAMBDA_CERT_URL], 512,
			 err);
	if (r < 0)
		return r;
	return r ? 0 : err_set(err, -EINVAL, "SigningCertURL is missing");
}

int sns_read(struct sns_message *out, struct str body, struct err *err)
{
	static int (*const steps[])(struct envelope *, struct err *) = {
		read_type,     read_ids,       read_topic,
		read_cert_url, read_signature, read_content,
	};
	struct envelope e = { .fields = {
		[TYPE] = { .key = STR("Type") },
		[MESSAGE_ID] = { .key = STR("MessageId") },
		[TOPIC_ARN] = { .key = STR("TopicArn") },
		[MESSAGE] = { .key = STR("Message") },
		[TIMESTAMP] = { .key = STR("Timestamp") },
		[SUBJECT] = { .key = STR("Subject") },
		[SIGNATURE_VERSION] = { .key = STR("SignatureVersion") },
		[SIGNATURE] = { .key = STR("Signature") },
		[SIGNING_CERT_URL] = { .key = STR("SigningCertURL") },
		[LAMBDA_CERT_URL] = { .key = STR("SigningCertUrl") },
		[TOKEN] = { .key = STR("Token") },
		[SUBSCRIBE_URL] = { .key = STR("SubscribeURL") },
	} };
	int r;

	r = json_members(&e.m.text, e.fields, FIELDS, body, JSON_NO_NUL, err);
	for (size_t i = 0; r == 0 && i < sizeof(steps) / sizeof(*steps); i++)
		r = steps[i](&e, err);
	if (r) {
		buf_fini(&e.m.text);
		return r;
	}
	*out = e.m;
	return 0;
}

void sns_fini(struct sns_message *m)
{
	buf_fini(&m->text);
	*m = (struct sns_message){ 0 };
}
