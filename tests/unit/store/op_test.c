#include "tests/unit/store/help.h"

#include <inttypes.h>

static size_t due(struct fixture *f, struct op *out, size_t max, int64_t now)
{
	int n = store_due_ops(out, max, f->r, now, f->a);

	assert_true(n >= 0);
	return (size_t)n;
}

static int64_t next_due(struct fixture *f)
{
	int64_t ms;

	assert_int_equal(store_next_due(&ms, f->r), 0);
	return ms;
}

static int64_t lane(struct fixture *f, const char *key)
{
	struct incident i = incident_of(str_from(key), 1);

	put_incident(f, &i);
	return i.id;
}

static int64_t add(struct fixture *f, int64_t incident, enum op_kind kind,
		   int priority)
{
	struct op op = op_of(incident, kind);

	op.priority = priority;
	assert_int_equal(write_op(f, &op, 0), 0);
	assert_true(op.id > 0);
	return op.id;
}

static void keeps_every_field(void **state)
{
	struct fixture *f = *state;
	struct op out, op = op_of(lane(f, "k"), OP_NOTE);

	op.held = true;
	op.attempts = 3;
	op.searches = 2;
	op.not_before_ms = NOW + 1;
	op.sent_ms = NOW + 2;
	op.searched_ms = NOW + 3;
	op.target = STR("INC0000009");
	op.marker = STR("alarm");
	op.status = 503;
	op.problem = STR("no");
	op.count = 7;
	assert_int_equal(write_op(f, &op, 0), 0);
	reopen_store(f);
	assert_int_equal(store_op(&out, f->r, op.id, f->a), 1);
	assert_int_equal(out.id, op.id);
	assert_int_equal(out.incident, op.incident);
	assert_int_equal(out.kind, OP_NOTE);
	assert_int_equal(out.state, OP_READY);
	assert_int_equal(out.priority, 3);
	assert_true(out.held);
	assert_int_equal(out.attempts, 3);
	assert_int_equal(out.searches, 2);
	assert_int_equal(out.created_ms, NOW);
	assert_int_equal(out.not_before_ms, NOW + 1);
	assert_int_equal(out.sent_ms, NOW + 2);
	assert_int_equal(out.searched_ms, NOW + 3);
	assert_str(out.target, "INC0000009");
	assert_str(out.body, "body");
	assert_str(out.events, "eaaaaaaaaaaaaa");
	assert_int_equal(out.count, 7);
	assert_str(out.marker, "alarm");
	assert_int_equal(out.status, 503);
	assert_str(out.problem, "no");
	assert_int_equal(store_op(&out, f->r, 999, f->a), 0);
}

static void one_a_lane_best_rank_first(void **state)
{
	struct fixture *f = *state;
	int64_t a = lane(f, "a"), b = lane(f, "b"), c = lane(f, "c"),
		d = lane(f, "d");
	int64_t note = add(f, d, OP_NOTE, 1), p3 = add(f, a, OP_CREATE, 3),
		behind = add(f, a, OP_NOTE, 1), p1 = add(f, b, OP_CREATE, 1),
		patch = add(f, c, OP_RESOLVE, 4),
		told = add(f, 0, OP_CONFIRM, 4),
		ask = add(f, 0, OP_ENRICH, 1),
		audit = add(f, 0, OP_AUDIT, 1);
	const int64_t expected[] = { told, p1, p3, patch, note, audit, ask };
	struct op out[10];

	assert_int_equal(due(f, out, 10, NOW), 7);
	for (int i = 0; i < 7; i++)
		assert_int_equal(out[i].id, expected[i]);
	turn(f, ask, OP_DONE);
	assert_int_equal(due(f, out, 2, NOW), 2);
	assert_int_equal(out[1].id, p1);
	assert_int_equal(due(f, out, 10, NOW - 1), 0);
	assert_int_equal(next_due(f), NOW);
	assert_int_equal(counts(f).ops_open, 6);
	/* In flight it still holds the lane; in doubt too. */
	turn(f, p3, OP_IN_FLIGHT);
	assert_int_equal(due(f, out, 10, NOW), 5);
	turn(f, p3, OP_IN_DOUBT);
	assert_int_equal(due(f, out, 10, NOW), 5);
	assert_int_equal(counts(f).ops_open, 6);
	assert_int_equal(counts(f).in_doubt, 1);
	turn(f, p3, OP_DONE);
	assert_int_equal(due(f, out, 10, NOW), 6);
	assert_int_equal(out[4].id, behind);
	assert_int_equal(counts(f).ops_open, 5);
	assert_int_equal(counts(f).in_doubt, 0);
}

