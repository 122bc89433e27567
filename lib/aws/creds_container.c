#include <errno.h>

#include "aws/creds_source.h"

/* ECS and EKS Pod Identity: an address that only this task or pod can ask. */

#define ECS "http://169.254.170.2"
#define RELATIVE "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TIMEOUT_MS 2000

/* http only to these and loopback, as AWS's own SDKs have it. */
static bool plain_host(struct str url)
{
	static const char *const hosts[] = {
		ECS,
		"http://169.254.170.23",
		"http://[fd00:ec2::23]",
	};

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		size_t n = strlen(hosts[i]);

		if (str_starts(url, hosts[i]) &&
		    (url.n == n || strchr("/:?", url.p[n])))
			return true;
	}
	return false;
}

/* The URL to ask, CREDS_NONE or -EINVAL. */
static int find_url(struct buf *url, const struct aws_creds_options *o,
		    struct err *err)
{
	struct str relative = creds_env(o, RELATIVE);
	struct str full = creds_env(o, FULL);

	if (relative.p) {
		if (relative.p[0] != '/')
			return err_set(err, -EINVAL,
				       RELATIVE ": expected a path that "
						"begins with a slash");
		buf_puts(url, ECS);
		buf_put_str(url, relative);
		return buf_error(url);
	}
	if (!full.p)
		return err_set(err, CREDS_NONE,
			       "neither " RELATIVE " nor " FULL " is set");
	if (rest_url_check(full.p, NULL) && !plain_host(full))
		return err_set(err, -EINVAL,
			       FULL ": expected https, or http to loopback, "
				    "169.254.170.2, 169.254.170.23 or "
				    "[fd00:ec2::23]");
	buf_put_str(url, full);
	return buf_error(url);
}

/* "Authorization: ..." from the file or the variable; empty: neither. */
static int find_token(struct buf *line, const struct aws_creds_options *o,
		      struct err *err)
{
	struct str file = creds_env(o, TOKEN "_FILE");
	struct str token = creds_env(o, TOKEN);
	struct buf text = BUF_INIT(CREDS_TOKEN_MAX);
	int rc = 0;

	if (file.p) {
		rc = creds_file(&text, file.p, err);
		token = buf_str(&text);
		if (rc == 0 && token.n == 0)
			rc = err_set(err, -EINVAL, "%s: is empty", file.p);
	}
	for (size_t i = 0; i < token.n && rc == 0; i++)
		if ((unsigned char)token.p[i] < ' ' || token.p[i] == 0x7f)
			rc = err_set(err, -EINVAL,
				     "%s: the token holds a line break or "
				     "another control character; write it "
				     "without a newline at its end",
				     file.p ? file.p : TOKEN);
	if (rc == 0 && token.n) {
		buf_room(line, sizeof("Authorization: ") + token.n);
		buf_puts(line, "Authorization: ");
		buf_put_str(line, token);
		rc = buf_error(line);
	}
	buf_wipe(&text);
	return rc;
}

int creds_refused(const struct creds_answer *res, const char *who,
		  struct err *err)
{
	bool passes = res->status >= 500 || res->status == 429;
	struct buf code = BUF_INIT(256);
	bool named = creds_json_code(&code, buf_str(&res->body));

	err_set(err, -EACCES, "%s answered %d%s%s%s", who, res->status,
		named ? " " : "", named ? buf_str(&code).p : "",
		res->status / 100 == 3 ? ", and redirects are not followed"
				       : "");
	buf_fini(&code);
	return passes ? -EAGAIN : -EACCES;
}

static int ask(struct aws_held **out, struct creds_ask *a, const char *url,
	       const char *authorization, struct err *err)
{
	const char *headers[] = { "Accept: application/json", authorization,
				  NULL };
	struct rest_request req = {
		.method = "GET",
		.url = url,
		.headers = headers,
		.timeout_ms = TIMEOUT_MS,
		.connect_ms = TIMEOUT_MS,
		.flags = REST_METADATA | REST_NO_PROXY,
	};
	struct creds_answer res = { 0 };
	struct err why = { "" };
	int rc = creds_http(&res, a, &req, &why);

	if (rc)
		err_set(err, rc, "the container's endpoint: %s", why.text);
	else if (res.status != 200)
		rc = creds_refused(&res, "the container's endpoint", err);
	else {
		rc = creds_json(out, buf_str(&res.body), 0, res.date_ms,
				creds_now_ms(a), &why);
		if (rc)
			err_set(err, rc, "the container's endpoint: %s",
				why.text);
	}
	creds_answer_fini(&res);
	return rc;
}

int creds_from_container(struct aws_held **out, struct creds_ask *a,
			 struct err *err)
{
	struct buf url = BUF_INIT(4096);
	struct buf line = BUF_INIT(CREDS_TOKEN_MAX + 32);
	int rc;

	rc = find_url(&url, a->o, err);
	if (rc == 0)
		rc = find_token(&line, a->o, err);
	if (rc == 0)
		rc = ask(out, a, buf_str(&url).p,
			 line.n ? buf_str(&line).p : NULL, err);
	if (rc == -E2BIG)
		err_set(err, rc,
			"the container's endpoint has an address "
			"longer than 4096 bytes");
	buf_wipe(&line);
	buf_fini(&url);
	return rc;
}
