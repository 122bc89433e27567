/* What people do to an incident here: a note, its end. */
#include <errno.h>

#include "agent/admin/api.h"
#include "agent/admin/rows.h"
#include "agent/audit.h"
#include "agent/deliver.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define ARENA_MAX (4 << 20)
#define TEXT_MAX 4000		/* bytes */
#define TRIES 10
#define LOOK_AGAIN_MS 60000	/* holds whose end isn't known */

struct act {
	struct agent *agent;
	struct api_answer *answer;
	struct arena *arena;
	struct store_reader *reader;
	struct said said;
	/* The transaction: */
	struct incident incident;
	struct change change;
	struct op tail;
	struct store_audit row;
	struct store_write writes[8];
	size_t n;
};

/* ---- the request ---- */

/* Lines and tabs are text; nothing else that a terminal or page obeys is. */
static bool plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		unsigned char next = i + 1 < s.n ? (unsigned char)s.p[i + 1]
						 : 0;
		unsigned char last = i + 2 < s.n ? (unsigned char)s.p[i + 2]
						 : 0;

		if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
			return false;
		if (c == 0xc2 && next < 0xa0)	/* C1 */
			return false;
		/* Lines of their own, and what turns the reading round. */
		if (c == 0xe2 && next == 0x80 && last >= 0xa8 && last <= 0xae)
			return false;
		if (c == 0xe2 && next == 0x81 && last >= 0xa6 && last <= 0xa9)
			return false;
	}
	return true;
}

/* With the line ends of every system as one. */
static struct str lines_of(struct str s, struct arena *arena)
{
	struct buf b = BUF_INIT(s.n);
	struct str out;

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\r' || i + 1 == s.n || s.p[i + 1] != '\n')
			buf_putc(&b, s.p[i]);
	out = arena_str(arena, str_trim(buf_str(&b)));
	buf_fini(&b);
	return out;
}

static const char *take_member(struct act *x, struct str key,
			       const struct json *v)
{
	if (!str_is(key, "text"))
		return "the body is {\"text\": \"...\"}, with no other key";
	if (!json_is(v, JSON_STRING))
		return "text is a string";
	x->said.text = lines_of(json_str(v), x->arena);
	if (x->said.text.n > TEXT_MAX)
		return "text has at most 4000 bytes";
	if (!plain(x->said.text))
		return "text has no control characters but line ends and tabs";
	return NULL;
}

/* NULL, or what is wrong. A resolve needs no words. */
static const char *take_body(struct act *x, struct str body, struct err *err)
{
	const char *wrong = NULL;
	struct json *doc = NULL;
	const struct json *v;
	void *at = NULL;
	struct str key;

	if (x->said.resolve && !str_trim(body).n)
		return NULL;
	if (json_parse(&doc, body, JSON_NO_NUL, err))
		return err->text[0] ? err->text : "out of memory";
	if (!json_is(doc, JSON_OBJECT))
		wrong = "the body is a JSON object, {\"text\": \"...\"}";
	while (!wrong && json_next(doc, &at, &key, &v))
		wrong = take_member(x, key, v);
	if (!wrong && !x->said.resolve && !x->said.text.n)
		wrong = "text is missing, or blank";
	json_free(doc);
	return wrong;
}

/* By this a note in doubt is found again in StackFlow. */
static struct str note_id(struct arena *arena)
{
	unsigned char bytes[8];
	struct buf b = BUF_INIT(32);
	struct str out;

	random_bytes(bytes, sizeof(bytes));
	buf_putc(&b, 'n');
	encode_base32(&b, bytes, sizeof(bytes));
	out = arena_str(arena, buf_str(&b));
	buf_fini(&b);
	return out;
}

/* ---- the transaction ---- */

static struct store_write *add(struct act *x, enum store_write_kind kind)
{
	struct store_write *w = &x->writes[x->n++];

	*w = (struct store_write){ .kind = kind };
	return w;
}

/* A note that waits for its budget would keep what comes behind it back. */
static int release_tail(struct act *x, int64_t now_ms)
{
	struct store_write *w;
	int rc = store_lane_tail(&x->tail, x->reader, x->incident.id,
				 x->arena);

	if (rc <= 0 || x->tail.kind != OP_NOTE ||
	    x->tail.state != OP_READY || !x->tail.held)
		return rc < 0 ? rc : 0;
	x->tail.held = false;
	x->tail.not_before_ms = now_ms;
	w = add(x, WRITE_OP_STATE);
	w->op = &x->tail;
	w->expect = OP_READY;
	return 0;
}

static struct str details(const struct act *x)
{
	struct buf b = BUF_INIT(4 * TEXT_MAX);
	struct jsonw w = JSONW(&b);
	struct str out;

	jsonw_object(&w);
	jsonw_kint(&w, "incident_id", x->incident.id);
	jsonw_kstr(&w, "note", x->said.id);
	jsonw_kstr(&w, "text", x->said.text);
	jsonw_end_object(&w);
	out = arena_str(x->arena, buf_str(&b));
	buf_fini(&b);
	return out;
}