static void lane_tail(void **state)
{
	struct fixture *f = *state;
	int64_t a = lane(f, "a"), create, note;
	struct op out;

	assert_int_equal(store_lane_tail(&out, f->r, a, f->a), 0);
	create = add(f, a, OP_CREATE, 3);
	assert_int_equal(store_lane_tail(&out, f->r, a, f->a), 1);
	assert_int_equal(out.id, create);
	note = add(f, a, OP_NOTE, 3);
	assert_int_equal(store_lane_tail(&out, f->r, a, f->a), 1);
	assert_int_equal(out.id, note);
	turn(f, create, OP_DONE);
	turn(f, note, OP_DONE);
	assert_int_equal(store_lane_tail(&out, f->r, a, f->a), 0);
}

static void waits_for_its_time(void **state)
{
	struct fixture *f = *state;
	struct op out[4], op = op_of(lane(f, "a"), OP_NOTE);

	assert_int_equal(next_due(f), INT64_MAX);
	op.not_before_ms = NOW + 5000;
	op.held = true;
	assert_int_equal(write_op(f, &op, 0), 0);
	assert_int_equal(counts(f).ops_open, 0);
	assert_int_equal(counts(f).ops_held, 1);
	assert_int_equal(next_due(f), NOW + 5000);
	assert_int_equal(due(f, out, 4, NOW + 4999), 0);
	assert_int_equal(due(f, out, 4, NOW + 5000), 1);
	op.held = false;
	op.body = STR("three now");
	op.count = 3;
	assert_int_equal(write_op(f, &op, OP_READY), 0);
	assert_int_equal(counts(f).ops_open, 1);
	assert_int_equal(counts(f).ops_held, 0);
	assert_int_equal(due(f, out, 4, NOW + 5000), 1);
	assert_str(out[0].body, "three now");
	op.not_before_ms = NOW;
	assert_int_equal(write_op(f, &op, OP_READY), 0);
	assert_int_equal(due(f, out, 4, NOW), 1);
}

static void a_dead_create_stops_its_lane(void **state)
{
	struct fixture *f = *state;
	int64_t a = lane(f, "a"), b = lane(f, "b");
	int64_t create = add(f, a, OP_CREATE, 1), n1 = add(f, a, OP_NOTE, 1);
	struct op out[4];

	add(f, a, OP_RESOLVE, 1);
	add(f, b, OP_CREATE, 1);
	assert_int_equal(counts(f).ops_open, 4);
	turn(f, create, OP_IN_FLIGHT);
	turn(f, create, OP_DEAD);
	assert_int_equal(counts(f).ops_open, 1);
	assert_int_equal(counts(f).dead, 1);
	assert_int_equal(due(f, out, 4, NOW), 1);
	assert_int_equal(out[0].incident, b);
	/* What comes later doesn't count either. */
	add(f, a, OP_NOTE, 1);
	assert_int_equal(counts(f).ops_open, 1);
	reopen_store(f);
	assert_int_equal(counts(f).ops_open, 1);
	assert_int_equal(counts(f).dead, 1);
	turn(f, create, OP_READY);	/* a person tries again */
	assert_int_equal(counts(f).ops_open, 5);
	assert_int_equal(counts(f).dead, 0);
	assert_int_equal(due(f, out, 4, NOW), 2);
	assert_int_equal(out[0].kind, OP_CREATE);
	turn(f, create, OP_DONE);
	assert_int_equal(due(f, out, 4, NOW), 2);
	assert_int_equal(out[1].id, n1);
	/* A dead note lets the next one go. */
	turn(f, n1, OP_DEAD);
	assert_int_equal(due(f, out, 4, NOW), 2);
	assert_int_equal(out[1].kind, OP_RESOLVE);
	assert_int_equal(counts(f).ops_open, 3);
}

