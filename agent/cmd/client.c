#include "agent/cmd/client.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/cmd/cmd.h"
#include "agent/conf.h"
#include "base/encode.h"
#include "doc/json.h"
#include "rest/rest.h"

#define DEFAULT_ADDRESS "127.0.0.1:9464"
#define USER_MAX 64

struct client {
	struct conf *conf;		/* NULL: none is there */
	const char *address;
	struct rest *rest;
	struct buf base, user, auth;
	const char *headers[3];
};

/* A port that the system chose at the agent's start is known to it alone. */
static bool nobody_knows(const char *address)
{
	const char *port = strrchr(address, ':');

	if (strncmp(address, "unix:", 5) == 0 || !port || strcmp(port, ":0"))
		return false;
	fprintf(stderr, "tocsin: admin.address is %s, and which port that "
		"became can't be known from here: give it one, or unix:PATH\n",
		address);
	return true;
}

static int find_agent(struct client *c, const char *conf, const char **token)
{
	struct buf text = BUF_INIT(1 << 20);
	struct faults faults;
	int rc = 0;

	c->address = DEFAULT_ADDRESS;
	if (!conf_named(conf) && access(conf_path(NULL), R_OK) != 0)
		return 0;
	faults_init(&faults);
	rc = conf_look(&c->conf, conf, &faults);
	if (rc) {
		faults_put_text(&text, &faults);
		fputs(buf_str(&text).p, stderr);
	} else {
		c->address = c->conf->admin.address;
		*token = c->conf->admin.token;
	}
	faults_fini(&faults);
	buf_fini(&text);
	return rc || nobody_knows(c->address) ? CMD_CONFIG : 0;
}

/* http://ADDRESS, and the socket's path where it is one. */
static const char *put_base(struct buf *url, const char *address)
{
	if (str_starts(str_from(address), "unix:")) {
		buf_puts(url, "http://localhost");
		return address + 5;
	}
	buf_printf(url, "http://%s", address);
	return NULL;
}

/* The words of an answer {"error": "..."}; else its body. */
static void put_refusal(struct buf *out, const struct rest_response *r)
{
	struct json *v = NULL;
	struct err err;
	struct str words = STR_NONE;

	if (!json_parse(&v, r->body, 0, &err))
		words = json_get_str(v, "error");
	buf_printf(out, "the agent answered %d: ", r->status);
	utf8_put_safe(out, words.n ? words : str_trim(r->body), 1000);
	json_free(v);
}

/* Who is behind sudo, say. */
const char *client_user(void)
{
	const char *name = getenv("SUDO_USER");
	const struct passwd *p;

	if (!name || !*name)
		name = getenv("USER");
	if (name && *name)
		return name;
	p = getpwuid(getuid());
	return p && p->pw_name[0] ? p->pw_name : NULL;
}

/* A claim for the audit log. */
static void put_user(struct buf *out)
{
	const char *name = client_user();

	buf_puts(out, "X-Tocsin-User: ");
	for (size_t i = 0; name && name[i] && i < USER_MAX; i++)
		buf_putc(out, (unsigned char)name[i] > ' ' &&
				      name[i] != 127 ? name[i] : '?');
	if (!name)
		buf_puts(out, "unknown");
}

int client_open(struct client **out, const char *conf)
{
	struct rest_options o = { .user_agent = "tocsin/" TOCSIN_VERSION };
	struct client *c = calloc(1, sizeof(*c));
	const char *token = NULL;
	struct err err = { "out of memory" };
	int status;

	if (!c)
		goto fail;
	buf_init(&c->base, 8192);
	buf_init(&c->user, 256);
	buf_init(&c->auth, 8192);
	status = find_agent(c, conf, &token);
	if (status) {
		client_close(c);
		return status;
	}
	signal(SIGPIPE, SIG_IGN);	/* as lib/rest asks */
	o.unix_socket = put_base(&c->base, c->address);
	put_user(&c->user);
	c->headers[0] = c->user.p;
	if (token) {
		buf_printf(&c->auth, "Authorization: Bearer %s", token);
		c->headers[1] = c->auth.p;
	}
	if (buf_error(&c->base) || rest_new(&c->rest, &o, &err))
		goto fail;
	*out = c;
	return 0;
fail:
	fprintf(stderr, "tocsin: %s\n", err.text);
	client_close(c);
	return CMD_FAILED;
}

