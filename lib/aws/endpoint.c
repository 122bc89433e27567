#include "aws/endpoint.h"

#include <errno.h>
#include <stdlib.h>

#include "aws/call.h"
#include "aws/partition.h"

#define NAME_MAX_BYTES 64

/* Lower-case letters, digits and dashes: fit for a host and for a scope. */
static bool plain_name(struct str s)
{
	if (s.n == 0 || s.n > NAME_MAX_BYTES || s.p[0] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') &&
		    !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '-')
			return false;
	return s.p[s.n - 1] != '-';
}

bool endpoint_region_ok(struct str region)
{
	return plain_name(region);
}

int aws_endpoint(struct buf *out, const char *service, struct str region,
		 struct err *err)
{
	const struct partition *p = partition_of_region(region);

	if (!plain_name(str_from(service)))
		return err_set(err, -EINVAL, "not a service of AWS's");
	if (!p)
		return err_set(err, -EINVAL,
			       "region: expected one like us-east-1, found "
			       "\"%.*s\"",
			       region.n > NAME_MAX_BYTES ? NAME_MAX_BYTES
							 : (int)region.n,
			       region.p ? region.p : "");
	buf_printf(out, "https://%s.%.*s.%s/", service, STR_ARG(region),
		   partition_suffix(p));
	return buf_error(out);
}

/* HOST[:PORT] of a URL; STR_NONE where there is a path or a query as well. */
static struct str authority(struct str url)
{
	ssize_t at = str_find(url, STR("://")), end;
	struct str rest;

	if (at < 0)
		return STR_NONE;
	rest = str_sub(url, (size_t)at + 3, url.n - (size_t)at - 3);
	if (str_find_char(rest, '?') >= 0)
		return STR_NONE;
	end = str_find_char(rest, '/');
	if (end < 0)
		return rest;
	return (size_t)end + 1 == rest.n ? str_sub(rest, 0, (size_t)end)
					 : STR_NONE;
}

int endpoint_check(const char *given, const char *where, struct err *err)
{
	struct err why = { "" };
	int rc = rest_url_check(given, &why);

	if (rc)
		return err_set(err, rc, "%s: %s", where, why.text);
	if (authority(str_from(given)).n == 0)
		return err_set(err, -EINVAL,
			       "%s: expected https://HOST[:PORT], found a path "
			       "or query after it",
			       where);
	return 0;
}

/* What AWS's SDKs name a service in the environment. */
static void put_variable(struct buf *out, const char *service)
{
	if (strcmp(service, "monitoring") == 0)
		service = "cloudwatch";
	buf_puts(out, "AWS_ENDPOINT_URL_");
	for (; *service; service++) {
		char c = *service;

		if (c >= 'a' && c <= 'z')
			c = (char)(c & ~32);
		buf_putc(out, c == '-' ? '_' : c);
	}
}

static const char *from_environment(struct buf *name, const char *service)
{
	const char *url;

	put_variable(name, service);
	url = buf_error(name) ? NULL : getenv(name->p);
	if (url && *url)
		return url;
	buf_reset(name);
	buf_puts(name, "AWS_ENDPOINT_URL");
	url = getenv("AWS_ENDPOINT_URL");
	return url && *url ? url : NULL;
}

/* As a client sends it: without the scheme's own port. */
static void put_host(struct buf *out, struct str url)
{
	const char *port = str_starts(url, "http:") ? ":80" : ":443";
	struct str host = authority(url);

	if (host.n == 0)
		return;
	if (str_ends(host, port))
		host = str_sub(host, 0, host.n - strlen(port));
	else if (str_ends(host, ":"))
		host = str_sub(host, 0, host.n - 1);
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];

		buf_putc(out, c >= 'A' && c <= 'Z' ? (char)(c | 32) : c);
	}
}

int endpoint_find(struct buf *url, struct buf *host, const char *given,
		  const char *service, struct str region, struct err *err)
{
	struct buf name = BUF_INIT(128);
	const char *where = "endpoint_url";
	int rc;

	if (!given) {
		given = from_environment(&name, service);
		where = name.p;
	}
	if (given) {
		rc = endpoint_check(given, where, err);
		buf_puts(url, given);
		if (!str_ends(str_from(given), "/"))
			buf_putc(url, '/');
	} else {
		rc = aws_endpoint(url, service, region, err);
	}
	buf_fini(&name);
	if (rc == 0)
		put_host(host, buf_str(url));
	if (rc == 0)
		rc = buf_error(url);
	return rc ? rc : buf_error(host);
}
