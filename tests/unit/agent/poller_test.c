/* A queue's poller without a network and by a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>

#include "agent/intake/poller.h"
#include "base/clock.h"
#include "doc/json.h"

#define URL "https://sqs.us-east-1.amazonaws.com/111122223333/alarms"
#define SENT_MAX 64
#define MINUTE 60000

/* ---- AWS, instead of lib/aws/call.c ---- */

static struct sent {
	char operation[48];
	struct json *body;
	aws_done *done;
	void *arg;
} sent[SENT_MAX];

static size_t sent_count;
static int begin_rc;
static int64_t now_ms = 1000000;

int aws_call(struct aws_client *c, const struct aws_call *call,
	     struct err *err)
{
	struct sent *s = &sent[sent_count];
	struct str operation = call->target ? str_from(call->target) :
					      STR_NONE;

	(void)c;
	if (begin_rc)
		return err_set(err, begin_rc, "no call can begin");
	assert_true(sent_count < SENT_MAX);
	sent_count++;
	assert_true(str_starts(operation, "AmazonSQS."));
	snprintf(s->operation, sizeof(s->operation), "%s", operation.p + 10);
	assert_int_equal(json_parse(&s->body, call->body, 0, NULL), 0);
	s->done = call->done;
	s->arg = call->arg;
	return 0;
}

int aws_client_step(struct aws_client *c)
{
	(void)c;
	return -1;
}

int aws_client_new(struct aws_client **out, const struct aws_client_options *o,
		   struct err *err)
{
	(void)out;
	(void)o;
	return err_set(err, -EINVAL, "not here");
}

void aws_client_free(struct aws_client *c)
{
	(void)c;
}

const char *aws_outcome_name(enum aws_outcome o)
{
	(void)o;
	return "some";
}

/* Answer the i-th call. json: of AWS_OK; else the code. */
static void answer_after(size_t i, enum aws_outcome outcome, const char *text,
			 int64_t retry_after_ms)
{
	struct aws_answer a = { .outcome = outcome,
				.retry_after_ms = retry_after_ms };
	struct json *json = NULL;

	assert_true(i < sent_count && sent[i].done);
	if (outcome == AWS_OK) {
		assert_int_equal(json_parse(&json, str_from(text), 0, NULL),
				 0);
		a.json = json;
		a.root = &json;
	} else {
		a.code = str_from(text);
		a.message = STR("words");
	}
	sent[i].done(&a, sent[i].arg);
	sent[i].done = NULL;
	json_free(json);
}

static void answer(size_t i, enum aws_outcome outcome, const char *text)
{
	answer_after(i, outcome, text, -1);
}

/* ---- a poller ---- */

struct fixture {
	struct agent agent;
	struct queue queue;
	struct poller *poller;
};

static int64_t clock_now(void)
{
	return now_ms;
}

static int set_up_queue(void **state, const char *url)
{
	const struct conf_queue c = { .url = url,
				      .wait_ms = 20000,
				      .visibility_ms = 60000,
				      .concurrency = 1,
				      .verify = true };
	struct fixture *f = calloc(1, sizeof(*f));
	struct poller *p = calloc(1, sizeof(*p));

	f->agent.metrics = metrics_new();
	assert_int_equal(queue_init(&f->queue, &f->agent, &c), 0);
	f->queue.ask_ms = INT64_MAX;	/* for its length */
	f->poller = p;
	p->queue = &f->queue;
	p->mono_ms = clock_now;
	p->idle_last = &p->idle;
	for (int i = 0; i < QUEUE_ACTIONS; i++)
		p->owed[i].last = &p->owed[i].first;
	pthread_mutex_init(&p->lock, NULL);
	*state = f;
	return 0;
}

static int set_up(void **state)
{
	return set_up_queue(state, URL);
}

static int set_up_fifo(void **state)
{
	return set_up_queue(state, URL ".fifo");
}

/* Calls that are still open end as when their client is freed. */
static int tear_down(void **state)
{
	struct fixture *f = *state;

	f->poller->closing = true;
	for (size_t i = 0; i < sent_count; i++) {
		if (sent[i].done)
			answer(i, AWS_TRANSIENT, "gone");
		json_free(sent[i].body);
		sent[i] = (struct sent){ .body = NULL };
	}
	sent_count = 0;
	begin_rc = 0;
	poller_free(f->poller);
	queue_fini(&f->queue);
	metrics_free(f->agent.metrics);
	free(f);
	return 0;
}