void client_close(struct client *c)
{
	if (!c)
		return;
	rest_free(c->rest);
	buf_fini(&c->base);
	buf_fini(&c->user);
	buf_wipe(&c->auth);
	conf_free(c->conf);
	free(c);
}

/* The URL is in url. */
static struct rest_request request(struct buf *url, const struct client *c,
				   const char *method, const char *path,
				   struct str body)
{
	struct rest_request q = { .method = method, .headers = c->headers,
				  .max_body = 256 << 20,
				  .flags = REST_NO_PROXY };

	buf_printf(url, "%s%s", c->base.p, path);
	q.url = buf_str(url).p;
	if (str_is(str_from(method), "POST"))
		q.body = body;
	return q;
}

/* ---- one after the other ---- */

static void put_nobody(struct buf *out, const struct client *c,
		       const char *problem)
{
	buf_printf(out, "no agent answers at %s: %s", c->address, problem);
}

static int judge(struct buf *out, const struct client *c,
		 const struct rest_response *r, bool quiet)
{
	struct buf alone = BUF_INIT(out->max), words = BUF_INIT(16384);

	if (quiet && r->outcome == REST_NOT_SENT)
		return CLIENT_NOBODY;
	if (quiet && r->outcome == REST_ANSWERED && r->status == 404)
		return CLIENT_NOTHING;
	if (r->outcome == REST_ANSWERED && r->status < 400) {
		/* rest_call keeps body and headers in out: the body alone. */
		buf_put_str(&alone, r->body);
		buf_fini(out);
		*out = alone;
		return CMD_OK;
	}
	if (r->outcome == REST_ANSWERED) {
		put_refusal(&words, r);
	} else {
		put_nobody(&words, c, r->problem);
		buf_puts(&words, "; is `tocsin run` there, and is this its "
			 "configuration?");
	}
	fprintf(stderr, "tocsin: %s\n", buf_str(&words).p);
	buf_fini(&words);
	return CMD_FAILED;
}

static int ask(struct buf *out, const char *conf, const char *method,
	       const char *path, struct str body, bool quiet)
{
	struct buf url = BUF_INIT(16384);
	struct client *c;
	struct rest_request q;
	struct rest_response r;
	struct err err;
	int status = client_open(&c, conf);

	if (status)
		return status;
	q = request(&url, c, method, path, body);
	if (rest_call(c->rest, &q, &r, out, &err)) {
		fprintf(stderr, "tocsin: %s\n", err.text);
		status = CMD_FAILED;
	} else {
		status = judge(out, c, &r, quiet);
	}
	buf_fini(&url);
	client_close(c);
	return status;
}

int client_call(struct buf *out, const char *conf, const char *method,
		const char *path)
{
	return ask(out, conf, method, path, STR(""), false);
}

int client_try(struct buf *out, const char *conf, const char *path)
{
	return ask(out, conf, "GET", path, STR(""), true);
}

int client_post(struct buf *out, const char *conf, const char *path,
		struct str body)
{
	return ask(out, conf, "POST", path, body, false);
}

/* ---- several at a time ---- */

struct begun {
	const struct client *client;
	client_done *done;
	void *arg;
};

static void ended(const struct rest_response *r, void *arg)
{
	struct begun *b = arg;
	struct buf words = BUF_INIT(16384);
	struct client_answer a = { 0 };

	if (r->outcome == REST_ANSWERED) {
		a.status = r->status;
		a.body = r->body;
		if (r->status >= 400)
			put_refusal(&words, r);
	} else {
		put_nobody(&words, b->client, r->problem);
	}
	a.problem = words.n ? words.p : NULL;
	b->done(&a, b->arg);
	buf_fini(&words);
	free(b);
}

int client_begin(struct client *c, const char *method, const char *path,
		 struct str body, client_done *done, void *arg)
{
	struct buf url = BUF_INIT(16384);
	struct begun *b = calloc(1, sizeof(*b));
	struct rest_request q = request(&url, c, method, path, body);
	struct err err;
	int rc = -ENOMEM;

	if (b) {
		*b = (struct begun){ c, done, arg };
		q.done = ended;
		q.arg = b;
		rc = rest_start(c->rest, &q, &err);
	}
	if (rc)
		free(b);
	buf_fini(&url);
	return rc;
}

void client_step(struct client *c, int wait_ms)
{
	rest_step(c->rest, wait_ms);
}

void client_wake(struct client *c)
{
	rest_wake(c->rest);
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
