#include "tests/unit/store/help.h"

#define MINUTE 60000LL

static struct member member_of(struct str subject)
{
	return (struct member){ .subject = subject,
				.state = ALARM_FIRING,
				.changed_ms = NOW };
}

static struct member waiting(struct str subject, enum wait wait,
			     int64_t due_ms, int64_t event)
{
	struct member m = member_of(subject);

	m.wait = wait;
	m.due_ms = due_ms;
	m.since_ms = NOW;
	m.event = event;
	if (wait == WAIT_HOLD) {
		m.held_by = STR("in-patching");
		m.held_about = STR("window patching");
	}
	return m;
}

static void put_member(struct fixture *f, struct member *m)
{
	struct store_write w = { .kind = WRITE_MEMBER, .member = m };

	assert_int_equal(store_commit(f->s, &w, 1), 0);
}

static struct member get_back(struct fixture *f, struct str subject)
{
	struct member m;

	assert_int_equal(store_member(&m, f->r, subject, f->a), 1);
	return m;
}

static int64_t next_timer(struct fixture *f)
{
	int64_t ms = -1;

	assert_int_equal(store_next_timer(&ms, f->r), 0);
	return ms;
}

static void a_wait_keeps_every_field(void **state)
{
	struct fixture *f = *state;
	struct member m = waiting(STR("a"), WAIT_HOLD, NOW + 7, 11), out;

	put_member(f, &m);
	assert_int_equal(counts(f).held, 1);
	reopen_store(f);
	assert_int_equal(counts(f).held, 1);
	out = get_back(f, STR("a"));
	assert_int_equal(out.wait, WAIT_HOLD);
	assert_int_equal(out.due_ms, NOW + 7);
	assert_int_equal(out.since_ms, NOW);
	assert_int_equal(out.event, 11);
	assert_str(out.held_by, "in-patching");
	assert_str(out.held_about, "window patching");

	out.wait = WAIT_OPEN_AFTER;
	out.due_ms = NOW + 8;
	out.held_by = STR_NONE;
	put_member(f, &out);
	assert_int_equal(counts(f).held, 0);
	assert_int_equal(counts(f).waiting, 1);
	assert_int_equal(get_back(f, STR("a")).due_ms, NOW + 8);
	assert_int_equal(get_back(f, STR("a")).held_by.n, 0);

	out.wait = WAIT_NONE;
	put_member(f, &out);
	assert_int_equal(counts(f).waiting, 0);
	out = get_back(f, STR("a"));
	assert_int_equal(out.wait, WAIT_NONE);
	assert_int_equal(out.due_ms, 0);
	assert_int_equal(next_timer(f), INT64_MAX);
}

static void an_incident_keeps_its_timers(void **state)
{
	struct fixture *f = *state;
	struct incident i = incident_of(STR("k"), 1), out;

	i.due_ms = NOW + 1;
	i.resolve_ms = NOW + 2;
	i.escalate_ms = NOW + 1;
	i.escalations = STR("60000 {}\n");
	i.held_ms = NOW + 4;
	i.held_by = STR("quiet");
	i.group_ms = NOW + 5;
	i.parent = true;
	i.event = 6;
	i.context = STR("account=1");
	put_incident(f, &i);
	assert_int_equal(counts(f).timers, 1);
	reopen_store(f);
	assert_int_equal(counts(f).timers, 1);
	assert_int_equal(next_timer(f), NOW + 1);
	assert_int_equal(store_incident_by_id(&out, f->r, i.id, f->a), 1);
	assert_int_equal(out.due_ms, NOW + 1);
	assert_int_equal(out.resolve_ms, NOW + 2);
	assert_int_equal(out.escalate_ms, NOW + 1);
	assert_str(out.escalations, "60000 {}\n");
	assert_int_equal(out.held_ms, NOW + 4);
	assert_str(out.held_by, "quiet");
	assert_int_equal(out.group_ms, NOW + 5);
	assert_true(out.parent);
	assert_int_equal(out.event, 6);
	assert_str(out.context, "account=1");

	out.event = 9;
	out.due_ms = out.escalate_ms = 0;
	put_incident(f, &out);
	assert_int_equal(counts(f).timers, 0);
	assert_int_equal(next_timer(f), INT64_MAX);
	assert_int_equal(store_incident_by_id(&out, f->r, i.id, f->a), 1);
	assert_int_equal(out.event, 9);
	assert_int_equal(out.escalate_ms, 0);
}