static void expectations(void **state)
{
	struct fixture *f = *state;
	struct op op = op_of(lane(f, "a"), OP_NOTE), other = op, out;
	struct store_write w[3] = {
		{ .kind = WRITE_OP, .op = &other },
		{ .kind = WRITE_OP, .op = &op, .expect = OP_READY },
		{ .kind = WRITE_META, .key = STR("k"), .value = STR("v") },
	};
	struct str v;

	assert_int_equal(write_op(f, &op, 0), 0);
	turn(f, op.id, OP_IN_FLIGHT);
	assert_int_equal(store_commit(f->s, w, 3), -ESTALE);
	assert_int_equal(other.id, 0);
	assert_int_equal(store_meta(&v, f->r, STR("k"), f->a), 0);
	assert_int_equal(counts(f).ops_open, 1);
	w[1].expect = OP_IN_FLIGHT;
	op.state = OP_DONE;
	assert_int_equal(store_commit(f->s, w, 3), 0);
	assert_true(other.id > op.id);
	assert_int_equal(store_op(&out, f->r, op.id, f->a), 1);
	assert_int_equal(out.state, OP_DONE);
	assert_int_equal(out.body.n, 0);
	assert_str(out.events, "eaaaaaaaaaaaaa");
	assert_int_equal(store_meta(&v, f->r, STR("k"), f->a), 1);
	assert_str(v, "v");
	op.id = 999;
	assert_int_equal(write_op(f, &op, OP_READY), -ESTALE);
	assert_int_equal(write_op(f, &op, 0), -ENOENT);
	assert_false(store_failed(f->s));
}

/* What deliver records must not undo what triage merged meanwhile. */
static void state_alone(void **state)
{
	struct fixture *f = *state;
	struct op op = op_of(lane(f, "a"), OP_NOTE), old, out;
	struct store_write w = { .kind = WRITE_OP_STATE, .op = &old,
				 .expect = OP_READY };

	assert_int_equal(write_op(f, &op, 0), 0);
	old = op;
	op.body = STR("merged");
	op.events = STR("eaaaaaaaaaaaaa ebbbbbbbbbbbbb");
	op.count = 2;
	assert_int_equal(write_op(f, &op, OP_READY), 0);
	old.not_before_ms = NOW + 60000;
	old.attempts = 4;
	old.status = 429;
	old.problem = STR("slow down");
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	assert_int_equal(store_op(&out, f->r, op.id, f->a), 1);
	assert_str(out.body, "merged");
	assert_str(out.events, "eaaaaaaaaaaaaa ebbbbbbbbbbbbb");
	assert_int_equal(out.count, 2);
	assert_int_equal(out.attempts, 4);
	assert_int_equal(out.status, 429);
	assert_str(out.problem, "slow down");
	assert_int_equal(out.not_before_ms, NOW + 60000);
	assert_int_equal(next_due(f), NOW + 60000);
	w.expect = OP_IN_FLIGHT;
	assert_int_equal(store_commit(f->s, &w, 1), -ESTALE);
}

static void remote_id_is_the_target(void **state)
{
	struct fixture *f = *state;
	struct incident i = incident_of(STR("k"), 1);
	struct op op, out[2];
	struct store_write w = { .kind = WRITE_REMOTE, .incident = &i };

	put_incident(f, &i);
	op = op_of(i.id, OP_NOTE);
	assert_int_equal(write_op(f, &op, 0), 0);
	assert_int_equal(due(f, out, 1, NOW), 1);
	assert_int_equal(out[0].target.n, 0);
	i.remote = STR("INC0000001");
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	assert_int_equal(due(f, out, 1, NOW), 1);
	assert_str(out[0].target, "INC0000001");
	/* Written back as read, it isn't pinned to that id. */
	assert_int_equal(write_op(f, &out[0], OP_READY), 0);
	i.remote = STR("INC0000002");
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	assert_int_equal(due(f, out, 1, NOW), 1);
	assert_str(out[0].target, "INC0000002");
	assert_int_equal(store_remote_is_ours(f->r, STR("INC0000002")), 1);
	assert_int_equal(store_remote_is_ours(f->r, STR("INC0000001")), 0);
	assert_int_equal(store_remote_is_ours(f->r, STR("")), 0);
}

