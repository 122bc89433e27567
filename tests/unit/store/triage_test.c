#include "tests/unit/store/help.h"

static void one_batch_decides_an_event(void **state)
{
	struct fixture *f = *state;
	struct event e = event_of(STR("one"), NOW), out[2];
	struct incident i = incident_of(STR("k"), 1), got;
	struct member m = { .subject = STR("arn:x"), .state = ALARM_FIRING,
			    .changed_ms = NOW }, back;
	struct op op = op_of(0, OP_CREATE);
	struct store_write w[] = {
		{ .kind = WRITE_INCIDENT, .incident = &i },
		{ .kind = WRITE_MEMBER, .member = &m, .incident = &i },
		{ .kind = WRITE_OP, .op = &op, .incident = &i },
		{ .kind = WRITE_EVENT_DONE, .event = &e, .incident = &i },
	};
	struct store_page p = { .limit = 2 };

	assert_int_equal(accept_events(f->s, &e, 1), 0);
	e.action = STR("create");
	e.because = STR("no incident is open");
	e.team = STR("payments");
	e.policy = STR("p");
	e.where = STR("20.yaml:3");
	e.ruleset = STR("abc");
	e.decided_ms = NOW + 9;
	assert_int_equal(store_commit(f->s, w, 4), 0);
	assert_true(i.id > 0);
	assert_int_equal(m.incident, i.id);
	assert_int_equal(op.incident, i.id);
	assert_int_equal(e.incident, i.id);
	assert_int_equal(counts(f).untriaged, 0);
	assert_int_equal(counts(f).ops_open, 1);
	assert_int_equal(counts(f).incidents_open, 1);
	assert_int_equal(store_new_events(out, 2, f->r, 0, f->a), 0);
	assert_int_equal(store_list_events(out, f->r, &p, f->a), 1);
	assert_int_equal(out[0].status, EVENT_DONE);
	assert_str(out[0].action, "create");
	assert_str(out[0].because, "no incident is open");
	assert_str(out[0].team, "payments");
	assert_str(out[0].policy, "p");
	assert_str(out[0].where, "20.yaml:3");
	assert_str(out[0].ruleset, "abc");
	assert_int_equal(out[0].incident, i.id);
	assert_int_equal(out[0].decided_ms, NOW + 9);
	reopen_store(f);
	assert_int_equal(store_incident_by_key(&got, f->r, i.key, f->a), 1);
	assert_int_equal(got.id, i.id);
	assert_int_equal(got.version, 1);
	assert_int_equal(store_member(&back, f->r, m.subject, f->a), 1);
	assert_int_equal(back.id, m.id);
	assert_str(back.subject, "arn:x");
	assert_int_equal(back.incident, i.id);
	assert_int_equal(back.state, ALARM_FIRING);
	assert_int_equal(back.changed_ms, NOW);
	assert_int_equal(store_member(&back, f->r, STR("arn:y"), f->a), 0);
}

static void an_incident_keeps_every_field(void **state)
{
	struct fixture *f = *state;
	struct incident i = incident_of(STR("k"), 3), out;

	i.state = INCIDENT_RESOLVED;
	i.remote = STR("INC0000007");
	i.previous = STR("INC0000001");
	i.ci_id = STR("CI1");
	i.changed_ms = NOW + 1;
	i.resolved_ms = NOW + 2;
	i.events = 11;
	i.notes = 12;
	i.note_after_ms = NOW + 13;
	i.reopen_within_ms = 14;
	i.notes_every_ms = 15;
	i.notes_max = 16;
	put_incident(f, &i);
	assert_int_equal(store_incident_by_id(&out, f->r, i.id, f->a), 1);
	assert_str(out.key, "k");
	assert_int_equal(out.incarnation, 3);
	assert_int_equal(out.version, 1);
	assert_int_equal(out.state, INCIDENT_RESOLVED);
	assert_str(out.remote, "INC0000007");
	assert_str(out.previous, "INC0000001");
	assert_int_equal(out.priority, 2);
	assert_int_equal(out.severity, SEVERITY_HIGH);
	assert_str(out.team, "payments");
	assert_str(out.policy, "p");
	assert_str(out.where, "20.yaml:3");
	assert_str(out.short_description, "it burns");
	assert_str(out.assignment_group, "SRE");
	assert_str(out.ci_id, "CI1");
	assert_str(out.account, "111122223333");
	assert_str(out.region, "us-east-1");
	assert_str(out.alarm, "pay-db-cpu");
	assert_int_equal(out.opened_ms, NOW);
	assert_int_equal(out.changed_ms, NOW + 1);
	assert_int_equal(out.resolved_ms, NOW + 2);
	assert_int_equal(out.events, 11);
	assert_int_equal(out.notes, 12);
	assert_int_equal(out.note_after_ms, NOW + 13);
	assert_int_equal(out.reopen_within_ms, 14);
	assert_int_equal(out.notes_every_ms, 15);
	assert_int_equal(out.notes_max, 16);
	assert_int_equal(out.still_firing, STILL_LEAVE);
}

