/* The audit log, an event's operations, counts by time. */
#include "tests/unit/store/help.h"

static struct store_audit row_of(const char *action, int64_t at_ms)
{
	return (struct store_audit){ .at_ms = at_ms,
				     .who = STR("uid 0 (root)"),
				     .action = str_from(action),
				     .resource_type = STR("incident"),
				     .resource_id = STR("INC0000001"),
				     .details = STR("{\"a\":1}") };
}

static int put_audit(struct fixture *f, const struct store_audit *row)
{
	struct store_write w = { .kind = WRITE_AUDIT, .audit = row };

	return store_commit(f->s, &w, 1);
}

static int list(struct store_audit *out, struct fixture *f, size_t limit,
		int64_t before, const char *resource)
{
	return store_list_audit(out, f->r,
				&(struct store_page){
					.limit = limit,
					.before = before,
					.filter = resource ?
						str_from(resource) : STR_NONE },
				f->a);
}

static void a_line_keeps_every_field(void **state)
{
	struct fixture *f = *state;
	struct store_audit row = row_of("incident.note", NOW), got;

	assert_int_equal(put_audit(f, &row), 0);
	reopen_store(f);
	assert_int_equal(list(&got, f, 1, 0, NULL), 1);
	assert_true(got.id > 0);
	assert_int_equal(got.at_ms, NOW);
	assert_str(got.who, "uid 0 (root)");
	assert_str(got.action, "incident.note");
	assert_str(got.resource_type, "incident");
	assert_str(got.resource_id, "INC0000001");
	assert_str(got.details, "{\"a\":1}");
}

static void newest_first_in_pages(void **state)
{
	struct fixture *f = *state;
	static const char *const actions[] = { "a.a", "b.b", "c.c" };
	struct store_audit got[3];

	for (int i = 0; i < 3; i++) {
		struct store_audit row = row_of(actions[i], NOW + i);

		if (i == 1)
			row.resource_id = STR("other");
		assert_int_equal(put_audit(f, &row), 0);
	}
	assert_int_equal(list(got, f, 2, 0, NULL), 2);
	assert_str(got[0].action, "c.c");
	assert_int_equal(list(got, f, 3, got[1].id, NULL), 1);
	assert_str(got[0].action, "a.a");
	assert_int_equal(list(got, f, 3, 0, "other"), 1);
	assert_str(got[0].action, "b.b");
	assert_int_equal(list(got, f, 3, 0, "none"), 0);
}

/* A line is there exactly where what it tells of is. */
static void with_its_batch_or_not_at_all(void **state)
{
	struct fixture *f = *state;
	struct incident i = incident_of(STR("k"), 1), again;
	struct store_audit row = row_of("x.y", NOW), got[2];
	struct store_write w[2] = {
		{ .kind = WRITE_AUDIT, .audit = &row },
		{ .kind = WRITE_INCIDENT, .incident = &i },
	};

	assert_int_equal(store_commit(f->s, w, 2), 0);
	assert_int_equal(list(got, f, 2, 0, NULL), 1);
	again = i;
	again.version = 7;
	w[1].incident = &again;
	assert_int_equal(store_commit(f->s, w, 2), -ESTALE);
	again = incident_of(STR("k"), 1);
	assert_int_equal(store_commit(f->s, w, 2), -EEXIST);
	assert_int_equal(list(got, f, 2, 0, NULL), 1);
}

static void lines_expire(void **state)
{
	struct fixture *f = *state;
	struct store_audit got[4], row;

	for (int i = 0; i < 4; i++) {
		row = row_of("x.y", NOW + i * DAY);
		assert_int_equal(put_audit(f, &row), 0);
	}
	assert_true(store_expire(f->s, NOW + DAY + 1, 100) >= 0);
	assert_int_equal(list(got, f, 4, 0, NULL), 2);
	assert_int_equal(got[1].at_ms, NOW + 2 * DAY);
	/* The newest stays: its number is the one to go on from. */
	assert_true(store_expire(f->s, NOW + 9 * DAY, 100) >= 0);
	assert_int_equal(list(got, f, 4, 0, NULL), 1);
	assert_int_equal(got[0].at_ms, NOW + 3 * DAY);
}

/* ---- what an event has of its own ---- */

