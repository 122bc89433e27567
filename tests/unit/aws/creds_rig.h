#ifndef TESTS_UNIT_AWS_CREDS_RIG_H
#define TESTS_UNIT_AWS_CREDS_RIG_H

/*
 * Credentials with an environment, a clock and servers of the test's own.
 * creds_step() is driven by hand unless a test starts the thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/creds_source.h"
#include "base/clock.h"
#include "tests/unit/rest/server.h"

/* 2026-11-22T10:00:00Z */
#define NOW_MS INT64_C(1795341600000)
#define MINUTE INT64_C(60000)
#define SECRET_CANARY "canarySECRETcanary"

struct canned {
	const char *starts; /* of the request: "GET /path" */
	const char *holds;  /* a text in it; or NULL */
	int status;
	char body[1900];
	const char *headers;
	enum deed deed;
	unsigned hits;
};

struct rig {
	struct server server;
	bool served;
	struct canned canned[16]; /* under the server's lock */
	size_t n_canned;
	char vars[24][2][512];
	size_t n_vars;
	_Atomic int64_t now_ms;
	struct aws_creds_options o;
	struct aws_creds *c;
	pthread_mutex_t log_lock;
	char log[32][3200];
	bool trouble[32];
	size_t n_log;
	char folder[64];
	char connect_to[128];
	const char *connect_list[2];
};

static MAYBE const char *rig_env(const char *name, void *arg)
{
	struct rig *r = arg;

	for (size_t i = 0; i < r->n_vars; i++)
		if (strcmp(r->vars[i][0], name) == 0)
			return r->vars[i][1];
	return NULL;
}

static MAYBE void rig_log(bool trouble, const char *text, void *arg)
{
	struct rig *r = arg;

	pthread_mutex_lock(&r->log_lock);
	if (strstr(text, SECRET_CANARY))
		abort();
	if (r->n_log < 32) {
		(void)snprintf(r->log[r->n_log], sizeof(r->log[0]), "%s", text);
		r->trouble[r->n_log++] = trouble;
	}
	pthread_mutex_unlock(&r->log_lock);
}

static MAYBE int64_t rig_now(void *arg)
{
	return ((struct rig *)arg)->now_ms;
}

static MAYBE struct rig *rig_new(void)
{
	struct rig *r = calloc(1, sizeof(*r));

	r->now_ms = NOW_MS;
	pthread_mutex_init(&r->log_lock, NULL);
	r->o.env = rig_env;
	r->o.env_arg = r;
	r->o.log = rig_log;
	r->o.log_arg = r;
	signal(SIGPIPE, SIG_IGN);
	return r;
}

__attribute__((format(printf, 3, 4))) static MAYBE void
rig_var(struct rig *r, const char *name, const char *fmt, ...)
{
	size_t i = 0;
	va_list ap;

	while (i < r->n_vars && strcmp(r->vars[i][0], name))
		i++;
	assert_true(i < 24);
	if (i == r->n_vars)
		r->n_vars++;
	(void)snprintf(r->vars[i][0], 512, "%s", name);
	va_start(ap, fmt);
	(void)vsnprintf(r->vars[i][1], 512, fmt, ap);
	va_end(ap);
}

static MAYBE void rig_script(struct server *s, unsigned nth,
			     const char *request, struct reply *out)
{
	struct rig *r = s->arg;

	(void)nth;
	pthread_mutex_lock(&s->lock);
	for (size_t i = r->n_canned; i > 0; i--) {
		struct canned *c = &r->canned[i - 1];

		if (strncmp(request, c->starts, strlen(c->starts)) ||
		    (c->holds && !strstr(request, c->holds)))
			continue;
		c->hits++;
		reply_json(out, c->status, c->headers ? c->headers : "",
			   c->body);
		out->deed = c->deed;
		if (c->deed == DEED_STALL)
			out->text[0] = '\0';
		pthread_mutex_unlock(&s->lock);
		return;
	}
	pthread_mutex_unlock(&s->lock);
	reply_json(out, 404, "", "no such thing");
}

static MAYBE void rig_serve(struct rig *r)
{
	if (!r->served)
		server_start(&r->server, rig_script, r, NULL);
	r->served = true;
}

/* Answer requests that start so with this, from now on. */
__attribute__((format(printf, 4, 5))) static MAYBE struct canned *
rig_answer(struct rig *r, const char *starts, int status, const char *fmt, ...)
{
	struct canned *c;
	va_list ap;

	rig_serve(r);
	pthread_mutex_lock(&r->server.lock);
	assert_true(r->n_canned < 16);
	c = &r->canned[r->n_canned++];
	c->starts = starts;
	c->status = status;
	va_start(ap, fmt);
	(void)vsnprintf(c->body, sizeof(c->body), fmt, ap);
	va_end(ap);
	pthread_mutex_unlock(&r->server.lock);
	return c;
}

static MAYBE unsigned rig_hits(struct rig *r, const struct canned *c)
{
	unsigned n;

	pthread_mutex_lock(&r->server.lock);
	n = c->hits;
	pthread_mutex_unlock(&r->server.lock);
	return n;
}

