/* POST and GET /api/v1/erase */
#include <errno.h>

#include "agent/admin/api.h"
#include "agent/audit.h"
#include "agent/erase.h"
#include "base/clock.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define ACCOUNT_MAX 63

/* NULL, or what is wrong with it. */
static const char *take(struct store_erase *what, const struct json *doc)
{
	struct str before = json_get_str(doc, "before");
	const struct json *dry = json_get(doc, "dry_run");
	const struct json *v;
	struct str key;
	void *at = NULL;

	if (!json_is(doc, JSON_OBJECT))
		return "the body is a JSON object";
	while (json_next(doc, &at, &key, &v))
		if (!str_is(key, "before") && !str_is(key, "account") &&
		    !str_is(key, "dry_run"))
			return "only before, account and dry_run are known";
	*what = (struct store_erase){ .before_ms = clock_wall_ms() };
	what->account = json_get_str(doc, "account");
	if (dry && !json_is(dry, JSON_BOOL))
		return "dry_run is true or false";
	what->dry = dry && json_bool(dry, false);
	if (json_get(doc, "before") &&
	    clock_parse(&what->before_ms, before))
		return "before is a time such as 2026-11-21T10:00:00Z";
	if (json_get(doc, "account") &&
	    (!what->account.n || what->account.n > ACCOUNT_MAX))
		return "account is an account's id";
	if (!json_get(doc, "before") && !what->account.n)
		return "before, account or both say what is to be erased";
	return NULL;
}

static void put_state(struct agent *a, struct api_answer *r)
{
	struct jsonw w = JSONW(&r->out);

	jsonw_object(&w);
	eraser_put(&w, a->eraser);
	jsonw_end_object(&w);
	buf_putc(&r->out, '\n');
}

void api_erase_state(struct agent *a, const struct web_request *req,
		     struct str arg, struct api_answer *r)
{
	(void)req;
	(void)arg;
	put_state(a, r);
}

void api_erase(struct agent *a, const struct web_request *req, struct str arg,
	       struct api_answer *r)
{
	struct buf who = BUF_INIT(512);
	struct json *doc = NULL;
	struct store_erase what;
	const char *wrong;
	struct err err;
	int rc;

	(void)arg;
	if (json_parse(&doc, req->body, JSON_NO_NUL, &err)) {
		api_error(r, 400, err.text);
		return;
	}
	wrong = take(&what, doc);
	if (wrong) {
		api_error(r, 400, wrong);
	} else {
		audit_who(&who, req);
		rc = eraser_start(a->eraser, &what, buf_str(&who));
		r->status = 202;
		if (rc)
			api_error(r, rc == -EBUSY ? 409 : 503,
				  rc == -EBUSY ? "one is at work already" :
						 "it can't be begun now");
		else
			put_state(a, r);
	}
	json_free(doc);
	buf_fini(&who);
}
