#include "agent/sandbox/box.h"

#include "agent/sandbox/deliver.h"
#include "agent/sandbox/form.h"
#include "agent/sandbox/signer.h"
#include "agent/sandbox/sns.h"
#include "base/clock.h"
#include "doc/json.h"
#include "doc/jsonw.h"

static int64_t wait_ms(const struct json *v)
{
	int64_t ms = json_int(json_get(v, "wait"), 0);

	return ms < 0 ? 0 : ms > 120000 ? 120000 : ms;
}

/* How deliveries ended; last: of the newest that failed, else of any. */
struct tally {
	int64_t delivered, failed, pending;
	struct box_outcome last;
};

/* Wait until these deliveries (int64_t each) ended, or ms went by. */
static struct tally await(struct call *c, const struct buf *ids, int64_t ms)
{
	struct box_deliver *d = box_sns_deliver(c->s->sns);
	int64_t until = clock_mono_ms() + ms, id;
	struct tally t = { 0 };
	struct box_outcome out;

	for (size_t i = 0; i + sizeof(id) <= ids->n; i += sizeof(id)) {
		memcpy(&id, ids->p + i, sizeof(id));
		while (box_deliver_outcome(&out, d, id) &&
		       out.end == BOX_PENDING && clock_mono_ms() < until &&
		       wire_sleep(c->s->wire, 2))
			;
		if (!box_deliver_outcome(&out, d, id))
			continue;
		t.delivered += out.end == BOX_DELIVERED;
		t.failed += out.end == BOX_FAILED;
		t.pending += out.end == BOX_PENDING;
		if (out.end != BOX_DELIVERED || !t.failed)
			t.last = out;
	}
	return t;
}

static void put_tally(struct jsonw *w, const struct tally *t)
{
	jsonw_kint(w, "deliveries", t->delivered + t->failed + t->pending);
	jsonw_kint(w, "delivered", t->delivered);
	jsonw_kint(w, "failed", t->failed);
	jsonw_kint(w, "pending", t->pending);
	jsonw_kint(w, "status", t->last.status);
	jsonw_kint(w, "attempts", t->last.attempts);
	jsonw_kcstr(w, "problem", t->last.problem);
}

static void topics(struct call *c)
{
	struct buf arn = BUF_INIT(1024);
	struct json *v = box_body(c);
	struct err err;

	if (!v)
		return;
	if (box_sns_put_arn(&arn, c->s->sns, json_get_str(v, "name"), &err))
		box_bad(c, &err);
	else
		buf_printf(&c->reply->body, "{\"topic_arn\":\"%s\"}", arn.p);
	buf_fini(&arn);
	json_free(v);
}

static void subscribe(struct call *c)
{
	struct jsonw w = JSONW(&c->reply->body);
	struct buf arn = BUF_INIT(1024);
	struct json *v = box_body(c);
	struct box_outcome out = { .end = BOX_PENDING };
	struct box_subscribe sub;
	int64_t delivery = 0, until;
	struct err err;

	if (!v)
		return;
	sub = (struct box_subscribe){
		.topic = json_get_str(v, "topic"),
		.endpoint = json_get_str(v, "endpoint"),
		.raw = json_bool(json_get(v, "raw"), false),
		.version = (int)json_int(json_get(v, "signature_version"), 0),
	};
	if (sub.version < 0 || sub.version > 2)
		sub.version = 1;
	if (box_sns_subscribe(&arn, &delivery, c->s->sns, &sub, &err)) {
		box_bad(c, &err);
		goto out;
	}
	until = clock_mono_ms() + wait_ms(v);
	while (!box_sns_confirmed(c->s->sns, buf_str(&arn)) &&
	       clock_mono_ms() < until && out.end != BOX_FAILED) {
		box_deliver_outcome(&out, box_sns_deliver(c->s->sns), delivery);
		if (!wire_sleep(c->s->wire, 5))
			break;
	}
	jsonw_object(&w);
	jsonw_kstr(&w, "subscription_arn", buf_str(&arn));
	jsonw_kbool(&w, "confirmed",
		    box_sns_confirmed(c->s->sns, buf_str(&arn)));
	jsonw_kint(&w, "delivery", delivery);
	jsonw_kint(&w, "status", out.status);
	jsonw_kcstr(&w, "problem", out.problem);
	jsonw_end_object(&w);
out:
	buf_fini(&arn);
	json_free(v);
}

static void unsubscribe(struct call *c)
{
	struct json *v = box_body(c);

	if (!v)
		return;
	if (box_sns_unsubscribe(c->s->sns, json_get_str(v, "subscription_arn")))
		box_done(c);
	else
		box_reply_error(c->reply, 404, "not_found",
				"No such subscription");
	json_free(v);
}

/* m: one message; top: what it leaves out. */
static struct box_publish read_publish(const struct json *m,
				       const struct json *top)
{
	struct box_publish p = {
		.topic = json_get_str(m, "topic"),
		.message = json_get_str(m, "message"),
		.subject = json_get_str(m, "subject"),
		.message_id = json_get_str(m, "message_id"),
		.timestamp = json_get_str(m, "timestamp"),
		.attributes = json_get(m, "attributes"),
		.replace = json_get(m, "replace"),
		.stranger = str_is(json_get_str(m, "key"), "stranger"),
	};
	int64_t copies = json_int(json_get(m, "copies"), 1);

	p.copies = copies < 1 ? 1 : copies > 100 ? 100 : (int)copies;
	if (!p.topic.p)
		p.topic = json_get_str(top, "topic");
	return p;
}

