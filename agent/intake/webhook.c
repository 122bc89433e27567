#include "agent/intake/intake.h"

#include "agent/intake/trust.h"

#include "doc/json.h"

void webhook_receive(struct agent *a, struct web_exchange *x,
		     const struct web_request *req)
{
	struct intake *in = intake_new(a, x, req, "webhook");
	struct err err;

	if (!in)
		return;
	if (json_scan(req->body, 0, &err)) {
		intake_refuse(in, 400, "malformed", err.text);
		return;
	}
	trust_word(&in->trust, "bearer", "path", req->path);
	in->input.body = req->body;
	intake_alarms(in);
}
