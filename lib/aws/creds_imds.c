#include <errno.h>

#include "aws/creds_source.h"
#include "base/encode.h"

/*
 * The instance metadata service, version 2 alone: a session token first. A
 * fall back to version 1 would undo what version 2 protects from.
 */

#define TIMEOUT_MS 1000
#define ROLES "/latest/meta-data/iam/security-credentials/"

struct imds {
	struct creds_ask *a;
	struct buf base;  /* http://169.254.169.254 */
	struct buf token; /* "X-aws-ec2-metadata-token: ..." */
};

static int find_base(struct imds *m, struct err *err)
{
	const struct aws_creds_options *o = m->a->o;
	struct str s = creds_env(o, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
	struct str mode =
		creds_env(o, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");

	if (str_is_nocase(creds_env(o, "AWS_EC2_METADATA_DISABLED"), "true"))
		return err_set(err, CREDS_NONE,
			       "AWS_EC2_METADATA_DISABLED is true");
	if (!s.p && str_is_nocase(mode, "ipv6"))
		s = STR("http://[fd00:ec2::254]");
	else if (!s.p)
		s = STR("http://169.254.169.254");
	while (s.n && s.p[s.n - 1] == '/')
		s.n--;
	buf_put_str(&m->base, s);
	return buf_error(&m->base);
}

/* 0: status 200; 1: another status; negative: no answer. */
static int get(struct creds_answer *res, struct imds *m, const char *method,
	       const char *path, struct str more, const char *header,
	       struct err *err)
{
	const char *headers[] = { header, NULL };
	struct buf url = BUF_INIT(1024);
	struct rest_request req = {
		.method = method,
		.headers = headers,
		.timeout_ms = TIMEOUT_MS,
		.connect_ms = TIMEOUT_MS,
		.flags = REST_METADATA | REST_NO_PROXY,
	};
	int rc;

	buf_put_str(&url, buf_str(&m->base));
	buf_puts(&url, path);
	buf_put_str(&url, more);
	req.url = buf_str(&url).p;
	rc = buf_error(&url);
	if (rc == 0)
		rc = creds_http(res, m->a, &req, err);
	buf_fini(&url);
	if (rc)
		return rc;
	return res->status == 200 ? 0 : 1;
}

static int keep_token(struct imds *m, struct str token, struct err *err)
{
	bool bad = token.n == 0 || token.n > 1024;

	for (size_t i = 0; i < token.n && !bad; i++)
		bad = token.p[i] <= ' ' || token.p[i] >= 0x7f;
	if (bad)
		return err_set(err, -EAGAIN,
			       "the session token that %s gave can't be one",
			       buf_str(&m->base).p);
	buf_room(&m->token, token.n + 64);
	buf_puts(&m->token, "X-aws-ec2-metadata-token: ");
	buf_put_str(&m->token, token);
	return buf_error(&m->token);
}

static int open_session(struct imds *m, struct err *err)
{
	struct creds_answer res = { 0 };
	const char *base;
	struct err why = { "" };
	int rc;

	rc = find_base(m, err);
	if (rc)
		return rc;
	base = buf_str(&m->base).p;
	rc = get(&res, m, "PUT", "/latest/api/token", STR_NONE,
		 "X-aws-ec2-metadata-token-ttl-seconds: 21600", &why);
	if (rc == 0)
		rc = keep_token(m, buf_str(&res.body), err);
	else if (rc == 1 &&
		 (res.status == 403 || res.status == 404 || res.status == 405))
		rc = err_set(err, -EACCES,
			     "%s answered %d to the request for a session "
			     "token: the metadata service is switched off or "
			     "knows version 1 only, which is not used",
			     base, res.status);
	else if (rc == 1)
		rc = creds_refused(&res, base, err);
	else if (rc == -EAGAIN)
		rc = err_set(err, CREDS_NONE,
			     "no session token from %s (%s): this is no EC2 "
			     "instance, or it is a container there and needs a "
			     "metadata hop limit of 2 "
			     "(HttpPutResponseHopLimit)",
			     base, why.text);
	else
		err_set(err, rc, "%s: %s", base, why.text);
	creds_answer_fini(&res);
	return rc;
}

/* A GET within the session; its answer in *res is the caller's to end. */
static int fetch(struct creds_answer *res, struct imds *m, const char *path,
		 struct str more, struct err *err)
{
	struct err why = { "" };
	int rc = get(res, m, "GET", path, more, buf_str(&m->token).p, &why);

	if (rc < 0)
		return err_set(err, rc, "%s: %s", buf_str(&m->base).p,
			       why.text);
	if (rc == 1 && res->status != 404)
		return creds_refused(res, buf_str(&m->base).p, err);
	return rc;
}

/* The role's name: one line of letters, digits and + = , . @ - _ */
static struct str role_of(struct str body)
{
	struct str line = STR_NONE;

	if (!str_cut(&body, '\n', &line))
		return STR_NONE;
	line = str_trim(line);
	for (size_t i = 0; i < line.n; i++) {
		struct str c = str_sub(line, i, 1);

		if (!creds_word(c) && (!c.p[0] || !strchr("+=,@", c.p[0])))
			return STR_NONE;
	}
	return line.n && line.n <= 128 ? line : STR_NONE;
}

static int ask_keys(struct aws_held **out, struct imds *m, struct str role,
		    struct err *err)
{
	struct creds_answer res = { 0 };
	int64_t now = creds_now_ms(m->a);
	struct err why = { "" };
	int rc = fetch(&res, m, ROLES, role, err);

	if (rc == 1)
		rc = err_set(err, -EAGAIN, "%s has no keys for role %.*s",
			     buf_str(&m->base).p, STR_ARG(role));
	if (rc == 0) {
		rc = creds_json(out, buf_str(&res.body), CREDS_JSON_CODE,
				res.date_ms, now, &why);
		if (rc)
			err_set(err, rc, "%s: role %.*s: %s",
				buf_str(&m->base).p, STR_ARG(role), why.text);
	}
	/*
	 * In an outage of AWS's own the service hands out keys that expired,
	 * and the services take them.
	 */
	if (rc == 0)
		(*out)->stable = (*out)->expire_ms <= now;
	creds_answer_fini(&res);
	return rc;
}

int creds_from_instance(struct aws_held **out, struct creds_ask *a,
			struct err *err)
{
	struct imds m = { a, BUF_INIT(256), BUF_INIT(1200) };
	struct creds_answer res = { 0 };
	struct str role = STR_NONE;
	int rc;

	rc = open_session(&m, err);
	if (rc == 0)
		rc = fetch(&res, &m, ROLES, STR_NONE, err);
	if (rc == 0)
		role = role_of(buf_str(&res.body));
	if (rc == 0 && role.n)
		rc = ask_keys(out, &m, role, err);
	else if (rc == 0)
		rc = err_set(err, -EAGAIN, "%s gave no role's name",
			     buf_str(&m.base).p);
	else if (rc == 1 && m.token.n)
		err_set(err, CREDS_NONE, "the instance has no role");
	if (rc == 0)
		buf_printf(&a->via, "role %.*s", STR_ARG(role));
	creds_answer_fini(&res);
	buf_fini(&m.base);
	buf_wipe(&m.token);
	return rc;
}

static int ask_region(struct buf *out, struct imds *m)
{
	struct creds_answer res = { 0 };
	struct str region;
	int rc;

	rc = fetch(&res, m, "/latest/meta-data/placement/region", STR_NONE,
		   NULL);
	region = str_trim(buf_str(&res.body));
	if (rc == 0 && creds_word(region)) {
		buf_put_str(out, region);
		rc = buf_error(out) ? buf_error(out) : 1;
	} else if (rc >= 0) {
		rc = 0;
	}
	creds_answer_fini(&res);
	return rc;
}

int aws_creds_instance_region(struct buf *out,
			      const struct aws_creds_options *o)
{
	struct creds_net net = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct aws_creds_options mine;
	struct creds_ask a = { .o = &mine, .net = &net };
	struct imds m = { &a, BUF_INIT(256), BUF_INIT(1200) };
	int rc = creds_options_copy(&mine, o);

	if (rc)
		return rc;
	rc = open_session(&m, NULL);
	if (rc == 0)
		rc = ask_region(out, &m);
	else if (rc != -ENOMEM)
		rc = 0;
	buf_fini(&m.base);
	buf_wipe(&m.token);
	creds_options_fini(&mine);
	pthread_mutex_destroy(&net.lock);
	return rc;
}