/* Triage and deliver both write an incident: neither undoes the other. */
static void versions(void **state)
{
	struct fixture *f = *state;
	struct incident i = incident_of(STR("k"), 1), a, b, out;
	struct store_write w = { .kind = WRITE_INCIDENT, .incident = &a };
	struct store_write rw = { .kind = WRITE_REMOTE, .incident = &b };
	struct store_write twice[2] = {
		{ .kind = WRITE_INCIDENT, .incident = &a },
		{ .kind = WRITE_INCIDENT, .incident = &a },
	};

	put_incident(f, &i);
	assert_int_equal(store_incident_by_id(&a, f->r, i.id, f->a), 1);
	b = a;
	b.remote = STR("INC0000001");
	assert_int_equal(store_commit(f->s, &rw, 1), 0);
	a.events = 2;
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	assert_int_equal(store_incident_by_id(&out, f->r, i.id, f->a), 1);
	assert_int_equal(out.events, 2);
	assert_str(out.remote, "INC0000001");
	assert_int_equal(out.version, a.version + 1);
	assert_int_equal(store_commit(f->s, &w, 1), -ESTALE);
	a = out;
	a.state = INCIDENT_RESOLVED;
	assert_int_equal(store_commit(f->s, twice, 2), 0);
	assert_int_equal(store_incident_by_id(&out, f->r, i.id, f->a), 1);
	assert_int_equal(out.version, a.version + 2);
	assert_int_equal(counts(f).incidents_open, 0);
	a.id = 77;
	assert_int_equal(store_commit(f->s, &w, 1), -ENOENT);
}

static void insert_and_replace_in_one_batch(void **state)
{
	struct fixture *f = *state;
	struct incident i = incident_of(STR("k"), 1), out;
	struct store_write w[2] = {
		{ .kind = WRITE_INCIDENT, .incident = &i },
		{ .kind = WRITE_INCIDENT, .incident = &i },
	};
	struct store_page p = { .limit = 5 };
	struct incident list[5];

	assert_int_equal(store_commit(f->s, w, 2), 0);
	assert_int_equal(store_list_incidents(list, f->r, &p, f->a), 1);
	assert_int_equal(store_incident_by_id(&out, f->r, i.id, f->a), 1);
}

static void one_incident_a_key_and_incarnation(void **state)
{
	struct fixture *f = *state;
	struct incident i = incident_of(STR("k"), 1), again = i, got;
	struct op op = op_of(0, OP_CREATE);
	struct store_write w[] = {
		{ .kind = WRITE_OP, .op = &op },
		{ .kind = WRITE_INCIDENT, .incident = &again },
		{ .kind = WRITE_OP, .op = &op, .incident = &again },
	};

	put_incident(f, &i);
	assert_int_equal(store_commit(f->s, w, 3), -EEXIST);
	assert_int_equal(again.id, 0);
	assert_int_equal(op.id, 0);
	assert_int_equal(op.incident, 0);
	assert_int_equal(counts(f).ops_open, 0);
	assert_int_equal(counts(f).incidents_open, 1);
	again.incarnation = 2;
	put_incident(f, &again);
	assert_int_equal(again.id, i.id + 1);
	assert_int_equal(store_incident_by_key(&got, f->r, i.key, f->a), 1);
	assert_int_equal(got.incarnation, 2);
	assert_int_equal(store_incident_by_key(&got, f->r, STR("j"), f->a), 0);
}

struct many {
	struct awaited w;
	struct op op[40];
	struct store_write write[40];
	struct store_batch batch[40];
	int result[40];
};