/* A successor: what waited goes over, and behind the younger create. */
static void moves_to_a_successor(void **state)
{
	struct fixture *f = *state;
	int64_t old = lane(f, "k"), note, resolve;
	struct incident next = incident_of(STR("k"), 2);
	struct op flying, out[4], create = op_of(0, OP_CREATE);
	struct member m = { .subject = STR("s"), .incident = old,
			    .state = ALARM_FIRING, .changed_ms = NOW };
	struct store_write w[] = {
		{ .kind = WRITE_INCIDENT, .incident = &next },
		{ .kind = WRITE_MOVE, .from = old, .incident = &next },
		{ .kind = WRITE_OP, .op = &create, .incident = &next },
		{ .kind = WRITE_OP_STATE, .op = &flying,
		  .expect = OP_IN_FLIGHT },
	};
	struct store_write put = { .kind = WRITE_MEMBER, .member = &m };
	unsigned others;

	assert_int_equal(store_commit(f->s, &put, 1), 0);
	flying = op_of(old, OP_NOTE);
	assert_int_equal(write_op(f, &flying, 0), 0);
	note = add(f, old, OP_NOTE, 1);
	resolve = add(f, old, OP_RESOLVE, 1);
	turn(f, flying.id, OP_IN_FLIGHT);
	flying.state = OP_DONE;
	assert_int_equal(store_commit(f->s, w, 4), 0);
	assert_int_equal(create.incident, next.id);
	assert_int_equal(counts(f).ops_open, 3);
	assert_int_equal(due(f, out, 4, NOW), 1);
	assert_int_equal(out[0].id, create.id);
	assert_int_equal(store_lane_tail(out, f->r, next.id, f->a), 1);
	assert_int_equal(out[0].id, resolve);
	assert_int_equal(store_lane_tail(out, f->r, old, f->a), 0);
	assert_int_equal(store_others_firing(&others, f->r, next.id, 0), 0);
	assert_int_equal(others, 1);
	turn(f, create.id, OP_DONE);
	assert_int_equal(due(f, out, 4, NOW), 1);
	assert_int_equal(out[0].id, note);
	reopen_store(f);
	assert_int_equal(counts(f).ops_open, 2);
	assert_int_equal(due(f, out, 4, NOW), 1);
}

static void some_are_no_backlog(void **state)
{
	const enum op_kind kinds[] = { OP_AUDIT, OP_ENRICH };
	struct fixture *f = *state;

	for (int i = 0; i < 2; i++) {
		int64_t id = add(f, 0, kinds[i], 1);

		assert_int_equal(counts(f).ops_open, 0);
		turn(f, id, OP_IN_FLIGHT);
		assert_int_equal(counts(f).ops_open, 0);
		reopen_store(f);
		assert_int_equal(counts(f).ops_open, 0);
		turn(f, id, OP_DONE);
		assert_int_equal(counts(f).ops_open, 0);
	}
}

