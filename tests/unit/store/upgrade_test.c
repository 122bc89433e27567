/* Stores that older tocsins have made, opened by this one. */
#include "tests/unit/store/help.h"

#include <sqlite3.h>

#include "base/encode.h"

/* Of the install key that they were made with. */
static const uint8_t old_key[16] = {
	0xaf, 0x07, 0x06, 0x1f, 0xd1, 0x04, 0xbd, 0xdc,
	0xf5, 0xef, 0x37, 0x12, 0x97, 0x60, 0xf1, 0xee,
};

static void load(struct fixture *f, const char *from)
{
	static char text[64 << 10];
	FILE *in = fopen(from, "r");
	sqlite3 *db;
	size_t n;

	assert_non_null(in);
	n = fread(text, 1, sizeof(text) - 1, in);
	assert_true(n > 0 && n < sizeof(text) - 1);
	text[n] = '\0';
	fclose(in);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void execute(struct fixture *f, const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int64_t number(struct fixture *f, const char *text)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	int64_t n;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &st, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static struct incident of_key(struct fixture *f, const char *name)
{
	struct incident i;
	struct str key = arena_printf(f->a, "111122223333/us-east-1/%s",
				      name);

	assert_int_equal(store_incident_by_key(&i, f->r, key, f->a), 1);
	return i;
}

/* All that it holds is there, and it can do all that a new one can. */
static void check_upgraded(struct fixture *f)
{
	struct event list[8], whole;
	struct op ops[4];
	struct incident i;
	struct member m;

	assert_false(store_is_new(f->s));
	assert_int_equal(counts(f).events, 5);
	assert_int_equal(counts(f).untriaged, 0);
	assert_int_equal(counts(f).incidents_open, 2);
	assert_int_equal(counts(f).timers, 0);
	assert_int_equal(counts(f).ops_open, 1);
	assert_int_equal(store_list_events(list, f->r,
					   &(struct store_page){ .limit = 8 },
					   f->a), 5);
	assert_str(list[0].name, "pay-queue-age");
	assert_str(list[0].action, "create");
	assert_null(list[0].world.p);
	assert_int_equal(store_event(&whole, f->r, list[4].id, f->a), 1);
	assert_true(str_find(whole.payload, STR("pay-db-cpu")) > 0);
	assert_null(whole.trust.p);

	i = of_key(f, "pay-api-5xx");
	assert_int_equal(i.state, INCIDENT_RESOLVED);
	assert_int_equal(i.due_ms, 0);
	assert_int_equal(i.context.n, 0);
	i = of_key(f, "pay-db-cpu");
	assert_true(str_starts(i.remote, "INC000000"));
	assert_int_equal(store_member(&m, f->r,
				      STR("arn:aws:cloudwatch:us-east-1:"
					  "111122223333:alarm:pay-db-cpu"),
				      f->a), 1);
	assert_int_equal(m.incident, i.id);
	assert_int_equal(m.wait, WAIT_NONE);

	/* What had ended did so when it was sent, as far as is known. */
	assert_int_equal(store_event_ops(ops, 4, f->r, &list[4], f->a), 1);
	assert_int_equal(ops[0].kind, OP_CREATE);
	assert_int_equal(ops[0].state, OP_DONE);
	assert_true(ops[0].sent_ms > 0);
	assert_int_equal(ops[0].done_ms, ops[0].sent_ms);
	assert_int_equal(store_event_ops(ops, 4, f->r, &list[0], f->a), 1);
	assert_int_equal(ops[0].state, OP_READY);
	assert_int_equal(ops[0].done_ms, 0);
	assert_true(ops[0].body.n > 0);
}

static void check_usable(struct fixture *f)
{
	struct incident i = of_key(f, "pay-db-cpu");
	struct event e = event_of(STR("new"), NOW + DAY + DAY);
	struct store_audit row = { .at_ms = NOW, .who = STR("tocsin"),
				   .action = STR("a.b"),
				   .resource_type = STR("t"),
				   .resource_id = STR("r"),
				   .details = STR("{}") };
	struct store_write w[2] = {
		{ .kind = WRITE_INCIDENT, .incident = &i },
		{ .kind = WRITE_AUDIT, .audit = &row },
	};
	struct store_bucket buckets[2];

	e.trust = STR("{\"by\":\"test\"}");
	assert_int_equal(accept_events(f->s, &e, 1), 0);
	i.due_ms = i.escalate_ms = NOW;
	assert_int_equal(store_commit(f->s, w, 2), 0);
	reopen_store(f);
	assert_int_equal(counts(f).timers, 1);
	assert_int_equal(counts(f).untriaged, 1);
	assert_int_equal(store_series(buckets, 2, f->r, 1795346820000LL,
				      60000), 0);
	assert_int_equal(buckets[0].events + buckets[1].events, 5);
	assert_int_equal(buckets[0].incidents + buckets[1].incidents, 3);
	assert_int_equal(buckets[0].notes + buckets[1].notes, 2);
	assert_int_equal(buckets[0].resolved + buckets[1].resolved, 1);
}

static void check(struct fixture *f, int version)
{
	char path[80];

	snprintf(path, sizeof(path), "tests/data/store/schema%d.sql",
		 version);
	load(f, path);
	assert_int_equal(number(f, "PRAGMA user_version"), version);
	f->o.hash_key = old_key;
	open_store(f);
	check_upgraded(f);
	check_usable(f);
	shut_store(f);
	assert_int_equal(number(f, "PRAGMA user_version"), 4);
	assert_int_equal(number(f, "SELECT count(*) FROM pragma_integrity_check"
				   " WHERE integrity_check <> 'ok'"), 0);
}

static void a_store_of_version_1(void **state)
{
	check(*state, 1);
}

static void a_store_of_version_2(void **state)
{
	check(*state, 2);
}

/* A step that fails leaves the version before it, whole. */
static void an_upgrade_that_fails(void **state)
{
	struct fixture *f = *state;
	struct store *s = NULL;

	load(f, "tests/data/store/schema2.sql");
	execute(f, "CREATE INDEX op_ended ON op (id)");
	f->o.hash_key = old_key;
	assert_true(store_open(&s, &f->o, &f->err) < 0);
	assert_null(s);
	assert_int_equal(number(f, "PRAGMA user_version"), 2);
	assert_int_equal(number(f, "SELECT count(*) FROM sqlite_master"
				   " WHERE name = 'audit'"), 0);
	execute(f, "DROP INDEX op_ended");
	open_store(f);
	check_upgraded(f);
}

static int make(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	make_fixture(f);
	*state = f;
	return 0;
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, make, teardown)
	const struct CMUnitTest tests[] = {
		T(a_store_of_version_1),
		T(a_store_of_version_2),
		T(an_upgrade_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
