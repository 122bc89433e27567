#include "tests/unit/store/help.h"

#include <sqlite3.h>

static void stores_and_reads_back(void **state)
{
	struct fixture *f = *state;
	struct event e = event_of(STR("one"), NOW), out[4];

	assert_true(store_is_new(f->s));
	assert_int_equal(accept_events(f->s, &e, 1), 0);
	assert_false(e.duplicate);
	assert_int_equal(e.seq, 1);
	assert_int_equal(e.first, 1);
	assert_int_equal(store_new_events(out, 4, f->r, 0, f->a), 1);
	assert_int_equal(out[0].seq, 1);
	assert_int_equal(out[0].change_ms, NOW);
	assert_int_equal(out[0].received_ms, NOW + 5);
	assert_int_equal(out[0].sent_ms, NOW + 2);
	assert_string_equal(out[0].intake, "sns");
	assert_str(out[0].kind, "metric-alarm");
	assert_str(out[0].name, "pay-db-cpu");
	assert_str(out[0].state, "ALARM");
	assert_str(out[0].account, "111122223333");
	assert_str(out[0].region, "us-east-1");
	assert_str(out[0].topic, "arn:aws:sns:us-east-1:111122223333:alarms");
	assert_str(out[0].message_id, "m-1");
	assert_str(out[0].subject, "ALARM");
	assert_str(out[0].payload, "{\"a\":1}");
	assert_int_equal(out[0].status, EVENT_NEW);
	assert_int_equal(store_new_events(out, 4, f->r, 1, f->a), 0);
	reopen_store(f);
	assert_false(store_is_new(f->s));
	assert_int_equal(counts(f).events, 1);
	assert_int_equal(counts(f).untriaged, 1);
	assert_int_equal(store_new_events(out, 4, f->r, 0, f->a), 1);
}

static void bytes_are_kept_whole(void **state)
{
	struct fixture *f = *state;
	struct event e = event_of(STR("a\0b"), NOW), g, out[2];

	e.payload = (struct str){ "x\0\xff y", 5 };
	e.subject = STR("");
	e.message_id = STR_NONE;
	assert_int_equal(accept_events(f->s, &e, 1), 0);
	g = event_of(STR("a\0c"), NOW);
	assert_int_equal(accept_events(f->s, &g, 1), 0);
	assert_false(g.duplicate);
	assert_int_equal(store_new_events(out, 2, f->r, 0, f->a), 2);
	assert_int_equal(out[0].payload.n, 5);
	assert_memory_equal(out[0].payload.p, "x\0\xff y", 5);
	assert_non_null(out[0].subject.p);
	assert_int_equal(out[0].subject.n, 0);
	assert_null(out[0].message_id.p);
}

static void knows_what_it_has(void **state)
{
	struct fixture *f = *state;
	struct event e = event_of(STR("same"), NOW);

	assert_int_equal(accept_events(f->s, &e, 1), 0);
	assert_int_equal(accept_events(f->s, &e, 1), 0);
	assert_true(e.duplicate);
	assert_int_equal(e.seq, 0);
	reopen_store(f);
	assert_int_equal(accept_events(f->s, &e, 1), 0);
	assert_true(e.duplicate);
	e.change_ms++;			/* another time is another event */
	assert_int_equal(accept_events(f->s, &e, 1), 0);
	assert_false(e.duplicate);
	assert_int_equal(counts(f).events, 2);
	assert_int_equal(counts(f).untriaged, 2);
}

static void same_twice_in_one_message_and_one_transaction(void **state)
{
	struct fixture *f = *state;
	struct event e[3] = { event_of(STR("x"), NOW), event_of(STR("x"), NOW),
			      event_of(STR("y"), NOW) };
	struct event d[2] = { event_of(STR("z"), NOW),
			      event_of(STR("z"), NOW) };
	struct awaited w;
	struct store_accept a[2];

	assert_int_equal(accept_events(f->s, e, 3), 0);
	assert_false(e[0].duplicate);
	assert_true(e[1].duplicate);
	assert_false(e[2].duplicate);
	sem_init(&w.done, 0, 0);
	for (int i = 0; i < 2; i++) {
		a[i] = (struct store_accept){ .events = &d[i], .count = 1,
					      .done = take_result, .arg = &w };
		store_accept(f->s, &a[i]);
	}
	for (int i = 0; i < 2; i++)
		while (sem_wait(&w.done))
			;
	sem_destroy(&w.done);
	assert_int_equal(d[0].duplicate + d[1].duplicate, 1);
	assert_int_equal(counts(f).events, 3);
}

