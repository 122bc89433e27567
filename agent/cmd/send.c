#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/cmd/alarm_sample.h"
#include "agent/cmd/args.h"
#include "agent/sandbox/sandbox.h"
#include "base/clock.h"
#include "doc/json.h"
#include "doc/jsonw.h"
#include "rest/rest.h"

#define DIMENSIONS 30
#define AT_ONCE 200	/* messages of one publish */
#define TEXT_MAX (64 << 20)

struct send {
	struct args args;
	const char *to, *topic, *data, *sandbox, *file, *subject;
	const char *counted, *wait;
	int64_t count, wait_ms;		/* as these two say */
	struct alarm_sample alarm;
	struct texts dimensions;
	struct rest *rest;
	struct buf control;	/* "http://127.0.0.1:8181/sandbox" */
	struct buf region, account, arn;
};

static int complain(const char *text)
{
	fprintf(stderr, "tocsin send: %s\n", text);
	return CMD_FAILED;
}

static int read_all(struct buf *out, const char *path, struct err *err)
{
	bool in = str_is(str_from(path), "-");
	FILE *f = in ? stdin : fopen(path, "re");
	char chunk[16384];
	size_t n;

	if (!f)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_put(out, chunk, n);
	if (!in)
		fclose(f);
	return buf_error(out) ? err_set(err, -E2BIG, "%s: too large", path) : 0;
}

/* From DIR/sandbox.json: where the sandbox is, its region and account. */
static int find_sandbox(struct send *s, struct err *err)
{
	struct buf path = BUF_INIT(4096), text = BUF_INIT(1 << 20);
	struct json *v = NULL;
	int ret = 0;

	if (s->sandbox) {
		struct str url = str_from(s->sandbox);

		while (str_ends(url, "/"))
			url.n--;
		buf_printf(&s->control, "%.*s/sandbox", STR_ARG(url));
		goto out;
	}
	if (s->data)
		buf_puts(&path, s->data);
	else
		sandbox_put_default_data(&path);
	buf_puts(&path, "/sandbox.json");
	ret = read_all(&text, path.p, err);
	if (ret == -ENOENT && !s->data) {
		buf_puts(&s->control, "http://127.0.0.1:8181/sandbox");
		ret = 0;
		goto out;
	}
	if (!ret)
		ret = json_parse(&v, buf_str(&text), 0, err);
	if (!ret) {
		buf_put_str(&s->control, json_get_str(v, "control"));
		buf_put_str(&s->region, json_get_str(v, "region"));
		buf_put_str(&s->account, json_get_str(v, "account"));
	}
out:
	json_free(v);
	buf_fini(&path);
	buf_wipe(&text);
	return ret;
}

/* POST json to control; *out is the answer, which is yours. */
static int call(struct json **out, struct send *s, const char *path,
		struct str body, struct err *err)
{
	static const char *const headers[] = {
		"Content-Type: application/json", NULL
	};
	struct buf url = BUF_INIT(4096), copy = BUF_INIT(TEXT_MAX);
	struct rest_response r = { .outcome = REST_NOT_SENT };
	struct rest_request req = {
		.method = "POST", .headers = headers, .body = body,
		.timeout_ms = (unsigned)s->wait_ms + 15000,
		.max_body = TEXT_MAX, .flags = REST_NO_PROXY,
	};
	struct json *v = NULL;
	struct str why;
	int ret;

	buf_printf(&url, "%s%s", s->control.p, path);
	req.url = url.p;
	ret = rest_call(s->rest, &req, &r, &copy, err);
	if (!ret && r.outcome != REST_ANSWERED)
		ret = err_set(err, -EIO, "%s: %s; is `tocsin sandbox` running?",
			      url.p, r.problem ? r.problem : "no answer");
	if (!ret)
		ret = json_parse(&v, r.body, 0, err);
	if (!ret && r.status / 100 != 2) {
		why = json_get_str(v, "message");
		ret = err_set(err, -EIO, "%.*s", STR_ARG(why));
	}
	if (ret)
		json_free(v);
	else
		*out = v;
	buf_fini(&url);
	buf_fini(&copy);
	return ret;
}

static int subscribe(struct send *s, struct err *err)
{
	struct buf body = BUF_INIT(65536);
	struct jsonw w = JSONW(&body);
	struct json *v = NULL;
	struct str why;
	int ret;

	jsonw_object(&w);
	jsonw_kstr(&w, "topic", buf_str(&s->arn));
	jsonw_kcstr(&w, "endpoint", s->to);
	jsonw_kint(&w, "wait", s->wait_ms);
	jsonw_end_object(&w);
	ret = call(&v, s, "/sns/subscribe", buf_str(&body), err);
	if (!ret && !json_bool(json_get(v, "confirmed"), false)) {
		why = json_get_str(v, "problem");
		ret = err_set(err, -EIO,
			      "%s did not confirm the subscription (%lld) %.*s",
			      s->to,
			      (long long)json_int(json_get(v, "status"), 0),
			      STR_ARG(why));
	}
	json_free(v);
	buf_fini(&body);
	return ret;
}

