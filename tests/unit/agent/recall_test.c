/* What triage recalls of incidents that are told of again and again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/recall.h"

#define NOW INT64_C(1795255500000)
#define EVERY 300000

struct fixture {
	struct recall *recall;
	struct arena *arena;
	struct incident incident;
	struct member member;
	struct op tail;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->recall = recall_new();
	f->arena = arena_new(1 << 20);
	assert_non_null(f->recall);
	assert_non_null(f->arena);
	f->incident = (struct incident){ .id = 7,
					 .key = STR("k"),
					 .incarnation = 1,
					 .version = 3,
					 .state = INCIDENT_OPEN,
					 .remote = STR("INC0000001"),
					 .team = STR("pay"),
					 .notes_every_ms = EVERY };
	f->member = (struct member){ .id = 5,
				     .subject = STR("s"),
				     .incident = 7,
				     .state = ALARM_FIRING };
	f->tail = (struct op){ .id = 9,
			       .incident = 7,
			       .kind = OP_NOTE,
			       .state = OP_READY,
			       .held = true,
			       .not_before_ms = NOW + EVERY,
			       .body = STR("3 more"),
			       .events = STR("e1 e2 e3") };
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	recall_free(f->recall);
	arena_free(f->arena);
	free(f);
	return 0;
}

static void keep(struct fixture *f)
{
	recall_keep(f->recall, &f->incident, &f->member, &f->tail);
}

static int find(struct recalled *out, struct fixture *f, int64_t now_ms)
{
	return recall_find(out, f->recall, STR("k"), STR("s"), now_ms,
			   f->arena);
}

static void test_finds_what_was_kept(void **state)
{
	struct fixture *f = *state;
	struct recalled x;

	assert_int_equal(find(&x, f, NOW), 0);
	keep(f);
	assert_int_equal(find(&x, f, NOW), 1);
	/* Its strings outlive what is recalled next. */
	recall_clear(f->recall);
	assert_int_equal(x.incident.version, 3);
	assert_true(str_is(x.incident.remote, "INC0000001"));
	assert_true(str_is(x.member.subject, "s"));
	assert_true(str_is(x.tail.events, "e1 e2 e3"));
	assert_int_equal(find(&x, f, NOW), 0);
}

static void test_is_of_one_alarm(void **state)
{
	struct fixture *f = *state;
	struct recalled x;

	keep(f);
	assert_int_equal(recall_find(&x, f->recall, STR("k"), STR("other"),
				     NOW, f->arena),
			 0);
	recall_forget(f->recall, STR("k"));
	assert_int_equal(find(&x, f, NOW), 0);
}

/* A note that may have gone meanwhile isn't taken for one that waits, nor is
 * its moment once the clock was set back. */
static void test_only_while_the_note_waits(void **state)
{
	struct fixture *f = *state;
	struct recalled x;

	keep(f);
	assert_int_equal(find(&x, f, NOW + EVERY - 2000), 1);
	assert_int_equal(find(&x, f, NOW + EVERY - 500), 0);
	assert_int_equal(find(&x, f, NOW - 3600000), 0);
	f->tail.not_before_ms = OP_NEVER_MS;
	keep(f);
	assert_int_equal(find(&x, f, NOW - 3600000), 1);
}

/* Behind its incident's create any note waits. */
static void test_before_the_incident_is_in_stackflow(void **state)
{
	struct fixture *f = *state;
	struct recalled x;

	f->incident.remote = STR_NONE;
	f->tail.held = false;
	f->tail.not_before_ms = NOW;
	keep(f);
	assert_int_equal(find(&x, f, NOW + 1), 1);
	assert_int_equal(x.incident.remote.n, 0);
	f->incident.remote = STR("INC0000001");
	keep(f);
	assert_int_equal(find(&x, f, NOW + 1), 0);
}

static void set_resolved(struct fixture *f)
{
	f->incident.state = INCIDENT_RESOLVED;
}

static void set_timer(struct fixture *f)
{
	f->incident.due_ms = NOW + 1;
}

static void set_group(struct fixture *f)
{
	f->incident.group_ms = NOW + 1;
}

static void set_ok(struct fixture *f)
{
	f->member.state = ALARM_OK;
}

static void set_waiting(struct fixture *f)
{
	f->member.wait = WAIT_HOLD;
}

static void set_other(struct fixture *f)
{
	f->member.incident = 8;
}

static void set_free(struct fixture *f)
{
	f->tail.held = false;
}

static void set_done(struct fixture *f)
{
	f->tail.state = OP_DONE;
}

static void set_resolve(struct fixture *f)
{
	f->tail.kind = OP_RESOLVE;
}

/* What isn't the plain case goes, with what was known of it. */
static void test_forgets_all_else(void **state)
{
	static void (*const set[])(struct fixture *) = {
		set_resolved, set_timer, set_group, set_ok,	 set_waiting,
		set_other,    set_free,	 set_done,  set_resolve,
	};
	struct fixture *f = *state;
	const struct fixture plain = *f;
	struct recalled x;

	for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++) {
		*f = plain;
		keep(f);
		assert_int_equal(find(&x, f, NOW), 1);
		set[i](f);
		keep(f);
		if (find(&x, f, NOW) != 0)
			fail_msg("case %zu is recalled", i);
	}
	*f = plain;
	keep(f);
	recall_keep(f->recall, &f->incident, &f->member, NULL);
	assert_int_equal(find(&x, f, NOW), 0);
}

static void test_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct recalled x;
	char key[16];
	int found = 0;

	keep(f);
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		f->incident.key = str_from(key);
		keep(f);
	}
	assert_int_equal(find(&x, f, NOW), 0);
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		found += recall_find(&x, f->recall, str_from(key), STR("s"),
				     NOW, f->arena);
	}
	assert_int_equal(found, 512);
	assert_int_equal(recall_find(&x, f->recall, STR("k4999"), STR("s"),
				     NOW, f->arena),
			 1);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(test_finds_what_was_kept),
		TEST(test_is_of_one_alarm),
		TEST(test_only_while_the_note_waits),
		TEST(test_before_the_incident_is_in_stackflow),
		TEST(test_forgets_all_else),
		TEST(test_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
