/* The live view as a machine: answers and keys in, requests and pictures out. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/cmd/match.h"
#include "agent/cmd/term.h"
#include "agent/top/top.h"
#include "base/clock.h"
#include "base/random.h"
#include "doc/json.h"

#define START "2026-11-22T10:00:00.000Z"

struct rig {
	struct top *top;
	struct grid *grid;
	struct top_now now;
	struct buf text;	/* the last picture */
	struct buf asked;	/* "METHOD PATH BODY", a line each */
	bool silent;		/* nothing is answered */
	int refuse;		/* a status for what is posted */
	const char *status, *incidents, *dead, *silences, *events, *detail;
};

static const char *const status_fine =
	"{\"version\":\"9.8.7\",\"started_at\":\"" START "\",\"health\":"
	"\"ready\",\"not_ready_because\":null,\"warnings\":[],\"backlog\":3,"
	"\"in_doubt\":0,\"dead_letters\":1,\"incidents_open\":3,"
	"\"operations_held\":0,\"store_bytes\":1048576,\"stackflow\":"
	"{\"reachable\":true,\"breaker_open\":false,\"rate_limit\":100,"
	"\"rate_remaining\":97,\"problem\":null},\"queues\":[{\"name\":"
	"\"alarms\",\"state\":\"polling\",\"problem\":null,\"lag_seconds\":"
	"null}],\"rules\":{\"files\":2,\"stale\":0},\"alarms_held\":[{"
	"\"alarm\":\"mail-1\",\"account\":\"111122223333\",\"region\":"
	"\"us-east-1\",\"held_by\":\"s5k2\",\"since\":\"" START "\",\"until\":"
	"\"2026-11-22T12:00:00Z\",\"event\":\"eheld\"}],\"alarms_held_total\":"
	"1,\"alarms_waiting_total\":0,\"incident_timers\":[],\"silences\":1,"
	"\"since_start\":{\"events_accepted\":100,\"incidents_created\":3,"
	"\"notes_appended\":1}}";

#define ROW(id, pri, age, rep, alarm)                                        \
	"{\"id\":" #id ",\"incident\":\"INC" #id "\",\"state\":\"open\","    \
	"\"priority\":\"" pri "\",\"age_seconds\":" #age ",\"repeats\":" #rep \
	",\"team\":\"payments\",\"alarm\":\"" alarm "\",\"account\":"        \
	"\"111122223333\",\"region\":\"us-east-1\",\"short_description\":"   \
	"\"CloudWatch Alarm: " alarm "\"}"

static const char *const incidents_three =
	"{\"incidents\":[" ROW(7, "P3", 60, 9, "web") ","
	ROW(6, "P1", 5400, 0, "pay[1]*") "," ROW(5, "P3", 30, 1, "mail") "]}";

static const char *answer_of(const struct rig *r, const struct top_request *q)
{
	struct str path = buf_str(&q->path);

	if (str_is(path, "/api/v1/status"))
		return r->status;
	if (str_is(path, "/api/v1/series"))
		return "{\"step_seconds\":600,\"alarms\":[0,0,5,10],"
		       "\"stackflow_p99_ms\":[null,24.9]}";
	if (str_starts(path, "/api/v1/incidents?"))
		return r->incidents;
	if (str_is(path, "/api/v1/dead"))
		return r->dead;
	if (str_is(path, "/api/v1/silences") && q->method[0] == 'G')
		return r->silences;
	if (str_starts(path, "/api/v1/events?"))
		return r->events;
	return r->detail ? r->detail : "{}";
}

