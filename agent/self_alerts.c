#include "agent/self_alerts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/intake/made.h"
#include "agent/log.h"
#include "agent/warnings.h"
#include "doc/jsonw.h"

#define HOST_MAX 256
#define ARENA_MAX (32 << 20)
/* What was told before a restart is known once triage has seen all of it... */
#define LOOK_BACK_MS 60000
/* ...and what isn't raised again by now is over. */
#define SETTLE_MS 120000
#define AGAIN_MS 10000		/* after the journal didn't take one */
#define DEAD_MAX 200

struct self_alerts {
	struct agent *agent;
	char host[HOST_MAX];
	int64_t begun_ms, again_ms;
	bool known;		/* what was told before this start */
	bool told[WARNING_COUNT];
};

struct self_alerts *self_alerts_new(struct agent *a)
{
	struct self_alerts *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->agent = a;
	if (gethostname(s->host, sizeof(s->host) - 1) || !s->host[0])
		snprintf(s->host, sizeof(s->host), "localhost");
	return s;
}

void self_alerts_free(struct self_alerts *s)
{
	free(s);
}

static void put_key(struct buf *out, const struct self_alerts *s,
		    enum warning id)
{
	buf_printf(out, "tocsin/%s/%s", s->host, warning_rows[id].code);
}

/* ---- the alarm ---- */

static const char *severity_word(int priority)
{
	static const char *const words[] = { "low", "critical", "high",
					     "medium", "low" };

	return words[priority >= 1 && priority <= 4 ? priority : 0];
}

static void put_alarm(struct buf *out, const struct self_alerts *s,
		      enum warning id, bool firing, int priority,
		      int64_t now_ms)
{
	const struct warning_row *row = &warning_rows[id];
	struct buf b = BUF_INIT(4 * WARNING_TEXT);
	struct jsonw w = JSONW(out);
	struct warning_state at;

	warnings_read(&at, s->agent->warnings, id);
	jsonw_object(&w);
	jsonw_kcstr(&w, "AlarmName", row->code);
	buf_printf(&b, "tocsin on %s: %s", s->host, at.text[0] ? at.text :
								 row->help);
	jsonw_kstr(&w, "title", buf_str(&b));
	buf_reset(&b);
	buf_printf(&b, "%s.\nTo do: %s.\nSee %s in tocsin-runbook(7).",
		   row->help, at.advice[0] ? at.advice : row->advice,
		   row->code);
	jsonw_kstr(&w, "AlarmDescription", buf_str(&b));
	jsonw_kcstr(&w, "state", firing ? "ALARM" : "OK");
	jsonw_kcstr(&w, "reason", firing ? at.text : "The warning has gone.");
	jsonw_kcstr(&w, "severity", severity_word(priority));
	jsonw_ktime(&w, "StateChangeTime", now_ms);
	buf_reset(&b);
	put_key(&b, s, id);
	jsonw_kstr(&w, "key", buf_str(&b));
	jsonw_key(&w, "Dimensions");
	jsonw_object(&w);
	jsonw_kcstr(&w, "host", s->host);
	jsonw_end_object(&w);
	jsonw_end_object(&w);
	buf_fini(&b);
}

/* 1: journaled; 0: the journal knew it; negative: not now. */
static int tell(struct self_alerts *s, enum warning id, bool firing,
		int priority, int64_t now_ms)
{
	struct buf body = BUF_INIT(16 * WARNING_TEXT), event = BUF_INIT(64);
	struct alarm_input in = { .received_ms = now_ms,
				  .intake = ALARM_OWN_INTAKE };
	struct alarms alarms;
	int rc;

	put_alarm(&body, s, id, firing, priority, now_ms);
	in.body = buf_str(&body);
	rc = buf_error(&body) ? buf_error(&body) : alarm_decode(&alarms, &in);
	if (!rc) {
		rc = made_journal(s->agent, alarms.list, &in,
				  STR("{\"by\":\"tocsin\"}"), &event);
		alarms_fini(&alarms);
	}
	if (rc >= 0) {
		s->told[id] = firing;
		LOG(INFO, firing ? "a warning becomes an incident" :
				   "a warning's incident is over",
		    LFC("code", warning_rows[id].code),
		    LF("event", buf_str(&event)));
	}
	buf_fini(&body);
	buf_fini(&event);
	return rc;
}

