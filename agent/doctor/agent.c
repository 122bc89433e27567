#include "agent/doctor/doctor.h"

#include "rest/rest.h"

/* Does an agent run with this configuration, and what does it say of itself? */

/* http://ADDRESS/readyz, and the socket's path where it is one. */
static const char *put_url(struct buf *url, const char *address)
{
	bool unix_socket = str_starts(str_from(address), "unix:");

	buf_printf(url, "http://%s/readyz",
		   unix_socket ? "localhost" : address);
	return unix_socket ? address + strlen("unix:") : NULL;
}

/* Its first word, and its warnings in the same line. */
static void tell_trouble(struct doctor_group *g, int status, struct str said)
{
	struct buf text = BUF_INIT(64 << 10);
	struct str line;

	while (str_cut(&said, '\n', &line))
		buf_printf(&text, "%s%.*s", text.n ? "; " : "", STR_ARG(line));
	doctor_say(g, status == 200 ? DOCTOR_WARN : DOCTOR_FAIL, "agent",
		   "tocsin status says more", "runs: %.*s",
		   (int)(text.n < 400 ? text.n : 400), text.p ? text.p : "");
	buf_fini(&text);
}

static void tell(struct doctor_group *g, const struct rest_response *r)
{
	struct str said = str_trim(r->body);

	if (r->outcome != REST_ANSWERED)
		doctor_say(g, DOCTOR_WARN, "agent",
			   "systemctl start tocsin, or tocsin run",
			   "none answers at %s: %s",
			   g->conf->admin.address, r->problem);
	else if (r->status == 401 || r->status == 403)
		doctor_say(g, DOCTOR_WARN, "agent",
			   "this is not the agent's own admin.token: reload it",
			   "runs at %s, but answers %d",
			   g->conf->admin.address, r->status);
	else if (r->status == 200 && str_is(said, "ready"))
		doctor_say(g, DOCTOR_OK, "agent", NULL, "runs and is ready");
	else
		tell_trouble(g, r->status, said);
}

void doctor_agent(struct doctor_group *g)
{
	struct buf url = BUF_INIT(8192), auth = BUF_INIT(8192);
	struct buf copy = BUF_INIT(256 << 10);
	const char *headers[2] = { NULL, NULL };
	struct rest_options o = { .user_agent = "tocsin/" TOCSIN_VERSION };
	struct rest_request req = { .method = "GET", .headers = headers,
				    .timeout_ms = DOCTOR_CALL_MS,
				    .max_body = 64 << 10,
				    .flags = REST_NO_PROXY };
	struct rest_response r;
	struct rest *rest = NULL;
	struct err err;

	o.unix_socket = put_url(&url, g->conf->admin.address);
	req.url = buf_str(&url).p;
	if (g->conf->admin.token) {
		buf_printf(&auth, "Authorization: Bearer %s",
			   g->conf->admin.token);
		headers[0] = auth.p;
	}
	if (rest_new(&rest, &o, &err) ||
	    rest_call(rest, &req, &r, &copy, &err))
		doctor_say(g, DOCTOR_WARN, "agent",
			   "look at admin.address", "can't be asked: %s",
			   err.text);
	else
		tell(g, &r);
	rest_free(rest);
	buf_fini(&url);
	buf_wipe(&auth);
	buf_fini(&copy);
}
