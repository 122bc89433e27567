/* What people look for: parts of texts, pages, and where a search stops. */
#include "help.h"

static void put_event(struct fixture *f, int n, const char *name)
{
	char identity[32];
	struct event e;

	snprintf(identity, sizeof(identity), "event %d", n);
	e = event_of(str_from(identity), NOW + n);
	e.name = str_from(name);
	assert_int_equal(accept_events(f->s, &e, 1), 0);
}

static int events(struct event *out, int64_t *next, struct fixture *f,
		  const char *text, size_t limit, int64_t before)
{
	const struct store_page p = { .limit = limit, .before = before };
	const struct store_search s = { .text = str_from(text) };

	return store_search_events(out, next, f->r, &p, &s, f->a);
}

static int count(struct fixture *f, const char *text)
{
	struct event list[32];
	int64_t next = -1;
	int n = events(list, &next, f, text, 32, 0);

	assert_int_equal(next, 0);
	return n;
}

static void parts_of_events(void **state)
{
	struct fixture *f = *state;

	put_event(f, 1, "Pay-DB-cpu");
	put_event(f, 2, "pay-db-disk");
	put_event(f, 3, "a%b_c\\d'e");
	assert_int_equal(count(f, "pay-db"), 2);
	assert_int_equal(count(f, "PAY-db-C"), 1);
	assert_int_equal(count(f, "111122223333"), 3);
	assert_int_equal(count(f, "US-EAST"), 3);
	assert_int_equal(count(f, "none"), 0);
	assert_int_equal(count(f, "%"), 1);
	assert_int_equal(count(f, "_"), 1);
	assert_int_equal(count(f, "\\"), 1);
	assert_int_equal(count(f, "'e"), 1);
	assert_int_equal(count(f, "pay%cpu"), 0);
	/* Nothing asked for: all of them. */
	assert_int_equal(count(f, ""), 3);
}

static void pages_of_events(void **state)
{
	struct fixture *f = *state;
	struct event list[4];
	int64_t next = 0;

	for (int n = 0; n < 9; n++)
		put_event(f, n, n % 2 ? "odd" : "even");
	assert_int_equal(events(list, &next, f, "odd", 3, 0), 3);
	assert_int_equal(next, list[2].seq);
	assert_true(list[0].seq > list[1].seq);
	assert_int_equal(events(list, &next, f, "odd", 3, next), 1);
	assert_int_equal(next, 0);
}

static int incidents(struct incident *out, struct fixture *f,
		     const char *text, const char *team, const char *word)
{
	const struct store_page p = { .limit = 8, .filter = str_from(word) };
	const struct store_search s = { .text = str_from(text),
					.team = str_from(team) };
	int64_t next = -1;
	int n = store_search_incidents(out, &next, f->r, &p, &s, f->a);

	assert_int_equal(next, 0);
	return n;
}

static void parts_of_incidents(void **state)
{
	struct fixture *f = *state;
	struct incident i = incident_of(STR("key/one"), 1), list[8];

	i.ci_id = STR("CI0001002");
	i.remote = STR("INC0000042");
	put_incident(f, &i);
	i = incident_of(STR("key/two"), 1);
	i.team = STR("other");
	i.short_description = STR("Water rises");
	i.state = INCIDENT_RESOLVED;
	put_incident(f, &i);
	assert_int_equal(incidents(list, f, "ci0001002", NULL, NULL), 1);
	assert_int_equal(incidents(list, f, "inc0000042", NULL, NULL), 1);
	assert_str(list[0].remote, "INC0000042");
	assert_int_equal(incidents(list, f, "WATER", NULL, NULL), 1);
	assert_int_equal(incidents(list, f, "key/", NULL, NULL), 2);
	assert_int_equal(incidents(list, f, "pay-db", NULL, "open"), 1);
	assert_int_equal(incidents(list, f, "pay-db", "other", "open"), 0);
	assert_int_equal(incidents(list, f, NULL, "payments", NULL), 1);
	assert_int_equal(incidents(list, f, NULL, "pay", NULL), 0);
	assert_int_equal(incidents(list, f, NULL, NULL, "resolved"), 1);
}

static void incidents_of_a_priority(void **state)
{
	struct fixture *f = *state;
	const struct store_page p = { .limit = 8 };
	struct store_search s = { .priority = 1 };
	struct incident list[8];
	int64_t next = -1;

	for (int n = 1; n <= 4; n++) {
		char key[8];
		struct incident i;

		snprintf(key, sizeof(key), "k%d", n);
		i = incident_of(str_from(key), 1);
		i.priority = n == 4 ? 1 : n;
		put_incident(f, &i);
	}
	assert_int_equal(store_search_incidents(list, &next, f->r, &p, &s,
						f->a), 2);
	assert_str(list[0].key, "k4");
	assert_str(list[1].key, "k1");
	s.priority = 4;
	assert_int_equal(store_search_incidents(list, &next, f->r, &p, &s,
						f->a), 0);
}

static void members_of_an_incident(void **state)
{
	struct fixture *f = *state;
	struct incident i = incident_of(STR("k"), 1);
	struct member list[4];

	put_incident(f, &i);
	for (int n = 0; n < 3; n++) {
		char subject[16];
		struct member m = { .incident = n == 2 ? i.id + 1 : i.id,
				    .state = n ? ALARM_FIRING : ALARM_OK,
				    .changed_ms = NOW };
		struct store_write w = { .kind = WRITE_MEMBER, .member = &m };

		snprintf(subject, sizeof(subject), "alarm %d", n);
		m.subject = str_from(subject);
		assert_int_equal(store_commit(f->s, &w, 1), 0);
	}
	assert_int_equal(store_members(list, 4, f->r, i.id, f->a), 2);
	assert_str(list[0].subject, "alarm 1");
	assert_int_equal(list[1].state, ALARM_OK);
	assert_int_equal(store_members(list, 1, f->r, i.id, f->a), 1);
	assert_int_equal(store_members(list, 4, f->r, 99, f->a), 0);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(parts_of_events),
		T(pages_of_events),
		T(parts_of_incidents),
		T(incidents_of_a_priority),
		T(members_of_an_incident),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