/* Ask and answer until nothing is due, then draw. */
static const char *turn(struct rig *r, int64_t ms)
{
	struct top_request q;

	r->now.wall_ms += ms;
	r->now.mono_ms += ms;
	while (top_ask(&q, r->top, &r->now)) {
		bool post = q.method[0] == 'P';
		const char *text = answer_of(r, &q);
		struct top_answer a = {
			.what = q.what, .turn = q.turn, .status = 200,
			.body = str_from(text),
		};

		buf_printf(&r->asked, "%s %s %s\n", q.method,
			   buf_str(&q.path).p, buf_str(&q.body).p);
		if (r->silent) {
			a = (struct top_answer){ .what = q.what,
				.turn = q.turn, .problem = "no agent answers" };
		} else if (post && r->refuse) {
			a.status = r->refuse;
			a.problem = "the agent answered 409: it is resolved";
		}
		top_told(r->top, &a, &r->now);
		buf_fini(&q.path);
		buf_fini(&q.body);
	}
	top_draw(r->grid, r->top, &r->now);
	buf_reset(&r->text);
	for (int i = 0; i < r->grid->rows; i++) {
		grid_row(&r->text, r->grid, i);
		buf_putc(&r->text, '\n');
	}
	return r->text.p;
}

static void begin(struct rig *r, int rows, int columns)
{
	*r = (struct rig){
		.top = top_new("ann"), .grid = grid_new(rows, columns, false),
		.now = { .mono_ms = 1000000 }, .status = status_fine,
		.incidents = incidents_three, .dead = "{\"dead\":[]}",
		.silences = "{\"silences\":[]}", .events = "{\"events\":[]}",
	};
	buf_init(&r->text, 1 << 20);
	buf_init(&r->asked, 1 << 20);
	assert_int_equal(clock_parse(&r->now.wall_ms, STR(START)), 0);
	r->now.wall_ms += 60000;
	turn(r, 0);
}

static void end(struct rig *r)
{
	top_free(r->top);
	grid_free(r->grid);
	buf_fini(&r->text);
	buf_fini(&r->asked);
}

static void press(struct rig *r, const char *keys)
{
	struct str s = str_from(keys);

	while (s.n) {
		struct key k;
		size_t n = key_take(&k, s, true);

		top_key(r->top, &k, &r->now);
		s = str_sub(s, n, s.n - n);
	}
}

/* The keys, and what is asked and shown for them. */
static const char *after(struct rig *r, const char *keys)
{
	buf_reset(&r->asked);
	press(r, keys);
	return turn(r, 10);
}

static bool asked(const struct rig *r, const char *what)
{
	return r->asked.n && strstr(r->asked.p, what);
}

static void seen(const char *text, const char *part, bool there, int line)
{
	if (!strstr(text, part) == there)
		fail_msg("line %d: %s \"%s\" in:\n%s", line,
			 there ? "no" : "a", part, text);
}

#define SEEN(text, part) seen(text, part, true, __LINE__)
#define UNSEEN(text, part) seen(text, part, false, __LINE__)

/* ---- pictures ---- */

static void test_what_is_seen_first(void **state)
{
	struct rig r;
	const char *t;

	(void)state;
	begin(&r, 24, 80);
	t = r.text.p;
	SEEN(t, " OK  Healthy: takes alarms, StackFlow answers, 3 steps on "
		"their way.");
	SEEN(t, "Open 3   Backlog 3   In doubt 0   Dead 1   Held 1");
	SEEN(t, "StackFlow answers, p99 25 ms, limit 97 of 100");
	SEEN(t, "Queue alarms polling");
	SEEN(t, "24 h \u2581\u2581\u2585\u2588 15 alarms");
	SEEN(t, " Incidents 3  Held 1  Dead 1  Events  Silences 1");
	SEEN(t, ">P1   INC6        1h30m   0     payments      CloudWatch "
		"Alarm: pay[1]*");
	assert_true(strstr(t, "INC6") < strstr(t, "INC7"));
	assert_true(strstr(t, "INC7") < strstr(t, "INC5"));
	end(&r);
}

static void test_the_smallest_and_smaller(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 15, 60);
	SEEN(r.text.p, ">P1   INC6");
	SEEN(r.text.p, "Enter more");
	end(&r);
	begin(&r, 14, 60);
	SEEN(r.text.p, "60x14: 60x15 at least is needed");
	end(&r);
	begin(&r, 1, 1);
	end(&r);
}

