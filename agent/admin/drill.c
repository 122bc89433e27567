/* GET and POST /api/v1/drill */
#include <errno.h>

#include "agent/admin/api.h"
#include "agent/audit.h"
#include "agent/drill.h"
#include "doc/jsonw.h"

void api_drill(struct agent *a, const struct web_request *req, struct str arg,
	       struct api_answer *r)
{
	struct jsonw w = JSONW(&r->out);

	(void)req;
	(void)arg;
	drill_put(&w, a->drill);
	buf_putc(&r->out, '\n');
}

void api_drill_begin(struct agent *a, const struct web_request *req,
		     struct str arg, struct api_answer *r)
{
	struct buf id = BUF_INIT(64);
	struct jsonw w = JSONW(&r->out);
	int rc = drill_now(&id, a->drill);

	(void)arg;
	if (rc == -ENOENT) {
		api_error(r, 409, "no drill is configured: drill.topic names "
				  "the topic of your alarms");
	} else {
		if (!rc)
			audit_request(a, req, "drill.begin", "drill",
				      buf_str(&id), STR(""));
		r->status = 202;
		jsonw_object(&w);
		jsonw_kstr(&w, "id", buf_str(&id));
		jsonw_kbool(&w, "begun", !rc);
		jsonw_end_object(&w);
		buf_putc(&r->out, '\n');
	}
	buf_fini(&id);
}
