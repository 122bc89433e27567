#include "agent/conf_private.h"

#include <arpa/inet.h>
#include <stdio.h>

/* 127.0.0.0/8, ::1 and localhost, by name or number; nothing is resolved. */
static bool loopback_host(struct str host)
{
	struct in6_addr six;
	struct in_addr four;
	char text[64];

	if (str_is_nocase(host, "localhost"))
		return true;
	if (host.n == 0 || host.n >= sizeof(text))
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	if (inet_pton(AF_INET, text, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, text, &six) == 1 &&
	       IN6_IS_ADDR_LOOPBACK(&six);
}

/* Cut "HOST[:PORT]" or "[HOST][:PORT]"; false where it is neither. */
static bool cut_host(struct str s, struct str *host, struct str *port)
{
	ssize_t end;

	if (s.n && s.p[0] == '[') {
		end = str_find_char(s, ']');
		if (end < 0)
			return false;
		*host = str_sub(s, 1, (size_t)end - 1);
		s = str_sub(s, (size_t)end + 1, s.n - (size_t)end - 1);
	} else {
		end = str_find_char(s, ':');
		*host = str_sub(s, 0, end < 0 ? s.n : (size_t)end);
		s = str_sub(s, host->n, s.n - host->n);
	}
	*port = STR_NONE;
	if (s.n == 0)
		return host->n > 0;
	*port = str_sub(s, 1, s.n - 1);
	return s.p[0] == ':' && host->n > 0;
}

static bool port_ok(struct str port)
{
	uint64_t n;

	return str_to_u64(&n, port) == 0 && n <= 65535;
}

/* What stands between the scheme and the path; *rest is what follows. */
static struct str authority(struct str url, size_t scheme, struct str *rest)
{
	struct str s = str_sub(url, scheme, url.n - scheme);
	size_t n = 0;

	while (n < s.n && !strchr("/?#", s.p[n]))
		n++;
	*rest = str_sub(s, n, s.n - n);
	return str_sub(s, 0, n);
}

const char *conf_url_problem(struct str url)
{
	bool secure = str_starts(url, "https://");
	struct str host, port, rest, name;

	if (!secure && !str_starts(url, "http://"))
		return "a URL begins with https://";
	for (size_t i = 0; i < url.n; i++)
		if ((unsigned char)url.p[i] <= ' ' || url.p[i] == 0x7f)
			return "a URL holds no blanks or control characters";
	name = authority(url, secure ? 8 : 7, &rest);
	if (str_find_char(name, '@') >= 0)
		return "a URL holds no user or password here";
	if (!cut_host(name, &host, &port) || (port.p && !port_ok(port)))
		return "a URL needs a host, and a port where there is a colon";
	if (str_find_char(rest, '#') >= 0)
		return "a URL for requests has no fragment (#)";
	if (!secure && !loopback_host(host))
		return "https:// is required beyond loopback";
	return NULL;
}

/* How many {incident} and {id} a text has; -1: also other braces. */
static int placeholders(struct str s)
{
	int n = 0;

	for (size_t i = 0; i < s.n; i++) {
		struct str rest = str_sub(s, i, s.n - i);

		if (str_starts(rest, "{incident}"))
			i += 9;
		else if (str_starts(rest, "{id}"))
			i += 3;
		else if (s.p[i] == '{' || s.p[i] == '}')
			return -1;
		else
			continue;
		n++;
	}
	return n;
}

const char *conf_link_problem(struct str url)
{
	bool secure = str_starts(url, "https://");
	struct str host, port, rest, name;

	if (!secure && !str_starts(url, "http://"))
		return "a link begins with https:// or http://";
	for (size_t i = 0; i < url.n; i++)
		if ((unsigned char)url.p[i] <= ' ' || url.p[i] == 0x7f ||
		    strchr("\"'<>\\`", url.p[i]))
			return "a link holds no blanks, quotes, angle "
			       "brackets or backslashes";
	name = authority(url, secure ? 8 : 7, &rest);
	if (str_find_char(name, '@') >= 0)
		return "a link holds no user or password";
	if (str_find_char(name, '{') >= 0 || !cut_host(name, &host, &port) ||
	    (port.p && !port_ok(port)))
		return "a link needs a host of its own, and a port where "
		       "there is a colon";
	switch (placeholders(rest)) {
	case -1:
		return "in a link only {incident} and {id} stand for "
		       "something, both for StackFlow's id of the incident";
	case 0:
		return "a link needs {incident} or {id} where StackFlow's id "
		       "of the incident belongs";
	default:
		return NULL;
	}
}

bool conf_loopback(struct str address)
{
	struct str host, port, rest;

	if (str_starts(address, "unix:"))
		return true;
	if (str_starts(address, "https://"))
		address = authority(address, 8, &rest);
	else if (str_starts(address, "http://"))
		address = authority(address, 7, &rest);
	return cut_host(address, &host, &port) && loopback_host(host);
}

bool conf_address_ok(struct str address)
{
	struct str host, port;

	if (str_starts(address, "unix:"))
		return address.n > 6 && address.p[5] == '/';
	return cut_host(address, &host, &port) && port.p && port_ok(port);
}
