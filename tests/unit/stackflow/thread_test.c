#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <pthread.h>

#include "base/buf.h"
#include "doc/json.h"
#include "stackflow/answer.h"
#include "tests/unit/stackflow/crowd.h"

/* A client with a thread of its own, used from others. */

struct desk {
	struct crowd crowd;
	struct sf_options options;
	char base[80], token[80];
	struct sf_client *client;
};

static void open_desk(struct desk *d)
{
	struct err err = { "" };

	if (sf_client_new(&d->client, &d->options, NULL, &err))
		fail_msg("%s", err.text);
}

static void start(struct desk *d)
{
	memset(d, 0, sizeof(*d));
	crowd_start(&d->crowd);
	snprintf(d->base, sizeof(d->base), "http://127.0.0.1:%u/prod/api",
		 d->crowd.port);
	snprintf(d->token, sizeof(d->token), "http://127.0.0.1:%u/token",
		 d->crowd.port);
	d->options = (struct sf_options){
		.base_url = d->base,
		.auth = { .method = SF_AUTH_CLIENT_CREDENTIALS,
			  .client_id = "the-client",
			  .client_secret = "the-secret-of-it",
			  .token_url = d->token },
		.requests_per_second = 1000000,
		.timeout_ms = 60000,
	};
}

static void stop(struct desk *d)
{
	sf_client_free(d->client);
	crowd_stop(&d->crowd);
}

static int create(struct sf_client *c, unsigned n, sf_done *done, void *arg)
{
	char json[64];
	int len = snprintf(json, sizeof(json), "{\"n\":%u}", n);

	return sf_incident_create(c, (struct str){ json, (size_t)len }, NULL,
				  done, arg);
}

static bool is_incident(const struct sf_result *r, unsigned n)
{
	char id[32];

	snprintf(id, sizeof(id), "INC%u", n);
	return r->outcome == SF_OK && str_is(r->id, id) &&
	       str_is(json_get_str(r->body, "id"), id);
}

static void waits_for_an_answer(void **state)
{
	const struct sf_result *r;
	struct sf_stats st;
	struct sf_answer *a;
	struct desk d;

	(void)state;
	start(&d);
	open_desk(&d);
	a = sf_answer_new(d.client);
	assert_false(sf_answer_ready(a));
	r = sf_answer_wait(a, create(d.client, 7, sf_answer_done, a));
	assert_true(is_incident(r, 7));
	assert_true(sf_answer_ready(a));
	/* One result stands while the next is on its way. */
	assert_int_equal(create(d.client, 8, sf_answer_done, a), 0);
	assert_true(is_incident(r, 7));
	r = sf_answer_wait(a, 0);
	assert_true(is_incident(r, 8));
	assert_ptr_equal(sf_answer_wait(a, 0), r);
	assert_true(is_incident(r, 8));
	r = sf_answer_wait(a, -EINVAL);
	assert_int_equal(r->outcome, SF_NOT_EXECUTED);
	assert_non_null(r->problem);
	r = sf_answer_wait(NULL, -EAGAIN);
	assert_int_equal(r->outcome, SF_NOT_EXECUTED);
	r = sf_answer_wait(NULL, create(d.client, 1, sf_answer_done, NULL));
	assert_non_null(strstr(r->problem, "out of memory"));
	sf_client_stats(d.client, &st);
	assert_int_equal(st.requests, 2);
	assert_int_equal(st.answered_2xx, 2);
	assert_int_equal(st.renewals, 1);
	assert_true(st.authenticated);
	assert_int_equal(sf_client_active(d.client), 0);
	assert_int_equal(sf_client_wait_ms(d.client, 5), 0);
	/* Waits for its call. */
	assert_int_equal(create(d.client, 9, sf_answer_done, a), 0);
	sf_answer_free(a);
	assert_int_equal(sf_client_active(d.client), 0);
	stop(&d);
}

/* What one thread's calls came to. */
struct batch {
	struct desk *desk;
	unsigned first, count;
	atomic_uint right, done;
	atomic_bool more; /* each done begins another */
};

struct one {
	struct batch *batch;
	unsigned n;
};

static void note(const struct sf_result *r, void *arg)
{
	struct one *one = arg;
	struct batch *b = one->batch;

	atomic_fetch_add(&b->right, is_incident(r, one->n));
	if (atomic_load(&b->more) && one->n < b->first + b->count) {
		one->n += b->count;
		if (create(b->desk->client, one->n, note, one) == 0)
			return;
	}
	free(one);
	atomic_fetch_add(&b->done, 1);
}