static _Atomic int failures;

static void note_result(int result, void *arg)
{
	struct many *m = arg;

	if (result)
		failures++;
	sem_post(&m->w.done);
}

/* One that can't be written doesn't take those with it that it waits with. */
static void a_bad_batch_fails_alone(void **state)
{
	struct fixture *f = *state;
	struct many *m = calloc(1, sizeof(*m));

	failures = 0;
	sem_init(&m->w.done, 0, 0);
	for (int i = 0; i < 40; i++) {
		m->op[i] = op_of(0, OP_FALLBACK);
		m->op[i].id = i % 4 ? 0 : 1000 + i;	/* not there */
		m->write[i] = (struct store_write){ .kind = WRITE_OP,
						    .op = &m->op[i] };
		m->batch[i] = (struct store_batch){ .writes = &m->write[i],
						    .count = 1,
						    .done = note_result,
						    .arg = m };
		store_submit(f->s, &m->batch[i]);
	}
	for (int i = 0; i < 40; i++)
		while (sem_wait(&m->w.done))
			;
	assert_int_equal(failures, 10);
	assert_int_equal(counts(f).ops_open, 30);
	for (int i = 0; i < 40; i++)
		assert_int_equal(m->op[i].id > 0 && m->op[i].id < 1000,
				 i % 4 != 0);
	sem_destroy(&m->w.done);
	free(m);
}

static void others_firing(void **state)
{
	struct fixture *f = *state;
	struct member m[4];
	struct store_write w[4];
	char subject[4][4];
	unsigned n;

	for (int i = 0; i < 4; i++) {
		snprintf(subject[i], 4, "s%d", i);
		m[i] = (struct member){ .subject = str_from(subject[i]),
					.incident = i < 3 ? 7 : 8,
					.state = ALARM_FIRING,
					.changed_ms = NOW };
		w[i] = (struct store_write){ .kind = WRITE_MEMBER,
					     .member = &m[i] };
	}
	assert_int_equal(store_commit(f->s, w, 4), 0);
	assert_int_equal(store_others_firing(&n, f->r, 7, m[0].id), 0);
	assert_int_equal(n, 2);
	m[1].state = ALARM_OK;
	m[2].changed_ms++;
	assert_int_equal(store_commit(f->s, w, 4), 0);
	assert_int_equal(store_others_firing(&n, f->r, 7, m[0].id), 0);
	assert_int_equal(n, 1);
	assert_int_equal(store_others_firing(&n, f->r, 7, 0), 0);
	assert_int_equal(n, 2);
	m[0].id = 99;
	assert_int_equal(store_commit(f->s, w, 1), -ENOENT);
}

/* Members in ALARM of open incidents, page by page, each once. */
static void firing_open(void **state)
{
	static const enum incident_state states[] = {
		INCIDENT_OPEN, INCIDENT_CLOSED, INCIDENT_OPEN,
		INCIDENT_RESOLVED,
	};
	struct fixture *f = *state;
	struct member m[12], got[12], last;
	struct incident i[4];
	char subject[12][8], key[4][4];
	int n, all = 0;

	assert_int_equal(store_firing_open(got, 12, f->r, NULL, f->a), 0);
	for (int k = 0; k < 4; k++) {
		snprintf(key[k], 4, "k%d", k);
		i[k] = incident_of(str_from(key[k]), 1);
		i[k].state = states[k];
		put_incident(f, &i[k]);
	}
	for (int k = 0; k < 12; k++) {
		struct store_write w = { .kind = WRITE_MEMBER,
					 .member = &m[k] };

		snprintf(subject[k], 8, "s%d", k);
		m[k] = (struct member){
			.subject = str_from(subject[k]),
			.incident = i[k % 4].id,
			.state = k < 8 ? ALARM_FIRING : ALARM_OK,
			.changed_ms = NOW + k,
		};
		assert_int_equal(store_commit(f->s, &w, 1), 0);
	}
	/* 0 and 4 of the first, 2 and 6 of the third. */
	assert_int_equal(store_firing_open(got, 12, f->r, NULL, f->a), 4);
	assert_str(got[0].subject, "s0");
	assert_str(got[1].subject, "s4");
	assert_str(got[2].subject, "s2");
	assert_str(got[3].subject, "s6");
	assert_int_equal(got[3].incident, i[2].id);
	assert_int_equal(got[3].changed_ms, NOW + 6);
	for (n = 0; (n = store_firing_open(got, 1, f->r, all ? &last : NULL,
					   f->a)) > 0; all++)
		last = got[0];
	assert_int_equal(n, 0);
	assert_int_equal(all, 4);
}