static void test_troubles(void **state)
{
	struct rig r;
	const char *t;

	(void)state;
	begin(&r, 24, 80);
	r.status = "{\"health\":\"not ready\",\"not_ready_because\":\"the "
		   "store is full\",\"warnings\":[{\"code\":\"store-full\","
		   "\"level\":\"bad\",\"text\":\"the journal is full\","
		   "\"advice\":\"free the disk\"},{\"code\":\"x\",\"level\":"
		   "\"watch\",\"text\":\"small\\u001b[2J thing\",\"advice\":"
		   "\"look\"}]}";
	t = turn(&r, 2500);
	SEEN(t, " ACT  The store is full, and 2 more.");
	SEEN(t, "! the journal is full. free the disk");
	SEEN(t, "! small\\x1b[2J thing. look");
	r.status = "{\"health\":\"ready\",\"warnings\":[{\"code\":\"x\","
		   "\"level\":\"watch\",\"text\":\"small\"}]}";
	SEEN(turn(&r, 2500), " WATCH  Small.");
	r.status = "[]";	/* an answer that tells nothing */
	turn(&r, 2500);
	end(&r);
}

static void test_an_agent_that_is_gone(void **state)
{
	struct rig r;
	const char *t;

	(void)state;
	begin(&r, 24, 100);
	r.silent = true;
	t = turn(&r, 2500);
	SEEN(t, " ACT  No answer from tocsin since ");
	SEEN(t, "what stands below is old");
	SEEN(t, "INC6");	/* still shown */
	r.silent = false;
	SEEN(turn(&r, 20000), " OK  Healthy");
	/* It hangs: nothing is answered, and nothing fails. */
	r.now.mono_ms += 7000;
	top_draw(r.grid, r.top, &r.now);
	buf_reset(&r.text);
	grid_row(&r.text, r.grid, 0);
	SEEN(r.text.p, "No answer from tocsin since");
	end(&r);
}

static void test_rates_are_a_minute_s(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 24, 100);
	SEEN(r.text.p, "Alarms -/min");
	r.status = "{\"started_at\":\"" START "\",\"since_start\":{"
		   "\"events_accepted\":130,\"incidents_created\":6}}";
	SEEN(turn(&r, 30000), "Alarms 60/min   Incidents 6/min");
	/* It was started anew: its counters tell nothing of before. */
	r.status = "{\"started_at\":\"2026-11-22T10:02:00Z\",\"since_start\":"
		   "{\"events_accepted\":1}}";
	SEEN(turn(&r, 30000), "Alarms -/min");
	end(&r);
}

/* ---- lists ---- */

static void test_the_chosen_row_stays_chosen(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 24, 80);
	SEEN(after(&r, "j"), ">P3   INC7");
	SEEN(after(&r, "o"), ">P3   INC7");	/* by age */
	assert_true(strstr(r.text.p, "INC6") < strstr(r.text.p, "INC7"));
	SEEN(after(&r, "o"), ">P3   INC7");	/* by repeats: it is first */
	assert_true(strstr(r.text.p, "INC7") < strstr(r.text.p, "INC6"));
	r.incidents = "{\"incidents\":[" ROW(9, "P1", 1, 99, "new") ","
		      ROW(7, "P3", 62, 9, "web") "]}";
	SEEN(turn(&r, 2500), ">P3   INC7");
	r.incidents = "{\"incidents\":[]}";
	SEEN(turn(&r, 2500), "No incident is open.");
	after(&r, "jk\r");	/* nothing to move to or to open */
	end(&r);
}