/* A turn after so long; how many calls it began. */
static size_t turn_after(struct fixture *f, int64_t ms)
{
	size_t before = sent_count;

	now_ms += ms;
	poller_turn(f->poller, now_ms);
	return sent_count - before;
}

static void owe(struct fixture *f, enum queue_action action, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char handle[32];

		snprintf(handle, sizeof(handle), "h%u", i);
		owed_put(f->poller, action, str_from(handle), 30);
	}
}

static size_t entries_of(size_t i)
{
	return json_count(json_get(sent[i].body, "Entries"));
}

/* An answer of a batch: so many entries done, and the next one failed. */
static const char *batch(size_t done, const char *failed, bool sender)
{
	static char text[4096];
	size_t n = 0;

	n += (size_t)snprintf(text + n, sizeof(text) - n, "{\"Successful\":[");
	for (size_t i = 0; i < done; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "%s{\"Id\":\"%zu\"}", i ? "," : "", i);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "]");
	if (failed)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      ",\"Failed\":[{\"Id\":\"%zu\",\"Code\":"
				      "\"%s\",\"SenderFault\":%s}]", done,
				      failed, sender ? "true" : "false");
	snprintf(text + n, sizeof(text) - n, "}");
	return text;
}

/* ---- paces ---- */

static void test_pauses_grow_to_a_bound(void **state)
{
	(void)state;
	for (unsigned fails = 1; fails < 100; fails++) {
		int64_t most = 1000;

		for (unsigned i = 0; i < fails && most < 30000; i++)
			most *= 2;
		if (most > 30000)
			most = 30000;
		for (int k = 0; k < 20; k++)
			assert_in_range(poller_pause_ms(fails), 1000, most);
	}
}

static void test_a_pace_keeps_what_is_asked(void **state)
{
	struct pace p = { .fails = 0 };

	(void)state;
	pace_slow_down(&p, false, -1, 5000);
	assert_int_equal(p.fails, 1);
	assert_in_range(p.after_ms, 6000, 7000);
	pace_slow_down(&p, false, 40000, 5000);
	assert_int_equal(p.after_ms, 45000);
	/* Nobody sends us to sleep for a day. */
	pace_slow_down(&p, false, 86400000, 5000);
	assert_int_equal(p.after_ms, 65000);
	pace_slow_down(&p, true, -1, 5000);
	assert_in_range(p.after_ms, 66000, 95000);
}

static enum queue_state state_of(struct fixture *f)
{
	return f->queue.side[QUEUE_RECEIVE].how;
}

static void test_a_refused_queue_recovers(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(turn_after(f, 0), 1);
	assert_string_equal(sent[0].operation, "ReceiveMessage");
	assert_int_equal(turn_after(f, 1000), 0);	/* one poll at a time */
	answer(0, AWS_DENIED, "AccessDenied");
	assert_int_equal(state_of(f), QUEUE_REFUSED);
	/* Not before its pause, and then. */
	assert_int_equal(turn_after(f, MINUTE), 0);
	assert_int_equal(turn_after(f, 2001), 1);
	answer(1, AWS_REFUSED, "QueueDoesNotExist");
	assert_int_equal(state_of(f), QUEUE_REFUSED);
	assert_int_equal(turn_after(f, MINUTE), 0);
	assert_int_equal(turn_after(f, 4001), 1);
	answer(2, AWS_OK, "{}");
	assert_int_equal(state_of(f), QUEUE_OK);
	assert_int_equal(f->poller->pace[QUEUE_RECEIVE].fails, 0);
	assert_int_equal(turn_after(f, 0), 1);
}

static void test_what_passes_isnt_refused(void **state)
{
	static const char *const codes[] = { "OverLimit", "KmsThrottled",
					     "PurgeQueueInProgress" };
	struct fixture *f = *state;

	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(turn_after(f, 30000), 1);
		answer(i, AWS_REFUSED, codes[i]);
		assert_int_equal(state_of(f), QUEUE_TROUBLE);
	}
	assert_int_equal(turn_after(f, 30000), 1);
}

static void test_the_turn_ends_when_the_pause_does(void **state)
{
	struct fixture *f = *state;
	int64_t wait;

	begin_rc = -EINVAL;
	assert_int_equal(poller_turn(f->poller, now_ms), 1000);
	assert_int_equal(sent_count, 0);
	assert_int_equal(f->poller->pace[QUEUE_RECEIVE].fails, 1);
	begin_rc = 0;
	now_ms = f->poller->pace[QUEUE_RECEIVE].after_ms - 300;
	wait = poller_turn(f->poller, now_ms);
	assert_int_equal(wait, 300);
	assert_int_equal(turn_after(f, wait), 1);
}

