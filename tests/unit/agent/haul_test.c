/* A receive's messages on their way to a real journal: a FIFO queue's groups
 * stay in order, whatever befalls one of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <stdio.h>

#include "agent/handoff.h"
#include "agent/intake/sqs.h"
#include "conf_rig.h"

#define URL "https://sqs.us-east-1.amazonaws.com/111122223333/alarms"
#define WRONG "00000000000000000000000000000000"

struct scene {
	struct fixture *files;
	struct agent agent;
	struct queue queue;
	struct sqs_md5 *md5;
	sem_t idle;
};

static int open_queue(void **state, const char *url)
{
	static const uint8_t key[16] = { 1, 2, 3 };
	const struct conf_queue c = { .url = url, .verify = true };
	struct scene *s = calloc(1, sizeof(*s));
	struct store_options o = { .max_size = 1 << 30,
				   .retain_ms = 86400000LL * 30,
				   .hash_key = key };
	char path[300];
	struct err err;

	assert_int_equal(set_up((void **)&s->files), 0);
	s->agent.conf = (struct conf *)loads(s->files, LEAST);
	snprintf(path, sizeof(path), "sqlite:%s", in(s->files, "t.db"));
	o.url = path;
	if (store_open(&s->agent.store, &o, &err))
		fail_msg("%s", err.text);
	s->agent.metrics = metrics_new();
	s->agent.handoff = handoff_new();
	pthread_mutex_init(&s->agent.snapshot_lock, NULL);
	assert_int_equal(queue_init(&s->queue, &s->agent, &c), 0);
	(void)!sqs_md5_new(&s->md5);
	s->queue.md5 = s->md5;
	sem_init(&s->idle, 0, 0);
	*state = s;
	return 0;
}

static int open_fifo(void **state)
{
	return open_queue(state, URL ".fifo");
}

static int open_standard(void **state)
{
	return open_queue(state, URL);
}

static int close_queue(void **state)
{
	struct scene *s = *state;
	void *files = s->files;

	store_close(s->agent.store);
	handoff_free(s->agent.handoff);
	queue_fini(&s->queue);
	metrics_free(s->agent.metrics);
	sqs_md5_free(s->md5);
	sem_destroy(&s->idle);
	free(s);
	return tear_down(&files);
}

static void idle(struct haul *h, void *arg)
{
	struct scene *s = arg;

	(void)h;
	sem_post(&s->idle);
}

/* One letter a message: its group; a capital's checksum is wrong, '-' has no
 * group. */
static struct haul *receive(struct scene *s, const char *groups)
{
	static char bodies[SQS_BATCH][32], letters[SQS_BATCH];
	struct sqs_message list[SQS_BATCH];
	size_t n = strlen(groups);
	struct haul *h;

	memset(list, 0, sizeof(list));
	for (size_t i = 0; i < n; i++) {
		bool wrong = groups[i] >= 'A' && groups[i] <= 'Z';

		letters[i] = (char)(wrong ? groups[i] + 32 : groups[i]);
		snprintf(bodies[i], sizeof(bodies[i]), "message %zu", i);
		list[i] = (struct sqs_message){
			.id = str_from(bodies[i]),
			.handle = STR("h"),
			.body = str_from(bodies[i]),
			.md5 = wrong ? STR(WRONG) : STR_NONE,
			.group = groups[i] == '-' ?
					 STR_NONE :
					 (struct str){ &letters[i], 1 },
			.sent_ms = 1795255200000 + (int64_t)i,
			.receives = 1,
		};
	}
	assert_int_equal(haul_new(&h, &s->queue, NULL, list, n), 0);
	h->idle = idle;
	h->arg = s;
	return h;
}

/* How it stands: '.' its turn hasn't come, 'd' to delete, 'l' later, 'b'
 * behind one that comes later. */
static void stands(struct haul *h, const char *want)
{
	char got[SQS_BATCH + 1] = "";

	for (size_t i = 0; i < h->count; i++)
		got[i] = "._dlb"[atomic_load(&h->messages[i].fate)];
	assert_string_equal(got, want);
}

/* A wave, to its end. */
static void wave(struct scene *s, struct haul *h, const char *want)
{
	assert_true(haul_run(h));
	haul_let_go(h);
	while (sem_wait(&s->idle))
		;
	stands(h, want);
}

static void is_over(struct haul *h, const char *want)
{
	assert_false(haul_run(h));
	stands(h, want);
	haul_free(h);
}