/* A person closed it: what it still has in it must not come due for ever. */
static void a_closed_incident_has_no_timer(void **state)
{
	struct fixture *f = *state;
	struct incident i = incident_of(STR("k"), 1), out;

	i.due_ms = i.escalate_ms = NOW;
	put_incident(f, &i);
	assert_int_equal(store_due_timers(&out, 1, f->r, NOW, f->a), 1);
	out.state = INCIDENT_CLOSED;
	put_incident(f, &out);
	assert_int_equal(store_due_timers(&out, 1, f->r, NOW, f->a), 0);
	assert_int_equal(counts(f).timers, 0);
}

static void what_is_due_the_earliest_first(void **state)
{
	struct fixture *f = *state;
	struct member m[3] = {
		waiting(STR("a"), WAIT_HOLD, NOW + 30, 1),
		waiting(STR("b"), WAIT_OPEN_AFTER, NOW + 10, 2),
		waiting(STR("c"), WAIT_HOLD, NOW + 20, 3),
	}, out[3];
	struct member calm = member_of(STR("d"));
	struct incident i = incident_of(STR("k"), 1), due;

	for (int n = 0; n < 3; n++)
		put_member(f, &m[n]);
	put_member(f, &calm);
	assert_int_equal(next_timer(f), NOW + 10);
	assert_int_equal(store_due_waits(out, 3, f->r, NOW + 9, f->a), 0);
	assert_int_equal(store_due_waits(out, 3, f->r, NOW + 20, f->a), 2);
	assert_str(out[0].subject, "b");
	assert_str(out[1].subject, "c");
	assert_int_equal(store_due_waits(out, 1, f->r, NOW + 99, f->a), 1);
	i.due_ms = NOW + 5;
	put_incident(f, &i);
	assert_int_equal(next_timer(f), NOW + 5);
	assert_int_equal(store_due_timers(&due, 1, f->r, NOW + 4, f->a), 0);
	assert_int_equal(store_due_timers(&due, 1, f->r, NOW + 5, f->a), 1);
	assert_int_equal(due.id, i.id);
}

static void a_tally_keeps_its_moments(void **state)
{
	struct fixture *f = *state;
	struct tally t = { .key = STR("k"), .alarm_count = COUNT_WITHIN_MAX,
			   .flip_count = 1 }, out;
	struct store_write w = { .kind = WRITE_TALLY, .tally = &t };

	for (int i = 0; i < COUNT_WITHIN_MAX; i++)
		t.alarms[i] = NOW + i;
	t.flips[0] = 1;
	assert_int_equal(store_tally(&out, f->r, STR("k"), f->a), 0);
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	assert_true(t.id > 0);
	reopen_store(f);
	assert_int_equal(store_tally(&out, f->r, STR("k"), f->a), 1);
	assert_int_equal(out.id, t.id);
	assert_int_equal(out.alarm_count, COUNT_WITHIN_MAX);
	assert_memory_equal(out.alarms, t.alarms, sizeof(t.alarms));
	assert_int_equal(out.flip_count, 1);
	assert_int_equal(out.flips[0], 1);
	out.alarm_count = 0;
	w.tally = &out;
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	assert_int_equal(store_tally(&t, f->r, STR("k"), f->a), 1);
	assert_int_equal(t.alarm_count, 0);
	/* The last row holds the number to go on from. */
	t = (struct tally){ .key = STR("later") };
	w.tally = &t;
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	for (int i = 0; i < 3; i++)
		assert_true(store_expire(f->s, NOW + DAY, 100) >= 0);
	assert_int_equal(store_tally(&out, f->r, STR("k"), f->a), 0);
	assert_int_equal(store_tally(&out, f->r, STR("later"), f->a), 1);
}

static void opened_of_a_team(void **state)
{
	struct fixture *f = *state;
	struct incident i = incident_of(STR("k"), 1);
	unsigned n = 99;

	for (unsigned k = 0; k < 5; k++) {
		i.id = 0;
		i.incarnation = k + 1;
		i.opened_ms = NOW + k;
		i.parent = k == 4;
		i.team = k == 3 ? STR("web") : STR("payments");
		put_incident(f, &i);
	}
	assert_int_equal(store_opened(&n, f->r, STR("payments"), NOW,
				      NOW + 9), 0);
	assert_int_equal(n, 3);
	assert_int_equal(store_opened(&n, f->r, STR("payments"), NOW + 1,
				      NOW + 1), 0);
	assert_int_equal(n, 1);
	assert_int_equal(store_opened(&n, f->r, STR("db"), 0, NOW + 9), 0);
	assert_int_equal(n, 0);
}