static void an_outcome_may_change(void **state)
{
	struct fixture *f = *state;
	struct event e = event_of(STR("one"), NOW), out;
	struct store_write w = { .kind = WRITE_EVENT_DONE, .event = &e };
	struct store_page p = { .limit = 1 };

	assert_int_equal(accept_events(f->s, &e, 1), 0);
	e.action = STR("hold");
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	e.action = STR("create");
	e.status = EVENT_QUARANTINED;
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	assert_int_equal(counts(f).untriaged, 0);
	assert_int_equal(store_list_events(&out, f->r, &p, f->a), 1);
	assert_str(out.action, "create");
	assert_int_equal(out.status, EVENT_QUARANTINED);
	e.seq = 50;		/* expired meanwhile */
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	assert_int_equal(counts(f).untriaged, 0);
}

/* Decided in runs, with gaps, what is gone and what was decided before. */
static void a_batch_decides_runs_of_events(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
	struct fixture *f = *state;
	struct event e[6], out[8], gone = { .seq = 7 };
	struct incident i = incident_of(STR("k"), 1);
	struct store_write some[] = {
		{ .kind = WRITE_EVENT_DONE, .event = &e[0] },
		{ .kind = WRITE_INCIDENT, .incident = &i },
		{ .kind = WRITE_EVENT_DONE, .event = &e[1] },
		{ .kind = WRITE_EVENT_DONE, .event = &e[4] },
		{ .kind = WRITE_EVENT_DONE, .event = &e[5] },
		{ .kind = WRITE_EVENT_DONE, .event = &e[2] },
	};
	struct store_write rest[] = {
		{ .kind = WRITE_EVENT_DONE, .event = &e[2] },
		{ .kind = WRITE_EVENT_DONE, .event = &e[3] },
		{ .kind = WRITE_EVENT_DONE, .event = &e[4] },
		{ .kind = WRITE_EVENT_DONE, .event = &e[5] },
		{ .kind = WRITE_EVENT_DONE, .event = &gone },
	};
	struct store_page p = { .limit = 8 };

	for (size_t k = 0; k < 6; k++)
		e[k] = event_of(str_from(names[k]), NOW + (int64_t)k);
	assert_int_equal(accept_events(f->s, e, 6), 0);
	assert_int_equal(counts(f).untriaged, 6);
	assert_int_equal(store_new_events(out, 8, f->r, 0, f->a), 6);
	assert_int_equal(store_commit(f->s, some, 6), 0);
	assert_int_equal(counts(f).untriaged, 1);
	assert_int_equal(store_new_events(out, 8, f->r, 0, f->a), 1);
	assert_int_equal(out[0].seq, e[3].seq);
	e[4].action = STR("note");
	assert_int_equal(store_commit(f->s, rest, 5), 0);
	assert_int_equal(counts(f).untriaged, 0);
	reopen_store(f);
	assert_int_equal(counts(f).untriaged, 0);
	assert_int_equal(store_list_events(out, f->r, &p, f->a), 6);
	assert_str(out[1].action, "note");
	for (size_t k = 0; k < 6; k++)
		assert_int_equal(out[k].status, EVENT_DONE);
}

static int unchanged(struct str *remote, struct fixture *f,
		     const struct incident *i, const struct op *op)
{
	return store_unchanged(remote, f->r, i, op, f->a);
}

