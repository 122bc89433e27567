/* Memory that keeps no alarms does what memory that keeps them all does. */
#include "life.h"

#define STEPS 3000

static const char rules[] =
	"version: 1\n"
	"team: payments\n"
	"owners: [a@example.com]\n"
	"windows:\n"
	"  nights: {every: \"Mon-Sun 22:00-23:00\", tz: Etc/UTC, owner: a}\n"
	"policies:\n"
	"  - {id: db, match: {alarm: \"db-*\"}, open_after: 3m,\n"
	"     escalate: [{after: 15m, unless: acknowledged, raise_to: P1}]}\n"
	"  - {id: web, match: {alarm: \"web-*\"},\n"
	"     flap: {transitions: 4, within: 30m, quiet_for: 20m}}\n"
	"  - {id: rest, match: {}, resolve: {when: OK, stable_for: 5m}}\n"
	"suppress:\n"
	"  - {id: at-night, match: {alarm: \"*-1\"}, during: nights}\n"
	"  - {id: behind, match: {alarm: \"x-*\"}, while_open: web,"
	" same: [account]}\n"
	"  - {id: behind-x, match: {alarm: \"db-2\"}, while_open: rest,"
	" same: [account]}\n";

/* What was told, as text; and what was asked for. */
struct stream {
	struct life *life;
	struct buf log;
	const struct alarm *handed[STEPS + 1];
	unsigned asked;
};

static void put_action(struct buf *log, const struct memory_action *a,
		       struct str fields)
{
	buf_printf(log, "%lld %s %lld %.*s %.*s\n", (long long)a->at_ms,
		   action_name(a->action), (long long)a->incident,
		   STR_ARG(a->text), STR_ARG(fields));
}

static int fetch(const struct alarm **out, int64_t seq, void *arg)
{
	static struct alarm again;
	struct stream *s = arg;

	assert_true(seq >= 1 && seq <= STEPS && s->handed[seq]);
	s->asked++;
	again = *s->handed[seq];	/* good until the next is asked for */
	*out = &again;
	return 0;
}

static void tell(const struct memory_action *a, const struct incident *i,
		 struct str fields, void *arg)
{
	struct stream *s = arg;

	assert_int_equal(i->id, a->incident);
	assert_int_equal(fields.n > 0, a->action == ACTION_CREATE);
	put_action(&s->log, a, STR_NONE);
}

static struct alarm alarm_of(unsigned dice, int64_t at_ms)
{
	static const struct str names[] = { STR("db-1"), STR("db-2"),
					    STR("web-1"), STR("web-2"),
					    STR("x-1"), STR("x-2") };

	return (struct alarm){
		.source = "cloudwatch", .kind = "metric-alarm",
		.state = dice / 8 % 3 ? ALARM_FIRING : ALARM_OK,
		.account = STR("111122223333"), .region = STR("us-east-1"),
		.name = names[dice % 6], .arn = names[dice % 6],
		.time_ms = NOW + at_ms,
	};
}

static void the_same_happens_without_the_alarms(void **state)
{
	static struct alarm alarms[STEPS + 1];
	struct stream s = { .log = BUF_INIT(64 << 20) };
	const struct memory_stream stream = { .fetch = fetch, .tell = tell,
					  .arg = &s };
	struct life *kept = life_begin(rules, NULL);
	struct life *streamed = life_begin(rules, NULL);
	struct buf log = BUF_INIT(64 << 20);
	unsigned dice = 1;
	int64_t at = 0;

	(void)state;
	memory_set_stream(streamed->m, &stream);
	for (int i = 1; i <= STEPS; i++) {
		struct str id = arena_printf(kept->arena, "e%d", i);
		struct alarm gone;

		dice = dice * 1103515245 + 12345;
		at += (dice >> 16) % (4 * MINUTE);
		alarms[i] = gone = alarm_of(dice >> 8, at);
		s.handed[i] = &alarms[i];
		life_at(kept, at);
		life_at(streamed, at);
		assert_int_equal(memory_event(NULL, kept->m, kept->rules, NULL,
					      NULL, &alarms[i], id,
					      kept->arena), 0);
		assert_int_equal(memory_event(NULL, streamed->m,
					      streamed->rules, NULL, NULL,
					      &gone, id, streamed->arena), 0);
		memset(&gone, 0xa5, sizeof(gone));
	}
	life_at(kept, at + 60 * MINUTE);
	life_at(streamed, at + 60 * MINUTE);
	for (size_t i = 0; i < memory_actions(kept->m); i++)
		put_action(&log, memory_action(kept->m, i), STR_NONE);
	assert_true(memory_actions(kept->m) > STEPS / 10);
	assert_int_equal(memory_actions(streamed->m), 0);
	assert_true(s.asked > 10);
	assert_string_equal(buf_str(&log).p, buf_str(&s.log).p);
	assert_int_equal(memory_incidents(kept->m),
			 memory_incidents(streamed->m));
	for (size_t i = 0; i < memory_incidents(kept->m); i++)
		assert_int_equal(memory_incident(kept->m, i)->priority,
				 memory_incident(streamed->m, i)->priority);
	buf_fini(&log);
	buf_fini(&s.log);
	life_end(kept);
	life_end(streamed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_happens_without_the_alarms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