static void open_behind(void **state)
{
	struct fixture *f = *state;
	struct incident i = incident_of(STR("k"), 1), out[2];
	struct field same = { STR("account"), STR("1") };
	struct field other = { STR("account"), STR("2") };

	put_incident(f, &i);		/* nobody asks for it */
	i = incident_of(STR("l"), 1);
	i.context = STR("account=1\nregion=eu\n");
	put_incident(f, &i);
	assert_int_equal(store_open_behind(out, 2, f->r, STR("p"), &same, 1,
					   f->a), 1);
	assert_int_equal(out[0].id, i.id);
	assert_int_equal(store_open_behind(out, 2, f->r, STR("p"), &other, 1,
					   f->a), 0);
	assert_int_equal(store_open_behind(out, 2, f->r, STR("q"), &same, 1,
					   f->a), 0);
	out[0].state = INCIDENT_RESOLVED;
	put_incident(f, &out[0]);
	assert_int_equal(store_open_behind(out, 2, f->r, STR("p"), &same, 1,
					   f->a), 0);
}

static int64_t event_with(struct fixture *f, const char *identity)
{
	struct event e = event_of(str_from(identity), NOW);
	struct store_write w = { .kind = WRITE_EVENT_DONE, .event = &e };

	assert_int_equal(accept_events(f->s, &e, 1), 0);
	e.action = STR("hold");
	e.because = STR("held by in-patching");
	e.decided_ms = NOW;
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	return e.seq;
}

static void what_waited_is_settled(void **state)
{
	struct fixture *f = *state;
	struct event e = { .seq = event_with(f, "one") }, out;
	struct store_write w = { .kind = WRITE_SETTLED, .event = &e };

	e.action = STR("ignore");
	e.because = STR("suppressed by in-patching, OK before its end");
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	assert_int_equal(store_event_at(&out, f->r, e.seq, f->a), 1);
	assert_str(out.action, "ignore");
	assert_str(out.because,
		   "suppressed by in-patching, OK before its end");
	assert_int_equal(out.decided_ms, NOW);
	assert_str(out.name, "pay-db-cpu");
	assert_int_equal(store_event_at(&out, f->r, e.seq + 1, f->a), 0);
}

static void what_waits_keeps_its_event(void **state)
{
	struct fixture *f = *state;
	int64_t held = event_with(f, "held"), other = event_with(f, "other");
	struct member m = waiting(STR("a"), WAIT_HOLD, NOW + 9 * DAY, held);
	struct event out;
	struct str payload;

	event_with(f, "last");		/* stays: it holds the number */
	put_member(f, &m);
	for (int i = 0; i < 3; i++)
		assert_true(store_expire(f->s, NOW + DAY, 100) >= 0);
	assert_int_equal(store_event_at(&out, f->r, held, f->a), 1);
	assert_int_equal(store_payload(&payload, f->r, out.first, f->a), 1);
	assert_int_equal(store_event_at(&out, f->r, other, f->a), 0);
	m.wait = WAIT_NONE;
	put_member(f, &m);
	for (int i = 0; i < 3; i++)
		assert_true(store_expire(f->s, NOW + DAY, 100) >= 0);
	assert_int_equal(store_event_at(&out, f->r, held, f->a), 0);
}

static void look_again(void **state)
{
	struct fixture *f = *state;
	struct member a = waiting(STR("a"), WAIT_HOLD, NOW + DAY, 1);
	struct member b = waiting(STR("b"), WAIT_OPEN_AFTER, NOW + DAY, 2);
	struct incident i = incident_of(STR("k"), 1), out;

	put_member(f, &a);
	put_member(f, &b);
	i.held_ms = i.due_ms = NOW + DAY;
	put_incident(f, &i);
	assert_int_equal(store_look_again(f->s, NOW), 0);
	assert_int_equal(get_back(f, STR("a")).due_ms, NOW);
	assert_int_equal(get_back(f, STR("b")).due_ms, NOW + DAY);
	assert_int_equal(store_incident_by_id(&out, f->r, i.id, f->a), 1);
	assert_int_equal(out.due_ms, NOW);
	assert_int_equal(out.held_ms, NOW);
	/* Who read it before must not write the old moments back. */
	assert_int_not_equal(out.version, i.version);
}