/* The ids of what was journaled, oldest first. */
static void journaled(struct scene *s, const char *want)
{
	const struct store_page page = { .limit = 100 };
	struct arena *arena = arena_new(1 << 20);
	struct store_reader *reader;
	struct event list[100];
	char got[256] = "";
	size_t at = 0;
	int n;

	assert_int_equal(store_reader_open(&reader, s->agent.store, NULL), 0);
	n = store_list_events(list, reader, &page, arena);
	for (int i = n - 1; i >= 0; i--)
		got[at++] = list[i].message_id.p[strlen("message ")];
	assert_string_equal(got, want);
	store_reader_close(reader);
	arena_free(arena);
}

static void test_a_groups_messages_go_one_by_one(void **state)
{
	struct scene *s = *state;
	struct haul *h = receive(s, "abaab");

	wave(s, h, "dd...");
	wave(s, h, "ddd.d");
	wave(s, h, "ddddd");
	is_over(h, "ddddd");
	journaled(s, "01243");
}

static void test_groups_are_independent(void **state)
{
	struct scene *s = *state;
	struct haul *h = receive(s, "abcdefghij");

	wave(s, h, "dddddddddd");
	is_over(h, "dddddddddd");
}

/* No later message of a group overtakes one that comes again. */
static void test_one_that_stays_holds_its_group(void **state)
{
	struct scene *s = *state;
	struct haul *h = receive(s, "abAab");

	if (!s->md5)
		skip();
	wave(s, h, "dd...");
	wave(s, h, "ddl.d");
	is_over(h, "ddlbd");
	journaled(s, "014");
	assert_int_equal(s->queue.errors[QUEUE_CHECKSUM], 1);
}

static void test_the_first_holds_all_of_its_group(void **state)
{
	struct scene *s = *state;
	struct haul *h = receive(s, "AaaabBb");

	if (!s->md5)
		skip();
	wave(s, h, "l...d..");
	wave(s, h, "lbbbdl.");
	is_over(h, "lbbbdlb");
	journaled(s, "4");
}

/* Nobody knows what they belong to: then to each other. */
static void test_messages_without_a_group_are_one(void **state)
{
	struct scene *s = *state;
	struct haul *h = receive(s, "-a-");

	wave(s, h, "dd.");
	wave(s, h, "ddd");
	is_over(h, "ddd");
}

static void test_a_standard_queue_has_no_order(void **state)
{
	struct scene *s = *state;
	struct haul *h = receive(s, "aaAaa");

	wave(s, h, s->md5 ? "ddldd" : "ddddd");
	is_over(h, s->md5 ? "ddldd" : "ddddd");
}

static void test_what_came_before_is_deleted_too(void **state)
{
	struct scene *s = *state;

	for (int i = 0; i < 2; i++) {
		struct haul *h = receive(s, "ab");

		wave(s, h, "dd");
		is_over(h, "dd");
	}
	journaled(s, "01");
}

/* Held back: nothing of it is in the journal, and none is idle, even where no
 * message of it goes there. */
static void test_what_is_held_waits_for_being_let_go(void **state)
{
	struct scene *s = *state;
	struct haul *h = receive(s, "ab"), *bad = receive(s, "A");

	assert_true(haul_run(h));
	assert_true(haul_run(bad));
	assert_int_equal(store_commit(s->agent.store, NULL, 0), 0);
	assert_int_equal(sem_trywait(&s->idle), -1);
	stands(h, "__");
	journaled(s, "");
	haul_let_go(bad);
	haul_let_go(h);
	for (int i = 0; i < 2; i++)
		while (sem_wait(&s->idle))
			;
	is_over(h, "dd");
	is_over(bad, s->md5 ? "l" : "d");
}

#define FIFO(test) cmocka_unit_test_setup_teardown(test, open_fifo, close_queue)
#define PLAIN(test)                                                           \
	cmocka_unit_test_setup_teardown(test, open_standard, close_queue)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIFO(test_a_groups_messages_go_one_by_one),
		FIFO(test_groups_are_independent),
		FIFO(test_one_that_stays_holds_its_group),
		FIFO(test_the_first_holds_all_of_its_group),
		FIFO(test_messages_without_a_group_are_one),
		PLAIN(test_a_standard_queue_has_no_order),
		PLAIN(test_what_came_before_is_deleted_too),
		PLAIN(test_what_is_held_waits_for_being_let_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