static void events_of_a_message_share_its_payload(void **state)
{
	struct fixture *f = *state;
	struct event e[3] = { event_of(STR("p0"), NOW),
			      event_of(STR("p1"), NOW),
			      event_of(STR("p2"), NOW) };
	struct event out[3];

	/* Position 0 is known already: the payload must not go with it. */
	assert_int_equal(accept_events(f->s, e, 1), 0);
	for (unsigned i = 0; i < 3; i++)
		e[i].position = i;
	e[0].payload = STR("all three");
	e[1].payload = e[2].payload = STR_NONE;
	assert_int_equal(accept_events(f->s, e, 3), 0);
	assert_true(e[0].duplicate);
	assert_int_equal(store_new_events(out, 3, f->r, 0, f->a), 3);
	assert_str(out[0].payload, "{\"a\":1}");
	assert_str(out[1].payload, "all three");
	assert_str(out[2].payload, "all three");
	assert_int_equal(out[1].position, 1);
	assert_int_equal(out[2].position, 2);
	assert_int_equal(out[2].first, out[1].seq);
	assert_ptr_equal(out[1].payload.p, out[2].payload.p);
}

static void ids_are_of_the_identity(void **state)
{
	struct fixture *f = *state;
	struct event e = event_of(STR("find me"), NOW), out;
	struct buf id = BUF_INIT(64);

	store_event_id(&id, f->s, e.identity);
	assert_int_equal(id.n, 14);
	assert_int_equal(id.p[0], 'e');
	assert_int_equal(accept_events(f->s, &e, 1), 0);
	assert_int_equal(store_event(&out, f->r, buf_str(&id), f->a), 1);
	assert_true(str_eq(out.id, buf_str(&id)));
	assert_str(out.payload, "{\"a\":1}");
	for (int i = 0; i < 300; i++) {
		char text[16];
		struct event g;

		snprintf(text, sizeof(text), "n%d", i);
		g = event_of(str_from(text), NOW + i % 7);
		assert_int_equal(accept_events(f->s, &g, 1), 0);
		buf_reset(&id);
		store_event_id(&id, f->s, g.identity);
		assert_int_equal(store_event(&out, f->r, buf_str(&id), f->a),
				 1);
		assert_int_equal(out.seq, g.seq);
	}
	assert_int_equal(store_event(&out, f->r, STR("e"), f->a), 0);
	assert_int_equal(store_event(&out, f->r, STR("eaaaaaaaaaaaab"), f->a),
			 0);
	assert_int_equal(store_event(&out, f->r, STR("e!aaaaaaaaaaaa"), f->a),
			 0);
	assert_int_equal(store_event(&out, f->r, STR_NONE, f->a), 0);
	buf_fini(&id);
}

static void owes_a_confirmation_once(void **state)
{
	struct fixture *f = *state;
	struct event e = event_of(STR("sub"), NOW);
	struct op c = op_of(0, OP_CONFIRM), out;

	c.target = STR("arn:aws:sns:us-east-1:111122223333:alarms");
	assert_int_equal(accept_with(f->s, &e, 1, &c), 0);
	assert_int_equal(accept_with(f->s, &e, 1, &c), 0);
	assert_int_equal(counts(f).ops_open, 1);
	assert_int_equal(accept_with(f->s, NULL, 0, &c), 0);
	assert_int_equal(counts(f).ops_open, 2);
	assert_int_equal(store_due_ops(&out, 1, f->r, NOW, f->a), 1);
	assert_int_equal(out.kind, OP_CONFIRM);
	assert_str(out.target, "arn:aws:sns:us-east-1:111122223333:alarms");
}

struct heard {
	struct store *s;
	_Atomic unsigned what;
	_Atomic int64_t untriaged;
};

static void hear(unsigned what, void *arg)
{
	struct heard *h = arg;
	struct store_counts c;

	store_count(h->s, &c);
	h->what |= what;
	h->untriaged = c.untriaged;
}

