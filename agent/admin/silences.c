#include "agent/admin/api.h"

#include <errno.h>

#include "agent/audit.h"
#include "agent/silences.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define ARENA_MAX (128 << 20)
#define HELD_MAX 10000	/* alarms and incidents that are looked at */
#define HELD_SHOWN 20	/* of one silence */

static void refuse(struct api_answer *r, int status, const char *field,
		   const char *text)
{
	struct jsonw w = JSONW(&r->out);
	struct buf words = BUF_INIT(2048);

	r->status = status;
	buf_reset(&r->out);
	buf_printf(&words, "%s%s%s", field ? field : "", field ? " " : "",
		   text);
	jsonw_object(&w);
	jsonw_kstr(&w, "error", buf_str(&words));
	if (field)
		jsonw_kcstr(&w, "field", field);
	jsonw_end_object(&w);
	buf_putc(&r->out, '\n');
	buf_fini(&words);
}

/* As an object where it is kept as JSON, else as it was written. */
static void put_match(struct jsonw *w, struct str match)
{
	jsonw_key(w, "match");
	if (!json_scan(match, 0, NULL))
		jsonw_raw(w, match);
	else
		jsonw_str(w, match);
}

static void put_head(struct jsonw *w, const struct store_silence *x,
		     int64_t now_ms)
{
	jsonw_kstr(w, "id", x->id);
	jsonw_kcstr(w, "state", x->ends_ms > now_ms ? "active" : "ended");
	put_match(w, x->match);
	jsonw_kstr(w, "owner", x->owner);
	jsonw_kstr(w, "reason", x->reason);
	jsonw_ktime(w, "begins_at", x->begins_ms);
	jsonw_ktime(w, "ends_at", x->ends_ms);
	jsonw_ktime(w, "created_at", x->created_ms);
}

/* All that waits, for whatever it does. */
struct holding {
	struct store_reader *reader;
	struct member *alarms;
	struct incident *incidents;
	int alarm_count, incident_count;
	struct arena *arena;
};

static int holding_read(struct holding *h)
{
	h->alarms = arena_array(h->arena, HELD_MAX, sizeof(*h->alarms));
	h->incidents = arena_array(h->arena, HELD_MAX, sizeof(*h->incidents));
	if (!h->alarms || !h->incidents)
		return -ENOMEM;
	h->alarm_count = store_due_waits(h->alarms, HELD_MAX, h->reader,
					 INT64_MAX, h->arena);
	if (h->alarm_count < 0)
		return h->alarm_count;
	h->incident_count = store_due_timers(h->incidents, HELD_MAX,
					     h->reader, INT64_MAX, h->arena);
	return h->incident_count < 0 ? h->incident_count : 0;
}

/* As its event told it; its subject where that is gone. */
static struct str name_of(const struct holding *h, const struct member *m)
{
	struct event e = { .seq = 0 };

	return store_event_at(&e, h->reader, m->event, h->arena) > 0 &&
			       e.name.n ? e.name : m->subject;
}

static void put_held(struct jsonw *w, const struct holding *h, struct str id)
{
	int64_t alarms = 0, incidents = 0;

	jsonw_key(w, "alarms");
	jsonw_array(w);
	for (int i = 0; i < h->alarm_count; i++)
		if (str_eq(h->alarms[i].held_by, id) &&
		    alarms++ < HELD_SHOWN)
			jsonw_str(w, name_of(h, &h->alarms[i]));
	jsonw_end_array(w);
	jsonw_key(w, "incidents");
	jsonw_array(w);
	for (int i = 0; i < h->incident_count; i++)
		if (str_eq(h->incidents[i].held_by, id) &&
		    incidents++ < HELD_SHOWN)
			jsonw_str(w, h->incidents[i].remote);
	jsonw_end_array(w);
	jsonw_kint(w, "holding", alarms + incidents);
}

static int put_list(struct buf *out, struct agent *a, bool all,
		    struct arena *arena)
{
	struct store_silence *rows = arena_array(arena, STORE_SILENCES,
						 sizeof(*rows));
	struct holding h = { .arena = arena };
	struct jsonw w = JSONW(out);
	int64_t now = clock_wall_ms();
	int rc = rows ? store_reader_open(&h.reader, a->store, NULL) : -ENOMEM;
	int n = 0;

