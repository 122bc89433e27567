#include "help.h"

static struct store_silence silence_of(const char *id, int64_t ends_ms)
{
	return (struct store_silence){
		.id = str_from(id),
		.match = STR("{\"alarm\":\"pay-*\"}"),
		.owner = STR("dba"),
		.reason = STR("moving"),
		.begins_ms = NOW,
		.ends_ms = ends_ms,
		.created_ms = NOW + ends_ms % 1000,
	};
}

static void keep(struct fixture *f, const char *id, int64_t ends_ms)
{
	struct store_silence x = silence_of(id, ends_ms);

	assert_int_equal(store_put_silence(f->s, &x), 0);
}

static void kept_through_a_restart(void **state)
{
	struct fixture *f = *state;
	struct store_silence got[4];

	keep(f, "s1", NOW + 1000);
	keep(f, "s2", NOW + 2001);
	reopen_store(f);
	assert_int_equal(store_silences(got, 4, f->r, NOW, f->a), 2);
	assert_true(str_is(got[0].id, "s2"));	/* the newest first */
	assert_true(str_is(got[1].id, "s1"));
	assert_true(str_is(got[1].match, "{\"alarm\":\"pay-*\"}"));
	assert_true(str_is(got[1].owner, "dba"));
	assert_true(str_is(got[1].reason, "moving"));
	assert_int_equal(got[1].begins_ms, NOW);
	assert_int_equal(got[1].ends_ms, NOW + 1000);
	assert_int_equal(got[1].created_ms, NOW);
	assert_int_equal(store_silences(got, 1, f->r, NOW, f->a), 1);
	assert_int_equal(store_silences(got, 4, f->r, NOW + 1000, f->a), 1);
	keep(f, "s2", NOW);
	assert_int_equal(store_silences(got, 4, f->r, NOW + 1000, f->a), 0);
}

static void ended_ones_go_with_retention(void **state)
{
	struct fixture *f = *state;
	struct store_silence got[4];

	keep(f, "s1", NOW - 31 * DAY);
	keep(f, "s2", NOW - 29 * DAY);
	assert_int_equal(store_silences(got, 4, f->r, 0, f->a), 2);
	assert_int_equal(store_expire(f->s, NOW - 30 * DAY, 100), 0);
	assert_int_equal(store_silences(got, 4, f->r, 0, f->a), 1);
	assert_true(str_is(got[0].id, "s2"));
}

/* Else one that had ended would come to life again. */
static void they_go_back_with_the_clock(void **state)
{
	struct fixture *f = *state;
	struct store_silence got[4];
	int64_t hour = DAY / 24;

	keep(f, "s1", NOW - 60000);
	keep(f, "s2", NOW + hour);
	assert_int_equal(store_clock_back(f->s, NOW - hour, hour), 0);
	assert_int_equal(store_silences(got, 4, f->r, NOW - hour, f->a), 1);
	assert_true(str_is(got[0].id, "s2"));
	assert_int_equal(got[0].ends_ms, NOW);
}

static void bounded_in_number(void **state)
{
	struct fixture *f = *state;
	struct store_silence *got = malloc((STORE_SILENCES + 9) *
					   sizeof(*got));
	char id[32];

	assert_non_null(got);
	for (int i = 0; i < STORE_SILENCES + 3; i++) {
		snprintf(id, sizeof(id), "s%d", i);
		keep(f, id, NOW + i);
	}
	assert_int_equal(store_silences(got, STORE_SILENCES + 9, f->r, 0,
					f->a), STORE_SILENCES);
	for (int i = 0; i < STORE_SILENCES; i++)
		assert_true(got[i].ends_ms >= NOW + 3);
	free(got);
}

static void put_held(struct fixture *f, const char *subject, const char *hold,
		     enum wait wait)
{
	struct member m = { .subject = str_from(subject),
			    .state = ALARM_FIRING, .wait = wait,
			    .due_ms = NOW + DAY, .since_ms = NOW, .event = 1,
			    .held_by = str_from(hold) };
	struct store_write w = { .kind = WRITE_MEMBER, .member = &m };

	assert_int_equal(store_commit(f->s, &w, 1), 0);
}

static void what_it_holds_is_released(void **state)
{
	struct fixture *f = *state;
	struct member m;

	put_held(f, "a", "s1", WAIT_HOLD);
	put_held(f, "b", "s1", WAIT_HOLD);
	put_held(f, "c", "s2", WAIT_HOLD);
	assert_int_equal(store_release(f->s, STR("s1"), NOW + 5), 2);
	assert_int_equal(store_member(&m, f->r, STR("a"), f->a), 1);
	assert_int_equal(m.due_ms, NOW + 5);
	assert_int_equal(m.wait, WAIT_HOLD);
	assert_int_equal(store_member(&m, f->r, STR("c"), f->a), 1);
	assert_int_equal(m.due_ms, NOW + DAY);
	assert_int_equal(store_release(f->s, STR("s1"), NOW + 9), 0);
}

/* The process ended between a silence's end and the release. */
static void a_start_releases_what_ended_early(void **state)
{
	struct fixture *f = *state;
	struct member m;

	keep(f, "s1", NOW - 5);
	keep(f, "s2", NOW + DAY);
	put_held(f, "a", "s1", WAIT_HOLD);
	put_held(f, "b", "s2", WAIT_HOLD);
	put_held(f, "c", "in-patching", WAIT_HOLD);
	put_held(f, "d", "s1", WAIT_OPEN_AFTER);
	reopen_store(f);
	assert_int_equal(store_recover(f->s, NOW, &f->err), 0);
	assert_int_equal(store_member(&m, f->r, STR("a"), f->a), 1);
	assert_int_equal(m.due_ms, NOW);
	for (const char *name = "bcd"; *name; name++) {
		assert_int_equal(store_member(&m, f->r,
					      (struct str){ name, 1 }, f->a),
				 1);
		assert_int_equal(m.due_ms, NOW + DAY);
	}
}

static void a_held_incident_is_released(void **state)
{
	struct fixture *f = *state;
	struct incident i = { .key = STR("k"), .incarnation = 1,
			      .state = INCIDENT_OPEN, .held_ms = NOW + DAY,
			      .held_by = STR("s1"), .due_ms = NOW + DAY };
	struct store_write w = { .kind = WRITE_INCIDENT, .incident = &i };
	struct incident got;

	assert_int_equal(store_commit(f->s, &w, 1), 0);
	assert_int_equal(store_release(f->s, STR("s1"), NOW), 1);
	assert_int_equal(store_release(f->s, STR("s1"), NOW), 0);
	assert_int_equal(store_incident_by_key(&got, f->r, STR("k"), f->a),
			 1);
	assert_int_equal(got.held_ms, NOW);
	assert_int_equal(got.due_ms, NOW);
	/* A batch that was decided before must be decided anew. */
	assert_int_equal(store_commit(f->s, &w, 1), -ESTALE);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(kept_through_a_restart),
		T(ended_ones_go_with_retention),
		T(they_go_back_with_the_clock),
		T(bounded_in_number),
		T(what_it_holds_is_released),
		T(a_start_releases_what_ended_early),
		T(a_held_incident_is_released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
