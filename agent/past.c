#include "agent/past.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/intake/intake.h"
#include "base/clock.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define PAGE 64
#define ARENA_MAX (256 << 20)

static struct str or_null(struct str s)
{
	return s.n ? s : STR_NONE;
}

static void put_outcome(struct jsonw *w, const struct past_event *p)
{
	static const char *const status[] = { "new", "done", "quarantined" };
	const struct event *e = &p->event;

	jsonw_key(w, "outcome");
	jsonw_object(w);
	jsonw_kcstr(w, "status", status[e->status]);
	jsonw_kstr(w, "action", or_null(e->action));
	jsonw_kstr(w, "because", or_null(e->because));
	jsonw_kstr(w, "team", or_null(e->team));
	jsonw_kstr(w, "policy", or_null(e->policy));
	jsonw_kstr(w, "where", or_null(e->where));
	jsonw_kstr(w, "ruleset", or_null(e->ruleset));
	if (e->incident)
		jsonw_kint(w, "incident_id", e->incident);
	jsonw_kstr(w, "ci_id", or_null(p->ci_id));
	jsonw_ktime(w, "decided_at", e->decided_ms);
	if (e->world.n && !json_scan(e->world, 0, NULL)) {
		jsonw_key(w, "world");
		jsonw_raw(w, e->world);
	}
	jsonw_end_object(w);
}

static void put_line(struct buf *out, const struct past_event *p)
{
	const struct event *e = &p->event;
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	jsonw_kint(&w, "seq", e->seq);
	jsonw_kstr(&w, "id", e->id);
	jsonw_kcstr(&w, "source", e->intake);
	jsonw_kstr(&w, "kind", e->kind);
	jsonw_kstr(&w, "alarm", e->name);
	jsonw_kstr(&w, "state", e->state);
	jsonw_kstr(&w, "account", e->account);
	jsonw_kstr(&w, "region", e->region);
	jsonw_ktime(&w, "time", e->change_ms);
	jsonw_ktime(&w, "sent_at", e->sent_ms);
	jsonw_ktime(&w, "received_at", e->received_ms);
	jsonw_kstr(&w, "topic", or_null(e->topic));
	jsonw_kstr(&w, "message_id", or_null(e->message_id));
	jsonw_kstr(&w, "subject", or_null(e->subject));
	jsonw_kint(&w, "message", e->first ? e->first : e->seq);
	jsonw_kint(&w, "position", e->position);
	if (e->payload.p)
		jsonw_kstr(&w, "payload", e->payload);
	put_outcome(&w, p);
	jsonw_end_object(&w);
	buf_putc(out, '\n');
}

static int put_one(struct buf *out, struct past_lines *p,
		   struct past_event *past, struct arena *arena)
{
	struct event *e = &past->event;
	int64_t first = e->first ? e->first : e->seq;
	int rc = 0;

	arena_reset(arena);
	if (!p->bare && (p->whole || first != p->message))
		rc = store_payload(&e->payload, p->reader, first, arena);
	if (rc < 0)
		return rc;
	put_line(out, past);
	p->whole = false;
	p->message = first;
	p->after = e->seq;
	return buf_error(out);
}

int past_put(struct buf *out, struct past_lines *p, size_t max, size_t bytes)
{
	struct arena *heads = arena_new(ARENA_MAX);
	struct arena *payload = arena_new(ARENA_MAX);
	struct past_event list[PAGE];
	size_t done = 0, start = out->n;
	int n = PAGE, rc = heads && payload ? 0 : -ENOMEM;

	while (!rc && n == PAGE && done < max && out->n - start < bytes) {
		arena_reset(heads);
		n = store_past_events(list, PAGE, p->reader, p->after,
				      p->since_ms, heads);
		rc = n < 0 ? n : 0;
		for (int i = 0; !rc && i < n && done < max &&
				out->n - start < bytes; i++, done++)
			rc = put_one(out, p, &list[i], payload);
	}
	arena_free(heads);
	arena_free(payload);
	return rc ? rc : (int)done;
}

/* ---- reading ---- */

static int read_time(int64_t *out, const struct json *doc, const char *key,
		     struct err *err)
{
	struct str text = json_get_str(doc, key);

	if (text.n && clock_parse(out, text))
		return err_set(err, -EINVAL, "\"%s\" is no time such as "
			       "2026-11-21T10:00:00Z", key);
	return 0;
}