static void trust_and_world(void **state)
{
	struct fixture *f = *state;
	struct event e[2] = { event_of(STR("one"), NOW),
			      event_of(STR("two"), NOW) };
	struct event got, listed[2];
	struct store_write w = { .kind = WRITE_EVENT_DONE, .event = &e[1] };

	e[0].trust = STR("{\"by\":\"signature\"}");
	assert_int_equal(accept_events(f->s, e, 2), 0);
	e[1].action = STR("ignore");
	e[1].world = STR("{\"tags\":{}}");
	e[1].decided_ms = NOW;
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	assert_int_equal(store_list_events(listed, f->r,
					   &(struct store_page){ .limit = 2 },
					   f->a), 2);
	assert_str(listed[0].world, "{\"tags\":{}}");
	assert_null(listed[1].world.p);
	assert_null(listed[0].trust.p);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_event(&got, f->r, listed[i].id, f->a),
				 1);
		assert_str(got.trust, "{\"by\":\"signature\"}");
		assert_str(got.payload, "{\"a\":1}");
	}
}

static void decide(struct fixture *f, struct event *e, int64_t incident)
{
	struct store_write w = { .kind = WRITE_EVENT_DONE, .event = e };

	e->action = STR("note");
	e->incident = incident;
	e->decided_ms = NOW;
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	assert_int_equal(store_list_events(e, f->r,
					   &(struct store_page){ .limit = 1 },
					   f->a), 1);
}

static struct op of_event(int64_t incident, enum op_kind kind,
			  const char *events)
{
	struct op op = op_of(incident, kind);

	op.events = str_from(events);
	return op;
}

static void operations_of_an_event(void **state)
{
	struct fixture *f = *state;
	struct incident i = incident_of(STR("k"), 1);
	struct event e = event_of(STR("one"), NOW);
	struct op op, got[4];
	char both[64];

	put_incident(f, &i);
	assert_int_equal(accept_events(f->s, &e, 1), 0);
	decide(f, &e, i.id);
	op = of_event(i.id, OP_CREATE, e.id.p);
	op.state = OP_DONE;
	op.sent_ms = NOW + 1;
	op.doubt_ms = NOW + 2;
	op.done_ms = NOW + 3;
	assert_int_equal(write_op(f, &op, 0), 0);
	op = of_event(i.id, OP_NOTE, "eotherotheroth");
	assert_int_equal(write_op(f, &op, 0), 0);
	snprintf(both, sizeof(both), "eotherotheroth %.*s", STR_ARG(e.id));
	op = of_event(i.id, OP_NOTE, both);
	assert_int_equal(write_op(f, &op, 0), 0);
	assert_int_equal(store_event_ops(got, 4, f->r, &e, f->a), 2);
	assert_int_equal(got[0].kind, OP_CREATE);
	assert_int_equal(got[0].doubt_ms, NOW + 2);
	assert_int_equal(got[0].done_ms, NOW + 3);
	assert_int_equal(got[1].id, op.id);
	assert_int_equal(got[1].state, OP_READY);
	assert_int_equal(store_event_ops(got, 1, f->r, &e, f->a), 1);
	assert_int_equal(store_incident_ops(got, 4, f->r, i.id, 0, f->a), 3);
	assert_int_equal(got[0].id, op.id);
	assert_int_equal(got[2].kind, OP_CREATE);
	assert_int_equal(store_incident_ops(got, 4, f->r, i.id, op.id, f->a),
			 2);
}

/* What was moved to its incident's successor is found there. */
static void operations_that_moved(void **state)
{
	struct fixture *f = *state;
	struct incident i = incident_of(STR("k"), 1);
	struct incident next = incident_of(STR("k"), 2);
	struct store_write w[2] = {
		{ .kind = WRITE_INCIDENT, .incident = &next },
		{ .kind = WRITE_MOVE, .incident = &next },
	};
	struct event e = event_of(STR("one"), NOW);
	struct op op, got[2];

	put_incident(f, &i);
	assert_int_equal(accept_events(f->s, &e, 1), 0);
	decide(f, &e, i.id);
	op = of_event(i.id, OP_NOTE, e.id.p);
	assert_int_equal(write_op(f, &op, 0), 0);
	w[1].from = i.id;
	assert_int_equal(store_commit(f->s, w, 2), 0);
	assert_int_equal(store_event_ops(got, 2, f->r, &e, f->a), 1);
	assert_int_equal(got[0].incident, next.id);
}

