#include "tests/unit/aws/desk.h"

#include <errno.h>
#include <stdio.h>

#include "aws/call.h"
#include "base/clock.h"
#include "doc/json.h"

#define SECRET "0ur/Own+Test.Secret/0123456789abcdefghij"
#define TOKEN1 "IQoJb3JpZ2luX2VjFirst//////////wEaDGV1"
#define TOKEN2 "IQoJb3JpZ2luX2VjSecond/////////wEaDGV1"
#define DATE_HEADER "Date: Sun, 22 Nov 2026 04:30:00 GMT\r\n"
#define MINUTE INT64_C(60000)

/* Credentials that do what a test says; these stand for lib/aws's own. */
struct aws_creds {
	int rc;	     /* of the next aws_creds_get() */
	int pending; /* times -EAGAIN comes first; -1: always */
	struct str token, next_token; /* next: from aws_creds_expired() on */
	int pending_next, rc_next;
	int expired, held;
};

struct aws_held {
	struct aws_creds *creds;
	struct aws_keys keys;
};

int aws_creds_get(struct aws_held **out, struct aws_creds *c, struct err *err)
{
	struct aws_held *h;

	if (c->pending) {
		c->pending -= c->pending > 0;
		return -EAGAIN;
	}
	if (c->rc)
		return err_set(err, c->rc, "environment: not set");
	h = calloc(1, sizeof(*h));
	assert_non_null(h);
	h->creds = c;
	h->keys = (struct aws_keys){ STR("AKIATESTKEYOFOURS001"), STR(SECRET),
				     c->token };
	c->held++;
	*out = h;
	return 0;
}

const struct aws_keys *aws_held_keys(const struct aws_held *h)
{
	return &h->keys;
}

void aws_held_drop(struct aws_held *h)
{
	h->creds->held--;
	free(h);
}

void aws_creds_expired(struct aws_creds *c, const struct aws_held *h)
{
	assert_ptr_equal(h->creds, c);
	c->expired++;
	c->pending = c->pending_next;
	c->rc = c->rc_next;
	c->token = c->next_token;
}

static int64_t wall; /* our clock */

static int64_t wall_ms(void)
{
	return wall;
}

static int64_t amazon_ms(void)
{
	int64_t ms = 0;

	assert_int_equal(clock_parse(&ms, STR("2026-11-22T04:30:00Z")), 0);
	return ms;
}

struct scene {
	struct desk desk;
	struct rest *rest;
	struct aws_creds creds;
	struct aws_client *client;
	/* of the last call that ended */
	int ended;
	enum aws_outcome outcome;
	int status;
	char code[128], message[512];
	bool had_json, over;
};

static void open_scene(struct scene *s, const struct desk_answer *answers,
		       size_t count)
{
	const struct rest_options ro = { .user_agent = "test" };
	struct aws_client_options o = { .wall_ms = wall_ms };
	struct err err = { "" };

	*s = (struct scene){ 0 };
	wall = amazon_ms();
	desk_open(&s->desk, answers, count);
	assert_int_equal(rest_new(&s->rest, &ro, &err), 0);
	o.rest = s->rest;
	o.creds = &s->creds;
	o.region = STR("us-east-1");
	o.endpoint_url = s->desk.url;
	assert_int_equal(aws_client_new(&s->client, &o, &err), 0);
}

#define ANSWER(s, h, b)                                                        \
	{                                                                      \
		.status = (s), .headers = (h), .body = (b)                     \
	}
#define OPEN(s, ...)                                                           \
	static const struct desk_answer answers[] = { __VA_ARGS__ };           \
	open_scene(s, answers, sizeof(answers) / sizeof(answers[0]))

static void close_scene(struct scene *s)
{
	aws_client_free(s->client);
	rest_free(s->rest);
	desk_forget(&s->desk);
	assert_int_equal(s->creds.held, 0);
}

static void keep_text(char *to, size_t max, struct str s)
{
	assert_true(s.n < max);
	memcpy(to, s.n ? s.p : "", s.n);
	to[s.n] = '\0';
}