/* ---- how long the queue is, and how old what comes ---- */

static int64_t waiting(struct fixture *f)
{
	struct queue_status q;

	depth_status(&q, &f->queue, clock_wall_ms());
	return q.waiting;
}

static void test_its_length_is_asked_once_a_minute(void **state)
{
	struct fixture *f = *state;

	f->queue.ask_ms = 0;
	assert_int_equal(waiting(f), -1);
	assert_int_equal(turn_after(f, 0), 1);
	/* Not before the queue has answered at all. */
	answer(0, AWS_OK, "{}");
	assert_int_equal(turn_after(f, 0), 2);
	assert_string_equal(sent[2].operation, "GetQueueAttributes");
	answer(2, AWS_OK, "{\"Attributes\":"
			  "{\"ApproximateNumberOfMessages\":\"42\"}}");
	assert_int_equal(waiting(f), 42);
	assert_int_equal(turn_after(f, MINUTE - 1), 0);
	assert_int_equal(turn_after(f, 1), 1);
	answer(3, AWS_OK, "{\"Attributes\":"
			  "{\"ApproximateNumberOfMessages\":\"-1\"}}");
	assert_int_equal(waiting(f), -1);
	/* A failure is no trouble of the queue's. */
	assert_int_equal(turn_after(f, MINUTE), 1);
	answer(4, AWS_TRANSIENT, "gone");
	assert_int_equal(waiting(f), -1);
	assert_int_equal(state_of(f), QUEUE_OK);
	/* Without the right not for an hour. */
	assert_int_equal(turn_after(f, MINUTE), 1);
	answer(5, AWS_DENIED, "AccessDenied");
	assert_int_equal(state_of(f), QUEUE_OK);
	assert_int_equal(turn_after(f, 59 * MINUTE), 0);
	assert_int_equal(turn_after(f, MINUTE), 1);
}

static int64_t lag_at(struct fixture *f, int64_t at_ms)
{
	struct queue_status q;

	depth_status(&q, &f->queue, at_ms);
	return q.lag_ms;
}

static void came(struct fixture *f, int64_t age_ms, unsigned receives,
		 int64_t at_ms)
{
	const struct sqs_message m = {
		.sent_ms = age_ms < 0 ? 0 : at_ms - age_ms,
		.receives = receives,
	};

	depth_came(&f->queue, &m, 1, at_ms);
}

static void test_its_lag_is_the_most_of_late(void **state)
{
	struct fixture *f = *state;
	int64_t at = 1795255200000;

	assert_int_equal(lag_at(f, at), -1);
	came(f, -1, 1, at);		/* it wasn't told */
	came(f, 90000, 2, at);		/* we kept it waiting */
	assert_int_equal(lag_at(f, at), -1);
	came(f, 5000, 1, at);
	came(f, 700, 1, at + 1000);
	assert_int_equal(lag_at(f, at + 1000), 5000);
	depth_came(&f->queue, NULL, 0, at + 2000);
	assert_int_equal(lag_at(f, at + 2000), 5000);
	came(f, 8000, 1, at + 3000);
	assert_int_equal(lag_at(f, at + 3000), 8000);
	/* Late isn't for ever. */
	came(f, 700, 1, at + 3000 + MINUTE + 1);
	assert_int_equal(lag_at(f, at + 3000 + MINUTE + 1), 700);
	depth_came(&f->queue, NULL, 0, at + 3 * MINUTE);
	assert_int_equal(lag_at(f, at + 3 * MINUTE), 0);
	assert_int_equal(lag_at(f, at + 9 * MINUTE), -1);
}

/* ---- deletes and visibilities ---- */

static void test_batches_are_full_and_few(void **state)
{
	struct fixture *f = *state;

	owe(f, QUEUE_DELETE, 55);
	assert_int_equal(turn_after(f, 0), CALLS_MAX + 1);
	for (size_t i = 0; i < CALLS_MAX; i++) {
		assert_string_equal(sent[i].operation, "DeleteMessageBatch");
		assert_int_equal(entries_of(i), 10);
	}
	assert_int_equal(f->poller->owed[QUEUE_DELETE].count, 15);
	answer(2, AWS_OK, batch(10, NULL, false));
	answer(0, AWS_OK, batch(10, NULL, false));
	assert_int_equal(turn_after(f, 0), 2);
	assert_int_equal(entries_of(sent_count - 1), 5);
	assert_int_equal(f->queue.deleted, 20);
}