static void read_outcome(struct past_line *l, const struct json *v)
{
	struct past_event *out = &l->past;
	struct event *e = &out->event;
	struct str status = json_get_str(v, "status");

	e->status = str_is(status, "done") ? EVENT_DONE :
		    str_is(status, "quarantined") ? EVENT_QUARANTINED :
						    EVENT_NEW;
	e->action = json_get_str(v, "action");
	e->because = json_get_str(v, "because");
	e->team = json_get_str(v, "team");
	e->policy = json_get_str(v, "policy");
	e->where = json_get_str(v, "where");
	e->ruleset = json_get_str(v, "ruleset");
	e->incident = json_int(json_get(v, "incident_id"), 0);
	out->ci_id = json_get_str(v, "ci_id");
	if (json_get(v, "world"))
		json_put(&l->world, json_get(v, "world"));
	e->world = buf_str(&l->world);
}

static int read_event(struct past_line *l, struct err *err)
{
	const struct json *doc = l->json;
	struct event *e = &l->past.event;
	struct str intake = json_get_str(doc, "source");
	int64_t position = json_int(json_get(doc, "position"), 0);
	int rc;

	e->seq = json_int(json_get(doc, "seq"), 0);
	e->first = json_int(json_get(doc, "message"), e->seq);
	if (position < 0 || position > 1000000)
		return err_set(err, -EINVAL, "\"position\" is out of range");
	e->position = (unsigned)position;
	e->id = json_get_str(doc, "id");
	if (!e->id.n)
		return err_set(err, -EINVAL, "it has no \"id\"");
	memcpy(l->intake, intake.p ? intake.p : "file",
	       intake.p ? (intake.n < 15 ? intake.n : 15) : 4);
	e->intake = l->intake;
	e->kind = json_get_str(doc, "kind");
	e->name = json_get_str(doc, "alarm");
	e->state = json_get_str(doc, "state");
	e->account = json_get_str(doc, "account");
	e->region = json_get_str(doc, "region");
	e->topic = json_get_str(doc, "topic");
	e->message_id = json_get_str(doc, "message_id");
	e->subject = json_get_str(doc, "subject");
	e->payload = json_get_str(doc, "payload");
	rc = read_time(&e->change_ms, doc, "time", err);
	if (!rc)
		rc = read_time(&e->sent_ms, doc, "sent_at", err);
	if (!rc)
		rc = read_time(&e->received_ms, doc, "received_at", err);
	if (!rc && !e->received_ms)
		rc = err_set(err, -EINVAL, "it has no \"received_at\"");
	read_outcome(l, json_get(doc, "outcome"));
	if (!rc)
		rc = read_time(&e->decided_ms, json_get(doc, "outcome"),
			       "decided_at", err);
	return rc;
}

int past_read(struct past_line *out, struct str line, struct err *err)
{
	int rc;

	*out = (struct past_line){ .world = BUF_INIT(1 << 20) };
	rc = json_parse(&out->json, line, 0, err);
	if (!rc && !json_is(out->json, JSON_OBJECT))
		rc = err_set(err, -EINVAL, "it is no JSON object");
	if (!rc)
		rc = read_event(out, err);
	if (rc)
		past_line_fini(out);
	return rc;
}

void past_line_fini(struct past_line *l)
{
	json_free(l->json);
	l->json = NULL;
	buf_fini(&l->world);
}

int64_t past_seq(struct str line)
{
	int64_t seq;
	size_t n = 7;

	if (!str_starts(line, "{\"seq\":"))
		return 0;
	while (n < line.n && line.p[n] >= '0' && line.p[n] <= '9')
		n++;
	return str_to_i64(&seq, str_sub(line, 7, n - 7)) ? 0 : seq;
}

bool past_is_alarm(const struct event *e)
{
	return !str_is(e->kind, "subscription") &&
	       !str_is(e->kind, "unsubscribe") &&
	       !str_is(e->kind, KIND_REJECTED);
}

struct alarm_input past_input(const struct event *e)
{
	return (struct alarm_input){
		.body = e->payload,
		.subject = e->subject,
		.topic = e->topic,
		.message_id = e->message_id,
		.sent_ms = e->sent_ms,
		.received_ms = e->received_ms,
		.intake = e->intake,
	};
}