static void note(const struct aws_answer *a, void *arg)
{
	struct scene *s = arg;

	s->ended++;
	s->outcome = a->outcome;
	s->status = a->status;
	s->had_json = a->json;
	assert_true((a->json != NULL) == (a->outcome == AWS_OK));
	assert_int_equal(a->body.p[a->body.n], '\0');
	keep_text(s->code, sizeof(s->code), a->code);
	keep_text(s->message, sizeof(s->message), a->message);
	assert_null(strstr(s->message, SECRET));
	assert_null(strstr(s->message, TOKEN1));
}

static const struct aws_call receive = {
	.service = "sqs",
	.target = "AmazonSQS.ReceiveMessage",
	.body = { "{\"WaitTimeSeconds\":20}", 22 },
	.timeout_ms = 5000,
	.done = note,
};

static int start(struct scene *s, const struct aws_call *call)
{
	struct aws_call mine = *call;
	struct err err = { "" };

	mine.arg = s;
	return aws_call(s->client, &mine, &err);
}

/* Until that many have ended in all. */
static void until(struct scene *s, int count)
{
	int64_t give_up = clock_mono_ms() + 10000;

	while (s->ended < count && clock_mono_ms() < give_up) {
		int wait = aws_client_step(s->client);

		rest_step(s->rest, wait < 0 || wait > 20 ? 20 : wait);
	}
	assert_int_equal(s->ended, count);
}

static void ask(struct scene *s, const struct aws_call *call)
{
	int before = s->ended;

	assert_int_equal(start(s, call), 0);
	assert_int_equal(s->ended, before);
	until(s, before + 1);
}

/* "20261122T043000Z" */
static int64_t date_of(const struct desk *d, size_t i)
{
	struct str v = desk_header(d, i, "X-Amz-Date");
	char text[32];
	int64_t ms = 0;

	assert_int_equal(v.n, 16);
	(void)snprintf(text, sizeof(text), "%.4s-%.2s-%.5s:%.2s:%.3s", v.p,
		       v.p + 4, v.p + 6, v.p + 11, v.p + 13);
	assert_int_equal(clock_parse(&ms, str_from(text)), 0);
	return ms;
}

/* Does what arrived carry the signature of what arrived? */
static void check_signature(const struct desk *d, size_t i, const char *region,
			    const char *service, const char *names)
{
	struct str given = desk_header(d, i, "Authorization");
	struct str list = str_from(names), name;
	const struct aws_keys keys = { STR("AKIATESTKEYOFOURS001"), STR(SECRET),
				       STR_NONE };
	struct sigv4_header headers[16];
	struct sigv4_request r = { .method = STR("POST"),
				   .path = STR("/"),
				   .headers = headers,
				   .body = desk_body(d, i) };
	struct buf out = BUF_INIT(4096);
	struct sigv4 *s = NULL;

	while (str_cut(&list, ';', &name)) {
		char text[64];

		keep_text(text, sizeof(text), name);
		headers[r.header_count++] =
			(struct sigv4_header){ name, desk_header(d, i, text) };
	}
	assert_int_equal(sigv4_new(&s), 0);
	assert_int_equal(sigv4_sign(&out, s, &r, &keys, str_from(region),
				    str_from(service), date_of(d, i)),
			 0);
	if (!str_eq(given, buf_str(&out)))
		fail_msg("expected %s, found %.*s", out.p, STR_ARG(given));
	sigv4_free(s);
	buf_fini(&out);
}