	if (!rc)
		n = store_silences(rows, STORE_SILENCES, h.reader,
				   all ? 0 : now, arena);
	if (!rc)
		rc = n < 0 ? n : holding_read(&h);
	jsonw_object(&w);
	jsonw_key(&w, "silences");
	jsonw_array(&w);
	for (int i = 0; i < n && !rc; i++) {
		jsonw_object(&w);
		put_head(&w, &rows[i], now);
		put_held(&w, &h, rows[i].id);
		jsonw_end_object(&w);
	}
	jsonw_end_array(&w);
	jsonw_end_object(&w);
	buf_putc(out, '\n');
	store_reader_close(h.reader);
	return rc;
}

void api_silences(struct agent *a, const struct web_request *req,
		  struct str arg, struct api_answer *r)
{
	struct arena *arena = arena_new(ARENA_MAX);
	int rc = -ENOMEM;

	(void)arg;
	if (arena)
		rc = put_list(&r->out, a,
			      str_is(api_param(req, "all", arena), "true"),
			      arena);
	if (rc)
		api_error(r, 503, "the store can't be read now");
	arena_free(arena);
}

/* ---- a new one ---- */

/* What was sent: 0, or -EINVAL with the refusal written. */
struct request {
	struct json *body;
	struct silence silence;
	const struct json *match, *span, *ends;
	int64_t span_ms;
	struct buf text;	/* the match */
};

static int take_member(struct request *q, struct str key,
		       const struct json *v, struct api_answer *r)
{
	static const struct {
		const char *key;
		size_t at;
	} texts[] = {
		{ "owner", offsetof(struct silence, owner) },
		{ "reason", offsetof(struct silence, reason) },
	};

	for (size_t i = 0; i < 2; i++) {
		if (!str_is(key, texts[i].key))
			continue;
		if (!json_is(v, JSON_STRING)) {
			refuse(r, 400, texts[i].key, "is text");
			return -EINVAL;
		}
		*(struct str *)((char *)&q->silence + texts[i].at) =
			json_str(v);
		return 0;
	}
	if (str_is(key, "match"))
		q->match = v;
	else if (str_is(key, "for"))
		q->span = v;
	else if (str_is(key, "ends_at"))
		q->ends = v;
	else {
		char name[64];

		memcpy(name, key.p, key.n < 63 ? key.n : 63);
		name[key.n < 63 ? key.n : 63] = '\0';
		refuse(r, 400, name, "is no field of a silence: match, owner, "
		       "reason, for or ends_at");
		return -EINVAL;
	}
	return 0;
}

static int take_match(struct request *q, struct api_answer *r)
{
	if (json_is(q->match, JSON_OBJECT)) {
		json_put(&q->text, q->match);
	} else if (json_is(q->match, JSON_STRING)) {
		buf_put_str(&q->text, str_trim(json_str(q->match)));
	} else if (q->match) {
		refuse(r, 400, "match", "is an object such as {\"alarm\": "
		       "\"pay-*\"}, or its text");
		return -EINVAL;
	}
	q->silence.match = buf_str(&q->text);
	return 0;
}

static int take_end(struct request *q, struct api_answer *r)
{
	if (q->span && q->ends) {
		refuse(r, 400, "for", "goes without ends_at");
		return -EINVAL;
	}
	if (q->span) {
		if (clock_parse_span(&q->span_ms, json_str(q->span)) ||
		    q->span_ms <= 0) {
			refuse(r, 400, "for", "is a whole number and a unit, "
			       "such as 30m, 2h or 7d");
			return -EINVAL;
		}
		if (q->span_ms > SILENCE_AHEAD_MS) {
			refuse(r, 400, "for", "is at most 30d");
			return -EINVAL;
		}
		q->silence.ends_ms = clock_wall_ms() + q->span_ms;
	}
	if (q->ends && clock_parse(&q->silence.ends_ms, json_str(q->ends))) {
		refuse(r, 400, "ends_at", "is a time such as "
		       "2026-11-21T10:00:00Z");
		return -EINVAL;
	}
	return 0;
}

static int take(struct request *q, const struct web_request *req,
		struct api_answer *r)
{
	const struct json *v;
	void *at = NULL;
	struct err err;
	struct str key;

	if (json_parse(&q->body, req->body, JSON_NO_NUL, &err)) {
		refuse(r, 400, NULL, err.text);
		return -EINVAL;
	}
	if (!json_is(q->body, JSON_OBJECT)) {
		refuse(r, 400, NULL, "the body is a JSON object");
		return -EINVAL;
	}
	while (json_next(q->body, &at, &key, &v))
		if (!json_is(v, JSON_NULL) && take_member(q, key, v, r))
			return -EINVAL;
	if (take_match(q, r))
		return -EINVAL;
	return take_end(q, r);
}

