#include "agent/report/read.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/cmd/client.h"
#include "agent/cmd/cmd.h"
#include "agent/cmd/journal.h"
#include "agent/cmd/ruleload.h"
#include "doc/json.h"

#define ARENA_MAX (256u << 20)
#define INCIDENTS 1000		/* a page */
#define AUDITS 400		/* so that the parser takes a page of them */
#define LOOKS 500		/* events whose payload is read for OK actions */
#define TELL_EVERY 1000

struct reading {
	struct facts *facts;
	struct facts_head head;
	struct journal *journal;
	struct store_reader *store;	/* NULL: the agent is asked */
	const char *conf;
	struct arena *arena;		/* of a page */
	bool progress;
};

/* What went wrong in the store or in memory; asking tells it by itself. */
static int failed(int rc)
{
	fprintf(stderr, "tocsin report: the journal can't be read: %s\n",
		strerror(-rc));
	return CMD_FAILED;
}

static int64_t int_of(const struct json *v, const char *key)
{
	return json_int(json_get(v, key), 0);
}

/* ---- silences ---- */

static int silences_of_agent(struct reading *r)
{
	struct json *doc;
	int rc = 0, status = client_json(&doc, r->conf,
					 "/api/v1/silences?all=true");
	const struct json *list;

	if (status)
		return status;
	list = json_get(doc, "silences");
	for (size_t i = 0; !rc && i < json_count(list); i++) {
		const struct json *v = json_item(list, i);
		struct buf match = BUF_INIT(1 << 20);
		struct store_silence s = {
			.id = json_get_str(v, "id"),
			.owner = json_get_str(v, "owner"),
			.reason = json_get_str(v, "reason"),
			.begins_ms = json_get_time(v, "begins_at"),
			.ends_ms = json_get_time(v, "ends_at"),
		};

		json_put(&match, json_get(v, "match"));
		s.match = buf_str(&match);
		rc = facts_silence(r->facts, &s);
		buf_fini(&match);
	}
	json_free(doc);
	return rc ? failed(rc) : 0;
}

static int read_silences(struct reading *r)
{
	struct store_silence *list;
	int n, rc = 0;

	if (!r->store)
		return silences_of_agent(r);
	arena_reset(r->arena);
	list = arena_array(r->arena, STORE_SILENCES, sizeof(*list));
	n = list ? store_silences(list, STORE_SILENCES, r->store, 0,
				  r->arena) : -ENOMEM;
	for (int i = 0; !rc && i < n; i++)
		rc = facts_silence(r->facts, &list[i]);
	return n < 0 || rc ? failed(n < 0 ? n : rc) : 0;
}

/* ---- who did what: had somebody taken it? ---- */

/* details: parsed; NULL: none. */
static int take_audit(struct reading *r, const struct store_audit *row,
		      const struct json *details)
{
	bool person = !str_is(row->who, "tocsin");
	const struct json *asked = json_get(details, "acknowledged");

	if (str_is(row->action, "silence.extend"))
		facts_extended(r->facts, row->resource_id);
	if (!str_is(row->resource_type, "incident") || (!person && !asked))
		return 0;
	return facts_asked(r->facts, row->resource_id,
			   person || json_bool(asked, false));
}

static int take_kept_audit(struct reading *r, const struct store_audit *row)
{
	struct json *details = NULL;
	int rc;

	if (str_find(row->details, STR("\"acknowledged\"")) >= 0 &&
	    json_parse(&details, row->details, 0, NULL))
		details = NULL;
	rc = take_audit(r, row, details);
	json_free(details);
	return rc;
}

/* One page, below *before, which it moves; 0: that was the last. */
static int audits_of_agent(struct reading *r, int64_t *before)
{
	struct buf path = BUF_INIT(256);
	const struct json *list;
	struct json *doc = NULL;
	int status, rc = 0;

	buf_printf(&path, "/api/v1/audit?limit=%d", AUDITS);
	if (*before)
		buf_printf(&path, "&before=%lld", (long long)*before);
	status = client_json(&doc, r->conf, path.p);
	buf_fini(&path);
	if (status)
		return status;
	list = json_get(doc, "audit");
	*before = int_of(doc, "next_before");
	for (size_t i = 0; !rc && i < json_count(list); i++) {
		const struct json *v = json_item(list, i);
		const struct store_audit row = {
			.at_ms = json_get_time(v, "at"),
			.who = json_get_str(v, "who"),
			.action = json_get_str(v, "action"),
			.resource_type = json_get_str(v, "resource_type"),
			.resource_id = json_get_str(v, "resource_id"),
		};

		if (row.at_ms < r->head.from_ms)
			*before = 0;
		else
			rc = take_audit(r, &row, json_get(v, "details"));
	}
	json_free(doc);
	return rc ? failed(rc) : 0;
}

