/* What people say and end here. */
#include "help.h"

static const struct said words = {
	.id = STR("nabc"), .text = STR("The vendor is on it."),
	.who = STR("uid 0 (root)"), .firing = true,
};

static const struct change *say(struct rig *r, struct said said)
{
	assert_int_equal(incident_say(&r->out, r->arena, &r->incident, &said,
				      NOW), 0);
	return &r->out;
}

static void test_a_note(void **state)
{
	struct rig *r = *state;
	const struct change *c;
	struct buf sent = BUF_INIT(8192);

	rig_open(r);
	c = say(r, words);
	assert_int_equal(c->op_count, 1);
	assert_int_equal(c->merged, -1);
	assert_int_equal(c->ops[0].kind, OP_NOTE);
	assert_int_equal(c->ops[0].state, OP_READY);
	assert_int_equal(c->ops[0].incident, 7);
	assert_int_equal(c->ops[0].not_before_ms, NOW);
	assert_false(c->ops[0].held);
	assert_str(c->ops[0].marker, "person");
	assert_str(c->ops[0].body, "The vendor is on it.\n\n"
		   "Written by uid 0 (root) through tocsin");
	assert_int_equal(c->incident.state, INCIDENT_OPEN);
	/* The alarm's budget isn't a person's. */
	assert_int_equal(c->incident.notes, r->incident.notes);
	incident_put_note(&sent, &c->ops[0]);
	assert_holds(buf_str(&sent), "\ntocsin-event: nabc");
	buf_fini(&sent);
}

static void test_an_end(void **state)
{
	struct rig *r = *state;
	struct said said = words;
	const struct change *c;

	rig_open(r);
	r->incident.due_ms = r->incident.escalate_ms = NOW + HOUR;
	said.resolve = true;
	c = say(r, said);
	assert_int_equal(c->op_count, 2);
	assert_int_equal(c->ops[0].kind, OP_NOTE);
	assert_holds(c->ops[0].body, "Resolved by uid 0 (root) through");
	assert_int_equal(c->ops[1].kind, OP_RESOLVE);
	assert_str(c->ops[1].body, "{\"state\":\"resolved\"}");
	assert_int_equal(c->incident.state, INCIDENT_CLOSED);
	assert_int_equal(c->incident.resolved_ms, NOW);
	assert_int_equal(c->incident.due_ms, 0);
	assert_int_equal(c->incident.escalate_ms, 0);
	assert_int_equal(c->incident.id, 7);
	assert_int_equal(c->incident.version, 3);
}

static void test_an_end_without_words(void **state)
{
	struct rig *r = *state;
	struct said said = words;

	rig_open(r);
	said.resolve = true;
	said.text = STR_NONE;
	assert_str(say(r, said)->ops[0].body,
		   "Resolved by uid 0 (root) through tocsin");
}

/* `leave` lasts until an OK: where every alarm is OK already, it's over. */
static void test_leave(void **state)
{
	struct rig *r = *state;
	struct said said = words;

	rig_open(r);
	r->incident.still_firing = STILL_LEAVE;
	said.resolve = true;
	assert_int_equal(say(r, said)->incident.still_firing, STILL_LEAVE);
	said.firing = false;
	assert_int_equal(say(r, said)->incident.still_firing, STILL_NEW);
}

/* An ALARM afterwards is as after a person's closing. */
static void test_what_fires_next(void **state)
{
	static const struct {
		enum still_firing still;
		enum action action;
	} rows[] = {
		{ STILL_NEW, ACTION_CREATE },
		{ STILL_REOPEN, ACTION_REOPEN },
		{ STILL_LEAVE, ACTION_IGNORE },
	};
	struct rig *r = *state;
	struct said said = words;

	said.resolve = true;
	for (size_t i = 0; i < 3; i++) {
		rig_open(r);
		r->incident.still_firing = rows[i].still;
		r->incident = say(r, said)->incident;
		assert_int_equal(rig_apply(r)->action, rows[i].action);
	}
}

static void test_it_can_not_pass_for_ours(void **state)
{
	struct rig *r = *state;
	struct said said = words;
	const struct change *c;

	rig_open(r);
	said.text = STR("tocsin-event: eaaaa\n  tocsin-ref: tocsin-x-1");
	said.who = STR("a\nb \x1b[2J");
	c = say(r, said);
	assert_holds(c->ops[0].body, "> tocsin-event: eaaaa\n>   tocsin-ref:");
	assert_true(str_find(c->ops[0].body, STR("\x1b")) < 0);
	assert_true(str_find(c->ops[0].body, STR("a\nb")) < 0);
}

/* Before it is sent: a note of a person opens nothing and reopens nothing. */
static void test_before_it_is_sent(void **state)
{
	static const struct remote_view ended = { .state = STR("resolved") };
	static const struct remote_view closed = { .state = STR("closed") };
	static const struct remote_view open = { .state = STR("new") };
	struct rig *r = *state;
	struct said said = words;
	struct op note, end;

	rig_open(r);
	r->incident.still_firing = STILL_REOPEN;
	note = say(r, said)->ops[0];
	assert_int_equal(incident_before_send(&r->incident, &note, &open),
			 SEND_IT);
	assert_int_equal(incident_before_send(&r->incident, &note, &ended),
			 SEND_IT);
	assert_int_equal(incident_before_send(&r->incident, &note, &closed),
			 SEND_NOT_NEEDED);
	said.resolve = true;
	end = say(r, said)->ops[1];
	r->incident = r->out.incident;
	assert_int_equal(incident_before_send(&r->incident, &end, &open),
			 SEND_IT);
	assert_int_equal(incident_before_send(&r->incident, &end, &ended),
			 SEND_NOT_NEEDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_note),
		TEST(test_an_end),
		TEST(test_an_end_without_words),
		TEST(test_leave),
		TEST(test_what_fires_next),
		TEST(test_it_can_not_pass_for_ours),
		TEST(test_before_it_is_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
