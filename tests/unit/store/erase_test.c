/* What may be erased, and that a copy is a store. */
#include "tests/unit/store/help.h"

#include "base/buf.h"

static void put_decided(struct fixture *f, const char *id, const char *account,
			int64_t received_ms, int64_t incident)
{
	struct event e = event_of(str_from(id), received_ms);
	struct store_write w = { .kind = WRITE_EVENT_DONE, .event = &e };

	e.received_ms = received_ms;
	e.account = str_from(account);
	e.trust = STR("{\"by\":\"signature\",\"signature\":\"c2ln\"}");
	e.payload = STR("the payload");
	e.world = STR("{\"tags\":1}");
	assert_int_equal(accept_events(f->s, &e, 1), 0);
	e.action = STR("create");
	e.incident = incident;
	e.decided_ms = received_ms;
	assert_int_equal(store_commit(f->s, &w, 1), 0);
}

static struct store_erased erase(struct fixture *f,
				 const struct store_erase *what, size_t step)
{
	struct store_erased sum = { 0 }, got;
	int64_t after = 0;
	int rc = 1;

	while (rc > 0) {
		rc = store_erase(f->s, &got, what, &after, step);
		assert_true(rc >= 0);
		sum.events += got.events;
		sum.undecided += got.undecided;
		sum.open += got.open;
		sum.waiting += got.waiting;
		sum.owed += got.owed;
	}
	return sum;
}

static struct event newest(struct fixture *f)
{
	struct event e, whole;

	assert_int_equal(store_list_events(&e, f->r,
					   &(struct store_page){ .limit = 1 },
					   f->a), 1);
	assert_int_equal(store_event(&whole, f->r, e.id, f->a), 1);
	return whole;
}

static void what_goes_and_what_stays(void **state)
{
	struct fixture *f = *state;
	const struct store_erase all = { .before_ms = NOW + DAY };
	struct store_erase dry = all;
	struct store_erased got;
	struct event e;

	dry.dry = true;
	put_decided(f, "one", "1", NOW, 0);
	got = erase(f, &dry, 10);
	assert_int_equal(got.events, 1);
	assert_true(newest(f).payload.n > 0);
	got = erase(f, &all, 10);
	assert_int_equal(got.events, 1);
	e = newest(f);
	assert_null(e.payload.p);
	assert_null(e.subject.p);
	assert_null(e.world.p);
	assert_str(e.trust, "{\"by\":\"signature\",\"erased\":true}");
	assert_str(e.action, "create");
	assert_str(e.name, "pay-db-cpu");
	assert_str(e.message_id, "m-1");
	assert_int_equal(e.received_ms, NOW);
	assert_int_equal(erase(f, &all, 10).events, 0);
	assert_int_equal(counts(f).events, 1);
}

static void in_steps_by_time_and_account(void **state)
{
	struct fixture *f = *state;
	struct store_erase what = { .before_ms = NOW + 50,
				    .account = STR("1") };
	char id[16];

	for (int k = 0; k < 100; k++) {
		snprintf(id, sizeof(id), "e%d", k);
		put_decided(f, id, k % 2 ? "1" : "2", NOW + k, 0);
	}
	assert_int_equal(erase(f, &what, 7).events, 25);
	what.account = STR_NONE;
	assert_int_equal(erase(f, &what, 7).events, 25);
	what.before_ms = NOW + DAY;
	assert_int_equal(erase(f, &what, 50).events, 50);
}

static void reasons_to_stay(void **state)
{
	struct fixture *f = *state;
	const struct store_erase all = { .before_ms = NOW + DAY };
	struct incident open = incident_of(STR("open"), 1);
	struct incident owed = incident_of(STR("owed"), 1);
	struct event fresh = event_of(STR("fresh"), NOW);
	struct member m = { .subject = STR("s"), .state = ALARM_FIRING,
			    .wait = WAIT_HOLD, .due_ms = NOW };
	struct store_write w = { .kind = WRITE_MEMBER, .member = &m };
	struct store_erased got;
	struct op op;

	owed.state = INCIDENT_RESOLVED;
	put_incident(f, &open);
	put_incident(f, &owed);
	put_decided(f, "a", "1", NOW, open.id);
	put_decided(f, "b", "1", NOW, owed.id);
	op = op_of(owed.id, OP_NOTE);
	assert_int_equal(write_op(f, &op, 0), 0);
	put_decided(f, "c", "1", NOW, 0);
	m.event = newest(f).seq;
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	assert_int_equal(accept_events(f->s, &fresh, 1), 0);
	got = erase(f, &all, 10);
	assert_int_equal(got.events, 0);
	assert_int_equal(got.open, 1);
	assert_int_equal(got.owed, 1);
	assert_int_equal(got.waiting, 1);
	assert_int_equal(got.undecided, 1);
	turn(f, op.id, OP_DEAD);
	assert_int_equal(erase(f, &all, 10).owed, 1);
	turn(f, op.id, OP_DONE);
	assert_int_equal(erase(f, &all, 10).events, 1);
}

