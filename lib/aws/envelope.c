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

const char *sns_type_name(enum sns_type type)
{
	return type_names[type];
}

/*
 * The signed string has no lengths. It can be cut in one way only because
 * nothing but Message, which stands first, can hold a line feed.
 */
static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

/* A string without control characters: 1 found, 0 absent, -EINVAL. */
static int line(struct str *out, const struct json *v, const char *key,
		size_t max, struct err *err)
{
	struct str s;
	int r = json_want_str(&s, v, key, err);

	if (r <= 0)
		return r;
	if (s.n > max)
		return err_set(err, -EINVAL, "%s has %zu bytes, more than %zu",
			       key, s.n, max);
	if (has_control(s))
		return err_set(err, -EINVAL, "%s holds a control character",
			       key);
	*out = s;
	return 1;
}

static int need_line(struct str *out, const struct json *v, const char *key,
		     size_t max, struct err *err)
{
	int r = line(out, v, key, max, err);

	if (r < 0)
		return r;
	return r ? 0 : err_set(err, -EINVAL, "%s is missing", key);
}

static int read_type(struct sns_message *m, struct err *err)
{
	struct str name = STR_NONE;
	int r = need_line(&name, m->json, "Type", 64, err);

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

static int read_ids(struct sns_message *m, struct err *err)
{
	int r = need_line(&m->message_id, m->json, "MessageId", 64, err);

	if (r)
		return r;
	if (!has_form(m->message_id, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"))
		return err_set(err, -EINVAL, "MessageId is no UUID");
	r = need_line(&m->timestamp, m->json, "Timestamp", 64, err);
	if (r)
		return r;
	if (!has_form(m->timestamp, "9999-99-99T99:99:99.999Z") ||
	    clock_parse(&m->timestamp_ms, m->timestamp))
		return err_set(err, -EINVAL,
			       "Timestamp is not of the form "
			       "YYYY-MM-DDThh:mm:ss.mmmZ");
	return 0;
}

static int read_topic(struct sns_message *m, struct err *err)
{
	struct topic_arn arn;
	int r = need_line(&m->topic_arn, m->json, "TopicArn", 512, err);

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

/* What is signed besides, and only that: the rest of the document could be
 * anybody's. */
static int read_content(struct sns_message *m, struct err *err)
{
	int r = json_want_str(&m->message, m->json, "Message", err);

	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, -EINVAL, "Message is missing");
	if (m->type == SNS_NOTIFICATION) {
		r = line(&m->subject, m->json, "Subject", 1024, err);
		return r < 0 ? r : 0;
	}
	r = need_line(&m->token, m->json, "Token", 1024, err);
	if (r)
		return r;
	return need_line(&m->subscribe_url, m->json, "SubscribeURL", 4096, err);
}

static int read_signature(struct sns_message *m, struct err *err)
{
	struct buf bytes = BUF_INIT(1026);
	struct str version = STR_NONE;
	int r = need_line(&version, m->json, "SignatureVersion", 16, err);

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
	r = need_line(&m->signature, m->json, "Signature", 1368, err);
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
static int read_cert_url(struct sns_message *m, struct err *err)
{
	int r = line(&m->signing_cert_url, m->json, "SigningCertURL", 512, err);

	if (r == 0)
		r = line(&m->signing_cert_url, m->json, "SigningCertUrl", 512,
			 err);
	if (r < 0)
		return r;
	return r ? 0 : err_set(err, -EINVAL, "SigningCertURL is missing");
}

int sns_read(struct sns_message *out, struct str body, struct err *err)
{
	static int (*const steps[])(struct sns_message *, struct err *) = {
		read_type,     read_ids,       read_topic,
		read_cert_url, read_signature, read_content,
	};
	struct sns_message m = { 0 };
	int r = json_parse(&m.json, body, JSON_NO_NUL, err);

	if (r)
		return r;
	if (!json_is(m.json, JSON_OBJECT))
		r = err_set(err, -EINVAL, "an SNS message is a JSON object");
	for (size_t i = 0; r == 0 && i < sizeof(steps) / sizeof(*steps); i++)
		r = steps[i](&m, err);
	if (r) {
		json_free(m.json);
		return r;
	}
	*out = m;
	return 0;
}

void sns_fini(struct sns_message *m)
{
	json_free(m->json);
	*m = (struct sns_message){ 0 };
}