/* Publish m; its MessageId goes to w, its deliveries to ids. */
static int publish_one(struct call *c, struct jsonw *w, struct buf *ids,
		       const struct json *m, const struct json *top,
		       struct err *err)
{
	struct box_publish p = read_publish(m, top);
	struct buf id = BUF_INIT(128);
	int ret = box_sns_publish(&id, ids, c->s->sns, &p, err);

	if (!ret)
		jsonw_str(w, buf_str(&id));
	buf_fini(&id);
	return ret;
}

/* One message, or many under "messages". */
static void publish(struct call *c)
{
	struct jsonw w = JSONW(&c->reply->body);
	struct buf ids = BUF_INIT(64 << 20);
	struct json *v = box_body(c);
	const struct json *list = json_get(v, "messages");
	struct tally t;
	struct err err;
	int ret = 0;

	if (!v)
		return;
	jsonw_object(&w);
	jsonw_key(&w, "message_ids");
	jsonw_array(&w);
	if (!list)
		ret = publish_one(c, &w, &ids, v, v, &err);
	for (size_t i = 0; !ret && i < json_count(list); i++)
		ret = publish_one(c, &w, &ids, json_item(list, i), v, &err);
	jsonw_end_array(&w);
	if (ret) {
		box_bad(c, &err);
	} else {
		t = await(c, &ids, wait_ms(v));
		put_tally(&w, &t);
		jsonw_end_object(&w);
	}
	buf_fini(&ids);
	json_free(v);
}

static void deliveries(struct call *c)
{
	struct jsonw w = JSONW(&c->reply->body);

	jsonw_object(&w);
	box_deliver_put(&w, box_sns_deliver(c->s->sns),
			box_param(c, "message_id"),
			box_param_int(c, "limit", 100, 0, 65536));
	jsonw_end_object(&w);
}

static void subscriptions(struct call *c)
{
	struct jsonw w = JSONW(&c->reply->body);

	box_sns_put(&w, c->s->sns);
}

/* A signed envelope, right or wrong in any way, for those who post it. */
static void sign(struct call *c)
{
	struct buf arn = BUF_INIT(1024), id = BUF_INIT(64), now = BUF_INIT(64);
	struct buf signature = BUF_INIT(1024);
	struct json *v = box_body(c);
	struct str type = json_get_str(v, "type");
	struct box_publish p = read_publish(v, NULL);
	struct box_envelope e = {
		.type = "Notification",
		.message = p.message,
		.subject = p.subject,
		.attributes = p.attributes,
		.version = (int)json_int(json_get(v, "signature_version"), 1),
		.token = json_get_str(v, "token"),
		.stranger = p.stranger,
		.subscription_arn = json_get_str(v, "subscription_arn"),
		.message_id = p.message_id,
		.timestamp = p.timestamp,
	};
	struct err err;

	if (!v)
		return;
	if (box_sns_put_arn(&arn, c->s->sns, p.topic, &err)) {
		box_bad(c, &err);
		goto out;
	}
	box_put_uuid(&id);
	clock_put(&now, c->now_ms);
	e.topic_arn = buf_str(&arn);
	if (type.p)
		e.type = arena_cstr(c->arena, type);
	if (!e.message_id.p)
		e.message_id = buf_str(&id);
	if (!e.timestamp.p)
		e.timestamp = buf_str(&now);
	if (!e.type || box_sign(&signature, c->s->signer, &e)) {
		box_reply_error(c->reply, 500, "internal", "can't sign");
		goto out;
	}
	if (str_is(json_get_str(v, "signature"), "broken") && signature.n > 9)
		signature.p[8] = signature.p[8] == 'A' ? 'B' : 'A';
	c->reply->type = "text/plain; charset=UTF-8";
	box_envelope_put(&c->reply->body, c->s->signer, &e, buf_str(&signature),
			 p.replace);
out:
	buf_fini(&arn);
	buf_fini(&id);
	buf_fini(&now);
	buf_fini(&signature);
	json_free(v);
}

static void pem(struct call *c)
{
	c->reply->type = "application/x-pem-file";
	buf_put_str(&c->reply->body, box_signer_pem(c->s->signer));
}

const struct route box_sns_routes[] = {
	{ "POST", "/sandbox/sns/topics", topics },
	{ "GET", "/sandbox/sns/subscriptions", subscriptions },
	{ "POST", "/sandbox/sns/subscribe", subscribe },
	{ "POST", "/sandbox/sns/unsubscribe", unsubscribe },
	{ "POST", "/sandbox/sns/publish", publish },
	{ "POST", "/sandbox/sns/sign", sign },
	{ "GET", "/sandbox/sns/deliveries", deliveries },
	{ "GET", "/sandbox/sns/certificate", pem },
	{ 0 },
};