static void test_long_lists_scroll(void **state)
{
	struct buf b = BUF_INIT(1 << 20);
	struct rig r;

	(void)state;
	begin(&r, 24, 80);
	buf_puts(&b, "{\"incidents\":[");
	for (int i = 300; i > 0; i--)
		buf_printf(&b, "{\"id\":%d,\"incident\":\"INC%d\",\"priority\":"
			   "\"P3\"}%s", i, i, i > 1 ? "," : "");
	buf_puts(&b, "],\"next_before\":1}");
	r.incidents = b.p;
	turn(&r, 2500);
	SEEN(after(&r, "G"), ">P3   INC1 ");
	SEEN(r.text.p, "300 of 300, the newest; / finds older ones");
	SEEN(after(&r, "\033[5~"), ">P3   INC");
	UNSEEN(r.text.p, "INC1 ");
	SEEN(after(&r, "g"), ">P3   INC300");
	end(&r);
	buf_fini(&b);
}

static void test_views_and_what_they_ask(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 24, 80);
	SEEN(after(&r, "\t"), ">1h58m    1m       s5k2                mail-1");
	after(&r, "d");
	assert_true(asked(&r, "GET /api/v1/dead"));
	SEEN(r.text.p, "No dead letters.");
	after(&r, "4");
	assert_true(asked(&r, "GET /api/v1/events?limit=200"));
	after(&r, "\t");
	assert_true(asked(&r, "GET /api/v1/silences"));
	after(&r, "\t");
	SEEN(r.text.p, ">P1   INC6");
	assert_true(asked(&r, "GET /api/v1/incidents?state=open"));
	after(&r, "\033[Z");
	SEEN(r.text.p, "No silence is in force.");
	end(&r);
}

static void test_a_filter_is_asked_for_or_looked_for(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 24, 80);
	after(&r, "/pay db&x\r");
	assert_true(asked(&r, "&q=pay%20db%26x "));
	SEEN(r.text.p, "/pay db&x");
	after(&r, "\033");
	assert_false(asked(&r, "&q="));
	after(&r, "2/MAIL\r");
	SEEN(r.text.p, "mail-1");
	after(&r, "/other\r");
	SEEN(after(&r, "/\x15other\r"), "Nothing matches");
	end(&r);
}

static void test_answers_to_what_is_no_more_asked_are_dropped(void **state)
{
	struct top_request q;
	struct rig r;

	(void)state;
	begin(&r, 24, 80);
	press(&r, "5");		/* silences */
	while (top_ask(&q, r.top, &r.now) && q.what != TOP_LIST)
		fail();
	press(&r, "1");
	top_told(r.top, &(struct top_answer){ .what = TOP_LIST,
		 .turn = q.turn, .status = 200,
		 .body = STR("{\"silences\":[]}") }, &r.now);
	SEEN(turn(&r, 10), "INC6");
	buf_fini(&q.path);
	buf_fini(&q.body);
	end(&r);
}

static void test_an_agent_that_is_slow_is_asked_less(void **state)
{
	struct top_request q;
	struct rig r;

	(void)state;
	begin(&r, 24, 80);
	r.now.mono_ms += 2500;
	assert_true(top_ask(&q, r.top, &r.now));
	assert_int_equal(q.what, TOP_STATUS);
	r.now.mono_ms += 1000;
	top_told(r.top, &(struct top_answer){ .what = TOP_STATUS,
		 .turn = q.turn, .status = 200,
		 .body = str_from(status_fine) }, &r.now);
	buf_fini(&q.path);
	buf_fini(&q.body);
	buf_reset(&r.asked);
	turn(&r, 5000);
	assert_false(asked(&r, "status"));
	turn(&r, 5000);
	assert_true(asked(&r, "status"));
	end(&r);
}

/* ---- one thing ---- */

static const char *const one_incident =
	"{\"id\":6,\"incident\":\"INC6\",\"state\":\"open\",\"priority\":"
	"\"P1\",\"alarm\":\"pay[1]*\",\"account\":\"111122223333\","
	"\"opened_at\":\"" START "\",\"short_description\":\"Too slow\","
	"\"members\":[{\"subject\":\"arn:x\",\"state\":\"ALARM\",\"changed_at\""
	":\"" START "\"}],\"operations\":[{\"kind\":\"note\",\"state\":\"in "
	"doubt\",\"created_at\":\"" START "\",\"status\":0,\"attempts\":3,"
	"\"text\":\"one\\ntwo\"}]}";

