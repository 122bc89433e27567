#include "agent/cmd/client.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/cmd/cmd.h"
#include "agent/conf.h"
#include "base/encode.h"
#include "doc/json.h"
#include "rest/rest.h"

#define DEFAULT_ADDRESS "127.0.0.1:9464"
#define USER_MAX 64

struct target {
	struct conf *conf;		/* NULL: none is there */
	const char *address, *token;
	bool quiet;			/* as client_try() */
};

static int find_target(struct target *t, const char *conf)
{
	struct buf text = BUF_INIT(1 << 20);
	struct faults faults;
	int rc = 0;

	*t = (struct target){ .address = DEFAULT_ADDRESS };
	if (!conf_named(conf) && access(conf_path(NULL), R_OK) != 0)
		return 0;
	faults_init(&faults);
	rc = conf_look(&t->conf, conf, &faults);
	if (rc) {
		faults_put_text(&text, &faults);
		fputs(buf_str(&text).p, stderr);
	} else {
		t->address = t->conf->admin.address;
		t->token = t->conf->admin.token;
	}
	faults_fini(&faults);
	buf_fini(&text);
	return rc ? CMD_CONFIG : 0;
}

/* http://ADDRESS/path, and the socket's path where it is one. */
static const char *put_url(struct buf *url, const char *address,
			   const char *path)
{
	if (str_starts(str_from(address), "unix:")) {
		buf_printf(url, "http://localhost%s", path);
		return address + 5;
	}
	buf_printf(url, "http://%s%s", address, path);
	return NULL;
}

/* The words of an answer {"error": "..."}; else its body. */
static void tell_refusal(const struct rest_response *r)
{
	struct json *v = NULL;
	struct err err;
	struct str words = STR_NONE;
	struct buf line = BUF_INIT(4096);

	if (!json_parse(&v, r->body, 0, &err))
		words = json_get_str(v, "error");
	utf8_put_safe(&line, words.n ? words : str_trim(r->body), 1000);
	fprintf(stderr, "tocsin: the agent answered %d: %.*s\n", r->status,
		STR_ARG(buf_str(&line)));
	buf_fini(&line);
	json_free(v);
}

/* A claim for the audit log: who is behind sudo, say. */
static void put_user(struct buf *out)
{
	const char *name = getenv("SUDO_USER");

	if (!name || !*name)
		name = getenv("USER");
	buf_puts(out, "X-Tocsin-User: ");
	for (size_t i = 0; name && name[i] && i < USER_MAX; i++)
		buf_putc(out, (unsigned char)name[i] > ' ' &&
				      name[i] != 127 ? name[i] : '?');
	if (!name || !*name)
		buf_puts(out, "unknown");
}

static int call(struct buf *out, const struct target *t, const char *method,
		const char *path, struct str body)
{
	struct buf url = BUF_INIT(8192), auth = BUF_INIT(8192);
	struct buf user = BUF_INIT(256);
	const char *headers[3] = { NULL, NULL, NULL };
	struct rest_options o = { .user_agent = "tocsin/" TOCSIN_VERSION };
	struct rest_request req = { .method = method, .headers = headers,
				    .max_body = 256 << 20,
				    .flags = REST_NO_PROXY };
	struct rest_response r;
	struct rest *rest = NULL;
	struct err err;
	int status = CMD_FAILED;

	signal(SIGPIPE, SIG_IGN);	/* as lib/rest asks */
	o.unix_socket = put_url(&url, t->address, path);
	req.url = buf_str(&url).p;
	put_user(&user);
	headers[0] = user.p;
	if (t->token) {
		buf_printf(&auth, "Authorization: Bearer %s", t->token);
		headers[1] = auth.p;
	}
	if (str_is(str_from(method), "POST"))
		req.body = body;
	if (rest_new(&rest, &o, &err) ||
	    rest_call(rest, &req, &r, out, &err)) {
		fprintf(stderr, "tocsin: %s\n", err.text);
	} else if (t->quiet && r.outcome == REST_NOT_SENT) {
		status = CLIENT_NOBODY;
	} else if (t->quiet && r.outcome == REST_ANSWERED && r.status == 404) {
		status = CLIENT_NOTHING;
	} else if (r.outcome != REST_ANSWERED) {
		fprintf(stderr, "tocsin: no agent answers at %s: %s; is "
			"`tocsin run` there, and is this its configuration?\n",
			t->address, r.problem);
	} else if (r.status >= 400) {
		tell_refusal(&r);
	} else {
		/* rest_call keeps body and headers in out: the body alone. */
		struct buf alone = BUF_INIT(out->max);

		buf_put_str(&alone, r.body);
		buf_fini(out);
		*out = alone;
		status = CMD_OK;
	}
	rest_free(rest);
	buf_fini(&url);
	buf_fini(&user);
	buf_wipe(&auth);
	return status;
}

static int ask(struct buf *out, const char *conf, const char *method,
	       const char *path, struct str body)
{
	struct target t;
	int status = find_target(&t, conf);

	if (!status)
		status = call(out, &t, method, path, body);
	conf_free(t.conf);
	return status;
}

int client_call(struct buf *out, const char *conf, const char *method,
		const char *path)
{
	return ask(out, conf, method, path, STR(""));
}

int client_try(struct buf *out, const char *conf, const char *path)
{
	struct target t;
	int status = find_target(&t, conf);

	t.quiet = true;
	if (!status)
		status = call(out, &t, "GET", path, STR(""));
	conf_free(t.conf);
	return status;
}

int client_post(struct buf *out, const char *conf, const char *path,
		struct str body)
{
	return ask(out, conf, "POST", path, body);
}

int client_json(struct json **out, const char *conf, const char *path)
{
	struct buf text = BUF_INIT(256 << 20);
	struct err err;
	int status = client_call(&text, conf, "GET", path);

	if (!status && json_parse(out, buf_str(&text), 0, &err)) {
		fprintf(stderr, "tocsin: the answer can't be read: %s\n",
			err.text);
		status = CMD_FAILED;
	}
	buf_fini(&text);
	return status;
}