/* One that may not go keeps its message. */
static void a_message_goes_as_a_whole(void **state)
{
	struct fixture *f = *state;
	const struct store_erase mine = { .before_ms = NOW + DAY,
					  .account = STR("1") };
	struct event e[2] = { event_of(STR("x"), NOW),
			      event_of(STR("y"), NOW) };
	struct store_write w = { .kind = WRITE_EVENT_DONE, .event = &e[0] };
	struct store_erased got;

	e[0].account = STR("1");
	e[1].account = STR("2");
	assert_int_equal(accept_events(f->s, e, 2), 0);
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	got = erase(f, &mine, 10);
	assert_int_equal(got.events, 0);
	assert_int_equal(got.undecided, 1);
	w.event = &e[1];
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	assert_int_equal(erase(f, &mine, 10).events, 1);
	assert_null(newest(f).payload.p);
}

static void a_dead_message_stays(void **state)
{
	struct fixture *f = *state;
	const struct store_erase all = { .before_ms = NOW + DAY };
	struct event e = event_of(STR("x"), NOW);
	struct store_write w = { .kind = WRITE_EVENT_DONE, .event = &e };
	struct op op = op_of(0, OP_REJECTED);

	e.kind = STR("rejected");
	assert_int_equal(accept_events(f->s, &e, 1), 0);
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	op.state = OP_DEAD;
	op.events = newest(f).id;
	assert_int_equal(write_op(f, &op, 0), 0);
	assert_int_equal(erase(f, &all, 10).owed, 1);
	turn(f, op.id, OP_DONE);
	assert_int_equal(erase(f, &all, 10).events, 1);
}

/* Between two writes of others, with readers at work. */
static void scrubbed(void **state)
{
	struct fixture *f = *state;

	put_decided(f, "a", "1", NOW, 0);
	assert_int_equal(store_scrub(f->s), 0);
	assert_false(store_scrubbing(f->s));
	assert_int_equal(counts(f).wal_bytes, 0);
	put_decided(f, "b", "1", NOW + 1, 0);
	assert_int_equal(newest(f).received_ms, NOW + 1);
	reopen_store(f);
	assert_int_equal(counts(f).events, 2);
}

/* ---- copies ---- */

static void copied_and_restored(void **state)
{
	struct fixture *f = *state;
	struct buf aside = BUF_INIT(256);
	char copy[80];
	struct op op, got;

	snprintf(copy, sizeof(copy), "%s/copy", f->dir);
	put_decided(f, "a", "1", NOW, 0);
	op = op_of(0, OP_NOTE);
	assert_int_equal(write_op(f, &op, 0), 0);
	assert_int_equal(store_set_meta(f->s, STR("swept"), STR("3")), 0);
	assert_int_equal(store_backup(f->url, copy, false, &f->err), 0);
	assert_int_equal(store_backup(f->url, copy, false, &f->err), -EEXIST);
	assert_int_equal(store_backup(f->url, copy, true, &f->err), 0);
	put_decided(f, "b", "1", NOW, 0);
	assert_int_equal(store_restore(&f->o, copy, NOW, &aside, &f->err),
			 -EBUSY);
	shut_store(f);
	assert_int_equal(store_restore(&f->o, copy, NOW, &aside, &f->err), 0);
	assert_int_equal(access(aside.p, F_OK), 0);
	unlink(aside.p);
	buf_reset(&aside);
	f->o.hash_key = (const uint8_t *)"fedcba9876543210";
	assert_int_equal(store_restore(&f->o, copy, NOW, &aside, &f->err),
			 -EINVAL);
	f->o.hash_key = test_key;
	open_store(f);
	assert_int_equal(counts(f).events, 1);
	assert_int_equal(counts(f).in_doubt, 1);
	assert_int_equal(store_op(&got, f->r, op.id, f->a), 1);
	assert_int_equal(got.state, OP_IN_DOUBT);
	assert_int_equal(store_meta(&(struct str){ 0 }, f->r, STR("swept"),
				    f->a), 0);
	unlink(copy);
	buf_fini(&aside);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_goes_and_what_stays),
		T(in_steps_by_time_and_account),
		T(reasons_to_stay),
		T(a_message_goes_as_a_whole),
		T(a_dead_message_stays),
		T(scrubbed),
		T(copied_and_restored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
