#ifndef STACKFLOW_CONTEXT_H
#define STACKFLOW_CONTEXT_H

#include "stackflow/stackflow.h"

/*
 * On whose behalf requests are sent (the shape of FlowSDK's
 * bind_request_context): bound around a unit of work, for the calls that the
 * binding thread begins with this client. Sent as headers; the pages name
 * none, so they are X-Org-Id, X-Workspace-Id, X-Service-Id, X-Execution-Id,
 * X-Job-Id, X-Request-Id and X-Ring-Id.
 */
struct sf_context {
	const char *org_id, *workspace_id, *service_id, *execution_id;
	const char *job_id, *request_id, *ring_id;	/* each may be NULL */
	const char *const *headers; /* "Name: value" NULL-ended; or NULL */
	void *reserved[4];
};

struct sf_bound;

/*
 * Bind a copy. What it leaves out is as bound around it, an empty value takes
 * that away, and outermost is the environment (ORG_ID, WORKSPACE_ID,
 * SERVICE_ID, EXECUTION_ID, JOB_ID, REQUEST_ID, RING_ID) where the client came
 * from it. A call keeps what was bound when it began, when it is sent again
 * too, and what its done begins goes on the same behalf. -EINVAL: a name or a
 * value that can't be a header, or a header that is the client's own; -E2BIG:
 * more than 24 headers, 1 KiB of one, 8 KiB in all, 64 bindings in a thread.
 */
int sf_context_bind(struct sf_bound **out, struct sf_client *c,
		    const struct sf_context *x, struct err *err) MUST_CHECK;
/*
 * As it was before that binding; what was bound inside it goes with it. Of
 * this thread, else nothing happens. What a thread has bound goes with its
 * end, and with the client.
 */
void sf_context_reset(struct sf_client *c, struct sf_bound *bound);

#endif
