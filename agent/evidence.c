#include "agent/evidence.h"

#include <errno.h>
#include <stdio.h>

#include "agent/admin/api.h"
#include "agent/admin/rows.h"
#include "agent/log.h"
#include "aws/cert.h"
#include "aws/sns.h"
#include "base/clock.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define OPS_MAX 1000
#define AUDIT_MAX 1000
#define CERTIFICATE "certificate/"
#define ENVELOPE_MAX (4 << 20)

struct evidence {
	struct store_reader *reader;
	const struct conf *conf;
	struct arena *arena;
	struct event event;
	struct incident incident;	/* id 0: none */
	struct json *trust;		/* NULL: nothing is kept */
	struct buf envelope;
	struct str pem;
};

static struct str certificate_key(struct arena *arena, struct str sha256)
{
	return arena_printf(arena, CERTIFICATE "%.*s", STR_ARG(sha256));
}

void evidence_keep_certificate(struct agent *a, struct str pem)
{
	struct arena *arena = arena_new(64 << 10);
	struct sns_cert *cert = NULL;
	int rc = -ENOMEM;

	if (arena && !sns_cert_read(&cert, pem, NULL)) {
		struct str sha256 = str_from(sns_cert_sha256(cert));

		rc = store_set_meta(a->store, certificate_key(arena, sha256),
				    str_trim(pem));
		if (rc)
			LOG(WARNING, "a signing certificate can't be kept for "
				     "evidence", LF("sha256", sha256),
			    LFC("problem", strerror(-rc)));
		sns_cert_release(cert);
	}
	arena_free(arena);
}

/* As SNS sent it, but for what it doesn't sign. */
static void rebuild(struct evidence *v)
{
	const struct event *e = &v->event;
	struct jsonw w = JSONW(&v->envelope);
	char version[24];

	if (!json_get(v->trust, "signature") || json_get(v->trust, "type") ||
	    !e->payload.p)
		return;
	snprintf(version, sizeof(version), "%.*s",
		 STR_ARG(json_text(json_get(v->trust, "version"), v->arena)));
	jsonw_object(&w);
	jsonw_kcstr(&w, "Type", "Notification");
	jsonw_kstr(&w, "MessageId", e->message_id);
	jsonw_kstr(&w, "TopicArn", e->topic);
	if (e->subject.p)
		jsonw_kstr(&w, "Subject", e->subject);
	jsonw_kstr(&w, "Message", e->payload);
	jsonw_kstr(&w, "Timestamp", json_get_str(v->trust, "timestamp"));
	jsonw_kcstr(&w, "SignatureVersion", version);
	jsonw_kstr(&w, "Signature", json_get_str(v->trust, "signature"));
	jsonw_kstr(&w, "SigningCertURL",
		   json_get_str(v->trust, "certificate"));
	jsonw_end_object(&w);
}

static const char *missing(const struct evidence *v)
{
	if (v->envelope.n)
		return NULL;
	if (!v->event.payload.p)
		return "its bytes were erased, or have expired";
	if (!json_get(v->trust, "signature"))
		return "it came in no SNS envelope, or before envelopes were "
		       "kept";
	return "a subscription's message holds a token";
}

/* The signature once more, with what is kept. */
static const char *judge(struct evidence *v, struct err *err)
{
	static const char *const words[] = {
		[SNS_GENUINE] = "genuine",
		[SNS_FORGED] = "forged",
		[SNS_BAD_CERT] = "bad certificate",
		[SNS_CANNOT_SAY] = "can't be computed here",
	};
	struct sns_message m;
	struct sns_cert *cert = NULL;
	enum sns_verdict verdict;

	if (!v->envelope.n || !v->pem.n)
		return NULL;
	if (sns_cert_read(&cert, v->pem, err))
		return "no certificate";
	if (sns_read(&m, buf_str(&v->envelope), err)) {
		sns_cert_release(cert);
		return "no envelope";
	}
	verdict = sns_verify(&m, cert, v->event.sent_ms, err);
	sns_fini(&m);
	sns_cert_release(cert);
	return words[verdict];
}

static void put_trust(struct jsonw *w, struct evidence *v)
{
	struct str by = json_get_str(v->trust, "by");
	struct err err = { "" };
	const char *now = judge(v, &err);

	jsonw_key(w, "verdict");
	jsonw_object(w);
	jsonw_kstr(w, "believed_by", by);
	jsonw_kcstr(w, "at_intake",
		    str_is(by, "signature") ? "genuine" : NULL);
	jsonw_kcstr(w, "again_now", now);
	jsonw_kcstr(w, "because", err.text[0] ? err.text : NULL);
	jsonw_end_object(w);
	jsonw_key(w, "trust");
	if (v->trust)
		jsonw_raw(w, v->event.trust);
	else
		jsonw_null(w);
	jsonw_key(w, "envelope");
	if (v->envelope.n && !buf_error(&v->envelope))
		jsonw_raw(w, buf_str(&v->envelope));
	else
		jsonw_null(w);
	jsonw_kcstr(w, "no_envelope_because", missing(v));
	jsonw_kstr(w, "certificate", v->pem.n ? v->pem : STR_NONE);
}