/* ---- before this start ---- */

static void look_back_at(struct self_alerts *s, struct store_reader *r,
			 enum warning id, struct arena *arena, int64_t now_ms)
{
	const struct warning_row *row = &warning_rows[id];
	struct buf key = BUF_INIT(2 * HOST_MAX);
	struct member m;

	put_key(&key, s, id);
	arena_reset(arena);
	s->told[id] = store_member(&m, r, buf_str(&key), arena) > 0 &&
		      m.state == ALARM_FIRING;
	/* What had happened counts for as long as it would have. */
	if (s->told[id] && now_ms - m.changed_ms < row->linger_ms &&
	    !warnings_since(s->agent->warnings, id))
		warnings_raise(s->agent->warnings, id, NULL, NULL,
			       m.changed_ms);
	buf_fini(&key);
}

static void look_back(struct self_alerts *s, struct store_reader *r,
		      int64_t now_ms)
{
	struct store_counts n;
	struct arena *arena;

	store_count(s->agent->store, &n);
	if (n.untriaged && now_ms - s->begun_ms < LOOK_BACK_MS)
		return;
	arena = arena_new(ARENA_MAX);
	if (!arena)
		return;
	for (int i = 0; i < WARNING_COUNT; i++)
		look_back_at(s, r, (enum warning)i, arena, now_ms);
	arena_free(arena);
	s->known = true;
}

/* ---- the turn ---- */

/*
 * An incident of tocsin's own that StackFlow refuses is a dead letter too. One
 * more of it would be refused as well.
 */
static bool own_dead_alone(struct store_reader *r)
{
	struct store_page page = { .limit = DEAD_MAX };
	struct arena *arena = arena_new(ARENA_MAX);
	struct op *ops = calloc(DEAD_MAX, sizeof(*ops));
	bool alone = false;
	int n = arena && ops ? store_list_ops(ops, r, OP_DEAD, &page, arena) :
			       0;

	for (int k = 0; k < n && (alone || !k); k++) {
		struct incident i;

		alone = ops[k].incident &&
			store_incident_by_id(&i, r, ops[k].incident,
					     arena) > 0 &&
			str_starts(i.key, "tocsin/");
	}
	free(ops);
	arena_free(arena);
	return alone;
}

static bool is_due(struct self_alerts *s, struct store_reader *r,
		   enum warning id, int64_t now_ms)
{
	const struct warning_row *row = &warning_rows[id];
	int64_t since = warnings_since(s->agent->warnings, id);

	if (!since || row->alert_ms < 0 || now_ms - since < row->alert_ms)
		return false;
	return id != WARNING_DEAD_LETTERS || !own_dead_alone(r);
}

void self_alerts_turn(struct self_alerts *s, struct store_reader *r,
		      int64_t now_ms)
{
	struct conf *c = agent_conf(s->agent);
	int priority = c->self_alerts, rc = 0;

	conf_free(c);
	if (!s->begun_ms)
		s->begun_ms = now_ms;
	if (!s->known)
		look_back(s, r, now_ms);
	for (int i = 0; s->known && i < WARNING_COUNT && rc >= 0 &&
			now_ms >= s->again_ms; i++) {
		enum warning id = (enum warning)i;
		bool raised = warnings_since(s->agent->warnings, id);

		if (priority && !s->told[i] && is_due(s, r, id, now_ms))
			rc = tell(s, id, true, priority, now_ms);
		else if (s->told[i] && !raised &&
			 now_ms - s->begun_ms >= SETTLE_MS)
			rc = tell(s, id, false, priority, now_ms);
	}
	if (rc < 0)
		s->again_ms = now_ms + AGAIN_MS;
}
