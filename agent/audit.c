#include "agent/audit.h"

#include <errno.h>
#include <pwd.h>

#include "agent/log.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/jsonw.h"
#include "web/web.h"

#define NAME_MAX_SHOWN 64
#define WHO_MAX 512
#define PROBLEM_MAX 300
#define EVENTS_MAX 100

void audit_row(struct store_audit *out, const struct audit_entry *e,
	       int64_t now_ms)
{
	*out = (struct store_audit){
		.at_ms = now_ms,
		.who = e->who.n ? e->who : STR("tocsin"),
		.action = str_from(e->action),
		.resource_type = str_from(e->resource_type),
		.resource_id = e->resource_id,
		.details = e->details,
	};
}

void audit_log(const struct store_audit *row)
{
	LOG(INFO, "audit", LF("action", row->action),
	    LF("resource_type", row->resource_type),
	    LF("resource_id", row->resource_id.p ? row->resource_id : STR("")),
	    LF("details", row->details.p ? row->details : STR("")),
	    LF("who", row->who));
}

void audit(struct agent *a, const struct audit_entry *e)
{
	struct store_audit row;
	struct store_write w = { .kind = WRITE_AUDIT, .audit = &row };
	int rc;

	audit_row(&row, e, clock_wall_ms());
	audit_log(&row);
	rc = store_commit(a->store, &w, 1);
	if (rc)
		LOG(ERROR, "an audit line can't be kept",
		    LF("action", row.action), LFC("problem", strerror(-rc)));
}

/* ---- who ---- */

static void put_user(struct buf *out, long uid)
{
	struct passwd entry, *found = NULL;
	char room[4096];

	buf_printf(out, "uid %ld", uid);
	if (!getpwuid_r((uid_t)uid, &entry, room, sizeof(room), &found) &&
	    found) {
		buf_puts(out, " (");
		utf8_put_safe(out, str_from(found->pw_name), NAME_MAX_SHOWN);
		buf_putc(out, ')');
	}
}

void audit_who(struct buf *out, const struct web_request *req)
{
	struct str claimed = str_trim(web_header(req, "x-tocsin-user"));

	if (req->peer_uid >= 0)
		put_user(out, req->peer_uid);
	else
		buf_puts(out, "token");
	if (claimed.n) {
		buf_puts(out, ", claims to be ");
		utf8_put_safe(out, claimed, NAME_MAX_SHOWN);
	}
}

struct str audit_asker(const struct web_request *req, struct arena *arena)
{
	struct buf who = BUF_INIT(WHO_MAX);
	struct str out;

	audit_who(&who, req);
	out = arena_str(arena, buf_str(&who));
	buf_fini(&who);
	return out;
}

void audit_request(struct agent *a, const struct web_request *req,
		   const char *action, const char *resource_type,
		   struct str resource_id, struct str details)
{
	struct buf who = BUF_INIT(WHO_MAX);

	audit_who(&who, req);
	audit(a, &(struct audit_entry){ .action = action,
					.resource_type = resource_type,
					.resource_id = resource_id,
					.details = details,
					.who = buf_str(&who) });
	buf_fini(&who);
}

void audit_reload(struct agent *a, bool whole, size_t faults, struct str who)
{
	struct buf details = BUF_INIT(256);

	buf_printf(&details, "{\"reloaded\":%s,\"faults\":%zu}",
		   whole ? "true" : "false", faults);
	audit(a, &(struct audit_entry){ .action = "conf.reload",
					.resource_type = "conf",
					.resource_id = STR("tocsin"),
					.details = buf_str(&details),
					.who = who });
	buf_fini(&details);
}

/* ---- operations ---- */

static const struct {
	const char *action, *type;
} ends[] = {
	[OP_CREATE] = { "incident.create", "incident" },
	[OP_NOTE] = { "incident.note", "incident" },
	[OP_RESOLVE] = { "incident.resolve", "incident" },
	[OP_REOPEN] = { "incident.reopen", "incident" },
	[OP_RAISE] = { "incident.raise", "incident" },
	[OP_MERGE] = { "incident.merge", "incident" },
	[OP_CONFIRM] = { "subscription.confirm", "topic" },
	[OP_FALLBACK] = { "fallback.tell", "fallback" },
	[OP_AUDIT] = { "incident.search", "incident" },
	[OP_REJECTED] = { "message.refuse", "queue" },
	[OP_ESCALATE] = { "incident.escalate", "incident" },
	[OP_ENRICH] = { "incident.enrich", "incident" },
	[OP_FILL] = { "incident.fill", "incident" },
};

/* StackFlow's id, or ours where it has none yet. */
static struct str resource_of(const struct op *op, struct str remote,
			      struct arena *arena)
{
	if (op->kind == OP_MERGE || op->kind == OP_REJECTED ||
	    op->kind == OP_CONFIRM || op->kind == OP_FALLBACK)
		return op->target;
	if (remote.n)
		return remote;
	return arena_printf(arena, "local-%lld", (long long)op->incident);
}

static void put_events(struct jsonw *w, struct str events)
{
	struct str id;
	int n = 0;

	jsonw_key(w, "events");
	jsonw_array(w);
	while (n++ < EVENTS_MAX && str_cut(&events, ' ', &id))
		if (id.n)
			jsonw_str(w, id);
	jsonw_end_array(w);
}

int audit_ended(struct store_audit *out, struct arena *arena,
		const struct op *op, struct str remote, const char *outcome,
		const struct remote_view *seen, int64_t now_ms)
{
	struct buf details = BUF_INIT(16 << 10);
	struct jsonw w = JSONW(&details);
	/* A newer tocsin's journal may have kinds that aren't known here. */
	bool known = op->kind >= OP_CREATE &&
		     op->kind < sizeof(ends) / sizeof(*ends);
	struct audit_entry e = {
		.action = known ? ends[op->kind].action : "operation.unknown",
		.resource_type = known ? ends[op->kind].type : "operation",
	};

	jsonw_object(&w);
	jsonw_kcstr(&w, "outcome", outcome);
	jsonw_kint(&w, "op", op->id);
	put_events(&w, op->events);
	jsonw_kint(&w, "status", op->status);
	jsonw_kint(&w, "attempts", op->attempts);
	/* Before it is reopened it stands as we left it. */
	if (seen && op->kind != OP_REOPEN)
		jsonw_kbool(&w, "acknowledged", incident_acknowledged(seen));
	if (op->problem.n)
		jsonw_kstr(&w, "problem", utf8_cut(op->problem, PROBLEM_MAX));
	jsonw_end_object(&w);
	e.details = arena_str(arena, buf_str(&details));
	e.resource_id = resource_of(op, remote, arena);
	buf_fini(&details);
	audit_row(out, &e, now_ms);
	return e.details.p && !arena_error(arena) ? 0 : -ENOMEM;
}