static void recovers(void **state)
{
	struct fixture *f = *state;
	struct op out[4], far = op_of(0, OP_NOTE);
	int64_t a = add(f, lane(f, "a"), OP_CREATE, 1),
		b = add(f, lane(f, "b"), OP_CREATE, 1);

	far.not_before_ms = NOW + 3600001;
	assert_int_equal(write_op(f, &far, 0), 0);
	turn(f, b, OP_IN_FLIGHT);
	turn(f, a, OP_IN_FLIGHT);
	reopen_store(f);
	assert_int_equal(store_ops_in(out, 4, f->r, OP_IN_FLIGHT, f->a), 2);
	assert_int_equal(store_recover(f->s, NOW, &f->err), 2);
	assert_int_equal(store_ops_in(out, 4, f->r, OP_IN_FLIGHT, f->a), 0);
	assert_int_equal(store_ops_in(out, 4, f->r, OP_IN_DOUBT, f->a), 2);
	assert_int_equal(out[0].id, a);
	assert_int_equal(counts(f).in_doubt, 2);
	assert_int_equal(counts(f).ops_open, 3);
	assert_int_equal(store_recover(f->s, NOW, &f->err), 0);
	assert_int_equal(due(f, out, 4, NOW), 1);
	assert_int_equal(out[0].id, far.id);
	assert_int_equal(out[0].not_before_ms, NOW);
}

/* By a restart: a used-up budget, six hours, six hours made in the future. */
static void recovers_what_is_held(void **state)
{
	struct fixture *f = *state;
	struct op op, held = op_of(0, OP_NOTE);
	int64_t id[3];

	held.held = true;
	for (int i = 0; i < 3; i++) {
		held.id = 0;
		held.created_ms = i < 2 ? NOW - 1000 : NOW + 400 * DAY;
		held.not_before_ms = i ? held.created_ms + DAY / 4 :
					 OP_NEVER_MS;
		assert_int_equal(write_op(f, &held, 0), 0);
		id[i] = held.id;
	}
	for (int again = 0; again < 2; again++) {
		reopen_store(f);
		assert_int_equal(store_recover(f->s, NOW + again, &f->err), 0);
		assert_int_equal(counts(f).ops_held, 3);
		assert_int_equal(due(f, &op, 1, NOW + 3600000), 0);
		assert_int_equal(store_op(&op, f->r, id[0], f->a), 1);
		assert_int_equal(op.not_before_ms, OP_NEVER_MS);
		assert_int_equal(store_op(&op, f->r, id[1], f->a), 1);
		assert_int_equal(op.not_before_ms, NOW - 1000 + DAY / 4);
		assert_int_equal(store_op(&op, f->r, id[2], f->a), 1);
		assert_int_equal(op.not_before_ms, NOW + DAY / 4);
		assert_true(op.held);
	}
}

static void clock_back_moves_what_waits(void **state)
{
	struct fixture *f = *state;
	struct op op, held = op_of(0, OP_NOTE);
	int64_t id[2];

	held.held = true;
	for (int i = 0; i < 2; i++) {
		held.id = 0;
		held.not_before_ms = i ? NOW + DAY / 4 : OP_NEVER_MS;
		assert_int_equal(write_op(f, &held, 0), 0);
		id[i] = held.id;
	}
	assert_int_equal(store_clock_back(f->s, NOW - DAY, DAY), 0);
	reopen_store(f);
	assert_int_equal(store_recover(f->s, NOW - DAY, &f->err), 0);
	assert_int_equal(store_op(&op, f->r, id[0], f->a), 1);
	assert_int_equal(op.not_before_ms, OP_NEVER_MS);
	assert_int_equal(store_op(&op, f->r, id[1], f->a), 1);
	assert_int_equal(op.not_before_ms, NOW - DAY + DAY / 4);
	assert_int_equal(op.created_ms, NOW - DAY);
}

static void lists_by_state(void **state)
{
	struct fixture *f = *state;
	struct store_page p = { .limit = 2 };
	struct op out[4];
	int64_t id[3];

	for (int i = 0; i < 3; i++) {
		id[i] = add(f, 0, OP_FALLBACK, 1);
		turn(f, id[i], OP_DEAD);
	}
	assert_int_equal(store_list_ops(out, f->r, OP_DEAD, &p, f->a), 2);
	assert_int_equal(out[0].id, id[2]);
	p.before = out[1].id;
	assert_int_equal(store_list_ops(out, f->r, OP_DEAD, &p, f->a), 1);
	assert_int_equal(out[0].id, id[0]);
	assert_int_equal(store_list_ops(out, f->r, OP_READY, &p, f->a), 0);
}