static void what_is_unchanged(void **state)
{
	struct fixture *f = *state;
	struct incident i = incident_of(STR("k"), 1), later;
	struct op op, was;
	struct store_write w = { .kind = WRITE_INCIDENT, .incident = &later };
	struct str remote;

	put_incident(f, &i);
	op = op_of(i.id, OP_NOTE);
	assert_int_equal(write_op(f, &op, 0), 0);
	assert_int_equal(unchanged(&remote, f, &i, &op), 1);
	assert_int_equal(remote.n, 0);
	later = i;
	later.remote = STR("INC0000001");
	w.kind = WRITE_REMOTE;
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	assert_int_equal(unchanged(&remote, f, &i, &op), 1);
	assert_str(remote, "INC0000001");
	was = op;
	op.attempts = 1;
	assert_int_equal(write_op(f, &op, OP_READY), 0);
	assert_int_equal(unchanged(&remote, f, &i, &was), 0);
	assert_int_equal(unchanged(&remote, f, &i, &op), 1);
	was = op;
	op.not_before_ms++;
	assert_int_equal(write_op(f, &op, OP_READY), 0);
	assert_int_equal(unchanged(&remote, f, &i, &was), 0);
	w.kind = WRITE_INCIDENT;
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	assert_int_equal(unchanged(&remote, f, &i, &op), 0);
	i.version++;
	assert_int_equal(unchanged(&remote, f, &i, &op), 1);
	i.id++;
	assert_int_equal(unchanged(&remote, f, &i, &op), 0);
	i.id--;
	turn(f, op.id, OP_IN_FLIGHT);
	assert_int_equal(unchanged(&remote, f, &i, &op), 0);
	op.id++;
	assert_int_equal(unchanged(&remote, f, &i, &op), 0);
}

static void a_snapshot_stands_still(void **state)
{
	struct fixture *f = *state;
	struct incident i = incident_of(STR("k"), 1), out;

	assert_int_equal(store_reader_begin(f->r), 0);
	assert_int_equal(store_incident_by_key(&out, f->r, i.key, f->a), 0);
	put_incident(f, &i);
	assert_int_equal(store_incident_by_key(&out, f->r, i.key, f->a), 0);
	store_reader_end(f->r);
	assert_int_equal(store_incident_by_key(&out, f->r, i.key, f->a), 1);
}

static void meta_known_rules(void **state)
{
	struct fixture *f = *state;
	struct store_write w[3];
	struct str out[4];

	for (int i = 0; i < 3; i++)
		w[i] = (struct store_write){
			.kind = WRITE_KNOWN, .key = STR("tocsin-abc"),
			.value = i ? STR("INC2") : STR("INC1")
		};
	assert_int_equal(store_commit(f->s, w, 3), 0);
	assert_int_equal(store_known(out, 4, f->r, STR("tocsin-abc"), f->a),
			 2);
	assert_int_equal(store_known(out, 1, f->r, STR("tocsin-abc"), f->a),
			 1);
	assert_int_equal(store_known(out, 4, f->r, STR("tocsin-ab"), f->a), 0);
	assert_int_equal(store_meta(out, f->r, STR("swept"), f->a), 0);
	assert_int_equal(store_set_meta(f->s, STR("swept"), STR("1")), 0);
	assert_int_equal(store_set_meta(f->s, STR("swept"), STR("2")), 0);
	assert_int_equal(store_save_rules(f->s, STR("a.yaml"), STR("x: 1")), 0);
	assert_int_equal(store_save_rules(f->s, STR("a.yaml"), STR("x: 2")), 0);
	reopen_store(f);
	assert_int_equal(store_meta(out, f->r, STR("swept"), f->a), 1);
	assert_str(out[0], "2");
	assert_int_equal(store_saved_rules(out, f->r, STR("a.yaml"), f->a), 1);
	assert_str(out[0], "x: 2");
	assert_int_equal(store_saved_rules(out, f->r, STR("b.yaml"), f->a), 0);
}

