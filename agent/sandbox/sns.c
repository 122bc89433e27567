#include "agent/sandbox/sns.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "agent/sandbox/deliver.h"
#include "agent/sandbox/records.h"
#include "agent/sandbox/settings.h"
#include "agent/sandbox/signer.h"
#include "agent/sandbox/sub.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define MESSAGE_MAX 262144 /* Publish, AWS's service model */

struct box_sns {
	struct box_sns_options o;
	struct box_deliver *deliver;
	pthread_mutex_t lock;
	struct box_sub *subs; /* only grows */
};

/* Under the lock: keep all in records. */
static int save(struct box_sns *s, struct err *err)
{
	struct buf text = BUF_INIT(16 << 20);
	struct jsonw w = JSONW(&text);
	int ret;

	jsonw_array(&w);
	for (const struct box_sub *sub = s->subs; sub; sub = sub->next)
		box_sub_put(&w, sub, true);
	jsonw_end_array(&w);
	ret = buf_error(&text);
	if (!ret)
		ret = box_text_set(s->o.records, "subscriptions",
				   buf_str(&text), err);
	buf_wipe(&text);
	return ret;
}

static int load(struct box_sns *s, struct err *err)
{
	struct buf text = BUF_INIT(16 << 20);
	struct json *v = NULL;
	int ret = box_text_get(&text, s->o.records, "subscriptions", err);

	if (ret == BOX_NOT_FOUND)
		return 0;
	if (!ret)
		ret = json_parse(&v, buf_str(&text), 0, err);
	for (size_t i = 0; !ret && i < json_count(v); i++) {
		struct box_sub *sub = box_sub_read(json_item(v, i));

		if (!sub) {
			ret = err_set(err, -EINVAL,
				      "the sandbox's "
				      "subscriptions are damaged");
			break;
		}
		sub->next = s->subs;
		s->subs = sub;
	}
	json_free(v);
	buf_wipe(&text);
	return ret;
}

int box_sns_new(struct box_sns **out, const struct box_sns_options *o,
		struct err *err)
{
	struct box_sns *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	s->o = *o;
	pthread_mutex_init(&s->lock, NULL);
	ret = box_deliver_new(&s->deliver, o->settings, o->trust, err);
	if (!ret)
		ret = load(s, err);
	if (ret)
		box_sns_free(s);
	else
		*out = s;
	return ret;
}

int box_sns_start(struct box_sns *s, struct err *err)
{
	return box_deliver_start(s->deliver, err);
}

void box_sns_free(struct box_sns *s)
{
	struct box_sub *sub;

	if (!s)
		return;
	box_deliver_free(s->deliver);
	while ((sub = s->subs)) {
		s->subs = sub->next;
		box_sub_free(sub);
	}
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct box_deliver *box_sns_deliver(struct box_sns *s)
{
	return s->deliver;
}

static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '-' && c != '_')
			return false;
	}
	return s.n > 0 && s.n <= 256;
}

int box_sns_put_arn(struct buf *out, const struct box_sns *s, struct str topic,
		    struct err *err)
{
	struct str rest = topic, field = STR_NONE;
	int fields = 0;

	if (is_name(topic)) {
		buf_printf(out, "arn:aws:sns:%s:%s:%.*s", s->o.region,
			   s->o.account, STR_ARG(topic));
		return 0;
	}
	while (str_cut(&rest, ':', &field))
		fields++;
	if (fields != 6 || !str_starts(topic, "arn:aws") || !is_name(field) ||
	    !is_name(box_arn_region(topic)))
		return err_set(err, -EINVAL,
			       "\"%.*s\" is neither a topic's "
			       "name nor its ARN",
			       STR_ARG(topic));
	buf_put_str(out, topic);
	return 0;
}

/* Post one message to one subscription. The delivery's id, or negative. */
static int64_t post(struct box_sns *s, const struct box_sub *sub,
		    const struct box_envelope *e, struct str signature,
		    const struct json *replace)
{
	bool notification = str_is(str_from(e->type), "Notification");
	bool raw = sub->raw && notification;
	struct buf body = BUF_INIT(8 << 20);
	struct box_post p = {
		.type = e->type,
		.message_id = e->message_id,
		.topic_arn = e->topic_arn,
		.url = buf_str(&sub->url),
		.raw = raw,
	};
	int64_t id = -ENOMEM;

	if (!str_is(str_from(e->type), "SubscriptionConfirmation"))
		p.subscription_arn = buf_str(&sub->arn);
	if (sub->authorization.n)
		p.authorization = buf_str(&sub->authorization);
	if (raw)
		buf_put_str(&body, e->message);
	else
		box_envelope_put(&body, s->o.signer, e, signature, replace);
	p.body = buf_str(&body);
	if (!buf_error(&body))
		id = box_deliver_post(s->deliver, &p);
	buf_fini(&body);
	return id;
}