/* One alarm as {"message":...,"subject":...}; n 0: the only one. */
static void put_alarm(struct jsonw *w, const struct send *s, int64_t n)
{
	struct buf message = BUF_INIT(1 << 20), subject = BUF_INIT(1024);
	struct buf name = BUF_INIT(4096);
	struct alarm_sample a = s->alarm;

	buf_puts(&name, a.name);
	if (n)
		buf_printf(&name, "-%lld", (long long)n);
	a.name = name.p;
	a.now_ms = clock_wall_ms();
	alarm_sample_put(&message, &a);
	alarm_sample_put_subject(&subject, &a);
	jsonw_object(w);
	jsonw_kstr(w, "message", buf_str(&message));
	jsonw_kstr(w, "subject", buf_str(&subject));
	jsonw_end_object(w);
	buf_fini(&message);
	buf_fini(&subject);
	buf_fini(&name);
}

static int put_file(struct jsonw *w, const struct send *s, struct err *err)
{
	struct buf text = BUF_INIT(1 << 20);
	int ret = read_all(&text, s->file, err);

	jsonw_object(w);
	jsonw_kstr(w, "message", buf_str(&text));
	if (s->subject)
		jsonw_kcstr(w, "subject", s->subject);
	jsonw_end_object(w);
	buf_fini(&text);
	return ret;
}

/* Messages from..to of the whole. */
static int publish(struct json **out, struct send *s, int64_t from, int64_t to,
		   struct err *err)
{
	struct buf body = BUF_INIT(TEXT_MAX);
	struct jsonw w = JSONW(&body);
	int ret = 0;

	jsonw_object(&w);
	jsonw_kstr(&w, "topic", buf_str(&s->arn));
	jsonw_kint(&w, "wait", s->wait_ms);
	jsonw_key(&w, "messages");
	jsonw_array(&w);
	if (s->file)
		ret = put_file(&w, s, err);
	else
		for (int64_t n = from; n <= to; n++)
			put_alarm(&w, s, s->count == 1 ? 0 : n);
	jsonw_end_array(&w);
	jsonw_end_object(&w);
	if (!ret)
		ret = call(out, s, "/sns/publish", buf_str(&body), err);
	buf_fini(&body);
	return ret;
}

static int64_t member(const struct json *v, const char *key)
{
	return json_int(json_get(v, key), 0);
}

/* True where all was taken. */
static bool report(const struct json *v, int64_t from, int64_t to)
{
	int64_t all = member(v, "deliveries");
	int64_t delivered = member(v, "delivered");
	struct str problem = json_get_str(v, "problem");
	struct str id = json_str(json_item(json_get(v, "message_ids"), 0));

	if (!all) {
		complain("nobody is subscribed to the topic; see --to");
		return false;
	}
	if (delivered == all && from == to) {
		printf("%.*s delivered: %lld, %lld attempt%s\n", STR_ARG(id),
		       (long long)member(v, "status"),
		       (long long)member(v, "attempts"),
		       member(v, "attempts") == 1 ? "" : "s");
	} else if (delivered == all) {
		printf("%lld delivered\n", (long long)delivered);
	} else {
		fprintf(stderr, "tocsin send: %lld delivered, %lld refused, "
			"%lld still tried; status %lld %.*s\n",
			(long long)delivered, (long long)member(v, "failed"),
			(long long)member(v, "pending"),
			(long long)member(v, "status"), STR_ARG(problem));
		return false;
	}
	return true;
}

static int send_all(struct send *s)
{
	struct err err;
	bool ok = true;

	if (s->to && subscribe(s, &err))
		return complain(err.text);
	for (int64_t from = 1; from <= s->count; from += AT_ONCE) {
		int64_t to = from + AT_ONCE - 1;
		struct json *v;

		if (to > s->count)
			to = s->count;
		if (publish(&v, s, from, to, &err))
			return complain(err.text);
		ok = report(v, from, to) && ok;
		json_free(v);
	}
	return ok ? CMD_OK : CMD_FAILED;
}

/* What the sandbox's own description leaves open. */
static void complete(struct send *s)
{
	struct alarm_sample *a = &s->alarm;
	struct str topic = str_from(s->topic);

	if (!s->region.n)
		buf_puts(&s->region, "us-east-1");
	if (!s->account.n)
		buf_puts(&s->account, "111122223333");
	if (!a->region)
		a->region = s->region.p;
	a->account = s->account.p;
	if (str_starts(topic, "arn:"))
		buf_put_str(&s->arn, topic);
	else
		buf_printf(&s->arn, "arn:aws:sns:%s:%s:%.*s", a->region,
			   a->account, STR_ARG(topic));
	a->topic = s->arn.p;
	if (!s->dimensions.count)
		s->dimensions.list[0] = "InstanceId=i-0123456789abcdef0";
	a->dimensions = s->dimensions.list;
}

