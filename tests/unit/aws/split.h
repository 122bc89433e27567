#ifndef UNIT_AWS_SPLIT_H
#define UNIT_AWS_SPLIT_H

#include "aws/sns.h"

/*
 * The inverse of sns_signed_string(), written from the description of the
 * format and not from its code: lines are taken off the right, the names they
 * must have decide, and what is left in front is Message.
 */
struct split {
	struct str type, topic_arn, token, timestamp, subject, subscribe_url,
		message_id, message;
};

/* Take the last line off *s, which ends with LF. */
static inline bool last_line(struct str *s, struct str *line)
{
	size_t from;

	if (s->n == 0 || s->p[s->n - 1] != '\n')
		return false;
	from = s->n - 1;
	while (from > 0 && s->p[from - 1] != '\n')
		from--;
	*line = str_sub(*s, from, s->n - 1 - from);
	s->n = from;
	return true;
}

/* Take NAME LF VALUE LF off the right where the name is so. */
static inline bool last_pair(struct str *s, const char *name, struct str *value)
{
	struct str rest = *s, line, v;

	if (!last_line(&rest, &v) || !last_line(&rest, &line) ||
	    !str_is(line, name))
		return false;
	*value = v;
	*s = rest;
	return true;
}

static inline bool split_signed(struct split *out, struct str s)
{
	struct split f = { 0 };

	if (!last_pair(&s, "Type", &f.type) ||
	    !last_pair(&s, "TopicArn", &f.topic_arn))
		return false;
	if (str_is(f.type, "Notification")) {
		if (!last_pair(&s, "Timestamp", &f.timestamp))
			return false;
		(void)last_pair(&s, "Subject", &f.subject);
	} else if (!last_pair(&s, "Token", &f.token) ||
		   !last_pair(&s, "Timestamp", &f.timestamp) ||
		   !last_pair(&s, "SubscribeURL", &f.subscribe_url)) {
		return false;
	}
	if (!last_pair(&s, "MessageId", &f.message_id) ||
	    !str_starts(s, "Message\n") || s.n < 9 || s.p[s.n - 1] != '\n')
		return false;
	f.message = str_sub(s, 8, s.n - 9);
	*out = f;
	return true;
}

static inline bool split_same(struct str a, struct str b)
{
	return !a.p == !b.p && str_eq(a, b);
}

static inline bool split_agrees(const struct split *f,
				const struct sns_message *m)
{
	return str_is(f->type, sns_type_name(m->type)) &&
	       split_same(f->topic_arn, m->topic_arn) &&
	       split_same(f->token, m->token) &&
	       split_same(f->timestamp, m->timestamp) &&
	       split_same(f->subject, m->subject) &&
	       split_same(f->subscribe_url, m->subscribe_url) &&
	       split_same(f->message_id, m->message_id) &&
	       str_eq(f->message, m->message);
}

#endif