static void test_what_failed_of_a_batch_is_tried_again(void **state)
{
	struct fixture *f = *state;

	owe(f, QUEUE_DELETE, 3);
	assert_int_equal(turn_after(f, 0), 2);
	answer(0, AWS_OK, batch(2, "InternalError", false));
	assert_int_equal(f->queue.deleted, 2);
	assert_int_equal(f->poller->owed[QUEUE_DELETE].count, 1);
	assert_int_equal(turn_after(f, 999), 0);	/* after a pause */
	assert_int_equal(turn_after(f, 1001), 1);
	assert_int_equal(entries_of(2), 1);
	answer(2, AWS_OK, batch(1, NULL, false));
	assert_int_equal(f->queue.deleted, 3);
	assert_int_equal(f->poller->pace[QUEUE_DELETE].fails, 0);
}

static void test_a_handle_refused_for_good_is_let_go(void **state)
{
	struct fixture *f = *state;

	owe(f, QUEUE_DELETE, 2);
	turn_after(f, 0);
	answer(0, AWS_OK, batch(1, "ReceiptHandleIsInvalid", true));
	assert_int_equal(f->poller->owed[QUEUE_DELETE].count, 0);
	assert_int_equal(f->poller->pace[QUEUE_DELETE].fails, 0);
}

static void test_an_entry_has_so_many_tries(void **state)
{
	struct fixture *f = *state;

	owe(f, QUEUE_DELETE, 1);
	for (size_t i = 0; i < 8; i++) {
		turn_after(f, 30000);
		assert_true(sent_count > i);
		for (size_t k = 0; k < sent_count; k++)
			if (sent[k].done && entries_of(k))
				answer(k, AWS_TRANSIENT, "InternalFailure");
	}
	assert_int_equal(f->poller->owed[QUEUE_DELETE].count, 0);
}

/* All of the queue would come again and again. */
static void test_deletes_that_fail_hold_the_receives(void **state)
{
	struct fixture *f = *state;

	owe(f, QUEUE_DELETE, 1);
	assert_int_equal(turn_after(f, 0), 2);
	answer(1, AWS_OK, "{}");			/* the poll */
	answer(0, AWS_THROTTLED, "RequestThrottled");
	assert_int_equal(turn_after(f, 0), 0);
	assert_int_equal(turn_after(f, 2000), 1);	/* the delete alone */
	assert_string_equal(sent[2].operation, "DeleteMessageBatch");
	answer(2, AWS_OK, batch(1, NULL, false));
	assert_int_equal(turn_after(f, 0), 1);
	assert_string_equal(sent[3].operation, "ReceiveMessage");
}

static void test_too_much_owed_holds_the_receives(void **state)
{
	struct fixture *f = *state;

	owe(f, QUEUE_DELETE, 340);
	assert_int_equal(turn_after(f, 0), CALLS_MAX);
	answer(0, AWS_OK, batch(10, NULL, false));
	assert_int_equal(turn_after(f, 0), 2);		/* 290 are left */
}

static void test_a_visibility_carries_its_seconds(void **state)
{
	struct fixture *f = *state;
	const struct json *e;

	owe(f, QUEUE_RETURN, 1);
	turn_after(f, 0);
	assert_string_equal(sent[0].operation, "ChangeMessageVisibilityBatch");
	e = json_item(json_get(sent[0].body, "Entries"), 0);
	assert_true(str_is(json_get_str(e, "ReceiptHandle"), "h0"));
	assert_int_equal(json_double(json_get(e, "VisibilityTimeout"), 0), 30);
}

/* ---- FIFO ---- */

static struct str attempt_of(size_t i)
{
	return json_get_str(sent[i].body, "ReceiveRequestAttemptId");
}

static void test_a_lost_receive_is_asked_for_once_more(void **state)
{
	struct fixture *f = *state;

	turn_after(f, 0);
	assert_true(attempt_of(0).n > 0);
	answer(0, AWS_TRANSIENT, "reset");
	assert_int_equal(turn_after(f, 2000), 1);
	assert_true(str_eq(attempt_of(1), attempt_of(0)));
	answer(1, AWS_OK, "{}");
	assert_int_equal(turn_after(f, 0), 1);
	assert_false(str_eq(attempt_of(2), attempt_of(1)));
	/* SQS repeats a receive for five minutes, and no longer. */
	answer(2, AWS_TRANSIENT, "reset");
	assert_int_equal(turn_after(f, 5 * MINUTE + 1), 1);
	assert_false(str_eq(attempt_of(3), attempt_of(2)));
}