static void test_an_incident_whole(void **state)
{
	struct rig r;
	const char *t;

	(void)state;
	begin(&r, 30, 80);
	r.detail = one_incident;
	t = after(&r, "\r");
	assert_true(asked(&r, "GET /api/v1/incidents/6 "));
	SEEN(t, "About       Too slow");
	SEEN(t, "Alarm       pay[1]* 111122223333");
	SEEN(t, "Opened      2026-11-22T10:00:00Z, 1m ago");
	SEEN(t, "ALARM  1m ago  arn:x");
	SEEN(t, "1m ago  note: in doubt, 3 tries");
	SEEN(t, "     two\n");
	SEEN(after(&r, "\033"), ">P1   INC6");
	end(&r);
}

static void test_it_scrolls_to_its_end(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 15, 60);
	r.detail = one_incident;
	SEEN(after(&r, "\r"), "more lines");
	SEEN(after(&r, "G"), "two\n");
	UNSEEN(r.text.p, "more lines");
	SEEN(after(&r, "g"), "Incident    INC6");
	end(&r);
}

static void test_an_event_with_its_reasons(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 30, 100);
	r.detail = "{\"event\":{\"id\":\"eheld\",\"alarm\":\"mail-1\","
		   "\"state\":\"ALARM\"},\"incident\":null,\"steps\":[{\"at\":"
		   "\"" START "\",\"step\":\"received\",\"text\":\"by sns\","
		   "\"ms_since_previous\":7}],\"text\":\"rules\\n  + here\"}";
	after(&r, "2\r");
	assert_true(asked(&r, "GET /api/v1/events/eheld/timeline"));
	assert_true(asked(&r, "GET /api/v1/events/eheld/explain"));
	SEEN(r.text.p, "10:00:00.000Z +7 ms       received: by sns");
	SEEN(r.text.p, "   + here");
	end(&r);
}

static void test_for_the_command_line(void **state)
{
	const struct term wide = { .width = SIZE_MAX, .now_ms = 0 };
	const struct term narrow = { .width = 40, .colour = true };
	struct buf b = BUF_INIT(65536);
	struct json *v = NULL;
	struct err err;

	(void)state;
	assert_int_equal(json_parse(&v, str_from(one_incident), 0, &err), 0);
	top_put_incident(&b, v, &wide);
	SEEN(b.p, "Incident    INC6\nState       open P1\n");
	UNSEEN(b.p, "\033");
	buf_reset(&b);
	top_put_incident(&b, v, &narrow);
	SEEN(b.p, "\033[2mIncident\033[0m    INC6\n");
	json_free(v);
	buf_fini(&b);
}

/* ---- what is done ---- */

static void test_a_note(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 24, 80);
	SEEN(after(&r, "n"), "Note on INC6:");
	SEEN(after(&r, "\r"), "Say it in a few words");
	after(&r, "hold \"it\"\033[D\033[D\033[Dé\x05!\r");
	assert_true(asked(&r, "POST /api/v1/incidents/6/note {\"text\":\"hold "
			      "\\\"éit\\\"!\"}") ||
		    asked(&r, "POST /api/v1/incidents/6/note {\"text\":\"hold "
			      "é\\\"it\\\"!\"}"));
	SEEN(r.text.p, "INC6: the note is taken and goes to StackFlow.");
	/* What was asked is seen at once. */
	assert_true(asked(&r, "GET /api/v1/status"));
	end(&r);
}

static void test_escape_leaves_all_as_it_was(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 24, 80);
	after(&r, "nabc\033");
	after(&r, "rx\rn");
	after(&r, "s\x03");
	assert_false(asked(&r, "POST"));
	assert_false(top_done(r.top));
	SEEN(after(&r, "n"), "Note on INC6:");	/* and nothing of abc */
	UNSEEN(r.text.p, "abc");
	end(&r);
}

