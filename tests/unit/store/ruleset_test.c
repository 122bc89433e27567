/* Rule sets of other days, past events, and a store that is only looked at. */
#include "tests/unit/store/help.h"

#define HASH(c) STR(c "-hash-of-sources")

static void keep(struct fixture *f, struct str hash, struct str text,
		 int64_t now_ms)
{
	assert_int_equal(store_keep_ruleset(f->s, hash, text, now_ms), 0);
}

static int kept(struct fixture *f, struct str hash, struct str *out)
{
	*out = STR_NONE;
	return store_ruleset(out, f->r, hash, f->a);
}

/* An event that was decided then, by those rules, of that incident. */
static void decide(struct fixture *f, struct str identity, struct str hash,
		   int64_t now_ms, int64_t incident)
{
	struct event e = event_of(identity, now_ms);
	struct store_write w = { .kind = WRITE_EVENT_DONE, .event = &e };

	assert_int_equal(accept_events(f->s, &e, 1), 0);
	e.action = STR("create");
	e.ruleset = hash;
	e.incident = incident;
	e.decided_ms = now_ms;
	e.status = EVENT_DONE;
	assert_int_equal(store_commit(f->s, &w, 1), 0);
}

static void expire_all(struct fixture *f, int64_t before_ms)
{
	for (int i = 0; i < 4; i++)
		assert_true(store_expire(f->s, before_ms, 1000) >= 0);
}

static void a_set_is_kept_once_and_comes_again(void **state)
{
	struct fixture *f = *state;
	struct str text;

	assert_int_equal(kept(f, HASH("a"), &text), 0);
	keep(f, HASH("a"), STR("{\"files\":[]}"), NOW);
	assert_int_equal(kept(f, HASH("a"), &text), 1);
	assert_str(text, "{\"files\":[]}");
	/* Whoever says the same hash says the same sources. */
	keep(f, HASH("a"), STR("other"), NOW + 1);
	assert_int_equal(kept(f, HASH("a"), &text), 1);
	assert_str(text, "{\"files\":[]}");
	reopen_store(f);
	assert_int_equal(kept(f, HASH("a"), &text), 1);
	assert_int_equal(kept(f, HASH("b"), &text), 0);
}

static void a_set_goes_with_its_last_event(void **state)
{
	struct fixture *f = *state;
	struct str text;

	keep(f, HASH("a"), STR("a"), NOW - 50 * DAY);
	decide(f, STR("1"), HASH("a"), NOW - 45 * DAY, 0);
	keep(f, HASH("b"), STR("b"), NOW - 40 * DAY);
	decide(f, STR("2"), HASH("b"), NOW - 35 * DAY, 0);
	keep(f, HASH("c"), STR("c"), NOW - 20 * DAY);
	decide(f, STR("3"), HASH("c"), NOW - 19 * DAY, 0);
	/* The last event of all stays, and what stands before it goes. */
	expire_all(f, NOW - 47 * DAY);
	assert_int_equal(kept(f, HASH("a"), &text), 1);
	expire_all(f, NOW - 38 * DAY);
	assert_int_equal(kept(f, HASH("a"), &text), 0);
	assert_int_equal(kept(f, HASH("b"), &text), 1);
	expire_all(f, NOW - 30 * DAY);
	/* Its events are gone, but it ended later than that. */
	assert_int_equal(kept(f, HASH("b"), &text), 1);
	decide(f, STR("4"), HASH("c"), NOW, 0);
	expire_all(f, NOW - 18 * DAY);
	assert_int_equal(kept(f, HASH("b"), &text), 0);
	/* That which decides stays, whatever it has decided. */
	expire_all(f, NOW + DAY);
	assert_int_equal(kept(f, HASH("c"), &text), 1);
}

static void an_open_incidents_event_keeps_its_set(void **state)
{
	struct fixture *f = *state;
	struct incident i = incident_of(STR("k"), 1);
	struct store_write w = { .kind = WRITE_INCIDENT, .incident = &i };
	struct str text;

	put_incident(f, &i);
	keep(f, HASH("a"), STR("a"), NOW - 50 * DAY);
	decide(f, STR("1"), HASH("a"), NOW - 45 * DAY, i.id);
	decide(f, STR("2"), HASH("a"), NOW - 45 * DAY, 0);
	keep(f, HASH("b"), STR("b"), NOW - 40 * DAY);
	decide(f, STR("3"), HASH("b"), NOW, 0);
	expire_all(f, NOW - 30 * DAY);
	assert_int_equal(kept(f, HASH("a"), &text), 1);
	i.state = INCIDENT_RESOLVED;
	i.version = 1;
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	expire_all(f, NOW - 30 * DAY);
	assert_int_equal(kept(f, HASH("a"), &text), 0);
}

static void a_set_that_decides_again_isnt_dropped(void **state)
{
	struct fixture *f = *state;
	struct str text;

	keep(f, HASH("a"), STR("a"), NOW - 50 * DAY);
	decide(f, STR("1"), HASH("a"), NOW - 45 * DAY, 0);
	keep(f, HASH("b"), STR("b"), NOW - 44 * DAY);
	keep(f, HASH("a"), STR("a"), NOW - 43 * DAY);
	decide(f, STR("2"), HASH("a"), NOW, 0);
	expire_all(f, NOW - 30 * DAY);
	assert_int_equal(kept(f, HASH("a"), &text), 1);
	assert_int_equal(kept(f, HASH("b"), &text), 0);
}