static void json_call(void **state)
{
	char host[64];
	struct scene s;

	(void)state;
	OPEN(&s, ANSWER("200 OK", DATE_HEADER, "{\"Messages\":[]}"));
	ask(&s, &receive);
	assert_int_equal(s.outcome, AWS_OK);
	assert_true(s.had_json);
	desk_close(&s.desk);
	assert_true(str_starts(buf_str(&s.desk.requests[0]),
			       "POST / HTTP/1.1\r\n"));
	assert_true(str_eq(desk_body(&s.desk, 0), receive.body));
	(void)snprintf(host, sizeof(host), "127.0.0.1:%u", s.desk.port);
	assert_true(str_is(desk_header(&s.desk, 0, "Host"), host));
	assert_true(str_is(desk_header(&s.desk, 0, "Content-Type"),
			   "application/x-amz-json-1.0"));
	assert_true(str_is(desk_header(&s.desk, 0, "X-Amz-Target"),
			   "AmazonSQS.ReceiveMessage"));
	assert_true(
		str_is(desk_header(&s.desk, 0, "x-amzn-query-mode"), "true"));
	assert_null(desk_header(&s.desk, 0, "Expect").p);
	assert_null(desk_header(&s.desk, 0, "X-Amz-Security-Token").p);
	assert_int_equal(date_of(&s.desk, 0), amazon_ms());
	check_signature(&s.desk, 0, "us-east-1", "sqs",
			"content-type;host;x-amz-date;x-amz-target;"
			"x-amzn-query-mode");
	close_scene(&s);
}

static void note_form(const struct aws_answer *a, void *arg)
{
	struct scene *s = arg;

	s->ended++;
	s->outcome = a->outcome;
	assert_null(a->json);
}

static void form_call(void **state)
{
	const struct aws_call publish = {
		.service = "sns",
		.region = STR("eu-west-1"),
		.body = STR("Action=Publish&Version=2010-03-31"),
		.once = true,
		.done = note_form,
	};
	struct scene s;

	(void)state;
	OPEN(&s, ANSWER("200 OK", NULL, "<PublishResponse/>"));
	s.creds.token = STR(TOKEN1);
	ask(&s, &publish);
	assert_int_equal(s.outcome, AWS_OK);
	desk_close(&s.desk);
	assert_true(str_eq(desk_body(&s.desk, 0), publish.body));
	assert_null(desk_header(&s.desk, 0, "X-Amz-Target").p);
	assert_true(str_is(desk_header(&s.desk, 0, "X-Amz-Security-Token"),
			   TOKEN1));
	check_signature(&s.desk, 0, "eu-west-1", "sns",
			"content-type;host;x-amz-date;x-amz-security-token");
	close_scene(&s);
}

/* Another signing name than the host's. */
static void signing_name(void **state)
{
	struct aws_call call = receive;
	struct scene s;

	(void)state;
	OPEN(&s, ANSWER("200 OK", NULL, NULL));
	call.signing = "other";
	ask(&s, &call);
	assert_int_equal(s.outcome, AWS_OK);
	desk_close(&s.desk);
	check_signature(&s.desk, 0, "us-east-1", "other",
			"content-type;host;x-amz-date;x-amz-target;"
			"x-amzn-query-mode");
	close_scene(&s);
}

#define SKEWED                                                                 \
	ANSWER("403 Forbidden", DATE_HEADER,                                   \
	       "{\"__type\":\"x#RequestTimeTooSkewed\","                       \
	       "\"message\":\"late\"}")
#define GOOD ANSWER("200 OK", DATE_HEADER, "{}")

static void skew_is_mended_and_kept(void **state)
{
	struct scene s;

	(void)state;
	OPEN(&s, SKEWED, GOOD, GOOD, SKEWED, GOOD);
	wall -= 10 * MINUTE;
	ask(&s, &receive);
	assert_int_equal(s.outcome, AWS_OK);
	assert_int_equal(desk_count(&s.desk), 2);
	ask(&s, &receive);
	assert_int_equal(s.outcome, AWS_OK);
	assert_int_equal(desk_count(&s.desk), 3);
	/* Then somebody sets our clock. */
	wall += 10 * MINUTE;
	ask(&s, &receive);
	assert_int_equal(s.outcome, AWS_OK);
	desk_close(&s.desk);
	assert_int_equal(s.desk.count, 5);
	assert_int_equal(date_of(&s.desk, 0), amazon_ms() - 10 * MINUTE);
	assert_int_equal(date_of(&s.desk, 1), amazon_ms());
	assert_int_equal(date_of(&s.desk, 2), amazon_ms());
	assert_int_equal(date_of(&s.desk, 3), amazon_ms() + 10 * MINUTE);
	assert_int_equal(date_of(&s.desk, 4), amazon_ms());
	close_scene(&s);
}