static int64_t post_confirmation(struct box_sns *s, const struct box_sub *sub,
				 bool ended)
{
	struct buf text = BUF_INIT(4096), id = BUF_INIT(64), now = BUF_INIT(64);
	struct buf signature = BUF_INIT(1024);
	struct box_envelope e = {
		.type = ended ? "UnsubscribeConfirmation"
			      : "SubscriptionConfirmation",
		.topic_arn = buf_str(&sub->topic),
		.version = sub->version,
		.token = buf_str(&sub->token),
	};
	int64_t ret;

	box_put_uuid(&id);
	clock_put(&now, clock_wall_ms());
	if (ended)
		buf_printf(&text,
			   "You have chosen to deactivate subscription "
			   "%s.\nTo cancel this operation and restore the "
			   "subscription, visit the SubscribeURL included in "
			   "this message.",
			   sub->arn.p);
	else
		buf_printf(&text,
			   "You have chosen to subscribe to the topic "
			   "%s.\nTo confirm the subscription, visit the "
			   "SubscribeURL included in this message.",
			   sub->topic.p);
	e.message = buf_str(&text);
	e.message_id = buf_str(&id);
	e.timestamp = buf_str(&now);
	ret = box_sign(&signature, s->o.signer, &e);
	if (!ret)
		ret = post(s, sub, &e, buf_str(&signature), NULL);
	buf_fini(&text);
	buf_fini(&id);
	buf_fini(&now);
	buf_fini(&signature);
	return ret;
}

static struct box_sub *find(struct box_sns *s, const struct box_sub *like)
{
	for (struct box_sub *sub = s->subs; sub; sub = sub->next)
		if (sub->state != BOX_SUB_ENDED && sub->raw == like->raw &&
		    sub->version == like->version &&
		    str_eq(buf_str(&sub->topic), buf_str(&like->topic)) &&
		    str_eq(buf_str(&sub->url), buf_str(&like->url)) &&
		    str_eq(buf_str(&sub->authorization),
			   buf_str(&like->authorization)))
			return sub;
	return NULL;
}

static int prepare(struct box_sub *sub, struct box_sns *s,
		   const struct box_subscribe *want, struct err *err)
{
	uint8_t token[96];
	int ret = box_sns_put_arn(&sub->topic, s, want->topic, err);

	if (!ret)
		ret = box_sub_endpoint(sub, want->endpoint, err);
	if (ret)
		return ret;
	random_bytes(token, sizeof(token));
	encode_hex(&sub->token, token, sizeof(token));
	buf_printf(&sub->arn, "%s:", sub->topic.p);
	box_put_uuid(&sub->arn);
	sub->raw = want->raw;
	sub->version = want->version ? want->version
				     : (int)box_setting(s->o.settings,
							BOX_SNS_VERSION);
	if (!box_sub_whole(sub))
		return err_set(err, -EINVAL, "endpoint: too long");
	return 0;
}

int box_sns_subscribe(struct buf *arn, int64_t *delivery, struct box_sns *s,
		      const struct box_subscribe *want, struct err *err)
{
	struct box_sub *sub = box_sub_new(), *known;
	int64_t id = 0;
	int ret = sub ? prepare(sub, s, want, err) : -ENOMEM;

	if (ret)
		goto out;
	pthread_mutex_lock(&s->lock);
	known = find(s, sub);
	if (!known) {
		known = sub;
		sub->next = s->subs;
		s->subs = sub;
		sub = NULL;
		ret = save(s, err);
	}
	if (!ret && known->state == BOX_SUB_PENDING)
		id = post_confirmation(s, known, false);
	pthread_mutex_unlock(&s->lock);
	if (id < 0)
		ret = err_set(err, (int)id, "can't send a confirmation");
	if (!ret) {
		*delivery = id;
		buf_put_str(arn, buf_str(&known->arn));
	}
out:
	box_sub_free(sub);
	return ret;
}

bool box_sns_confirmed(struct box_sns *s, struct str arn)
{
	bool confirmed = false;

	pthread_mutex_lock(&s->lock);
	for (const struct box_sub *sub = s->subs; sub; sub = sub->next)
		if (str_eq(buf_str(&sub->arn), arn))
			confirmed = sub->state == BOX_SUB_CONFIRMED;
	pthread_mutex_unlock(&s->lock);
	return confirmed;
}

int box_sns_confirm(struct buf *arn, struct box_sns *s, struct str topic_arn,
		    struct str token)
{
	struct buf topic = BUF_INIT(1024);
	bool known = !box_sns_put_arn(&topic, s, topic_arn, NULL) &&
		     str_starts(topic_arn, "arn:");
	int ret = BOX_BAD_TOKEN;