static void wakes_after_a_commit(void **state)
{
	struct fixture *f = *state;
	static struct heard h;
	struct event e = event_of(STR("w"), NOW);
	struct op c = op_of(0, OP_FALLBACK);

	h = (struct heard){ .s = f->s };
	store_on_commit(f->s, hear, &h);
	assert_int_equal(accept_events(f->s, &e, 1), 0);
	/* Who waits for a commit may be answered before the others are woken;
	 * the same event again wakes nobody, and its answer comes after. */
	assert_int_equal(accept_events(f->s, &e, 1), 0);
	assert_int_equal(h.what, 1);
	assert_int_equal(h.untriaged, 1);
	h.what = 0;
	assert_int_equal(accept_events(f->s, &e, 1), 0);
	assert_int_equal(accept_events(f->s, &e, 1), 0);
	assert_int_equal(h.what, 0);
	assert_int_equal(write_op(f, &c, 0), 0);
	assert_int_equal(accept_events(f->s, &e, 1), 0);
	assert_int_equal(h.what, 2);
}

/* Past the mark events are refused, outcomes go on; room opens it again. */
struct gate {
	sem_t here, go;
};

static void wait_at_gate(int result, void *arg)
{
	struct gate *g = arg;

	(void)result;
	sem_post(&g->here);
	while (sem_wait(&g->go))
		;
}

/* Told by how long it has been at one thing, not by how much it has done. */
static void says_how_long_it_has_been_busy(void **state)
{
	struct fixture *f = *state;
	struct event e = event_of(STR("busy"), NOW);
	struct gate g;
	struct store_accept a = { .events = &e, .count = 1,
				  .done = wait_at_gate, .arg = &g };

	sem_init(&g.here, 0, 0);
	sem_init(&g.go, 0, 0);
	while (store_busy_ms(f->s))
		usleep(1000);
	store_accept(f->s, &a);
	while (sem_wait(&g.here))
		;
	while (store_busy_ms(f->s) < 30)
		usleep(1000);
	sem_post(&g.go);
	while (store_busy_ms(f->s))
		usleep(1000);
	sem_destroy(&g.here);
	sem_destroy(&g.go);
}

static void high_water(void **state)
{
	struct fixture *f = *state;
	static char big[64 << 10];
	struct event e;
	int64_t last = 0;
	int r = 0, n = 0;
	char id[16];

	shut_store(f);
	memset(big, 'x', sizeof(big));
	f->o.max_size = 4 << 20;
	open_store(f);
	for (; n < 200 && !r; n++) {
		snprintf(id, sizeof(id), "big%d", n);
		e = event_of(str_from(id), NOW - 20 * DAY);
		e.payload = (struct str){ big, sizeof(big) };
		r = accept_events(f->s, &e, 1);
		last = r ? last : e.seq;
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(e.seq, 0);
	assert_true(counts(f).full);
	/* What the log holds counts twice until it is in the database. */
	assert_in_range(counts(f).bytes, 3 << 19, 6 << 20);
	assert_true(last > 20);
	/* Still possible: to decide them all, and to owe something. */
	for (int64_t seq = 1; seq <= last; seq++) {
		struct event done = { .seq = seq, .action = STR("ignore"),
				      .decided_ms = NOW - 20 * DAY };
		struct store_write w = { .kind = WRITE_EVENT_DONE,
					 .event = &done };

		assert_int_equal(store_commit(f->s, &w, 1), 0);
	}
	assert_int_equal(counts(f).untriaged, 0);
	assert_true(store_expire(f->s, NOW, 1000) > 10);
	assert_int_equal(accept_events(f->s, &e, 1), 0);
	assert_false(counts(f).full);
	assert_false(store_failed(f->s));
}

/* ---- opening ---- */

static void files_are_ours_alone(void **state)
{
	struct fixture *f = *state;
	struct event e = event_of(STR("m"), NOW);
	struct stat st;
	char name[80];

	assert_int_equal(accept_events(f->s, &e, 1), 0);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(name, sizeof(name), "%s-wal", f->path);
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_second_agent_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store *s = NULL;

	assert_int_equal(store_open(&s, &f->o, &f->err), -EBUSY);
	assert_null(s);
	assert_non_null(strstr(f->err.text, "another agent"));
}

static void run_sql(struct fixture *f, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void refused(struct fixture *f, int code, const char *words)
{
	struct stat before, after;
	struct store *s = NULL;

	assert_int_equal(stat(f->path, &before), 0);
	assert_int_equal(store_open(&s, &f->o, &f->err), code);
	assert_null(s);
	if (!strstr(f->err.text, words))
		fail_msg("\"%s\" isn't in: %s", words, f->err.text);
	assert_int_equal(stat(f->path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_size, after.st_size);
}

static void a_newer_schema_is_refused(void **state)
{
	struct fixture *f = *state;

	shut_store(f);
	run_sql(f, "PRAGMA user_version = 99");
	refused(f, -ENOTSUP, "newer");
}

static void anothers_database_is_refused(void **state)
{
	struct fixture *f = *state;

	shut_store(f);
	unlink(f->path);
	run_sql(f, "CREATE TABLE t (a); INSERT INTO t VALUES (1)");
	refused(f, -EUCLEAN, "another program");
}

static void another_key_is_refused(void **state)
{
	struct fixture *f = *state;

	shut_store(f);
	f->o.hash_key = (const uint8_t *)"fedcba9876543210";
	refused(f, -EINVAL, "install key");
}

static void write_file(const char *path, int64_t at, const char *p, size_t n)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, p, n, at), (ssize_t)n);
	close(fd);
}