static int audits_of_store(struct reading *r, int64_t *before)
{
	const struct store_page page = { .limit = AUDITS, .before = *before };
	struct store_audit *list;
	int n, rc = 0;

	arena_reset(r->arena);
	list = arena_array(r->arena, AUDITS, sizeof(*list));
	n = list ? store_list_audit(list, r->store, &page, r->arena) : -ENOMEM;
	*before = n == AUDITS ? list[n - 1].id : 0;
	for (int i = 0; !rc && i < n; i++)
		if (list[i].at_ms < r->head.from_ms)
			*before = 0;
		else
			rc = take_kept_audit(r, &list[i]);
	return n < 0 || rc ? failed(n < 0 ? n : rc) : 0;
}

static int read_audits(struct reading *r)
{
	int64_t before = 0;
	int rc;

	do {
		rc = r->store ? audits_of_store(r, &before) :
				audits_of_agent(r, &before);
	} while (!rc && before);
	return rc;
}

/* ---- events ---- */

static int read_events(struct reading *r)
{
	struct past_line line;
	struct err err;
	struct str text;
	uint64_t n = 0;
	int rc;

	while ((rc = journal_line(&text, r->journal)) > 0) {
		rc = past_read(&line, text, &err);
		if (!rc)
			rc = facts_event(r->facts, &line.past.event);
		past_line_fini(&line);
		if (rc)
			return failed(rc);
		if (r->progress && ++n % TELL_EVERY == 0)
			fprintf(stderr, "\r%llu events read ",
				(unsigned long long)n);
	}
	if (r->progress && n)
		fputs("\r\033[K", stderr);
	return rc < 0 ? CMD_FAILED : 0;		/* told already */
}

/* ---- OK actions: of those that never came to OK ---- */

static enum ok_action ok_of(struct str text)
{
	struct json *doc = NULL;
	const struct json *list;
	enum ok_action out = OK_UNKNOWN;
	struct past_line line;
	struct err err;

	if (past_read(&line, str_trim(text), &err))
		return out;
	if (!json_parse(&doc, line.past.event.payload, 0, NULL)) {
		list = json_get(doc, "OKActions");
		if (json_is(list, JSON_ARRAY))
			out = json_count(list) ? OK_THERE : OK_MISSING;
		json_free(doc);
	}
	past_line_fini(&line);
	return out;
}

static int read_ok_actions(struct reading *r)
{
	struct buf line = BUF_INIT(64 << 20);
	int looks = 0, rc = 1;

	for (size_t i = 0; rc >= 0 && i < facts_alarms(r->facts); i++) {
		struct alarm_facts *a = facts_alarm(r->facts, i);

		if (a->ok != OK_UNKNOWN || !a->seq || looks++ >= LOOKS)
			continue;
		buf_reset(&line);
		rc = journal_at(&line, r->journal, a->seq);
		if (rc > 0)
			a->ok = ok_of(buf_str(&line));
	}
	buf_fini(&line);
	return rc < 0 ? CMD_FAILED : 0;		/* told already */
}

/* What AWS itself says, where reconcile asks it. */
static int read_reconciled(struct reading *r)
{
	struct json *doc = NULL;
	const struct json *list;
	int status;

	if (r->store)
		return 0;
	status = client_json(&doc, r->conf, "/api/v1/status");
	if (status)
		return status;
	list = json_at(doc, "cloudwatch", "alarms_without_ok_action", NULL);
	for (size_t i = 0; i < json_count(list); i++)
		facts_no_ok(r->facts, json_get_str(json_item(list, i), "region"),
			    json_get_str(json_item(list, i), "alarm"));
	json_free(doc);
	return 0;
}

/* ---- rules ---- */

static int read_rules(struct reading *r)
{
	struct ruleset *rules = NULL;
	struct json *doc = NULL;
	const struct json *list;
	struct rule_hit h;
	int rc = 0, status = r->store ? ruleload_conf(&rules, r->conf) :
			     client_json(&doc, r->conf, "/api/v1/rules");

	if (status)
		return status;
	for (size_t i = 0; rules && !rc && i < ruleset_hits(rules); i++) {
		ruleset_hit(rules, i, &h);
		rc = facts_rule(r->facts, str_from(h.file), str_from(h.team),
				str_from(h.policy), h.line, 0);
	}
	list = json_get(doc, "policies");
	for (size_t i = 0; !rc && i < json_count(list); i++) {
		const struct json *v = json_item(list, i);

		rc = facts_rule(r->facts, json_get_str(v, "file"),
				json_get_str(v, "team"),
				json_get_str(v, "policy"),
				(int)int_of(v, "line"),
				(uint64_t)int_of(v, "hits"));
	}
	json_free(doc);
	ruleset_free(rules);
	return rc ? failed(rc) : 0;
}

/* ---- incidents ---- */