	buf_fini(&topic);
	if (!known)
		return BOX_BAD_TOPIC;
	pthread_mutex_lock(&s->lock);
	for (struct box_sub *sub = s->subs; sub; sub = sub->next) {
		if (!str_eq(buf_str(&sub->token), token))
			continue;
		/* SNS goes by the token: only the region must be right. */
		ret = BOX_BAD_TOPIC;
		if (!str_eq(box_arn_region(buf_str(&sub->topic)),
			    box_arn_region(topic_arn)))
			break;
		sub->state = BOX_SUB_CONFIRMED;
		buf_put_str(arn, buf_str(&sub->arn));
		ret = save(s, NULL) ? BOX_BAD_TOKEN : 0;
		break;
	}
	pthread_mutex_unlock(&s->lock);
	return ret;
}

bool box_sns_unsubscribe(struct box_sns *s, struct str arn)
{
	struct box_sub *sub;

	pthread_mutex_lock(&s->lock);
	for (sub = s->subs; sub; sub = sub->next)
		if (sub->state != BOX_SUB_ENDED &&
		    str_eq(buf_str(&sub->arn), arn))
			break;
	if (sub) {
		sub->state = BOX_SUB_ENDED;
		if (save(s, NULL) || post_confirmation(s, sub, true) < 0)
			sub = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	return sub != NULL;
}

/* Sign for this version unless it is done. */
static int signature_for(struct buf sig[3], struct box_sns *s,
			 struct box_envelope *e, int version)
{
	e->version = version;
	return sig[version].n ? 0 : box_sign(&sig[version], s->o.signer, e);
}

/* Next confirmed subscription of the topic behind sub (NULL: first). */
static struct box_sub *next_sub(struct box_sns *s, struct box_sub *sub,
				struct str topic)
{
	pthread_mutex_lock(&s->lock);
	sub = sub ? sub->next : s->subs;
	while (sub && (sub->state != BOX_SUB_CONFIRMED ||
		       !str_eq(buf_str(&sub->topic), topic)))
		sub = sub->next;
	pthread_mutex_unlock(&s->lock);
	return sub;
}

static int publish_to_all(struct buf *deliveries, struct box_sns *s,
			  struct box_envelope *e, const struct box_publish *p)
{
	struct buf sig[3] = { BUF_INIT(1), BUF_INIT(1024), BUF_INIT(1024) };
	struct box_sub *sub = NULL;
	int ret = 0;

	while (!ret && (sub = next_sub(s, sub, e->topic_arn))) {
		int64_t id = 0;

		e->subscription_arn = buf_str(&sub->arn);
		if (!sub->raw)
			ret = signature_for(sig, s, e, sub->version);
		for (int i = 0; !ret && i < (p->copies ? p->copies : 1); i++) {
			id = post(s, sub, e, buf_str(&sig[sub->version]),
				  p->replace);
			if (id < 0)
				ret = (int)id;
			else
				buf_put(deliveries, &id, sizeof(id));
		}
	}
	for (int i = 0; i < 3; i++)
		buf_fini(&sig[i]);
	return ret ? ret : buf_error(deliveries);
}

int box_sns_publish(struct buf *id, struct buf *deliveries, struct box_sns *s,
		    const struct box_publish *p, struct err *err)
{
	struct buf topic = BUF_INIT(1024), now = BUF_INIT(64);
	struct box_envelope e = {
		.type = "Notification",
		.message = p->message,
		.subject = p->subject,
		.attributes = p->attributes,
		.timestamp = p->timestamp,
		.stranger = p->stranger,
	};
	size_t from = id->n;
	int ret;

	if (!p->message.n || p->message.n > MESSAGE_MAX)
		return err_set(err, -EINVAL, "message: 1 to %d bytes",
			       MESSAGE_MAX);
	ret = box_sns_put_arn(&topic, s, p->topic, err);
	if (ret)
		goto out;
	if (p->message_id.p)
		buf_put_str(id, p->message_id);
	else
		box_put_uuid(id);
	clock_put(&now, clock_wall_ms());
	if (!e.timestamp.p)
		e.timestamp = buf_str(&now);
	e.topic_arn = buf_str(&topic);
	e.message_id = str_sub(buf_str(id), from, id->n - from);
	ret = publish_to_all(deliveries, s, &e, p);
	if (ret)
		err_set(err, ret, "can't sign or queue a message");
out:
	buf_fini(&topic);
	buf_fini(&now);
	return ret;
}

void box_sns_put(struct jsonw *w, struct box_sns *s)
{
	jsonw_array(w);
	pthread_mutex_lock(&s->lock);
	for (const struct box_sub *sub = s->subs; sub; sub = sub->next)
		box_sub_put(w, sub, false);
	pthread_mutex_unlock(&s->lock);
	jsonw_end_array(w);
}
