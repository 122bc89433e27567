#include "rest/target.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>

#define URL_MAX 8192

/* libcurl would encode, trim or drop some of these; none is in a URL. */
static bool clean(const char *url)
{
	for (; *url; url++) {
		unsigned char c = (unsigned char)*url;

		if (c <= ' ' || c >= 0x7f || c == '\\' || c == '#')
			return false;
	}
	return true;
}

static int part(CURLU *u, CURLUPart what, char **out)
{
	CURLUcode code = curl_url_get(u, what, out, CURLU_DEFAULT_PORT);

	if (code == CURLUE_OUT_OF_MEMORY)
		return -ENOMEM;
	return code ? -EINVAL : 0;
}

/* An address as it stands in a URL; AF_UNSPEC where host is a name. */
static void read_address(struct sockaddr_storage *out, const char *host)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in = { .sin_family = AF_INET };

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, host, &in.sin_addr) == 1)
		memcpy(out, &in, sizeof(in));
	else if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1)
		memcpy(out, &in6, sizeof(in6));
}

static bool plain_allowed(const char *host, bool metadata)
{
	struct sockaddr_storage room;
	const struct sockaddr *a = (const struct sockaddr *)&room;

	if (str_is_nocase(str_from(host), "localhost"))
		return true;
	read_address(&room, host);
	return rest_address_loopback(a) ||
	       (metadata && rest_address_metadata(a));
}

