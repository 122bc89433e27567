#include "alarm/event.h"

#include "base/encode.h"

/* Where a region's console lives; NULL for partitions without a public one. */
static const char *console_host(struct str partition)
{
	static const char *const hosts[][2] = {
		{ "aws", "console.aws.amazon.com" },
		{ "aws-cn", "console.amazonaws.cn" },
		{ "aws-us-gov", "console.amazonaws-us-gov.com" },
		{ "aws-eusc", "console.amazonaws-eusc.eu" },
	};

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (str_is(partition, hosts[i][0]))
			return hosts[i][1];
	return NULL;
}

/* The sender's own: only what a browser takes as it stands. */
static bool plain_url(struct str url)
{
	if (url.n > 2048 ||
	    !(str_starts(url, "https://") || str_starts(url, "http://")))
		return false;
	for (size_t i = 0; i < url.n; i++)
		if (url.p[i] <= ' ' || url.p[i] > '~' ||
		    strchr("\"<>\\^`{|}", url.p[i]))
			return false;
	return true;
}

static void put_alarm(struct buf *out, const struct alarm *a, const char *host)
{
	buf_printf(out, "https://%.*s.%s/cloudwatch/home?region=%.*s",
		   STR_ARG(a->region), host, STR_ARG(a->region));
	buf_puts(out, "#alarmsV2:alarm/");
	encode_url(out, a->name);
}

void alarm_put_console_url(struct buf *out, const struct alarm *a)
{
	const char *host = console_host(alarm_partition(a));
	struct str source = str_from(a->source);

	if (plain_url(a->url))
		buf_put_str(out, a->url);
	else if (host && a->name.n && a->account.n && region_looks(a->region) &&
		 (str_is(source, "cloudwatch") || str_is(source, "direct")))
		put_alarm(out, a, host);
}

struct str console_link(struct decoder *d, const struct alarm *a,
			const char *path, const char *fragment, struct str id)
{
	const char *host = console_host(alarm_partition(a));
	struct buf out = BUF_INIT(8192);
	struct str s = STR_NONE;

	if (host && region_looks(a->region)) {
		buf_printf(&out, "https://%.*s.%s/%s?region=%.*s%s",
			   STR_ARG(a->region), host, path, STR_ARG(a->region),
			   fragment);
		encode_url(&out, id);
		s = arena_str(d->arena, buf_str(&out));
	}
	buf_fini(&out);
	return s;
}