static void past_events_come_in_order_with_their_outcome(void **state)
{
	struct fixture *f = *state;
	struct incident i = incident_of(STR("k"), 1);
	struct past_event out[4];
	int64_t n;

	i.ci_id = STR("CI0001002");
	put_incident(f, &i);
	decide(f, STR("1"), HASH("a"), NOW, i.id);
	decide(f, STR("2"), HASH("a"), NOW + 100, 0);
	decide(f, STR("3"), HASH("a"), NOW + 200, 0);
	assert_int_equal(store_past_events(out, 4, f->r, 0, 0, f->a), 3);
	assert_str(out[0].ci_id, "CI0001002");
	assert_int_equal(out[1].ci_id.n, 0);
	assert_str(out[0].event.action, "create");
	assert_true(out[0].event.seq < out[1].event.seq &&
		    out[1].event.seq < out[2].event.seq);
	assert_int_equal(store_past_events(out, 4, f->r, out[0].event.seq, 0,
					   f->a), 2);
	assert_int_equal(store_past_events(out, 1, f->r, 0, 0, f->a), 1);
	/* received_ms is five later. */
	assert_int_equal(store_past_events(out, 4, f->r, 0, NOW + 105, f->a),
			 2);
	assert_int_equal(store_past_count(&n, f->r, NOW + 106), 0);
	assert_int_equal(n, 1);
}

static void a_look_needs_no_lock_and_writes_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_reader *r = NULL;
	struct past_event out[2];
	struct event e;
	struct str text;

	keep(f, HASH("a"), STR("a"), NOW);
	decide(f, STR("1"), HASH("a"), NOW, 0);
	/* While it is at work. */
	assert_int_equal(store_look(&r, f->url, &f->err), 0);
	assert_int_equal(store_past_events(out, 2, r, 0, 0, f->a), 1);
	assert_int_equal(store_event(&e, r, out[0].event.id, f->a), 1);
	assert_str(e.payload, "{\"a\":1}");
	assert_int_equal(store_ruleset(&text, r, HASH("a"), f->a), 1);
	decide(f, STR("2"), HASH("a"), NOW, 0);
	assert_int_equal(store_past_events(out, 2, r, 0, 0, f->a), 2);
	store_reader_close(r);
	/* And after its end. */
	shut_store(f);
	assert_int_equal(store_look(&r, f->url, &f->err), 0);
	assert_int_equal(store_past_events(out, 2, r, 0, 0, f->a), 2);
	store_reader_close(r);
	open_store(f);
}

static void a_look_at_something_else_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store_reader *r = NULL;
	char url[100];
	FILE *file;

	snprintf(url, sizeof(url), "sqlite:%s/none.db", f->dir);
	assert_true(store_look(&r, url, &f->err) < 0);
	assert_null(r);
	assert_int_equal(access(url + 7, F_OK), -1);
	file = fopen(url + 7, "w");
	assert_non_null(file);
	fputs("this is no database at all, but long enough for a header of "
	      "one hundred bytes, which SQLite reads first of all.\n", file);
	fclose(file);
	assert_true(store_look(&r, url, &f->err) < 0);
	unlink(url + 7);
	assert_int_equal(store_look(&r, "postgresql://x", &f->err), -EINVAL);
	assert_int_equal(store_look(&r, "sqlite:", &f->err), -EINVAL);
}

/* The SQL of a store's own file, from outside. */
static void set_version(struct fixture *f, int version)
{
	uint8_t four[4] = { 0, 0, 0, (uint8_t)version };
	int fd = open(f->path, O_WRONLY);

	/* user_version stands in bytes 60 to 63 of a database's head. */
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, four, sizeof(four), 60), sizeof(four));
	close(fd);
}

/* The version that stands there now. */
static int version_of(const struct fixture *f)
{
	uint8_t four[4];
	int fd = open(f->path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, four, sizeof(four), 60), sizeof(four));
	close(fd);
	return four[3];
}

/* An older store isn't changed by a look, and one is told who changes it. */
static void a_look_at_another_schema_says_what_to_do(void **state)
{
	struct fixture *f = *state;
	struct store_reader *r = NULL;
	int now;

	shut_store(f);
	now = version_of(f);
	set_version(f, 1);
	assert_int_equal(store_look(&r, f->url, &f->err), -ENOTSUP);
	assert_null(r);
	assert_non_null(strstr(f->err.text, f->path));
	assert_non_null(strstr(f->err.text, "schema version 1"));
	assert_non_null(strstr(f->err.text, "start the agent (tocsin run) once "
					    "with this version"));
	set_version(f, 99);
	assert_int_equal(store_look(&r, f->url, &f->err), -ENOTSUP);
	assert_non_null(strstr(f->err.text, "use the newer tocsin"));
	set_version(f, now);
	open_store(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_set_is_kept_once_and_comes_again, setup, teardown),
		cmocka_unit_test_setup_teardown(a_set_goes_with_its_last_event,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_open_incidents_event_keeps_its_set, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_set_that_decides_again_isnt_dropped, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			past_events_come_in_order_with_their_outcome, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_look_needs_no_lock_and_writes_nothing, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_look_at_something_else_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_look_at_another_schema_says_what_to_do, setup,
			teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