static void test_only_fifo_queues_name_attempts(void **state)
{
	struct fixture *f = *state;

	turn_after(f, 0);
	assert_null(attempt_of(0).p);
}

/* ---- the end ---- */

static void test_the_poll_ends_first(void **state)
{
	struct fixture *f = *state;

	turn_after(f, 0);
	assert_false(poller_over(f->poller, now_ms));
	poller_end(f->poller);
	assert_int_equal(turn_after(f, 100), 0);
	assert_false(poller_over(f->poller, now_ms));
	answer(0, AWS_OK, "{}");
	assert_true(poller_over(f->poller, now_ms));
	assert_int_equal(turn_after(f, 100), 0);	/* no other one */
}

static void test_a_poll_is_given_up_in_the_end(void **state)
{
	struct fixture *f = *state;

	turn_after(f, 0);
	poller_end(f->poller);
	assert_false(poller_over(f->poller, now_ms + 21999));
	assert_true(poller_over(f->poller, now_ms + 22000));
}

/* What the last poll brought goes back, and that is waited for. */
static void test_what_the_last_poll_brought_is_seen_to(void **state)
{
	struct fixture *f = *state;
	struct sqs_md5 *md5;

	if (sqs_md5_new(&md5))
		skip();
	f->queue.md5 = md5;
	turn_after(f, 0);
	poller_end(f->poller);
	answer(0, AWS_OK, "{\"Messages\":[{\"MessageId\":\"m\","
	       "\"ReceiptHandle\":\"r\",\"Body\":\"b\",\"MD5OfBody\":"
	       "\"00000000000000000000000000000000\"}]}");
	assert_int_equal(f->queue.errors[QUEUE_CHECKSUM], 1);
	assert_false(poller_over(f->poller, now_ms));
	assert_int_equal(turn_after(f, 0), 1);
	assert_string_equal(sent[1].operation, "ChangeMessageVisibilityBatch");
	assert_false(poller_over(f->poller, now_ms + 23999));
	answer(1, AWS_OK, batch(1, NULL, false));
	assert_true(poller_over(f->poller, now_ms));
	sqs_md5_free(md5);
}

static void test_deletes_are_waited_for(void **state)
{
	struct fixture *f = *state;

	owe(f, QUEUE_DELETE, 1);
	poller_end(f->poller);
	assert_false(poller_over(f->poller, now_ms));
	assert_int_equal(turn_after(f, 0), 1);
	assert_false(poller_over(f->poller, now_ms + 23999));
	assert_true(poller_over(f->poller, now_ms + 24000));
	answer(0, AWS_OK, batch(1, NULL, false));
	assert_true(poller_over(f->poller, now_ms));
}

/* A queue that refuses deletes doesn't hold the process. */
static void test_deletes_in_trouble_are_left(void **state)
{
	struct fixture *f = *state;

	owe(f, QUEUE_DELETE, 1);
	turn_after(f, 0);
	answer(1, AWS_OK, "{}");			/* the poll */
	answer(0, AWS_DENIED, "AccessDenied");
	poller_end(f->poller);
	assert_true(poller_over(f->poller, now_ms));
}

#define OF(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pauses_grow_to_a_bound),
		cmocka_unit_test(test_a_pace_keeps_what_is_asked),
		OF(test_its_length_is_asked_once_a_minute),
		OF(test_its_lag_is_the_most_of_late),
		OF(test_a_refused_queue_recovers),
		OF(test_what_passes_isnt_refused),
		OF(test_the_turn_ends_when_the_pause_does),
		OF(test_batches_are_full_and_few),
		OF(test_what_failed_of_a_batch_is_tried_again),
		OF(test_a_handle_refused_for_good_is_let_go),
		OF(test_an_entry_has_so_many_tries),
		OF(test_deletes_that_fail_hold_the_receives),
		OF(test_too_much_owed_holds_the_receives),
		OF(test_a_visibility_carries_its_seconds),
		OF(test_only_fifo_queues_name_attempts),
		cmocka_unit_test_setup_teardown(
			test_a_lost_receive_is_asked_for_once_more,
			set_up_fifo, tear_down),
		OF(test_the_poll_ends_first),
		OF(test_a_poll_is_given_up_in_the_end),
		OF(test_what_the_last_poll_brought_is_seen_to),
		OF(test_deletes_are_waited_for),
		OF(test_deletes_in_trouble_are_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