static void pages_the_newest_first(void **state)
{
	struct fixture *f = *state;
	struct store_page p = { .limit = 3 };
	struct incident i, list[9];
	struct event e, events[9];
	char text[8];

	for (int n = 1; n <= 7; n++) {
		snprintf(text, sizeof(text), "k%d", n);
		i = incident_of(str_from(text), 1);
		i.state = n % 2 ? INCIDENT_OPEN : INCIDENT_CLOSED;
		put_incident(f, &i);
		e = event_of(str_from(text), NOW);
		e.name = n % 2 ? STR("odd") : STR("even");
		assert_int_equal(accept_events(f->s, &e, 1), 0);
	}
	assert_int_equal(store_list_incidents(list, f->r, &p, f->a), 3);
	assert_str(list[0].key, "k7");
	p.before = list[2].id;
	assert_int_equal(store_list_incidents(list, f->r, &p, f->a), 3);
	assert_str(list[0].key, "k4");
	p = (struct store_page){ .limit = 3, .filter = STR("open") };
	assert_int_equal(store_list_incidents(list, f->r, &p, f->a), 3);
	p.before = list[2].id;
	assert_int_equal(store_list_incidents(list, f->r, &p, f->a), 1);
	assert_str(list[0].key, "k1");
	p = (struct store_page){ .limit = 9, .filter = STR("closed") };
	assert_int_equal(store_list_incidents(list, f->r, &p, f->a), 3);
	p.filter = STR("ajar");
	assert_int_equal(store_list_incidents(list, f->r, &p, f->a), -EINVAL);
	p = (struct store_page){ .limit = 3 };
	assert_int_equal(store_list_events(events, f->r, &p, f->a), 3);
	assert_int_equal(events[0].seq, 7);
	assert_int_equal(events[0].payload.n, 0);
	p.before = events[2].seq;
	assert_int_equal(store_list_events(events, f->r, &p, f->a), 3);
	assert_int_equal(events[0].seq, 4);
	p = (struct store_page){ .limit = 9, .filter = STR("even") };
	assert_int_equal(store_list_events(events, f->r, &p, f->a), 3);
	assert_int_equal(events[2].seq, 2);
}

static void decide(struct fixture *f, int64_t seq, int64_t incident,
		   int64_t ms)
{
	struct event e = { .seq = seq, .incident = incident,
			   .decided_ms = ms };
	struct store_write w = { .kind = WRITE_EVENT_DONE, .event = &e };

	assert_int_equal(store_commit(f->s, &w, 1), 0);
}

static int expire_all(struct fixture *f, int64_t before, size_t max)
{
	int n = 0;

	for (int i = 0; i < 50; i++) {
		int r = store_expire(f->s, before, max);

		assert_in_range(r, 0, max);
		n += r;
	}
	return n;
}

