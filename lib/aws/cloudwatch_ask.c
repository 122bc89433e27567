/* Asking and waiting: a request, its retries, an alarm list's pages. */
#include <errno.h>
#include <stdlib.h>

#include "aws/cloudwatch.h"
#include "base/clock.h"
#include "base/random.h"
#include "doc/json.h"
#include "rest/rest.h"

#define TRIES 5
#define APART_MS 334
#define TURN_MS 1000
#define BACKOFF_MS 1000
#define BACKOFF_MAX_MS 20000
#define PAGES_MAX 5000
#define CONTRIBUTOR_PAGES_MAX 20
#define BODY_MAX (8 << 20)
#define REQUEST_MAX (256 << 10)
#define PLACES_MAX 64

struct cloudwatch {
	struct cloudwatch_options o;
	int64_t next_ms;	/* monotonic: no request before it */
	/* Regions that don't know the type LogAlarm. */
	char *old[PLACES_MAX];
	size_t old_count;
};

/* One request under way. Abandoned, it belongs to its answer. */
struct ask {
	bool done, abandoned;
	enum aws_outcome outcome;
	int64_t retry_after_ms;
	int rc;
	struct str code;		/* of a refusal, in text */
	char text[128];
	struct err err;
	/* The answer's reader, in the loop's thread. */
	int (*read)(const struct aws_answer *a, void *arg, struct err *err);
	void *arg;
};

int cloudwatch_new(struct cloudwatch **out, const struct cloudwatch_options *o,
		   struct err *err)
{
	struct cloudwatch *c = calloc(1, sizeof(*c));

	if (!c)
		return err_set(err, -ENOMEM, "out of memory");
	c->o = *o;
	if (!c->o.tries)
		c->o.tries = TRIES;
	*out = c;
	return 0;
}

void cloudwatch_free(struct cloudwatch *c)
{
	if (!c)
		return;
	while (c->old_count)
		free(c->old[--c->old_count]);
	free(c);
}

/* ---- the loop ---- */

static int turn(struct cloudwatch *c, int64_t wait_ms)
{
	int wish = aws_client_step(c->o.client);

	if (wish >= 0 && wish < wait_ms)
		wait_ms = wish;
	rest_step(c->o.rest, (int)(wait_ms < TURN_MS ? wait_ms : TURN_MS));
	return c->o.turn && c->o.turn(c->o.arg) ? -ECANCELED : 0;
}

int cloudwatch_wait(struct cloudwatch *c, int64_t ms)
{
	int64_t end = clock_mono_ms() + ms, left = ms;
	int rc = 0;

	while (!rc && left > 0) {
		rc = turn(c, left);
		left = end - clock_mono_ms();
	}
	return rc;
}

/* ---- one request ---- */

static void say(struct ask *k, const struct aws_answer *a)
{
	struct str words = a->message.n ? a->message : a->code;

	err_set(&k->err, 0, "%s%s%.*s%s%.*s", aws_outcome_name(a->outcome),
		a->code.n || a->message.n ? ": " : "", STR_ARG(a->code),
		a->code.n && a->message.n ? ": " : "",
		STR_ARG(a->message.n ? words : STR_NONE));
}

static void answered(const struct aws_answer *a, void *arg)
{
	struct ask *k = arg;

	if (k->abandoned) {
		free(k);
		return;
	}
	k->done = true;
	k->outcome = a->outcome;
	k->retry_after_ms = a->retry_after_ms;
	if (a->outcome == AWS_OK) {
		k->rc = k->read(a, k->arg, &k->err);
		return;
	}
	say(k, a);
	k->code = str_sub(a->code, 0, a->code.n < sizeof(k->text) ?
						 a->code.n : 0);
	if (k->code.n)
		memcpy(k->text, k->code.p, k->code.n);
	k->code.p = k->text;
}

/* Send it once. 0: *k is answered. */
static int send(struct cloudwatch *c, struct ask **at,
		const struct aws_call *call, struct err *err)
{
	struct aws_call mine = *call;
	struct ask *k = *at;
	int64_t now = clock_mono_ms();
	int rc = 0;

	if (c->next_ms > now)
		rc = cloudwatch_wait(c, c->next_ms - now);
	if (rc)
		return rc;
	c->next_ms = clock_mono_ms() + APART_MS;
	mine.done = answered;
	mine.arg = k;
	k->done = false;
	rc = aws_call(c->o.client, &mine, err);
	if (rc)
		return rc == -ENOMEM ? rc : -EINVAL;
	while (!rc && !k->done)
		rc = turn(c, TURN_MS);
	if (rc && !k->done) {
		k->abandoned = true;
		*at = NULL;
	}
	return rc;
}