static void add_audit(struct act *x, int64_t now_ms)
{
	const struct incident *i = &x->incident;

	audit_row(&x->row, &(struct audit_entry){
		.action = x->said.resolve ? "incident.resolve" :
					    "incident.note",
		.resource_type = "incident",
		.resource_id = i->remote.n ? i->remote :
			arena_printf(x->arena, "local-%lld",
				     (long long)i->id),
		.details = details(x),
		.who = x->said.who,
	}, now_ms);
	add(x, WRITE_AUDIT)->audit = &x->row;
}

/* An incident that is no more open may have been what others wait behind. */
static void look_again(struct act *x, int64_t now_ms)
{
	struct ruleset *rules = agent_rules(x->agent);
	struct store_write *w;

	if (x->said.resolve &&
	    ruleset_holds_behind(rules, x->incident.policy)) {
		w = add(x, WRITE_LOOK_AGAIN);
		w->from = now_ms;
		w->until_ms = now_ms + LOOK_AGAIN_MS;
	}
	ruleset_free(rules);
}

static int write_once(struct act *x)
{
	int64_t now = clock_wall_ms();
	unsigned firing = 0;
	int rc = store_others_firing(&firing, x->reader, x->incident.id, 0);

	x->n = 0;
	x->said.firing = firing > 0;
	if (!rc)
		rc = incident_say(&x->change, x->arena, &x->incident,
				  &x->said, now);
	if (!rc)
		rc = release_tail(x, now);
	if (rc)
		return rc;
	add(x, WRITE_INCIDENT)->incident = &x->change.incident;
	for (size_t i = 0; i < x->change.op_count; i++)
		add(x, WRITE_OP)->op = &x->change.ops[i];
	look_again(x, now);
	add_audit(x, now);
	rc = arena_error(x->arena);
	return rc ? rc : store_commit(x->agent->store, x->writes, x->n);
}

static void tell(struct act *x, int rc)
{
	struct api_answer *r = x->answer;
	struct jsonw w = JSONW(&r->out);

	if (rc) {
		api_error(r, 503, rc == -ESTALE ?
			  "the incident changes all the time: try again" :
			  "the store can't do it now");
		return;
	}
	audit_log(&x->row);
	r->status = 202;
	jsonw_object(&w);
	jsonw_kint(&w, "id", x->incident.id);
	jsonw_kstr(&w, "incident", x->incident.remote.n ?
				   x->incident.remote : STR_NONE);
	jsonw_kcstr(&w, "done", x->said.resolve ? "resolve" : "note");
	jsonw_kstr(&w, "note", x->said.id);
	jsonw_key(&w, "operations");
	jsonw_array(&w);
	for (size_t i = 0; i < x->change.op_count; i++)
		jsonw_int(&w, x->change.ops[i].id);
	jsonw_end_array(&w);
	jsonw_end_object(&w);
	buf_putc(&r->out, '\n');
}

static void refuse_state(struct act *x)
{
	struct buf b = BUF_INIT(512);

	buf_printf(&b, "the incident isn't open: it is %s",
		   rows_incident_state(x->incident.state));
	api_error(x->answer, 409, b.p ? b.p : "the incident isn't open");
	buf_fini(&b);
}

/* Triage or delivery may be at the incident too: who was first, wins. */
static void commit(struct act *x, struct str id)
{
	int rc = -ESTALE;

	for (int tries = 0; rc == -ESTALE && tries < TRIES; tries++) {
		rc = rows_find_incident(&x->incident, x->reader, id,
					x->arena);
		if (rc == 0) {
			api_error(x->answer, 404, "no such incident");
			return;
		}
		if (rc > 0 && x->incident.state != INCIDENT_OPEN) {
			refuse_state(x);
			return;
		}
		if (rc > 0)
			rc = write_once(x);
	}
	tell(x, rc);
}

static void act(struct agent *a, const struct web_request *req, struct str id,
		bool resolve, struct api_answer *r)
{
	struct act x = { .agent = a, .answer = r,
			 .arena = arena_new(ARENA_MAX),
			 .said = { .resolve = resolve } };
	struct err err = { "" };
	const char *wrong;

	if (!x.arena || store_reader_open(&x.reader, a->store, NULL)) {
		api_error(r, 503, "the store can't be read now");
		goto out;
	}
	wrong = take_body(&x, req->body, &err);
	if (wrong) {
		api_error(r, 400, wrong);
		goto out;
	}
	x.said.id = note_id(x.arena);
	x.said.who = audit_asker(req, x.arena);
	if (arena_error(x.arena))
		api_error(r, 503, "out of memory");
	else
		commit(&x, id);
out:
	store_reader_close(x.reader);
	arena_free(x.arena);
}

void api_incident_note(struct agent *a, const struct web_request *req,
		       struct str arg, struct api_answer *r)
{
	act(a, req, arg, false, r);
}

void api_incident_resolve(struct agent *a, const struct web_request *req,
			  struct str arg, struct api_answer *r)
{
	act(a, req, arg, true, r);
}