static int create_noted(struct batch *b, unsigned n)
{
	struct one *one = malloc(sizeof(*one));
	int rc;

	*one = (struct one){ b, n };
	rc = create(b->desk->client, n, note, one);
	if (rc)
		free(one);
	return rc;
}

static void *work(void *arg)
{
	struct batch *b = arg;
	struct sf_answer *a = sf_answer_new(b->desk->client);
	struct sf_stats st;

	for (unsigned i = 0; i < b->count; i++) {
		if (i % 4) {
			create_noted(b, b->first + i);
			continue;
		}
		if (is_incident(sf_answer_wait(a, create(b->desk->client,
							 b->first + i,
							 sf_answer_done, a)),
				b->first + i))
			atomic_fetch_add(&b->right, 1);
		atomic_fetch_add(&b->done, 1);
		sf_client_stats(b->desk->client, &st);
		sf_client_active(b->desk->client);
	}
	sf_answer_free(a);
	return NULL;
}

#define THREADS 8
#define EACH 200

static void many_threads_share_a_client(void **state)
{
	struct batch batches[THREADS] = { 0 };
	pthread_t threads[THREADS];
	struct sf_stats st;
	struct desk d;

	(void)state;
	start(&d);
	open_desk(&d);
	for (unsigned i = 0; i < THREADS; i++) {
		batches[i].desk = &d;
		batches[i].first = i * 1000;
		batches[i].count = EACH;
		pthread_create(&threads[i], NULL, work, &batches[i]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(sf_client_close(d.client, 60000), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(atomic_load(&batches[i].done), EACH);
		assert_int_equal(atomic_load(&batches[i].right), EACH);
	}
	sf_client_stats(d.client, &st);
	assert_int_equal(st.answered_2xx, THREADS * EACH);
	stop(&d);
}

static void done_begins_other_calls(void **state)
{
	struct batch b = { .count = 50 };
	struct desk d;

	(void)state;
	start(&d);
	open_desk(&d);
	b.desk = &d;
	atomic_store(&b.more, true);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(create_noted(&b, i), 0);
	while (atomic_load(&b.done) < 50)
		sched_yield();
	assert_int_equal(atomic_load(&b.right), 100);
	stop(&d);
}

#define CROWD 1000

static size_t in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* CROWD creates that all are on the wire at once. */
static void one_thousand(struct desk *d, unsigned first)
{
	struct batch b = { .desk = d };

	atomic_store(&d->crowd.state->most, 0);
	atomic_store(&d->crowd.state->hold, CROWD);
	for (unsigned i = 0; i < CROWD; i++)
		assert_int_equal(create_noted(&b, first + i), 0);
	while (atomic_load(&b.done) < CROWD)
		usleep(1000);
	assert_int_equal(atomic_load(&b.right), CROWD);
	assert_int_equal(atomic_load(&d->crowd.state->most), CROWD);
}

static void a_thousand_at_once_and_memory_is_flat(void **state)
{
	struct sf_answer *a;
	size_t before, after;
	struct desk d;

	(void)state;
	start(&d);
	d.options.concurrency = CROWD;
	open_desk(&d);
	/* The token first, which is held by nothing. */
	a = sf_answer_new(d.client);
	sf_answer_wait(a, create(d.client, 1, sf_answer_done, a));
	sf_answer_free(a);
	one_thousand(&d, 10000);
	before = in_use();
	one_thousand(&d, 20000);
	after = in_use();
	print_message("%zu bytes after one thousand, %zu after two\n", before,
		      after);
	if (after > before + 65536)
		fail_msg("%zu bytes stay", after - before);
	stop(&d);
}

/* Each token is refused once the next is there to be had. */
static void tokens_change_under_way(void **state)
{
	struct batch b = { .count = 100 };
	struct sf_stats st;
	struct desk d;

	(void)state;
	start(&d);
	open_desk(&d);
	b.desk = &d;
	for (unsigned round = 1; round <= 5; round++) {
		atomic_store(&b.done, 0);
		atomic_store(&b.right, 0);
		for (unsigned i = 0; i < 50; i++)
			assert_int_equal(create_noted(&b, i), 0);
		atomic_store(&d.crowd.state->newest, round);
		for (unsigned i = 50; i < 100; i++)
			assert_int_equal(create_noted(&b, i), 0);
		while (atomic_load(&b.done) < 100)
			sched_yield();
		assert_int_equal(atomic_load(&b.right), 100);
	}
	sf_client_stats(d.client, &st);
	assert_true(st.renewals >= 5);
	assert_true(atomic_load(&d.crowd.state->unauthorized) > 0);
	stop(&d);
}

/* A token of a second is renewed after half of it, while it still serves. */
static void renews_ahead_while_requests_run(void **state)
{
	struct batch b = { .count = 100 };
	struct sf_stats st;
	struct desk d;

	(void)state;
	start(&d);
	atomic_store(&d.crowd.state->life, 1);
	open_desk(&d);
	b.desk = &d;
	do {
		atomic_store(&b.done, 0);
		atomic_store(&b.right, 0);
		for (unsigned i = 0; i < 100; i++)
			assert_int_equal(create_noted(&b, i), 0);
		while (atomic_load(&b.done) < 100)
			sched_yield();
		assert_int_equal(atomic_load(&b.right), 100);
		sf_client_stats(d.client, &st);
	} while (st.renewals < 3);
	assert_int_equal(atomic_load(&d.crowd.state->unauthorized), 0);
	stop(&d);
}

static void a_token_is_replaced_in_place(void **state)
{
	const struct sf_result *r;
	struct sf_answer *a;
	struct sf_stats st;
	struct desk d;

	(void)state;
	start(&d);
	open_desk(&d);
	a = sf_answer_new(d.client);
	assert_int_equal(sf_client_set_token(d.client, NULL), -EINVAL);
	assert_int_equal(sf_client_set_token(d.client, "a\r\nb"), -EINVAL);
	r = sf_answer_wait(a, create(d.client, 1, sf_answer_done, a));
	assert_true(is_incident(r, 1));
	/* Only the new one is taken from now on. */
	atomic_store(&d.crowd.state->newest, 77);
	assert_int_equal(sf_client_set_token(d.client, "tok77"), 0);
	r = sf_answer_wait(a, create(d.client, 2, sf_answer_done, a));
	assert_true(is_incident(r, 2));
	assert_int_equal(atomic_load(&d.crowd.state->unauthorized), 0);
	atomic_store(&d.crowd.state->newest, 78);
	r = sf_answer_wait(a, create(d.client, 3, sf_answer_done, a));
	assert_int_equal(r->outcome, SF_NOT_EXECUTED);
	assert_int_equal(r->status, 401);
	sf_client_stats(d.client, &st);
	assert_int_equal(st.renewals, 1);
	assert_false(st.authenticated);
	assert_int_equal(sf_client_set_token(d.client, "tok78"), 0);
	r = sf_answer_wait(a, create(d.client, 4, sf_answer_done, a));
	assert_true(is_incident(r, 4));
	sf_answer_free(a);
	stop(&d);
}

static void close_waits_for_what_is_in_flight(void **state)
{
	struct batch b = { 0 };
	struct desk d;

	(void)state;
	start(&d);
	d.options.concurrency = 4;
	open_desk(&d);
	b.desk = &d;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(create_noted(&b, i), 0);
	assert_int_equal(sf_client_close(d.client, 60000), 0);
	assert_int_equal(atomic_load(&b.right), 100);
	assert_int_equal(create(d.client, 1, note, NULL), -ESHUTDOWN);
	assert_int_equal(sf_client_close(d.client, 0), 0);
	stop(&d);
}

static void close_gives_up_in_time(void **state)
{
	struct batch b = { 0 };
	struct desk d;

	(void)state;
	start(&d);
	atomic_store(&d.crowd.state->hold, 1000);
	open_desk(&d);
	b.desk = &d;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(create_noted(&b, i), 0);
	assert_int_equal(sf_client_close(d.client, 10), -ETIMEDOUT);
	assert_int_equal(atomic_load(&b.done), 0);
	stop(&d);
	assert_int_equal(atomic_load(&b.done), 100);
	assert_int_equal(atomic_load(&b.right), 0);
}

static void *close_it(void *arg)
{
	struct desk *d = arg;
	int rc = sf_client_close(d->client, 60000);

	return (void *)(uintptr_t)(rc != 0);
}

static void freeing_ends_a_close(void **state)
{
	struct batch b = { 0 };
	pthread_t thread;
	struct desk d;
	void *failed;
	int rc = 0;

	(void)state;
	start(&d);
	atomic_store(&d.crowd.state->hold, 1000);
	open_desk(&d);
	b.desk = &d;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(create_noted(&b, i), 0);
	pthread_create(&thread, NULL, close_it, &d);
	while (rc != -ESHUTDOWN) {
		rc = create_noted(&b, 10);
		sched_yield();
	}
	stop(&d);
	pthread_join(thread, &failed);
	assert_null(failed);
}

static void *wait_for_one(void *arg)
{
	struct desk *d = arg;
	struct sf_answer *a = sf_answer_new(d->client);
	const struct sf_result *r =
		sf_answer_wait(a, create(d->client, 1, sf_answer_done, a));
	enum sf_outcome outcome = r->outcome;

	assert_non_null(r->problem);
	sf_answer_free(a);
	return (void *)(uintptr_t)outcome;
}

static void freeing_wakes_who_waits(void **state)
{
	pthread_t thread;
	void *outcome;
	struct desk d;

	(void)state;
	start(&d);
	d.options.auth =
		(struct sf_auth){ .method = SF_AUTH_TOKEN, .token = "tok1" };
	atomic_store(&d.crowd.state->hold, 1000);
	open_desk(&d);
	pthread_create(&thread, NULL, wait_for_one, &d);
	while (atomic_load(&d.crowd.state->requests) == 0)
		sched_yield();
	stop(&d);
	pthread_join(thread, &outcome);
	assert_int_equal((uintptr_t)outcome, SF_UNKNOWN);
}

static void a_full_client_says_so(void **state)
{
	struct batch b = { 0 };
	struct desk d;

	(void)state;
	start(&d);
	atomic_store(&d.crowd.state->hold, 1000);
	d.options.concurrency = 2;
	d.options.queue = 3;
	open_desk(&d);
	b.desk = &d;
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(create_noted(&b, i), 0);
	assert_int_equal(create_noted(&b, 5), -EAGAIN);
	assert_int_equal(sf_client_active(d.client), 5);
	stop(&d);
	assert_int_equal(atomic_load(&b.done), 5);
}

static void a_forked_process_leaves_it_alone(void **state)
{
	const struct sf_result *r;
	struct sf_answer *a;
	int status;
	struct desk d;
	pid_t pid;

	(void)state;
	start(&d);
	open_desk(&d);
	pid = fork();
	if (pid == 0) {
		bool ok = create(d.client, 1, note, NULL) == -ESHUTDOWN;

		sf_client_free(d.client);
		_exit(!ok);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	a = sf_answer_new(d.client);
	r = sf_answer_wait(a, create(d.client, 2, sf_answer_done, a));
	assert_true(is_incident(r, 2));
	sf_answer_free(a);
	stop(&d);
}

/* A connection that dies while it is written to: the default of SIGPIPE ends
 * a program. */
static void no_sigpipe_ends_the_program(void **state)
{
	struct sf_answer *a;
	struct desk d;

	(void)state;
	signal(SIGPIPE, SIG_DFL);
	start(&d);
	open_desk(&d);
	a = sf_answer_new(d.client);
	sf_answer_wait(a, create(d.client, 1, sf_answer_done, a));
	kill(d.crowd.pid, SIGKILL);
	for (unsigned i = 0; i < 20; i++)
		assert_int_not_equal(
			sf_answer_wait(a,
				       create(d.client, i, sf_answer_done, a))
				->outcome,
			SF_OK);
	sf_answer_free(a);
	stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_for_an_answer),
		cmocka_unit_test(many_threads_share_a_client),
		cmocka_unit_test(done_begins_other_calls),
		cmocka_unit_test(a_thousand_at_once_and_memory_is_flat),
		cmocka_unit_test(tokens_change_under_way),
		cmocka_unit_test(renews_ahead_while_requests_run),
		cmocka_unit_test(a_token_is_replaced_in_place),
		cmocka_unit_test(close_waits_for_what_is_in_flight),
		cmocka_unit_test(close_gives_up_in_time),
		cmocka_unit_test(freeing_ends_a_close),
		cmocka_unit_test(freeing_wakes_who_waits),
		cmocka_unit_test(a_full_client_says_so),
		cmocka_unit_test(a_forked_process_leaves_it_alone),
		cmocka_unit_test(no_sigpipe_ends_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
