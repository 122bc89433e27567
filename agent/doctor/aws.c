#include "agent/doctor/aws.h"

#include <errno.h>

#include "base/clock.h"
#include "base/encode.h"
#include "doc/json.h"

#define CREDS_MS 8000
/* With a last request still within the patience of the command. */
#define ALL_MS 15000

/* ---- asking ---- */

struct waiting {
	struct doctor_answer *out;
	struct doctor_aws *a;
	bool ended;
};

static void answered(const struct aws_answer *r, void *arg)
{
	struct waiting *w = arg;

	w->ended = true;
	w->out->outcome = r->outcome;
	utf8_keep(w->out->code, sizeof(w->out->code), r->code);
	utf8_keep(w->out->message, sizeof(w->out->message), r->message);
	buf_put_str(&w->out->body, r->body);
	if (r->json && json_parse(&w->out->json, r->body, 0, NULL))
		w->out->json = NULL;
	if (r->date_ms) {
		w->a->date_ms = r->date_ms;
		w->a->wall_ms = clock_wall_ms();
	}
}

void doctor_ask(struct doctor_answer *out, struct doctor_aws *a,
		const struct aws_call *call)
{
	struct waiting w = { .out = out, .a = a };
	struct aws_call c = *call;
	struct err err = { "" };

	*out = (struct doctor_answer){ .outcome = AWS_TRANSIENT,
				       .body = BUF_INIT(8 << 20) };
	utf8_keep(out->message, sizeof(out->message), STR("no answer in time"));
	if (clock_mono_ms() >= a->end_ms)
		return;
	c.done = answered;
	c.arg = &w;
	c.timeout_ms = DOCTOR_CALL_MS;
	if (aws_call(a->client, &c, &err)) {
		utf8_keep(out->message, sizeof(out->message),
			  str_from(err.text));
		return;
	}
	/* The call ends by its own timeout; keys may have to be renewed. */
	while (!w.ended) {
		int wait = aws_client_step(a->client);

		if (!w.ended)
			rest_step(a->rest, wait >= 0 && wait < 100 ? wait
								   : 100);
	}
}

void doctor_answer_free(struct doctor_answer *answer)
{
	buf_wipe(&answer->body);
	json_free(answer->json);
	answer->json = NULL;
}

void doctor_ask_sns(struct doctor_answer *out, struct doctor_aws *a,
		    const char *action, const char *key, struct str value,
		    struct str next, struct str region)
{
	struct buf body = BUF_INIT(8192);
	struct aws_call call = { .service = "sns", .region = region };

	buf_printf(&body, "Action=%s&Version=2010-03-31&%s=", action, key);
	encode_url(&body, value);
	if (next.n) {
		buf_puts(&body, "&NextToken=");
		encode_url(&body, next);
	}
	call.body = buf_str(&body);
	doctor_ask(out, a, &call);
	buf_fini(&body);
}

void doctor_trouble(struct doctor_aws *a, const char *what, const char *action,
		    const struct doctor_answer *r)
{
	const char *sep = r->code[0] && r->message[0] ? ": " : "";

	switch (r->outcome) {
	case AWS_DENIED:
		doctor_say(a->g, DOCTOR_WARN, what,
			   "allow it in the IAM policy (tocsin.yaml(5) has an "
			   "example), or look there yourself",
			   "not checked, for %s is not allowed: %s%s%s", action,
			   r->code, sep, r->message);
		return;
	case AWS_UNREACHABLE:
		doctor_say(a->g, DOCTOR_FAIL, what,
			   "look at the network, network.proxy, "
			   "aws.endpoint_url and AWS_ENDPOINT_URL",
			   "can't be reached: %s", r->message);
		return;
	case AWS_NO_KEYS:
	case AWS_EXPIRED:
		doctor_say(a->g, DOCTOR_FAIL, what,
			   "look at the credentials above",
			   "no keys that are accepted: %s%s%s", r->code, sep,
			   r->message);
		return;
	case AWS_THROTTLED:
	case AWS_TRANSIENT:
		doctor_say(a->g, DOCTOR_WARN, what, "look again later",
			   "not checked: %s%s%s", r->code, sep, r->message);
		return;
	case AWS_OK:
	case AWS_REFUSED:
		break;
	}
	doctor_say(a->g, DOCTOR_FAIL, what, "look at its name and region",
		   "%s: %s%s%s", action, r->code, sep, r->message);
}