/* What an answer comes to; 1: worth another try. */
static int judge(const struct ask *k)
{
	switch (k->outcome) {
	case AWS_OK:
		return k->rc == -EBADMSG ? 1 : k->rc;
	case AWS_THROTTLED:
	case AWS_TRANSIENT:
	case AWS_UNREACHABLE:
		return 1;
	case AWS_NO_KEYS:
	case AWS_EXPIRED:
		return -ENOKEY;
	case AWS_DENIED:
		return -EACCES;
	case AWS_REFUSED:
		break;
	}
	return -EINVAL;
}

static int64_t backoff_ms(const struct ask *k, unsigned tried)
{
	int64_t ms = (int64_t)BACKOFF_MS << (tried < 5 ? tried - 1 : 4);

	if (k->retry_after_ms > ms)
		ms = k->retry_after_ms;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	return ms / 2 + (int64_t)random_below((uint64_t)ms / 2 + 1);
}

/* Ask until it is answered, refused or given up. *refused: AWS's code. */
static int ask(struct cloudwatch *c, const struct aws_call *call,
	       int (*read)(const struct aws_answer *a, void *arg,
			   struct err *err),
	       void *arg, char refused[128], struct err *err)
{
	struct ask *k = calloc(1, sizeof(*k));
	int rc = k ? 1 : -ENOMEM;

	if (!k)
		return err_set(err, -ENOMEM, "out of memory");
	k->read = read;
	k->arg = arg;
	for (unsigned i = 1; rc == 1; i++) {
		rc = send(c, &k, call, err);
		if (rc) {
			free(k);
			return rc;
		}
		rc = judge(k);
		if (rc != 1)
			break;
		if (i >= c->o.tries)
			rc = k->outcome == AWS_OK ? -EBADMSG : -EAGAIN;
		else if (cloudwatch_wait(c, backoff_ms(k, i)))
			rc = -ECANCELED;
	}
	if (rc && rc != -ECANCELED)
		err_set(err, 0, "%s", k->err.text);
	if (refused)
		memcpy(refused, k->text, sizeof(k->text));
	free(k);
	return rc;
}

/* ---- lists of alarms, and of an alarm's contributors ---- */

/* What is asked page by page, and who reads it. */
struct pages {
	const char *target;
	void (*put)(struct buf *out, const struct pages *p);
	int (*read)(struct str *next, const struct json *answer,
		    const struct pages *p, struct err *err);
	int most;			/* pages; more are pages without end */
	struct cw_query query;		/* of alarms */
	cw_each *each;
	struct str name;		/* of contributors */
	cw_each_contributor *each_contributor;
	void *arg;
	struct buf next, before;	/* tokens */
};

static void put_alarms(struct buf *out, const struct pages *p)
{
	cloudwatch_put_describe(out, &p->query, buf_str(&p->next));
}

static int read_alarms(struct str *next, const struct json *answer,
		       const struct pages *p, struct err *err)
{
	return cloudwatch_page_read(next, answer, p->each, p->arg, err);
}

static void put_contributors(struct buf *out, const struct pages *p)
{
	cloudwatch_put_contributors_of(out, p->name, buf_str(&p->next));
}

static int read_contributors(struct str *next, const struct json *answer,
			     const struct pages *p, struct err *err)
{
	return cloudwatch_contributors_read(next, answer, p->each_contributor,
					    p->arg, err);
}

static int read_page(const struct aws_answer *a, void *arg, struct err *err)
{
	struct pages *p = arg;
	struct str next;
	int rc = p->read(&next, a->json, p, err);

	if (rc)
		return rc;
	buf_reset(&p->next);
	buf_put_str(&p->next, next);
	return buf_error(&p->next);
}

static bool is_old(const struct cloudwatch *c, struct str region)
{
	for (size_t i = 0; i < c->old_count; i++)
		if (str_is(region, c->old[i]))
			return true;
	return false;
}

static void note_old(struct cloudwatch *c, struct str region)
{
	if (c->old_count < PLACES_MAX && region.n < 64 &&
	    (c->old[c->old_count] = strndup(region.p, region.n)))
		c->old_count++;
}

/* Was it refused for what was asked, and not for who asked? */
static bool is_invalid(const char *code)
{
	return strstr(code, "Validation") || strstr(code, "Invalid");
}

static int ask_page(struct cloudwatch *c, struct str region, struct pages *p,
		    char refused[128], struct err *err)
{
	struct buf body = BUF_INIT(REQUEST_MAX);
	struct aws_call call = {
		.service = CLOUDWATCH_SERVICE,
		.target = p->target,
		.region = region,
		.max_body = BODY_MAX,
	};
	int rc;

	p->put(&body, p);
	call.body = buf_str(&body);
	rc = buf_error(&body) ?
		     err_set(err, -EINVAL, "a question that is too long") :
		     ask(c, &call, read_page, p, refused, err);
	buf_fini(&body);
	return rc;
}