/* "2026-11-22T10:00:00Z" so many minutes from the rig's now. */
static MAYBE const char *rig_when(struct rig *r, int64_t minutes)
{
	static __thread char text[4][40];
	static __thread unsigned at;
	struct buf b = BUF_INIT(40);
	char *to = text[at++ % 4];

	clock_put_seconds(&b, r->now_ms + minutes * MINUTE);
	(void)snprintf(to, 40, "%s", b.p);
	buf_fini(&b);
	return to;
}

static MAYBE struct canned *rig_keys(struct rig *r, const char *starts,
				     const char *id, int64_t minutes)
{
	return rig_answer(r, starts, 200,
			  "{\"Code\":\"Success\",\"AccessKeyId\":\"%s\","
			  "\"SecretAccessKey\":\"" SECRET_CANARY "\\/%s\","
			  "\"Token\":\"token-%s\",\"Expiration\":\"%s\"}",
			  id, id, id, rig_when(r, minutes));
}

static MAYBE struct canned *rig_sts(struct rig *r, const char *holds,
				    const char *id, int64_t minutes)
{
	struct canned *c = rig_answer(
		r, "POST / ", 200,
		"<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser>"
		"<Arn>arn:aws:sts::1:x</Arn></AssumedRoleUser><Credentials>"
		"<AccessKeyId>%s</AccessKeyId><SecretAccessKey>" SECRET_CANARY
		"/%s</SecretAccessKey><SessionToken>token&#45;%s</SessionToken>"
		"<Expiration>%s</Expiration></Credentials></AssumeRoleResult>"
		"</AssumeRoleResponse>",
		id, id, id, rig_when(r, minutes));

	c->holds = holds;
	return c;
}

static MAYBE void rig_open(struct rig *r)
{
	struct err err = { "" };

	if (creds_open(&r->c, &r->o, (struct creds_clock){ rig_now, r }, &err))
		fail_msg("creds_open: %s", err.text);
}

/* Ask the port of the rig instead of an address that isn't loopback. */
static MAYBE void rig_connect(struct rig *r, const char *host_port)
{
	rig_serve(r);
	(void)snprintf(r->connect_to, sizeof(r->connect_to), "%s:127.0.0.1:%u",
		       host_port, r->server.port);
	r->connect_list[0] = r->connect_to;
	r->o.connect_to = r->connect_list;
}

static MAYBE int rig_get(struct rig *r, char id[64], struct err *err)
{
	struct aws_held *h = NULL;
	int rc = aws_creds_get(&h, r->c, err);

	id[0] = '\0';
	if (rc == 0) {
		const struct aws_keys *k = aws_held_keys(h);

		(void)snprintf(id, 64, "%.*s", STR_ARG(k->id));
		assert_true(k->secret.n > 0);
	}
	aws_held_drop(h);
	if (err && strstr(err->text, SECRET_CANARY))
		fail_msg("a secret: %s", err->text);
	return rc;
}

#define assert_keys(rig, want)                                                 \
	do {                                                                   \
		char id_[64];                                                  \
		struct err err_ = { "" };                                      \
		int rc_ = rig_get(rig, id_, &err_);                            \
		if (rc_)                                                       \
			fail_msg("%d %s", rc_, err_.text);                     \
		assert_string_equal(id_, want);                                \
	} while (0)

/* No keys, and the words hold that. */
#define assert_none(rig, words)                                                \
	do {                                                                   \
		char id_[64];                                                  \
		struct err err_ = { "" };                                      \
		int rc_ = rig_get(rig, id_, &err_);                            \
		assert_int_equal(rc_, -ENOENT);                                \
		if (!strstr(err_.text, words))                                 \
			fail_msg("%s\nis not in\n%s", words, err_.text);       \
	} while (0)

static MAYBE void rig_logged(struct rig *r, const char *words)
{
	pthread_mutex_lock(&r->log_lock);
	for (size_t i = 0; i < r->n_log; i++)
		if (strstr(r->log[i], words)) {
			pthread_mutex_unlock(&r->log_lock);
			return;
		}
	fail_msg("not logged: %s (last: %s)", words,
		 r->n_log ? r->log[r->n_log - 1] : "nothing");
}

/* A file in the test's own folder; its path stays valid with the rig. */
static MAYBE const char *rig_file(struct rig *r, const char *name,
				  const char *text)
{
	static char path[8][128];
	static unsigned at;
	char *to = path[at++ % 8];
	FILE *f;

	if (!r->folder[0]) {
		(void)snprintf(r->folder, sizeof(r->folder),
			       "/tmp/tocsin-creds-XXXXXX");
		assert_non_null(mkdtemp(r->folder));
	}
	(void)snprintf(to, 128, "%s/%s", r->folder, name);
	f = fopen(to, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
	return to;
}

static MAYBE void rig_free(struct rig *r)
{
	static const char *const files[] = { "credentials", "config", "token",
					     "run", "pid" };

	aws_creds_free(r->c);
	if (r->served)
		server_stop(&r->server);
	for (size_t i = 0; r->folder[0] && i < 5; i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/%s", r->folder,
			       files[i]);
		(void)unlink(path);
	}
	if (r->folder[0])
		(void)rmdir(r->folder);
	pthread_mutex_destroy(&r->log_lock);
	free(r);
}

#endif
