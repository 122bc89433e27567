#include "aws/signed.h"

static void add(struct signed_parts *s, const char *name, struct str value)
{
	s->part[s->n++] = (struct signed_part){ str_from(name), value };
}

void signed_parts(struct signed_parts *out, const struct sns_message *m)
{
	bool notification = m->type == SNS_NOTIFICATION;

	out->n = 0;
	add(out, "Message", m->message);
	add(out, "MessageId", m->message_id);
	if (!notification)
		add(out, "SubscribeURL", m->subscribe_url);
	else if (m->subject.p)
		add(out, "Subject", m->subject);
	add(out, "Timestamp", m->timestamp);
	if (!notification)
		add(out, "Token", m->token);
	add(out, "TopicArn", m->topic_arn);
	add(out, "Type", str_from(sns_type_name(m->type)));
}

void sns_signed_string(struct buf *out, const struct sns_message *m)
{
	struct signed_parts s;

	signed_parts(&s, m);
	for (size_t i = 0; i < s.n; i++) {
		buf_put_str(out, s.part[i].name);
		buf_putc(out, '\n');
		buf_put_str(out, s.part[i].value);
		buf_putc(out, '\n');
	}
}
