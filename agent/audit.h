#ifndef AGENT_AUDIT_H
#define AGENT_AUDIT_H

#include "agent/agent.h"

/*
 * Who did what: a line of the store's audit log, and a record "audit" of the
 * journal with the same fields. For actions of people and for what became of
 * operations; nothing secret is given to it, and texts are cut.
 */
struct audit_entry {
	const char *action;		/* "dead.retry", "incident.note" */
	const char *resource_type;	/* "incident", "silence", "rules" */
	struct str resource_id;
	struct str details;		/* a JSON object; or empty */
	struct str who;			/* empty: tocsin itself */
};

/* Both, the row in a transaction of its own. It waits for the disk. */
void audit(struct agent *a, const struct audit_entry *e);

/*
 * The two by themselves, for a row that commits with what it tells of: fill it
 * for a WRITE_AUDIT, and log it once that is done.
 */
void audit_row(struct store_audit *out, const struct audit_entry *e,
	       int64_t now_ms);
void audit_log(const struct store_audit *row);

/*
 * Who asks: "uid 0 (root)" on the unix socket, "token" over TCP, and behind it
 * what the header X-Tocsin-User says, as a claim.
 */
struct web_request;
void audit_who(struct buf *out, const struct web_request *req);
/* In arena, which may outlive the request; STR_NONE: no memory. */
struct str audit_asker(const struct web_request *req, struct arena *arena);

/* audit() of what this request did. */
void audit_request(struct agent *a, const struct web_request *req,
		   const char *action, const char *resource_type,
		   struct str resource_id, struct str details);

/* Configuration and rules were read again: all of it, or with faults. */
void audit_reload(struct agent *a, bool whole, size_t faults, struct str who);

/*
 * The row of an operation that has come to its end. outcome: "done", "dead".
 * seen: the incident as StackFlow showed it right before; NULL: it wasn't
 * asked. Its strings are op's and arena's. -ENOMEM.
 */
struct remote_view;
int audit_ended(struct store_audit *out, struct arena *arena,
		const struct op *op, struct str remote, const char *outcome,
		const struct remote_view *seen, int64_t now_ms);

#endif