static void test_a_resolve_is_confirmed(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 24, 80);
	SEEN(after(&r, "rfailed over\r"), "Resolve INC6? That can't be undone");
	assert_false(asked(&r, "POST"));
	after(&r, "\r");	/* that is no answer */
	assert_false(asked(&r, "POST"));
	after(&r, "y");
	assert_true(asked(&r, "POST /api/v1/incidents/6/resolve "
			      "{\"text\":\"failed over\"}"));
	after(&r, "r\ry");
	assert_true(asked(&r, "POST /api/v1/incidents/6/resolve {}"));
	end(&r);
}

static void test_a_refusal_is_told(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 24, 80);
	r.refuse = 409;
	SEEN(after(&r, "nx\r"),
	     "Not done: the agent answered 409: it is resolved");
	end(&r);
}

static void test_the_row_may_go_meanwhile(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 24, 80);
	press(&r, "nwords");
	r.incidents = "{\"incidents\":[" ROW(9, "P1", 1, 0, "new") "]}";
	turn(&r, 2500);
	after(&r, "\r");
	assert_true(asked(&r, "POST /api/v1/incidents/6/note"));
	end(&r);
}

static void test_a_silence(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 24, 80);
	SEEN(after(&r, "s"), "Silence pay[1]* for how long (30m, 2h, 3d): 2h");
	SEEN(after(&r, "\x15" "2 hours\r"), "That is no span");
	SEEN(after(&r, "\x15" "3h\r"), "Why: for INC6");
	after(&r, ", moved\r");
	assert_true(asked(&r, "POST /api/v1/silences {\"match\":{\"alarm\":"
			      "{\"re\":\"^pay\\\\[1\\\\]\\\\*$\"},\"account\":"
			      "\"111122223333\",\"region\":\"us-east-1\"},"
			      "\"for\":\"3h\",\"owner\":\"ann\",\"reason\":"
			      "\"for INC6, moved\"}"));
	end(&r);
}

static void test_silences_last_longer_or_end(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 24, 80);
	r.silences = "{\"silences\":[{\"id\":\"s5k2\",\"holding\":4,"
		     "\"ends_at\":\"2026-11-22T11:00:00Z\",\"match\":"
		     "{\"alarm\":\"m*\"}}]}";
	SEEN(after(&r, "5"), ">s5k2            58m      4      -"
			     "             {\"alarm\":\"m*\"}");
	after(&r, "e\r");
	assert_true(asked(&r, "POST /api/v1/silences/s5k2/extend "
			      "{\"for\":\"1h\"}"));
	SEEN(after(&r, "x"), "End silence s5k2 now? It holds 4");
	assert_false(asked(&r, "POST"));
	after(&r, "y");
	assert_true(asked(&r, "POST /api/v1/silences/s5k2/expire \n"));
	SEEN(after(&r, "\r"), "Ends        2026-11-22T11:00:00Z, in 58m");
	end(&r);
}

static void test_dead_letters(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 24, 80);
	r.dead = "{\"dead\":[{\"id\":17,\"kind\":\"create\",\"problem\":\"no\","
		 "\"status\":400,\"body\":\"{}\"}]}";
	SEEN(after(&r, "d"), ">17      create");
	after(&r, "r");
	assert_true(asked(&r, "POST /api/v1/dead/17/retry"));
	SEEN(after(&r, "x"), "Drop create 17 for good?");
	after(&r, "n");
	assert_false(asked(&r, "POST"));
	after(&r, "xy");
	assert_true(asked(&r, "POST /api/v1/dead/17/drop"));
	r.dead = "{\"dead\":[]}";
	after(&r, "\r");
	SEEN(turn(&r, 2500), "It is no longer there.");
	end(&r);
}