static void put_decision(struct jsonw *w, const struct event *e)
{
	jsonw_key(w, "decision");
	if (!e->decided_ms) {
		jsonw_null(w);
		return;
	}
	jsonw_object(w);
	jsonw_ktime(w, "at", e->decided_ms);
	jsonw_kstr(w, "action", e->action);
	jsonw_kstr(w, "because", e->because);
	jsonw_kstr(w, "team", e->team);
	jsonw_kstr(w, "policy", e->policy);
	jsonw_kstr(w, "where", e->where);
	jsonw_key(w, "world");
	if (e->world.n && !json_scan(e->world, 0, NULL))
		jsonw_raw(w, e->world);
	else
		jsonw_null(w);
	jsonw_end_object(w);
}

static int put_ruleset(struct jsonw *w, struct evidence *v)
{
	struct str hash = v->event.ruleset, sources = STR_NONE;
	int rc = hash.n ? store_ruleset(&sources, v->reader, hash, v->arena) :
			  0;

	jsonw_key(w, "ruleset");
	jsonw_object(w);
	jsonw_kstr(w, "hash", hash.n ? hash : STR_NONE);
	jsonw_key(w, "sources");
	if (sources.n && !json_scan(sources, 0, NULL))
		jsonw_raw(w, sources);
	else
		jsonw_null(w);
	jsonw_end_object(w);
	return rc < 0 ? rc : 0;
}

static int put_operations(struct jsonw *w, struct evidence *v)
{
	struct op *list = arena_array(v->arena, OPS_MAX, sizeof(*list));
	int n = list ? store_event_ops(list, OPS_MAX, v->reader, &v->event,
				       v->arena) : -ENOMEM;

	jsonw_key(w, "operations");
	jsonw_array(w);
	for (int i = 0; i < n; i++)
		rows_put_op(w, &list[i]);
	jsonw_end_array(w);
	return n < 0 ? n : 0;
}

/* Of its incident, the oldest first. */
static int put_audit(struct jsonw *w, struct evidence *v)
{
	const struct store_page page = { .limit = AUDIT_MAX,
					 .filter = v->incident.remote };
	struct store_audit *list = arena_array(v->arena, AUDIT_MAX,
					       sizeof(*list));
	int n = !list ? -ENOMEM : !page.filter.n ? 0 :
			store_list_audit(list, v->reader, &page, v->arena);

	jsonw_key(w, "audit");
	jsonw_array(w);
	for (int i = n - 1; i >= 0; i--)
		api_put_audit(w, &list[i]);
	jsonw_end_array(w);
	return n < 0 ? n : 0;
}

static int put(struct buf *out, struct evidence *v)
{
	struct jsonw w = JSONW(out);
	struct event e = v->event;
	int rc;

	e.payload = e.trust = e.world = STR_NONE;
	jsonw_object(&w);
	jsonw_kcstr(&w, "made_by", "tocsin " TOCSIN_VERSION);
	jsonw_ktime(&w, "made_at", clock_wall_ms());
	jsonw_key(&w, "event");
	jsonw_object(&w);
	rows_put_event(&w, &e);
	jsonw_end_object(&w);
	put_trust(&w, v);
	jsonw_kstr(&w, "payload", v->event.payload);
	put_decision(&w, &v->event);
	rc = put_ruleset(&w, v);
	jsonw_key(&w, "incident");
	if (v->incident.id) {
		jsonw_object(&w);
		rows_put_incident(&w, &v->incident, v->conf);
		jsonw_end_object(&w);
	} else {
		jsonw_null(&w);
	}
	if (!rc)
		rc = put_operations(&w, v);
	if (!rc)
		rc = put_audit(&w, v);
	jsonw_end_object(&w);
	buf_putc(out, '\n');
	return rc ? rc : buf_error(out);
}

static int read_all(struct evidence *v, struct str id)
{
	struct event *e = &v->event;
	struct str sha256;
	int rc = store_event(e, v->reader, id, v->arena);

	if (rc <= 0)
		return rc;
	if (e->trust.n && json_parse(&v->trust, e->trust, 0, NULL))
		v->trust = NULL;
	sha256 = json_get_str(v->trust, "sha256");
	if (sha256.n)
		rc = store_meta(&v->pem, v->reader,
				certificate_key(v->arena, sha256), v->arena);
	if (rc >= 0 && e->incident)
		rc = store_incident_by_id(&v->incident, v->reader, e->incident,
					  v->arena);
	rebuild(v);
	return rc < 0 ? rc : arena_error(v->arena) ? -ENOMEM : 1;
}

int evidence_put(struct buf *out, struct store_reader *r, const struct conf *c,
		 struct str id, struct arena *arena)
{
	struct evidence v = { .reader = r, .conf = c, .arena = arena };
	int rc;

	buf_init(&v.envelope, ENVELOPE_MAX);
	rc = read_all(&v, id);
	if (rc > 0)
		rc = put(out, &v);
	else if (rc == 0)
		rc = -ENOENT;
	json_free(v.trust);
	buf_fini(&v.envelope);
	return rc;
}