static int64_t place(const struct op *op)
{
	return op->kind == OP_CREATE ? 0 : op->id;
}

/* Does anything of all that is unfinished come before op in its lane? */
static bool blocked(const struct op *op, const struct op *all, int n)
{
	for (int i = 0; i < n; i++) {
		if (all[i].incident != op->incident || all[i].id == op->id ||
		    (all[i].state == OP_DEAD && all[i].kind != OP_CREATE))
			continue;
		if (place(&all[i]) < place(op) ||
		    (place(&all[i]) == place(op) && all[i].id < op->id))
			return true;
	}
	return false;
}

/* What is due, and what is owed, against the rules said plainly. */
static void check_lanes(struct fixture *f)
{
	static const enum op_state states[] = { OP_READY, OP_IN_FLIGHT,
						OP_IN_DOUBT, OP_DEAD };
	struct op *all = arena_array(f->a, 500, sizeof(*all));
	struct op *out = arena_array(f->a, 500, sizeof(*out));
	size_t n = 0, ready = 0, told = due(f, out, 500, NOW);

	for (int i = 0; i < 4; i++)
		n += (size_t)store_ops_in(all + n, 500 - n, f->r, states[i],
					  f->a);
	for (size_t i = 0; i < n; i++) {
		bool found = false;

		if (all[i].state != OP_READY || blocked(&all[i], all, (int)n))
			continue;
		ready++;
		for (size_t k = 0; k < told; k++)
			found = found || out[k].id == all[i].id;
		assert_true(found);
	}
	assert_int_equal(told, ready);
	for (size_t k = 1; k < told; k++)
		assert_true(op_rank(&out[k - 1]) <= op_rank(&out[k]));
}

/* The counts that the writer keeps are those that a start counts. */
static void lanes_and_counts_hold_at_random(void **state)
{
	struct fixture *f = *state;
	struct store_counts kept, counted;
	unsigned seed = 7;
	int64_t lanes[4];

	for (int i = 0; i < 4; i++) {
		char key[2] = { (char)('a' + i), 0 };

		lanes[i] = lane(f, key);
	}
	for (int64_t step = 1; step <= 400; step++) {
		struct op op = { 0 };
		int64_t id = 1 + rand_r(&seed) % step;
		int dice = rand_r(&seed) % 10;

		if (dice < 3) {
			op = op_of(lanes[rand_r(&seed) % 4],
				   1 + rand_r(&seed) % 5);
			op.held = rand_r(&seed) % 4 == 0;
			assert_int_equal(write_op(f, &op, 0), 0);
		} else if (dice == 3) {
			struct incident to = { .id = lanes[rand_r(&seed) % 4] };
			struct store_write w = {
				.kind = WRITE_MOVE, .incident = &to,
				.from = lanes[rand_r(&seed) % 4]
			};

			assert_int_equal(store_commit(f->s, &w, 1),
					 to.id == w.from ? -EINVAL : 0);
		} else if (store_op(&op, f->r, id, f->a) == 1) {
			turn(f, id, 1 + rand_r(&seed) % 5);
		}
		check_lanes(f);
		if (step % 50)
			continue;
		kept = counts(f);
		reopen_store(f);
		counted = counts(f);
		assert_int_equal(kept.ops_open, counted.ops_open);
		assert_int_equal(kept.ops_held, counted.ops_held);
		assert_int_equal(kept.in_doubt, counted.in_doubt);
		assert_int_equal(kept.dead, counted.dead);
		arena_reset(f->a);
	}
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(keeps_every_field),
		T(one_a_lane_best_rank_first),
		T(lane_tail),
		T(waits_for_its_time),
		T(a_dead_create_stops_its_lane),
		T(expectations),
		T(state_alone),
		T(remote_id_is_the_target),
		T(moves_to_a_successor),
		T(some_are_no_backlog),
		T(recovers),
		T(recovers_what_is_held),
		T(clock_back_moves_what_waits),
		T(lists_by_state),
		T(lanes_and_counts_hold_at_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