static void audit_added(struct agent *a, const struct web_request *req,
			const struct silence *x)
{
	struct buf details = BUF_INIT(16 << 10);
	struct jsonw w = JSONW(&details);

	jsonw_object(&w);
	jsonw_kstr(&w, "match", utf8_cut(x->match, 4096));
	jsonw_kstr(&w, "owner", x->owner);
	jsonw_kstr(&w, "reason", x->reason);
	jsonw_ktime(&w, "until", x->ends_ms);
	jsonw_end_object(&w);
	audit_request(a, req, "silence.add", "silence", x->id,
		      buf_str(&details));
	buf_fini(&details);
}

static void add(struct agent *a, const struct web_request *req,
		struct request *q, struct arena *arena, struct api_answer *r)
{
	struct silence *x = &q->silence;
	struct jsonw w = JSONW(&r->out);
	const char *field = NULL;
	struct store_silence row;
	struct err err;
	int rc = silencing_add(x, a->silences, arena, &field, &err);

	if (rc) {
		refuse(r, rc == -EINVAL ? 400 : rc == -ENOSPC ? 409 : 503,
		       field, err.text);
		return;
	}
	audit_added(a, req, x);
	row = silence_row(x);
	r->status = 201;
	jsonw_object(&w);
	put_head(&w, &row, x->begins_ms);
	jsonw_end_object(&w);
	buf_putc(&r->out, '\n');
}

void api_silence_add(struct agent *a, const struct web_request *req,
		     struct str arg, struct api_answer *r)
{
	struct request q = { .text = BUF_INIT(64 << 10) };
	struct arena *arena = arena_new(1 << 20);

	(void)arg;
	if (!arena)
		api_error(r, 503, "out of memory");
	else if (!take(&q, req, r))
		add(a, req, &q, arena, r);
	json_free(q.body);
	buf_fini(&q.text);
	arena_free(arena);
}

/* ---- one that is there ---- */

static bool end_alone(const struct request *q, struct api_answer *r)
{
	if (!q->match && !q->silence.owner.p && !q->silence.reason.p &&
	    (q->span || q->ends))
		return true;
	refuse(r, 400, NULL, "the body is {\"for\": \"2h\"}, how much longer, "
	       "or {\"ends_at\": \"...\"}, and nothing else");
	return false;
}

static void extend(struct agent *a, const struct web_request *req,
		   struct str id, const struct request *q,
		   struct arena *arena, struct api_answer *r)
{
	struct buf details = BUF_INIT(256);
	struct jsonw w = JSONW(&r->out), d = JSONW(&details);
	struct store_silence x;
	struct err err;
	int rc = silencing_extend(&x, a->silences, id, q->span_ms,
				  q->silence.ends_ms, arena, &err);

	if (rc <= 0) {
		if (!rc)
			api_error(r, 404, "no silence of this id is in force");
		else
			refuse(r, rc == -EINVAL ? 400 : 503, rc == -EINVAL ?
			       q->span ? "for" : "ends_at" : NULL, err.text);
		return;
	}
	jsonw_object(&d);
	jsonw_ktime(&d, "until", x.ends_ms);
	jsonw_end_object(&d);
	audit_request(a, req, "silence.extend", "silence", id,
		      buf_str(&details));
	buf_fini(&details);
	jsonw_object(&w);
	jsonw_kstr(&w, "id", id);
	jsonw_kcstr(&w, "done", "extend");
	jsonw_ktime(&w, "ends_at", x.ends_ms);
	jsonw_end_object(&w);
	buf_putc(&r->out, '\n');
}

void api_silence_extend(struct agent *a, const struct web_request *req,
			struct str arg, struct api_answer *r)
{
	struct request q = { .text = BUF_INIT(64 << 10) };
	struct arena *arena = arena_new(64 << 20);

	if (!arena)
		api_error(r, 503, "out of memory");
	else if (!take(&q, req, r) && end_alone(&q, r))
		extend(a, req, arg, &q, arena, r);
	json_free(q.body);
	buf_fini(&q.text);
	arena_free(arena);
}

void api_silence_expire(struct agent *a, const struct web_request *req,
			struct str arg, struct api_answer *r)
{
	int rc = silencing_expire(a->silences, arg);

	if (rc > 0) {
		audit_request(a, req, "silence.expire", "silence", arg,
			      STR(""));
		buf_printf(&r->out, "{\"id\":\"%.*s\",\"done\":\"expire\"}\n",
			   STR_ARG(arg));
	} else {
		api_error(r, rc ? 503 : 404,
			  rc ? "the store can't do it now" :
			       "no silence of this id is in force");
	}
}