/* What is pasted is text for a question, and never a command. */
static void test_pasted_text(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 24, 80);
	after(&r, "\033[200~qxry\r\033[201~");
	assert_false(top_done(r.top));
	assert_false(asked(&r, "POST"));
	after(&r, "n\033[200~two\nlines\n\033[201~");
	assert_false(asked(&r, "POST"));
	after(&r, "\r");
	assert_true(asked(&r, "{\"text\":\"two lines \"}"));
	after(&r, "r\r\033[200~y\033[201~");
	assert_false(asked(&r, "POST"));
	end(&r);
}

static void test_help_and_the_end(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 24, 80);
	SEEN(after(&r, "?"), "Up Down j k");
	SEEN(after(&r, "q"), "INC6");
	assert_false(top_done(r.top));
	after(&r, "\x1a");
	assert_true(top_wants_background(r.top));
	assert_false(top_wants_background(r.top));
	after(&r, "q");
	assert_true(top_done(r.top));
	end(&r);
}

/* Whatever is typed, and whatever is answered. */
static void test_any_keys_on_any_answers(void **state)
{
	static const char *const answers[] = {
		"{}", "[]", "null", "{\"incidents\":7}", "{\"dead\":[null]}",
		"{\"silences\":[{\"id\":[1,{\"a\":2}]}]}", "{\"events\":[{}]}",
		"{\"incidents\":[{\"id\":\"\\u0000\\u001b\"},[],3]}",
		"{\"alarms_held\":[{\"event\":null}],\"warnings\":[1,{}]}",
		"{\"operations\":[{}],\"members\":[[]]}", "no JSON",
	};
	static const char keys[] = "jkgGo nrsexyd/?12345\r\t\033[]A\x7f\x01\x15";

	(void)state;
	for (int turns = 0; turns < 60; turns++) {
		struct rig r;

		begin(&r, 15 + (int)random_below(20),
		      60 + (int)random_below(100));
		for (int i = 0; i < 120; i++) {
			char one[2] = { keys[random_below(sizeof(keys) - 1)],
					'\0' };
			const char **to[] = { &r.status, &r.incidents,
					      &r.dead, &r.silences, &r.events,
					      &r.detail };

			*to[random_below(6)] = answers[random_below(11)];
			press(&r, one);
			turn(&r, (int64_t)random_below(3000));
		}
		end(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_seen_first),
		cmocka_unit_test(test_the_smallest_and_smaller),
		cmocka_unit_test(test_troubles),
		cmocka_unit_test(test_an_agent_that_is_gone),
		cmocka_unit_test(test_rates_are_a_minute_s),
		cmocka_unit_test(test_the_chosen_row_stays_chosen),
		cmocka_unit_test(test_long_lists_scroll),
		cmocka_unit_test(test_views_and_what_they_ask),
		cmocka_unit_test(test_a_filter_is_asked_for_or_looked_for),
		cmocka_unit_test(
			test_answers_to_what_is_no_more_asked_are_dropped),
		cmocka_unit_test(test_an_agent_that_is_slow_is_asked_less),
		cmocka_unit_test(test_an_incident_whole),
		cmocka_unit_test(test_it_scrolls_to_its_end),
		cmocka_unit_test(test_an_event_with_its_reasons),
		cmocka_unit_test(test_for_the_command_line),
		cmocka_unit_test(test_a_note),
		cmocka_unit_test(test_escape_leaves_all_as_it_was),
		cmocka_unit_test(test_a_resolve_is_confirmed),
		cmocka_unit_test(test_a_refusal_is_told),
		cmocka_unit_test(test_the_row_may_go_meanwhile),
		cmocka_unit_test(test_a_silence),
		cmocka_unit_test(test_silences_last_longer_or_end),
		cmocka_unit_test(test_dead_letters),
		cmocka_unit_test(test_pasted_text),
		cmocka_unit_test(test_help_and_the_end),
		cmocka_unit_test(test_any_keys_on_any_answers),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