/* Its moments are of its last end: what is tried again has none. */
static void an_end_that_was_none(void **state)
{
	struct fixture *f = *state;
	struct incident i = incident_of(STR("k"), 1);
	struct op op = op_of(0, OP_NOTE), got;
	struct store_bucket b;

	put_incident(f, &i);
	op.incident = i.id;
	op.state = OP_DEAD;
	op.done_ms = NOW;
	assert_int_equal(write_op(f, &op, 0), 0);
	assert_int_equal(store_op(&got, f->r, op.id, f->a), 1);
	assert_int_equal(got.done_ms, NOW);
	turn(f, op.id, OP_READY);
	assert_int_equal(store_op(&got, f->r, op.id, f->a), 1);
	assert_int_equal(got.done_ms, 0);
	assert_int_equal(store_series(&b, 1, f->r, NOW, 1000), 0);
	assert_int_equal(b.notes, 0);
}

static void recovery_begins_a_doubt(void **state)
{
	struct fixture *f = *state;
	struct op op = op_of(0, OP_NOTE), got;

	op.state = OP_IN_FLIGHT;
	assert_int_equal(write_op(f, &op, 0), 0);
	assert_int_equal(store_recover(f->s, NOW + 9, &f->err), 1);
	assert_int_equal(store_op(&got, f->r, op.id, f->a), 1);
	assert_int_equal(got.state, OP_IN_DOUBT);
	assert_int_equal(got.doubt_ms, NOW + 9);
}

/* ---- counts by time ---- */

static void accept_at(struct fixture *f, int n, int64_t at_ms)
{
	char id[32];
	struct event e;

	snprintf(id, sizeof(id), "i%d", n);
	e = event_of(str_from(id), NOW + n);
	e.received_ms = at_ms;
	assert_int_equal(accept_events(f->s, &e, 1), 0);
}

static void events_by_time(void **state)
{
	struct fixture *f = *state;
	struct store_bucket b[4];
	int n = 0;

	assert_int_equal(store_series(b, 4, f->r, NOW, 1000), 0);
	assert_int_equal(b[0].events + b[3].events, 0);
	accept_at(f, n++, NOW - 1);
	for (int i = 0; i < 7; i++)
		accept_at(f, n++, NOW + 10 * i);
	accept_at(f, n++, NOW + 1000);
	accept_at(f, n++, NOW + 3999);
	accept_at(f, n++, NOW + 4000);
	assert_int_equal(store_series(b, 4, f->r, NOW, 1000), 0);
	assert_int_equal(b[0].events, 7);
	assert_int_equal(b[1].events, 1);
	assert_int_equal(b[2].events, 0);
	assert_int_equal(b[3].events, 1);
	assert_int_equal(store_series(b, 1, f->r, 0, 1), 0);
	assert_int_equal(b[0].events, 0);
	/* What isn't kept any more isn't counted for the first step. */
	assert_int_equal(store_series(b, 2, f->r, NOW - 500, 1000), 0);
	assert_int_equal(b[0].events, 8);
	assert_int_equal(store_series(b, 1, f->r, NOW, 0), -EINVAL);
}

static void ends_by_time(void **state)
{
	struct fixture *f = *state;
	static const struct {
		enum op_kind kind;
		int64_t at_ms;
	} ended[] = {
		{ OP_NOTE, NOW }, { OP_NOTE, NOW + 999 },
		{ OP_NOTE, NOW + 1000 }, { OP_RESOLVE, NOW + 1500 },
		{ OP_RAISE, NOW + 5 }, { OP_NOTE, NOW - 1 },
		{ OP_NOTE, NOW + 2000 },
	};
	struct incident i;
	struct store_bucket b[2];
	char key[8];

	for (size_t k = 0; k < sizeof(ended) / sizeof(*ended); k++) {
		struct op op = op_of(0, ended[k].kind);

		op.state = OP_DONE;
		op.done_ms = ended[k].at_ms;
		assert_int_equal(write_op(f, &op, 0), 0);
	}
	for (int k = 0; k < 3; k++) {
		snprintf(key, sizeof(key), "k%d", k);
		i = incident_of(str_from(key), 1);
		i.opened_ms = NOW + 900 * k;
		put_incident(f, &i);
	}
	assert_int_equal(store_series(b, 2, f->r, NOW, 1000), 0);
	assert_int_equal(b[0].notes, 2);
	assert_int_equal(b[1].notes, 1);
	assert_int_equal(b[0].resolved, 0);
	assert_int_equal(b[1].resolved, 1);
	assert_int_equal(b[0].incidents, 2);
	assert_int_equal(b[1].incidents, 1);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_line_keeps_every_field),
		T(newest_first_in_pages),
		T(with_its_batch_or_not_at_all),
		T(lines_expire),
		T(trust_and_world),
		T(operations_of_an_event),
		T(operations_that_moved),
		T(an_end_that_was_none),
		T(recovery_begins_a_doubt),
		T(events_by_time),
		T(ends_by_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
