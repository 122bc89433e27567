#ifndef TESTS_UNIT_STORE_HELP_H
#define TESTS_UNIT_STORE_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"

/* A store in a folder of its own, with one reader. */
struct fixture {
	char dir[32], path[64], url[80];
	struct store_options o;
	struct store *s;
	struct store_reader *r;
	struct arena *a;
	struct err err;
};

static const uint8_t test_key[16] = "0123456789abcdef";

#define DAY (86400000LL)
/* 2026-11-21T10:00:00Z */
#define NOW (1795255200000LL)

static inline void open_store(struct fixture *f)
{
	int r = store_open(&f->s, &f->o, &f->err);

	if (r)
		print_error("%s\n", f->err.text);
	assert_int_equal(r, 0);
	assert_int_equal(store_reader_open(&f->r, f->s, &f->err), 0);
}

static inline void shut_store(struct fixture *f)
{
	store_reader_close(f->r);
	store_close(f->s);
	f->r = NULL;
	f->s = NULL;
}

static inline void reopen_store(struct fixture *f)
{
	shut_store(f);
	open_store(f);
}

static inline void make_fixture(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "/tmp/tocsin-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/t.db", f->dir);
	snprintf(f->url, sizeof(f->url), "sqlite:%s", f->path);
	f->o.url = f->url;
	f->o.max_size = 1 << 30;
	f->o.retain_ms = 30 * DAY;
	f->o.hash_key = test_key;
	f->a = arena_new(64 << 20);
	assert_non_null(f->a);
}

static inline void drop_fixture(struct fixture *f)
{
	static const char *const tails[] = { "", "-wal", "-shm", ".lock" };
	char name[80];

	arena_free(f->a);
	for (size_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s%s", f->path, tails[i]);
		unlink(name);
	}
	rmdir(f->dir);
}

static inline int setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	make_fixture(f);
	open_store(f);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->s)
		shut_store(f);
	drop_fixture(f);
	free(f);
	return 0;
}

struct awaited {
	sem_t done;
	int result;
};

static inline void take_result(int result, void *arg)
{
	struct awaited *w = arg;

	w->result = result;
	sem_post(&w->done);
}

static inline int accept_with(struct store *s, struct event *e, size_t n,
			      const struct op *confirm)
{
	struct awaited w;
	struct store_accept a = { .events = e, .count = n,
				  .confirm = confirm, .done = take_result,
				  .arg = &w };

	sem_init(&w.done, 0, 0);
	store_accept(s, &a);
	while (sem_wait(&w.done))
		;
	sem_destroy(&w.done);
	return w.result;
}

static inline int accept_events(struct store *s, struct event *e, size_t n)
{
	return accept_with(s, e, n, NULL);
}

static inline struct event event_of(struct str identity, int64_t change_ms)
{
	return (struct event){ .identity = identity,
			       .change_ms = change_ms,
			       .received_ms = change_ms + 5,
			       .sent_ms = change_ms + 2,
			       .intake = "sns",
			       .kind = STR("metric-alarm"),
			       .name = STR("pay-db-cpu"),
			       .state = STR("ALARM"),
			       .account = STR("111122223333"),
			       .region = STR("us-east-1"),
			       .topic = STR("arn:aws:sns:us-east-1:"
					    "111122223333:alarms"),
			       .message_id = STR("m-1"),
			       .subject = STR("ALARM"),
			       .payload = STR("{\"a\":1}") };
}

static inline struct store_counts counts(struct fixture *f)
{
	struct store_counts c;

	store_count(f->s, &c);
	return c;
}

static inline struct incident incident_of(struct str key, unsigned incarnation)
{
	return (struct incident){ .key = key,
				  .incarnation = incarnation,
				  .state = INCIDENT_OPEN,
				  .priority = 2,
				  .severity = SEVERITY_HIGH,
				  .team = STR("payments"),
				  .policy = STR("p"),
				  .where = STR("20.yaml:3"),
				  .short_description = STR("it burns"),
				  .assignment_group = STR("SRE"),
				  .ci_id = STR_NONE,
				  .account = STR("111122223333"),
				  .region = STR("us-east-1"),
				  .alarm = STR("pay-db-cpu"),
				  .opened_ms = NOW,
				  .changed_ms = NOW,
				  .events = 1,
				  .notes_max = 50,
				  .still_firing = STILL_LEAVE };
}

static inline void put_incident(struct fixture *f, struct incident *i)
{
	struct store_write w = { .kind = WRITE_INCIDENT, .incident = i };

	assert_int_equal(store_commit(f->s, &w, 1), 0);
}

static inline struct op op_of(int64_t incident, enum op_kind kind)
{
	return (struct op){ .incident = incident,
			    .kind = kind,
			    .state = OP_READY,
			    .priority = 3,
			    .created_ms = NOW,
			    .not_before_ms = NOW,
			    .body = STR("body"),
			    .events = STR("eaaaaaaaaaaaaa"),
			    .count = 1 };
}

static inline int write_op(struct fixture *f, struct op *op,
			   enum op_state expect)
{
	struct store_write w = { .kind = WRITE_OP, .op = op,
				 .expect = expect };

	return store_commit(f->s, &w, 1);
}

/* Set the state of a stored op. */
static inline void turn(struct fixture *f, int64_t id, enum op_state state)
{
	struct op op;
	struct store_write w = { .kind = WRITE_OP_STATE, .op = &op };

	assert_int_equal(store_op(&op, f->r, id, f->a), 1);
	op.state = state;
	assert_int_equal(store_commit(f->s, &w, 1), 0);
}

#define assert_str(s, text) assert_true(str_is((s), (text)))

#endif
