#ifndef STACKFLOW_AUDIT_H
#define STACKFLOW_AUDIT_H

#include "stackflow/stackflow.h"

/*
 * Who did what: one entry for each write that ended, before its done, and what
 * the program adds (FlowSDK's audit.log). Reads, AI's among them, are none.
 *
 * The sink is sf_options.audit. Entries of one client come one at a time, in
 * the thread where they arise: the client's for its calls, the caller's for
 * sf_audit_log. It is called under a lock that serves for this alone, so it
 * has to be swift; it may begin calls but wait for none, and from within it
 * sf_audit_log is -EDEADLK.
 *
 * Details of a call: outcome ("ok", "not_executed", "refused", "unknown"),
 * status, idempotency_key, elapsed_ms, problem, the records of a bulk, and
 * org_id, workspace_id, ... as they were bound (context.h). Never a record's
 * own fields, and never a secret.
 */
struct sf_audit_entry {
	int64_t at_ms;			/* wall clock */
	struct str action;		/* "incident.create" */
	struct str resource_type;	/* "incident" */
	struct str resource_id;		/* or STR_NONE: not known */
	struct str details;		/* JSON object; STR_NONE: none, or no
					   memory for it */
	const struct sf_result *result;	/* NULL: the program's own */
};

/*
 * An entry of the program's own; action and type: 1 to 128 visible ASCII
 * characters, id: 256, details: a JSON object or STR_NONE. Nothing happens
 * without a sink. -EINVAL where something isn't so, -E2BIG: details of more
 * than 64 KiB.
 */
int sf_audit_log(struct sf_client *c, struct str action,
		 struct str resource_type, struct str resource_id,
		 struct str details) MUST_CHECK;

#endif
