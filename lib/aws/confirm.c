#include "aws/sns.h"

#include <errno.h>

#include "aws/topic.h"
#include "base/encode.h"

static bool is_hex(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') &&
		    !(s.p[i] >= 'a' && s.p[i] <= 'f') &&
		    !(s.p[i] >= 'A' && s.p[i] <= 'F'))
			return false;
	return true;
}

int sns_confirm_url_from(struct buf *out, struct str topic_arn,
			 struct str token, struct err *err)
{
	struct topic_arn arn;
	int r = topic_arn_read(&arn, topic_arn, err);

	if (r)
		return r;
	if (token.n == 0 || token.n > 1024 || !is_hex(token))
		return err_set(err, -EINVAL, "Token is not hexadecimal digits");
	buf_puts(out, "https://");
	r = sns_host(out, arn.partition, arn.region);
	if (r)
		return r;
	buf_puts(out, "/?Action=ConfirmSubscription&TopicArn=");
	encode_url(out, topic_arn);
	buf_puts(out, "&Token=");
	buf_put_str(out, token);
	return buf_error(out);
}

/* Is name=value TopicArn of another topic? What can't be decoded is. */
static int names_other(struct str pair, struct str topic_arn)
{
	struct buf key = BUF_INIT(4096), value = BUF_INIT(4096);
	struct str name = { 0 };
	int r, other = 0;

	if (!str_cut(&pair, '=', &name))
		return 0;
	r = decode_url(&key, name);
	if (r == 0 && str_is(buf_str(&key), "TopicArn")) {
		r = decode_url(&value, pair);
		other = r || !str_eq(buf_str(&value), topic_arn);
	}
	buf_fini(&key);
	buf_fini(&value);
	return r == -ENOMEM ? r : other;
}

/*
 * The URL sent is used for nothing, but one that names another topic than the
 * message does is somebody's attempt at something.
 */
static int check_sent_url(const struct sns_message *m, struct err *err)
{
	ssize_t query = str_find_char(m->subscribe_url, '?');
	struct str rest, pair;

	if (query < 0)
		return 0;
	rest = str_sub(m->subscribe_url, (size_t)query + 1,
		       m->subscribe_url.n - (size_t)query - 1);
	while (str_cut(&rest, '&', &pair)) {
		int r = names_other(pair, m->topic_arn);

		if (r < 0)
			return err_set(err, r, "out of memory");
		if (r)
			return err_set(err, -EINVAL,
				       "SubscribeURL names "
				       "another topic than TopicArn");
	}
	return 0;
}

int sns_confirm_url(struct buf *out, const struct sns_message *m,
		    struct err *err)
{
	int r;

	if (m->type == SNS_NOTIFICATION)
		return err_set(err, -EINVAL, "a notification confirms nothing");
	r = check_sent_url(m, err);
	return r ? r : sns_confirm_url_from(out, m->topic_arn, m->token, err);
}

/* Up to and with mark, dropped from *s. */
static bool skip_past(struct str *s, struct str mark)
{
	ssize_t at = str_find(*s, mark);

	if (at < 0)
		return false;
	*s = str_sub(*s, (size_t)at + mark.n, s->n - (size_t)at - mark.n);
	return true;
}

/* arn:PARTITION:sns:REGION:ACCOUNT:TOPIC:ID */
static bool subscription_arn(struct str s)
{
	struct str topic = s, id;
	struct topic_arn arn;

	while (topic.n && topic.p[topic.n - 1] != ':')
		topic.n--;
	if (topic.n == 0)
		return false;
	id = str_sub(s, topic.n, s.n - topic.n);
	topic.n--;
	for (size_t i = 0; i < id.n; i++)
		if (id.p[i] != '-' && !is_hex(str_sub(id, i, 1)))
			return false;
	return id.n > 0 && id.n <= 64 && topic_arn_read(&arn, topic, NULL) == 0;
}

int sns_confirm_answer(struct str *out, struct str xml)
{
	struct str arn;
	ssize_t end;

	if (!skip_past(&xml, STR("<ConfirmSubscriptionResponse")) ||
	    !skip_past(&xml, STR("<ConfirmSubscriptionResult>")) ||
	    !skip_past(&xml, STR("<SubscriptionArn>")))
		return -EINVAL;
	end = str_find(xml, STR("</SubscriptionArn>"));
	if (end < 0)
		return -EINVAL;
	arn = str_trim(str_sub(xml, 0, (size_t)end));
	if (!subscription_arn(arn))
		return -EINVAL;
	*out = arn;
	return 0;
}