static void a_closing_incident_hastens_what_ends_soon(void **state)
{
	struct fixture *f = *state;
	struct member a = waiting(STR("a"), WAIT_HOLD, NOW + MINUTE, 1);
	struct member b = waiting(STR("b"), WAIT_HOLD, NOW + DAY, 2);
	struct store_write w = { .kind = WRITE_LOOK_AGAIN, .from = NOW,
				 .until_ms = NOW + MINUTE };

	put_member(f, &a);
	put_member(f, &b);
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	assert_int_equal(get_back(f, STR("a")).due_ms, NOW);
	assert_int_equal(get_back(f, STR("b")).due_ms, NOW + DAY);
}

static void moments_go_back_with_the_clock(void **state)
{
	struct fixture *f = *state;
	struct member m = waiting(STR("a"), WAIT_OPEN_AFTER, NOW + MINUTE, 1);
	struct tally t = { .key = STR("k"), .alarm_count = 2,
			   .alarms = { NOW - DAY, NOW } }, counted;
	struct store_write w = { .kind = WRITE_TALLY, .tally = &t };
	struct incident i = incident_of(STR("k"), 1), out;
	int64_t then = NOW - 4 * 3600000LL;

	put_member(f, &m);
	i.due_ms = i.resolve_ms = NOW + 2 * MINUTE;
	i.escalate_ms = NOW + 3 * MINUTE;
	i.group_ms = NOW + 4 * MINUTE;
	put_incident(f, &i);
	assert_int_equal(store_commit(f->s, &w, 1), 0);
	assert_int_equal(store_clock_back(f->s, then, NOW - then), 0);
	m = get_back(f, STR("a"));
	assert_int_equal(m.due_ms, then + MINUTE);
	assert_int_equal(m.since_ms, then);
	assert_int_equal(store_incident_by_id(&out, f->r, i.id, f->a), 1);
	assert_int_equal(out.due_ms, then + 2 * MINUTE);
	assert_int_equal(out.resolve_ms, then + 2 * MINUTE);
	assert_int_equal(out.escalate_ms, then + 3 * MINUTE);
	assert_int_equal(out.group_ms, then + 4 * MINUTE);
	assert_int_equal(out.held_ms, 0);
	assert_int_not_equal(out.version, i.version);
	assert_int_equal(store_tally(&counted, f->r, STR("k"), f->a), 1);
	assert_int_equal(counted.alarms[0], NOW - DAY);
	assert_int_equal(counted.alarms[1], then);
}

/* Set back while tocsin wasn't running: the newest event tells. */
static void a_start_with_an_older_clock(void **state)
{
	struct fixture *f = *state;
	int64_t seq = event_with(f, "one"), seen = NOW + 5;
	int64_t then = NOW - DAY;
	struct member m = waiting(STR("a"), WAIT_OPEN_AFTER, seen + MINUTE,
				  seq);

	put_member(f, &m);
	assert_int_equal(store_recover(f->s, seen + 1, &f->err), 0);
	assert_int_equal(get_back(f, STR("a")).due_ms, seen + MINUTE);
	assert_int_equal(store_recover(f->s, then, &f->err), 0);
	assert_int_equal(get_back(f, STR("a")).due_ms, then + MINUTE);
	/* Once: that event tells nothing any more. */
	assert_int_equal(store_recover(f->s, then, &f->err), 0);
	assert_int_equal(get_back(f, STR("a")).due_ms, then + MINUTE);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_wait_keeps_every_field),
		T(an_incident_keeps_its_timers),
		T(a_closed_incident_has_no_timer),
		T(what_is_due_the_earliest_first),
		T(a_tally_keeps_its_moments),
		T(opened_of_a_team),
		T(open_behind),
		T(what_waited_is_settled),
		T(what_waits_keeps_its_event),
		T(look_again),
		T(a_closing_incident_hastens_what_ends_soon),
		T(moments_go_back_with_the_clock),
		T(a_start_with_an_older_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