static int fill(struct target *out, CURLU *u, bool metadata, struct err *err)
{
	char *scheme = NULL, *host = NULL, *port = NULL;
	struct target t = { 0 };
	struct str h;
	uint64_t n = 0;
	int rc = part(u, CURLUPART_SCHEME, &scheme);

	if (!rc)
		rc = part(u, CURLUPART_HOST, &host);
	if (!rc)
		rc = part(u, CURLUPART_PORT, &port);
	if (rc == -ENOMEM)
		goto out;
	if (rc || str_to_u64(&n, str_from(port)) || n == 0 || n > 65535) {
		rc = -EINVAL;
		err_set(err, rc, "URL without scheme, host or usable port");
		goto out;
	}
	rc = -EINVAL;
	t.port = (unsigned)n;
	h = str_from(host);
	if (h.n > 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
		h = str_sub(h, 1, h.n - 2);
	if (h.n == 0 || h.n >= sizeof(t.host)) {
		err_set(err, rc, "URL without a usable host");
		goto out;
	}
	memcpy(t.host, h.p, h.n);
	t.plain = str_is(str_from(scheme), "http");
	if (!t.plain && !str_is(str_from(scheme), "https")) {
		err_set(err, rc, "URL scheme must be https");
		goto out;
	}
	if (t.plain && !plain_allowed(t.host, metadata)) {
		err_set(err, rc,
			"URL scheme must be https: http is for loopback%s",
			metadata ? " and AWS's metadata addresses alone"
				 : " alone");
		goto out;
	}
	*out = t;
	rc = 0;
out:
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	return rc;
}

int rest_target(struct target *out, const char *url, bool metadata,
		struct err *err)
{
	const char *host;
	CURLUcode code;
	CURLU *u;
	int rc;

	/* What stands in a URL may be a secret: no text here repeats it. */
	if (!url || strnlen(url, URL_MAX) == URL_MAX || !clean(url))
		return err_set(err, -EINVAL,
			       "URL is absent, longer than %d bytes, or has a "
			       "blank, fragment or foreign character",
			       URL_MAX);
	/* libcurl takes one slash and three for two. */
	host = strstr(url, "://");
	if (!host || host[3] == '/')
		return err_set(err, -EINVAL, "not an https URL");
	u = curl_url();
	if (!u)
		return -ENOMEM;
	code = curl_url_set(u, CURLUPART_URL, url,
			    CURLU_DISALLOW_USER | CURLU_PATH_AS_IS);
	if (code == CURLUE_OUT_OF_MEMORY)
		rc = -ENOMEM;
	else if (code == CURLUE_USER_NOT_ALLOWED)
		rc = err_set(err, -EINVAL, "URL must not hold a user name");
	else if (code)
		rc = err_set(err, -EINVAL, "not an https URL");
	else
		rc = fill(out, u, metadata, err);
	curl_url_cleanup(u);
	return rc;
}

/* Cut "HOST:" or "[V6]:" off *rest. */
static bool cut_host(struct str *rest, struct str *host)
{
	ssize_t end;

	if (rest->n == 0 || rest->p[0] != '[')
		return str_find_char(*rest, ':') >= 0 &&
		       str_cut(rest, ':', host);
	end = str_find(*rest, STR("]:"));
	if (end < 0)
		return false;
	*host = str_sub(*rest, 1, (size_t)end - 1);
	*rest = str_sub(*rest, (size_t)end + 2, rest->n - (size_t)end - 2);
	return true;
}

static int read_port(unsigned *out, struct str s)
{
	uint64_t n = 0;

	if (s.n && (str_to_u64(&n, s) || n == 0 || n > 65535))
		return -EINVAL;
	*out = (unsigned)n;
	return 0;
}

/* The first half of an entry; a port of 0 is any. */
static int read_entry(const char *entry, struct str *host, unsigned *port)
{
	struct str rest = str_from(entry), to, field;
	unsigned to_port;

	if (!entry || !clean(entry) || !cut_host(&rest, host) ||
	    !str_cut(&rest, ':', &field) || read_port(port, field) ||
	    !cut_host(&rest, &to) || read_port(&to_port, rest))
		return -EINVAL;
	return 0;
}

int rest_connect_to_check(const char *entry)
{
	struct str host;
	unsigned port;

	return read_entry(entry, &host, &port);
}

bool rest_connect_to_names(const char *entry, const struct target *t)
{
	struct str host;
	unsigned port;

	if (read_entry(entry, &host, &port))
		return false;
	return (port == 0 || port == t->port) &&
	       (host.n == 0 || str_is_nocase(host, t->host));
}

static bool v4_public(uint32_t a)
{
	/* RFC 6890 and the IANA registry of special-purpose addresses. */
	static const struct {
		uint32_t net;
		int bits;
	} special[] = {
		{ 0x00000000, 8 },  { 0x0a000000, 8 },	{ 0x64400000, 10 },
		{ 0x7f000000, 8 },  { 0xa9fe0000, 16 }, { 0xac100000, 12 },
		{ 0xc0000000, 24 }, { 0xc0000200, 24 }, { 0xc0a80000, 16 },
		{ 0xc6120000, 15 }, { 0xc6336400, 24 }, { 0xcb007100, 24 },
		{ 0xe0000000, 3 },
	};

	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if ((a ^ special[i].net) >> (32 - special[i].bits) == 0)
			return false;
	return true;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static bool v6_public(const uint8_t *a)
{
	static const uint8_t zero[12];
	static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };

	/* Mapped and compatible forms, ::, ::1: what the IPv4 part says. */
	if (memcmp(a, zero, 10) == 0 &&
	    ((a[10] == 0xff && a[11] == 0xff) || (!a[10] && !a[11])))
		return v4_public(be32(a + 12));
	if (memcmp(a, nat64, 12) == 0)
		return v4_public(be32(a + 12));
	if (a[0] == 0x20 && a[1] == 0x02) /* 6to4 */
		return v4_public(be32(a + 2));
	/* Only 2000::/3 is given out as global unicast; 2001::/32 is Teredo. */
	return a[0] >> 5 == 1 && be32(a) != 0x20010000;
}

bool rest_address_public(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, a, sizeof(in));
		return v4_public(ntohl(in.sin_addr.s_addr));
	}
	if (a->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, a, sizeof(in6));
		return v6_public(in6.sin6_addr.s6_addr);
	}
	return false;
}

bool rest_address_loopback(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, a, sizeof(in));
		return ntohl(in.sin_addr.s_addr) >> 24 == 127;
	}
	if (a->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, a, sizeof(in6));
		return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
	}
	return false;
}

bool rest_address_metadata(const struct sockaddr *a)
{
	/* Instances (IMDS), containers of ECS, pods of EKS. */
	static const char *const list[] = {
		"169.254.169.254", "fd00:ec2::254", "169.254.170.2",
		"169.254.170.23",  "fd00:ec2::23",
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct sockaddr_storage one;
		struct sockaddr_in6 x, y;

		read_address(&one, list[i]);
		if (one.ss_family != a->sa_family)
			continue;
		if (a->sa_family == AF_INET) {
			struct sockaddr_in v, w;

			memcpy(&v, a, sizeof(v));
			memcpy(&w, &one, sizeof(w));
			if (v.sin_addr.s_addr == w.sin_addr.s_addr)
				return true;
			continue;
		}
		memcpy(&x, a, sizeof(x));
		memcpy(&y, &one, sizeof(y));
		if (IN6_ARE_ADDR_EQUAL(&x.sin6_addr, &y.sin6_addr))
			return true;
	}
	return false;
}