static void small_skew_is_none(void **state)
{
	struct scene s;

	(void)state;
	OPEN(&s, ANSWER("403 Forbidden", DATE_HEADER,
			"{\"__type\":\"SignatureDoesNotMatch\"}"));
	wall += 4 * MINUTE;
	ask(&s, &receive);
	assert_int_equal(s.outcome, AWS_DENIED);
	assert_string_equal(s.code, "SignatureDoesNotMatch");
	assert_int_equal(desk_count(&s.desk), 1);
	close_scene(&s);
}

/* A wrong secret and a wrong Date: once more, but the time isn't believed. */
static void useless_offset_is_forgotten(void **state)
{
	struct scene s;

	(void)state;
	OPEN(&s, SKEWED, SKEWED, GOOD);
	wall += 30 * MINUTE;
	ask(&s, &receive);
	assert_int_equal(s.outcome, AWS_DENIED);
	assert_int_equal(desk_count(&s.desk), 2);
	ask(&s, &receive);
	assert_int_equal(s.outcome, AWS_OK);
	desk_close(&s.desk);
	assert_int_equal(date_of(&s.desk, 1), amazon_ms());
	assert_int_equal(date_of(&s.desk, 2), amazon_ms() + 30 * MINUTE);
	close_scene(&s);
}

#define EXPIRED                                                                \
	ANSWER("400 Bad Request", NULL,                                        \
	       "{\"__type\":\"x#ExpiredTokenException\","                      \
	       "\"message\":\"too old\"}")

static void expired_keys_are_renewed(void **state)
{
	struct scene s;

	(void)state;
	OPEN(&s, EXPIRED, GOOD);
	s.creds.token = STR(TOKEN1);
	s.creds.next_token = STR(TOKEN2);
	s.creds.pending_next = 2;
	ask(&s, &receive);
	assert_int_equal(s.outcome, AWS_OK);
	assert_int_equal(s.creds.expired, 1);
	desk_close(&s.desk);
	assert_int_equal(s.desk.count, 2);
	assert_true(str_is(desk_header(&s.desk, 0, "X-Amz-Security-Token"),
			   TOKEN1));
	assert_true(str_is(desk_header(&s.desk, 1, "X-Amz-Security-Token"),
			   TOKEN2));
	close_scene(&s);
}

static void renewed_only_once(void **state)
{
	struct scene s;

	(void)state;
	OPEN(&s, EXPIRED, EXPIRED, GOOD);
	s.creds.token = STR(TOKEN1);
	s.creds.next_token = STR(TOKEN2);
	ask(&s, &receive);
	assert_int_equal(s.outcome, AWS_EXPIRED);
	assert_string_equal(s.code, "ExpiredTokenException");
	assert_int_equal(s.creds.expired, 1);
	assert_int_equal(desk_count(&s.desk), 2);
	close_scene(&s);
}

/* Keys of the configuration stay what they are. */
static void same_keys_arent_sent_again(void **state)
{
	struct scene s;

	(void)state;
	OPEN(&s,
	     ANSWER("403 Forbidden", NULL,
		    "<E><Code>InvalidClientTokenId</Code><Message>the "
		    "token " TOKEN1 " is old</Message></E>"),
	     GOOD);
	s.creds.token = s.creds.next_token = STR(TOKEN1);
	ask(&s, &receive);
	assert_int_equal(s.outcome, AWS_EXPIRED);
	assert_int_equal(s.status, 403);
	assert_string_equal(s.message, "the token [hidden] is old");
	assert_int_equal(desk_count(&s.desk), 1);
	close_scene(&s);
}