static void expires_what_is_done_with(void **state)
{
	struct fixture *f = *state;
	struct incident open = incident_of(STR("o"), 1),
			closed = incident_of(STR("c"), 1);
	struct event e[3], out[9];
	struct store_page p = { .limit = 9 };
	int64_t old = NOW - 40 * DAY;

	closed.state = INCIDENT_CLOSED;
	put_incident(f, &open);
	put_incident(f, &closed);
	e[0] = event_of(STR("of closed"), old);		/* 1: goes */
	e[1] = event_of(STR("of open"), old);		/* 2: stays */
	e[2] = event_of(STR("untriaged"), old);		/* 3: stays */
	e[0].payload = STR("three");
	assert_int_equal(accept_events(f->s, e, 3), 0);
	e[0] = event_of(STR("young"), old + 1);		/* 4: decided lately */
	assert_int_equal(accept_events(f->s, e, 1), 0);
	e[0] = event_of(STR("last"), NOW);		/* 5 */
	assert_int_equal(accept_events(f->s, e, 1), 0);
	decide(f, 1, closed.id, old);
	decide(f, 2, open.id, old);
	decide(f, 4, 0, NOW);
	assert_int_equal(expire_all(f, NOW - 30 * DAY, 2), 1);
	assert_int_equal(counts(f).events, 4);
	assert_int_equal(store_list_events(out, f->r, &p, f->a), 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(out[i].seq, 5 - i);
	/* The payload was at event 1 and still is 3's. */
	assert_int_equal(store_new_events(out, 9, f->r, 0, f->a), 2);
	assert_int_equal(out[0].seq, 3);
	assert_str(out[0].payload, "three");
	reopen_store(f);
	assert_int_equal(counts(f).events, 4);
	e[0] = event_of(STR("next"), NOW);
	assert_int_equal(accept_events(f->s, e, 1), 0);
	assert_int_equal(e[0].seq, 6);
}

static void identities_outlive_events(void **state)
{
	struct fixture *f = *state;
	struct event e[4];

	shut_store(f);
	f->o.retain_ms = 1 * DAY;
	open_store(f);
	e[0] = event_of(STR("9 days"), NOW - 9 * DAY);
	e[1] = event_of(STR("7 days"), NOW - 7 * DAY);
	/* Of an old change, but it arrived lately. */
	e[2] = event_of(STR("late"), NOW - 9 * DAY);
	e[2].received_ms = NOW - 7 * DAY;
	e[3] = event_of(STR("now"), NOW);
	assert_int_equal(accept_events(f->s, e, 4), 0);
	for (int64_t seq = 1; seq <= 4; seq++)
		decide(f, seq, 0, NOW - 3 * DAY);
	assert_int_equal(expire_all(f, NOW - 1 * DAY, 100), 3);
	assert_int_equal(accept_events(f->s, e, 3), 0);
	assert_false(e[0].duplicate);
	assert_true(e[1].duplicate);
	assert_true(e[2].duplicate);
}

static void expires_operations_members_incarnations(void **state)
{
	struct fixture *f = *state;
	int64_t old = NOW - 40 * DAY;
	struct incident i[3];
	struct member m[3];
	struct op op[3], out;
	struct store_write w;

	for (unsigned n = 0; n < 3; n++) {
		char text[4];

		i[n] = incident_of(STR("k"), n + 1);
		i[n].state = INCIDENT_CLOSED;
		i[n].opened_ms = i[n].changed_ms = old;
		put_incident(f, &i[n]);
		snprintf(text, sizeof(text), "s%u", n);
		m[n] = (struct member){ .subject = str_from(text),
					.state = n ? ALARM_OK : ALARM_FIRING,
					.changed_ms = old };
		w = (struct store_write){ .kind = WRITE_MEMBER,
					  .member = &m[n] };
		assert_int_equal(store_commit(f->s, &w, 1), 0);
		op[n] = op_of(i[n].id, OP_NOTE);
		op[n].created_ms = old;
		op[n].state = n == 1 ? OP_DEAD : OP_DONE;
		assert_int_equal(write_op(f, &op[n], 0), 0);
	}
	expire_all(f, NOW - 30 * DAY, 10);
	assert_int_equal(store_op(&out, f->r, op[0].id, f->a), 0);
	assert_int_equal(store_op(&out, f->r, op[1].id, f->a), 1);
	assert_int_equal(store_incident_by_id(&i[0], f->r, i[0].id, f->a), 0);
	/* Its dead letter may be tried again. */
	assert_int_equal(store_incident_by_id(&i[1], f->r, i[1].id, f->a), 1);
	assert_int_equal(store_incident_by_key(&i[2], f->r, STR("k"), f->a),
			 1);
	assert_int_equal(store_member(&m[0], f->r, STR("s0"), f->a), 1);
	assert_int_equal(store_member(&m[1], f->r, STR("s1"), f->a), 0);
}

/* A reader in the midst of something makes the WAL grow; counted, and over
 * when it ends. */
static void a_slow_reader_shows(void **state)
{
	struct fixture *f = *state;
	static char big[512 << 10];
	struct event e;
	uint64_t pinned;
	char id[16];

	memset(big, 'x', sizeof(big));
	put_incident(f, &(struct incident){ .key = STR("k") });
	assert_int_equal(store_reader_begin(f->r), 0);
	assert_int_equal(store_incident_by_id(&(struct incident){ 0 }, f->r, 1,
					      f->a), 1);
	for (int n = 0; n < 40; n++) {
		if (n == 25) {
			pinned = counts(f).wal_bytes;
			assert_true(pinned > 12 << 20);
			store_reader_end(f->r);
		}
		snprintf(id, sizeof(id), "e%d", n);
		e = event_of(str_from(id), NOW);
		e.payload = (struct str){ big, sizeof(big) };
		assert_int_equal(accept_events(f->s, &e, 1), 0);
	}
	assert_true(counts(f).wal_bytes <= 8 << 20);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(one_batch_decides_an_event),
		T(an_incident_keeps_every_field),
		T(versions),
		T(insert_and_replace_in_one_batch),
		T(one_incident_a_key_and_incarnation),
		T(a_bad_batch_fails_alone),
		T(others_firing),
		T(firing_open),
		T(an_outcome_may_change),
		T(a_batch_decides_runs_of_events),
		T(what_is_unchanged),
		T(a_snapshot_stands_still),
		T(meta_known_rules),
		T(pages_the_newest_first),
		T(expires_what_is_done_with),
		T(identities_outlive_events),
		T(expires_operations_members_incarnations),
		T(a_slow_reader_shows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