static void damage_is_refused(void **state)
{
	struct fixture *f = *state;
	struct event e[50];
	char junk[4096], id[50][8];
	struct stat st;

	for (int i = 0; i < 50; i++) {
		snprintf(id[i], sizeof(id[i]), "d%d", i);
		e[i] = event_of(str_from(id[i]), NOW);
	}
	assert_int_equal(accept_events(f->s, e, 50), 0);
	shut_store(f);
	assert_int_equal(stat(f->path, &st), 0);
	memset(junk, 0xa5, sizeof(junk));
	write_file(f->path, 4096, junk, sizeof(junk));
	refused(f, -EUCLEAN, ".recover");
	assert_int_equal(truncate(f->path, st.st_size - 3 * 4096), 0);
	refused(f, -EUCLEAN, ".recover");
	write_file(f->path, 0, junk, 100);
	refused(f, -EUCLEAN, "move it away");
}

static void not_a_database_is_refused(void **state)
{
	struct fixture *f = *state;
	char junk[9000];

	shut_store(f);
	unlink(f->path);
	memset(junk, 'j', sizeof(junk));
	write_file(f->path, 0, junk, sizeof(junk));
	refused(f, -EUCLEAN, "not a database");
}

static void urls_and_folders(void **state)
{
	struct fixture *f = *state;
	struct store *s;

	shut_store(f);
	f->o.url = "sqlite:";
	assert_int_equal(store_open(&s, &f->o, &f->err), -EINVAL);
	f->o.url = "mongodb://x";
	assert_int_equal(store_open(&s, &f->o, &f->err), -EINVAL);
	f->o.url = "sqlite:/nowhere/at/all/t.db";
	assert_int_equal(store_open(&s, &f->o, &f->err), -ENOENT);
	assert_non_null(strstr(f->err.text, "folder"));
	f->o.url = f->url;
	/* An empty file is what a crash in the first second leaves. */
	unlink(f->path);
	close(open(f->path, O_CREAT | O_RDWR, 0600));
	open_store(f);
	assert_true(store_is_new(f->s));
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(stores_and_reads_back),
		T(bytes_are_kept_whole),
		T(knows_what_it_has),
		T(same_twice_in_one_message_and_one_transaction),
		T(events_of_a_message_share_its_payload),
		T(ids_are_of_the_identity),
		T(owes_a_confirmation_once),
		T(wakes_after_a_commit),
		T(says_how_long_it_has_been_busy),
		T(high_water),
		T(files_are_ours_alone),
		T(a_second_agent_is_refused),
		T(a_newer_schema_is_refused),
		T(anothers_database_is_refused),
		T(another_key_is_refused),
		T(damage_is_refused),
		T(not_a_database_is_refused),
		T(urls_and_folders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