/* ---- credentials ---- */

/* aws_creds_get() says in the end what went wrong. */
static void hear_nothing(bool trouble, const char *text, void *arg)
{
	(void)trouble;
	(void)text;
	(void)arg;
}

static bool tell_credentials(struct doctor_aws *a)
{
	struct aws_creds *creds = cloud_creds(a->cloud);
	const char *provider;
	struct aws_held *held;
	struct err err = { "" };
	struct buf until = BUF_INIT(64);
	int64_t expire;
	int rc;

	aws_creds_wait(creds, CREDS_MS);
	rc = aws_creds_get(&held, creds, &err);
	if (rc) {
		doctor_say(a->g, DOCTOR_FAIL, "AWS credentials",
			   "give the instance or container a role, or set "
			   "aws.profile or keys; as the agent's user, for its "
			   "environment counts",
			   "%s", rc == -EAGAIN ? "no provider answered in time"
					       : err.text);
		return false;
	}
	aws_held_drop(held);
	provider = aws_creds_provider(creds);
	expire = aws_creds_expire_ms(creds);
	if (expire) {
		buf_puts(&until, ", renewed before they end in ");
		clock_put_span(&until, expire - clock_wall_ms());
	}
	doctor_say(a->g, DOCTOR_OK, "AWS credentials", NULL, "from %s%s",
		   provider ? provider : "somewhere",
		   expire ? until.p : "");
	buf_fini(&until);
	return true;
}

/* Nobody needs a right for this: are the keys accepted, and whose are they? */
static bool tell_caller(struct doctor_aws *a)
{
	const struct aws_call call = {
		.service = "sts",
		.body = STR("Action=GetCallerIdentity&Version=2011-06-15"),
	};
	struct buf arn = BUF_INIT(512);
	struct doctor_answer r;
	bool ok;

	doctor_ask(&r, a, &call);
	ok = r.outcome != AWS_NO_KEYS && r.outcome != AWS_EXPIRED;
	if (r.outcome == AWS_OK &&
	    aws_xml_text(&arn, buf_str(&r.body), "Arn") > 0)
		doctor_say(a->g, DOCTOR_OK, "AWS caller", NULL, "%s in %s",
			   buf_str(&arn).p, cloud_region(a->cloud));
	else if (!ok)
		doctor_trouble(a, "AWS caller", "sts:GetCallerIdentity", &r);
	else
		/* A network that lets SQS through needs no STS. */
		doctor_say(a->g, DOCTOR_OK, "AWS caller", NULL,
			   "not asked: STS doesn't answer this (%s%s%s)",
			   r.code, r.code[0] ? ": " : "", r.message);
	buf_fini(&arn);
	doctor_answer_free(&r);
	return ok;
}

static void check_all(struct doctor_aws *a)
{
	const struct conf *c = a->g->conf;

	if (!tell_credentials(a) || !tell_caller(a))
		return;
	for (size_t i = 0; i < c->queue_count; i++)
		doctor_queue(a, &c->queues[i]);
	doctor_topics(a);
	doctor_alarms(a);
	doctor_clock(a->g, "AWS", a->date_ms, a->wall_ms);
}

void doctor_aws(struct doctor_group *g)
{
	struct doctor_aws a = { .g = g };
	struct err err = { "" };

	if (!cloud_wanted(g->conf)) {
		doctor_say(g, DOCTOR_OK, "AWS", NULL,
			   "not asked for anything (sqs, aws and "
			   "stackflow.fallback.sns are not set): queues, "
			   "subscriptions and alarms were not checked");
		return;
	}
	if (cloud_new_for(&a.cloud, g->conf, hear_nothing, NULL, &err)) {
		doctor_say(g, DOCTOR_FAIL, "AWS", NULL, "%s", err.text);
		goto out;
	}
	a.end_ms = clock_mono_ms() + CREDS_MS + ALL_MS;
	if (cloud_client(&a.rest, &a.client, a.cloud, g->conf, &err)) {
		doctor_say(g, DOCTOR_FAIL, "AWS", NULL, "%s", err.text);
		goto out;
	}
	check_all(&a);
	aws_client_free(a.client);
	rest_free(a.rest);
out:
	cloud_free(a.cloud);
}