static void renewal_fails_or_hangs(void **state)
{
	struct aws_call hasty = receive;
	struct scene s;

	(void)state;
	OPEN(&s, EXPIRED, EXPIRED);
	hasty.timeout_ms = 500;
	s.creds.rc_next = -ENOENT;
	ask(&s, &hasty);
	assert_int_equal(s.outcome, AWS_EXPIRED);
	assert_string_equal(s.code, "ExpiredTokenException");
	s.creds.rc = 0;
	s.creds.pending_next = -1;
	ask(&s, &hasty);
	assert_int_equal(s.outcome, AWS_EXPIRED);
	assert_string_equal(s.code, "ExpiredTokenException");
	assert_int_equal(desk_count(&s.desk), 2);
	close_scene(&s);
}

static void waits_for_the_first_keys(void **state)
{
	struct scene s;

	(void)state;
	OPEN(&s, GOOD);
	s.creds.pending = 3;
	ask(&s, &receive);
	assert_int_equal(s.outcome, AWS_OK);
	close_scene(&s);
}

static void without_keys(void **state)
{
	struct aws_call hasty = receive;
	struct scene s;

	(void)state;
	OPEN(&s, GOOD);
	s.creds.rc = -ENOENT;
	assert_int_equal(start(&s, &receive), 0);
	assert_int_equal(s.ended, 0);
	assert_int_equal(aws_client_step(s.client), -1);
	assert_int_equal(s.ended, 1);
	assert_int_equal(s.outcome, AWS_NO_KEYS);
	assert_string_equal(s.message, "environment: not set");
	hasty.timeout_ms = 60;
	s.creds.pending = -1;
	assert_int_equal(start(&s, &hasty), 0);
	assert_true(aws_client_step(s.client) > 0);
	until(&s, 2);
	assert_int_equal(s.outcome, AWS_NO_KEYS);
	assert_int_equal(desk_count(&s.desk), 0);
	close_scene(&s);
}

static void endless_done(const struct aws_answer *a, void *arg)
{
	struct scene *s = arg;
	struct aws_call again = receive;

	assert_int_equal(a->outcome, AWS_NO_KEYS);
	s->ended++;
	again.done = endless_done;
	again.arg = s;
	assert_int_equal(aws_call(s->client, &again, NULL),
			 s->over ? -ECANCELED : 0);
}

/* A call begun by done() has its turn with the next step. */
static void step_ends(void **state)
{
	struct aws_call call = receive;
	struct scene s;

	(void)state;
	OPEN(&s, GOOD);
	s.creds.rc = -ENOENT;
	call.done = endless_done;
	assert_int_equal(start(&s, &call), 0);
	assert_int_equal(start(&s, &call), 0);
	for (int i = 1; i < 5; i++) {
		assert_int_equal(aws_client_step(s.client), 0);
		assert_int_equal(s.ended, 2 * i);
	}
	/* What ends now begins nothing more. */
	s.over = true;
	aws_client_free(s.client);
	s.client = NULL;
	close_scene(&s);
}

static void not_there(void **state)
{
	struct scene s;

	(void)state;
	OPEN(&s, GOOD);
	desk_close(&s.desk);
	ask(&s, &receive);
	assert_int_equal(s.outcome, AWS_UNREACHABLE);
	assert_int_equal(s.status, 0);
	close_scene(&s);
}

static void redirects_arent_followed(void **state)
{
	static const struct desk_answer trap = GOOD;
	char location[128];
	struct desk_answer answer =
		ANSWER("307 Temporary Redirect", location, "");
	struct desk other;
	struct scene s;

	(void)state;
	desk_open(&other, &trap, 1);
	(void)snprintf(location, sizeof(location), "Location: %s/\r\n",
		       other.url);
	open_scene(&s, &answer, 1);
	ask(&s, &receive);
	assert_int_equal(s.outcome, AWS_REFUSED);
	assert_int_equal(s.status, 307);
	assert_int_equal(desk_count(&other), 0);
	close_scene(&s);
	desk_forget(&other);
}