static int run_send(struct send *s)
{
	struct rest_options o = { .user_agent = "tocsin send" };
	struct err err;
	int status;

	buf_init(&s->control, 4096);
	buf_init(&s->region, 256);
	buf_init(&s->account, 256);
	buf_init(&s->arn, 1024);
	if (find_sandbox(s, &err) || rest_new(&s->rest, &o, &err)) {
		status = complain(err.text);
	} else {
		complete(s);
		status = send_all(s);
	}
	rest_free(s->rest);
	buf_fini(&s->control);
	buf_fini(&s->region);
	buf_fini(&s->account);
	buf_fini(&s->arn);
	return status;
}

/* What the table can't say of a value. */
static const char *fault(struct send *s)
{
	if (s->counted && (str_to_i64(&s->count, str_from(s->counted)) ||
			   s->count < 1))
		return "--count: expected a number from 1";
	if (s->wait && (clock_parse_span(&s->wait_ms, str_from(s->wait)) ||
			s->wait_ms > 120000))
		return "--wait: expected a span up to 2m";
	for (size_t i = 0; i < s->dimensions.count; i++)
		if (i == DIMENSIONS || !strchr(s->dimensions.list[i], '='))
			return "--dim: expected NAME=VALUE, at most 30";
	if (s->args.rest_count != (s->file ? 0 : 1))
		return "expected one NAME, or --file";
	return NULL;
}

static int run(int argc, char **argv)
{
	struct send s = {
		.topic = "alarms", .count = 1, .wait_ms = 30000,
		.alarm = { .state = "ALARM", .namespace = "AWS/EC2",
			   .metric = "CPUUtilization" },
	};
	int status = args_read(&s.args, &cmd_send, argc, argv);

	if (status >= 0)
		return status;
	if (fault(&s))
		return args_wrong(&cmd_send, fault(&s));
	s.alarm.name = s.file ? "" : s.args.rest[0];
	return run_send(&s);
}

static const struct opt options[] = {
	{ "to", .value = "URL",
	  .help = "subscribe this endpoint first, until confirmed",
	  ARG_TEXT(send, to) },
	{ "state", .value = "STATE", .words = "ALARM|OK|INSUFFICIENT_DATA",
	  .help = "ALARM (default), OK or INSUFFICIENT_DATA",
	  ARG_TEXT(send, alarm.state) },
	{ "severity", .value = "WORD", ARG_TEXT(send, alarm.severity) },
	{ "ci", .value = "ID", .help = "what its description says",
	  ARG_TEXT(send, alarm.ci) },
	{ "description", .value = "TEXT", .help = "all of its description",
	  ARG_TEXT(send, alarm.description) },
	{ "namespace", .value = "NS", ARG_TEXT(send, alarm.namespace) },
	{ "metric", .value = "M", .help = "AWS/EC2, CPUUtilization",
	  ARG_TEXT(send, alarm.metric) },
	{ "dim", .value = "NAME=VALUE",
	  .help = "a dimension, also repeated", ARG_TEXTS(send, dimensions) },
	{ "region", .value = "R", ARG_TEXT(send, alarm.region) },
	{ "topic", .value = "T", .help = "where from: a name (alarms) or ARN",
	  ARG_TEXT(send, topic) },
	{ "count", .value = "N", .help = "so many alarms, NAME-1 to NAME-N",
	  ARG_TEXT(send, counted) },
	{ "file", .value = "FILE", .is = VALUE_FILE,
	  .help = "publish this text as it is; - is standard input",
	  ARG_TEXT(send, file) },
	{ "subject", .value = "TEXT", .help = "its Subject",
	  ARG_TEXT(send, subject) },
	{ "wait", .value = "SPAN", .help = "for confirmation and delivery (30s)",
	  ARG_TEXT(send, wait) },
	{ "data", .value = "DIR", .is = VALUE_FOLDER, ARG_TEXT(send, data) },
	{ "sandbox", .value = "URL", .help = "which sandbox",
	  ARG_TEXT(send, sandbox) },
	{ .name = NULL },
};

const struct cmd cmd_send = {
	.name = "send",
	.summary = "publish a signed sample alarm through the sandbox",
	.forms = (const char *const[]){
		"[OPTION]... NAME", "[OPTION]... --file FILE", NULL },
	.about =
		"Publishes a CloudWatch alarm through the sandbox's signed SNS to its "
		"subscribers, and waits for how the delivery ends.",
	.options = options,
	.operand = VALUE_ALARM,
	.examples = (const char *const[]){
		"--to http://127.0.0.1:8080/sns pay-db-cpu",
		"--state OK pay-db-cpu", NULL },
	.statuses = "0 delivered; 1 a subscriber refused it, or nobody is "
		    "subscribed.",
	.run = run,
};