static int priority_of(const struct json *v)
{
	struct str p = json_get_str(v, "priority");

	return p.n == 2 && p.p[1] >= '1' && p.p[1] <= '4' ? p.p[1] - '0' : 0;
}

static enum incident_state state_of(const struct json *v)
{
	struct str s = json_get_str(v, "state");

	return str_is(s, "open") ? INCIDENT_OPEN :
	       str_is(s, "resolved") ? INCIDENT_RESOLVED :
	       str_is(s, "closed") ? INCIDENT_CLOSED : INCIDENT_FAILED;
}

static struct incident incident_of(const struct json *v)
{
	return (struct incident){
		.id = int_of(v, "id"),
		.remote = json_get_str(v, "incident"),
		.state = state_of(v),
		.priority = priority_of(v),
		.team = json_get_str(v, "team"),
		.policy = json_get_str(v, "policy"),
		.where = json_get_str(v, "where"),
		.ci_id = json_get_str(v, "ci_id"),
		.account = json_get_str(v, "account"),
		.region = json_get_str(v, "region"),
		.alarm = json_get_str(v, "alarm"),
		.opened_ms = json_get_time(v, "opened_at"),
		.resolved_ms = json_get_time(v, "resolved_at"),
		.events = (uint64_t)int_of(v, "events"),
		.notes = (unsigned)int_of(v, "notes"),
	};
}

/*
 * The newest first: until they are older than all that is asked for. Those
 * that are open are then looked through once more for older ones.
 */
struct incidents {
	bool open;		/* the second time */
	int64_t before;		/* 0 behind the last page */
	bool older;		/* all of the page were */
};

static int take_incident(struct reading *r, struct incidents *p,
			 const struct incident *i)
{
	bool old = i->opened_ms < r->head.before_ms;

	p->older = p->older && old;
	return old == p->open ? facts_incident(r->facts, i) : 0;
}

static int incidents_of_agent(struct reading *r, struct incidents *p)
{
	struct buf path = BUF_INIT(256);
	const struct json *list;
	struct json *doc = NULL;
	int status, rc = 0;

	buf_printf(&path, "/api/v1/incidents?limit=%d%s", INCIDENTS,
		   p->open ? "&state=open" : "");
	if (p->before)
		buf_printf(&path, "&before=%lld", (long long)p->before);
	status = client_json(&doc, r->conf, path.p);
	buf_fini(&path);
	if (status)
		return status;
	list = json_get(doc, "incidents");
	p->before = int_of(doc, "next_before");
	for (size_t i = 0; !rc && i < json_count(list); i++) {
		struct incident one = incident_of(json_item(list, i));

		rc = take_incident(r, p, &one);
	}
	json_free(doc);
	return rc ? failed(rc) : 0;
}

static int incidents_of_store(struct reading *r, struct incidents *p)
{
	const struct store_page page = { .limit = INCIDENTS,
					 .before = p->before,
					 .filter = p->open ? STR("open") :
							     STR_NONE };
	struct incident *list;
	int n, rc = 0;

	arena_reset(r->arena);
	list = arena_array(r->arena, INCIDENTS, sizeof(*list));
	n = list ? store_list_incidents(list, r->store, &page, r->arena) :
		   -ENOMEM;
	p->before = n == INCIDENTS ? list[n - 1].id : 0;
	for (int i = 0; !rc && i < n; i++)
		rc = take_incident(r, p, &list[i]);
	return n < 0 || rc ? failed(n < 0 ? n : rc) : 0;
}

static int read_incidents(struct reading *r, bool open)
{
	struct incidents p = { .open = open };
	int rc;

	do {
		p.older = true;
		rc = r->store ? incidents_of_store(r, &p) :
				incidents_of_agent(r, &p);
	} while (!rc && p.before && (open || !p.older));
	return rc;
}

int report_read(struct facts *f, bool *agent, const char *conf)
{
	struct reading r = { .facts = f, .conf = conf,
			     .arena = arena_new(ARENA_MAX),
			     .progress = isatty(STDERR_FILENO) };
	struct journal_options o = { .conf = conf, .bare = true };
	int status;

	if (!r.arena)
		return failed(-ENOMEM);
	facts_head(&r.head, f);
	o.since_ms = r.head.before_ms > 0 ? r.head.before_ms : 0;
	status = journal_open(&r.journal, &o);
	if (!status) {
		r.store = journal_reader(r.journal);
		*agent = !r.store;
		status = read_silences(&r);
	}
	if (!status)
		status = read_audits(&r);
	if (!status)
		status = read_events(&r);
	if (!status)
		status = read_ok_actions(&r);
	if (!status)
		status = read_reconciled(&r);
	if (!status)
		status = read_rules(&r);
	if (!status)
		status = read_incidents(&r, false);
	if (!status)
		status = read_incidents(&r, true);
	journal_close(r.journal);
	arena_free(r.arena);
	return status;
}