static void broken_answers(void **state)
{
	struct aws_call call = receive;
	struct scene s;

	(void)state;
	OPEN(&s, { .status = "200 OK", .body = "{\"Messages\":", .cut = true },
	     ANSWER("200 OK", NULL, "{\"Messages\":"),
	     ANSWER("200 OK", NULL, "{\"Messages\":[1,2,3,4,5,6,7,8]}"));
	ask(&s, &call);
	assert_int_equal(s.outcome, AWS_TRANSIENT);
	ask(&s, &call);
	assert_int_equal(s.outcome, AWS_TRANSIENT);
	assert_true(str_starts(str_from(s.message), "unreadable answer"));
	call.max_body = 10;
	ask(&s, &call);
	assert_int_equal(s.outcome, AWS_TRANSIENT);
	assert_non_null(strstr(s.message, "longer than 10 bytes"));
	close_scene(&s);
}

static void freed_amid_calls(void **state)
{
	struct scene s;

	(void)state;
	OPEN(&s, { .status = NULL });
	assert_int_equal(start(&s, &receive), 0);
	for (int i = 0; i < 500 && desk_count(&s.desk) == 0; i++)
		rest_step(s.rest, 10);
	assert_int_equal(desk_count(&s.desk), 1);
	s.creds.pending = -1;
	assert_int_equal(start(&s, &receive), 0);
	aws_client_free(s.client);
	s.client = NULL;
	assert_int_equal(s.ended, 2);
	assert_int_equal(s.outcome, AWS_TRANSIENT);
	assert_int_equal(s.creds.held, 0);
	rest_free(s.rest);
	s.rest = NULL;
	assert_int_equal(s.ended, 2);
	close_scene(&s);
}

static void what_cant_begin(void **state)
{
	struct aws_client_options o = { 0 };
	struct aws_call call = receive;
	struct aws_client *client = NULL;
	struct err err = { "" };
	struct scene s;

	(void)state;
	OPEN(&s, GOOD);
	call.region = STR("us-east-1/evil");
	call.arg = &s;
	assert_int_equal(aws_call(s.client, &call, &err), -EINVAL);
	assert_non_null(strstr(err.text, "region"));
	o.rest = s.rest;
	o.creds = &s.creds;
	o.region = STR("us-east-1");
	o.endpoint_url = "http://sqs.us-east-1.amazonaws.com";
	assert_int_equal(aws_client_new(&client, &o, &err), -EINVAL);
	assert_non_null(strstr(err.text, "loopback"));
	o.endpoint_url = NULL;
	o.region = STR_NONE;
	unsetenv("AWS_ENDPOINT_URL");
	unsetenv("AWS_ENDPOINT_URL_SQS");
	assert_int_equal(aws_client_new(&client, &o, &err), 0);
	call.region = STR_NONE;
	assert_int_equal(aws_call(client, &call, &err), -EINVAL);
	call.region = STR("nowhere");
	assert_int_equal(aws_call(client, &call, &err), -EINVAL);
	aws_client_free(client);
	assert_int_equal(s.ended, 0);
	close_scene(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_call),
		cmocka_unit_test(form_call),
		cmocka_unit_test(signing_name),
		cmocka_unit_test(skew_is_mended_and_kept),
		cmocka_unit_test(small_skew_is_none),
		cmocka_unit_test(useless_offset_is_forgotten),
		cmocka_unit_test(expired_keys_are_renewed),
		cmocka_unit_test(renewed_only_once),
		cmocka_unit_test(same_keys_arent_sent_again),
		cmocka_unit_test(renewal_fails_or_hangs),
		cmocka_unit_test(waits_for_the_first_keys),
		cmocka_unit_test(without_keys),
		cmocka_unit_test(step_ends),
		cmocka_unit_test(not_there),
		cmocka_unit_test(redirects_arent_followed),
		cmocka_unit_test(broken_answers),
		cmocka_unit_test(freed_amid_calls),
		cmocka_unit_test(what_cant_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
