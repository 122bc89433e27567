/*
 * A client's manners, as FlowSDK's page has them: on whose behalf requests are
 * sent, what was done, a token that is replaced while they go on, an orderly
 * end.
 *
 *	cc context.c $(pkg-config --cflags --libs stackflow) -o context
 *	ORG_ID=org-1 WORKSPACE_ID=ws-1 ./context
 *
 * The environment is that of quick_start.c. The audit log comes to standard
 * output, an object a line.
 */
#include <stdio.h>
#include <stdlib.h>

#include <stackflow/answer.h>
#include <stackflow/audit.h>
#include <stackflow/base/arena.h>
#include <stackflow/context.h>
#include <stackflow/doc/jsonw.h>
#include <stackflow/env.h>
#include <stackflow/stackflow.h>

/* One entry comes at a time, in the thread where it arises. */
static void keep(const struct sf_audit_entry *e, void *arg)
{
	struct buf line = BUF_INIT(1 << 20);
	struct jsonw w = JSONW(&line);

	jsonw_object(&w);
	jsonw_ktime(&w, "at", e->at_ms);
	jsonw_kstr(&w, "action", e->action);
	jsonw_kstr(&w, "resource_type", e->resource_type);
	jsonw_kstr(&w, "resource_id", e->resource_id);
	if (e->details.p) {
		jsonw_key(&w, "details");
		jsonw_raw(&w, e->details);
	}
	if (e->result)
		jsonw_kbool(&w, "done", e->result->outcome == SF_OK);
	jsonw_end_object(&w);
	if (!buf_error(&line))
		fprintf(arg, "%s\n", line.p);
	buf_fini(&line);
}

static bool create(struct sf_client *c, struct str json)
{
	struct sf_answer *a = sf_answer_new(c);
	const struct sf_result *r = sf_answer_wait(
		a, sf_incident_create(c, json, NULL, sf_answer_done, a));
	bool ok = r->outcome == SF_OK;

	if (!ok)
		fprintf(stderr, "%s\n", r->problem);
	sf_answer_free(a);
	return ok;
}

/* What this thread begins between bind and reset bears the context. */
static bool work(struct sf_client *c, const char *request_id)
{
	static const char *const headers[] = { "X-Example: context", NULL };
	const struct sf_context x = {
		/* A client of sf_client_new_from_env() has these by itself. */
		.org_id = getenv("ORG_ID"),
		.workspace_id = getenv("WORKSPACE_ID"),
		.execution_id = "exec-7",
		.request_id = request_id,
		.headers = headers,
	};
	struct sf_bound *bound;
	struct err err;
	bool ok;

	if (sf_context_bind(&bound, c, &x, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return false;
	}
	ok = create(c, STR("{\"short_description\": \"Certificate of the "
			   "portal ends in 7 days\", \"priority\": \"P3\"}"));
	sf_context_reset(c, bound);
	return ok;
}

/* All from the environment, and a sink for the audit log besides. */
static int open_client(struct sf_client **out, struct err *err)
{
	struct sf_options o = { .retries = 4, .audit = keep,
				.audit_arg = stdout };
	struct arena *arena = arena_new(65536);
	int ret = arena ? sf_options_from_env(&o, arena, err) :
		err_set(err, -1, "out of memory");

	if (!ret)
		ret = sf_client_new(out, &o, NULL, err);
	arena_free(arena);
	return ret;
}

int main(void)
{
	const char *token = getenv("NEXT_TOKEN");
	struct sf_client *c;
	struct err err;
	bool ok;

	if (open_client(&c, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	ok = work(c, "req-1") &&
	     /* Such as from a loop that renews it elsewhere. */
	     (!token || !sf_client_set_token(c, token)) &&
	     work(c, "req-2") &&
	     !sf_audit_log(c, STR("example.end"), STR("example"), STR("context"),
			   STR("{\"incidents\": 2}"));
	ok = !sf_client_close(c, 15000) && ok;
	sf_client_free(c);
	return ok ? 0 : 1;
}