static int all_pages(struct cloudwatch *c, struct str region, struct pages *p,
		     char refused[128], struct err *err)
{
	int rc = 0;

	buf_reset(&p->next);
	for (int i = 0; !rc; i++) {
		rc = ask_page(c, region, p, refused, err);
		if (rc || !p->next.n)
			break;
		if (i >= p->most || str_eq(buf_str(&p->next),
					   buf_str(&p->before)))
			rc = err_set(err, -EBADMSG, "%s: pages without end",
				     p->target);
		buf_reset(&p->before);
		buf_put_str(&p->before, buf_str(&p->next));
		refused = NULL;		/* a later page: the question is known */
	}
	return rc;
}

static void pages_init(struct pages *p)
{
	buf_init(&p->next, REQUEST_MAX / 2);
	buf_init(&p->before, REQUEST_MAX / 2);
}

static void pages_fini(struct pages *p)
{
	buf_fini(&p->next);
	buf_fini(&p->before);
}

int cloudwatch_alarms(struct cloudwatch *c, struct str region,
		      const struct cw_query *query, cw_each *each, void *arg,
		      struct err *err)
{
	struct pages p = {
		.target = CLOUDWATCH_TARGET "DescribeAlarms",
		.put = put_alarms,
		.read = read_alarms,
		.most = PAGES_MAX,
		.query = *query,
		.each = each,
		.arg = arg,
	};
	char refused[128] = "";
	int rc;

	pages_init(&p);
	p.query.no_log_alarms = query->no_log_alarms || is_old(c, region);
	rc = all_pages(c, region, &p, refused, err);
	if (rc == -EINVAL && !p.query.no_log_alarms && is_invalid(refused)) {
		p.query.no_log_alarms = true;
		rc = all_pages(c, region, &p, NULL, err);
		if (!rc)
			note_old(c, region);
	}
	pages_fini(&p);
	return rc;
}

int cloudwatch_contributors(struct cloudwatch *c, struct str region,
			    struct str name, cw_each_contributor *each,
			    void *arg, struct err *err)
{
	struct pages p = {
		.target = CLOUDWATCH_TARGET "DescribeAlarmContributors",
		.put = put_contributors,
		.read = read_contributors,
		.most = CONTRIBUTOR_PAGES_MAX,
		.name = name,
		.each_contributor = each,
		.arg = arg,
	};
	char refused[128] = "";
	int rc;

	pages_init(&p);
	rc = all_pages(c, region, &p, refused, err);
	if (rc == -EINVAL && (strstr(refused, "UnknownOperation") ||
			      strstr(refused, "InvalidAction")))
		rc = -ENOTSUP;
	pages_fini(&p);
	return rc;
}

/* ---- the other questions ---- */

static int read_muted(const struct aws_answer *a, void *arg, struct err *err)
{
	int rc = cloudwatch_muted_read(a->json);

	if (rc < 0)
		return err_set(err, rc, "ListAlarmMuteRules: an answer whose "
					"AlarmMuteRuleSummaries is no list");
	*(int *)arg = rc;
	return 0;
}

int cloudwatch_muted(struct cloudwatch *c, struct str region, struct str name,
		     struct err *err)
{
	struct buf body = BUF_INIT(16384);
	struct aws_call call = {
		.service = CLOUDWATCH_SERVICE,
		.target = CLOUDWATCH_TARGET "ListAlarmMuteRules",
		.region = region,
	};
	int muted = 0, rc;

	cloudwatch_put_mutes_of(&body, name);
	call.body = buf_str(&body);
	rc = ask(c, &call, read_muted, &muted, NULL, err);
	buf_fini(&body);
	return rc ? rc : muted;
}

static int read_account(const struct aws_answer *a, void *arg, struct err *err)
{
	struct buf text = BUF_INIT(64);
	int rc = aws_xml_text(&text, a->body, "Account");

	if (rc == 1 && text.n == 12 && !buf_error(&text)) {
		buf_put_str(arg, buf_str(&text));
		rc = 0;
	} else {
		rc = err_set(err, -EBADMSG, "GetCallerIdentity: an answer "
					    "without an account");
	}
	buf_fini(&text);
	return rc;
}

int cloudwatch_account(struct cloudwatch *c, struct str region,
		       struct buf *out, struct err *err)
{
	const struct aws_call call = {
		.service = "sts",
		.body = STR("Action=GetCallerIdentity&Version=2011-06-15"),
		.region = region,
	};

	return ask(c, &call, read_account, out, NULL, err);
}
