#include "alarm/recognise.h"

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

void alarm_put_console_url(struct buf *out, const struct alarm *a)
{
	const char *host = console_host(alarm_partition(a));
	struct str source = str_from(a->source);

	if (!host || !a->name.n || !a->account.n || !region_looks(a->region) ||
	    !(str_is(source, "cloudwatch") || str_is(source, "direct")))
		return;
	buf_printf(out, "https://%.*s.%s/cloudwatch/home?region=%.*s",
		   STR_ARG(a->region), host, STR_ARG(a->region));
	buf_puts(out, "#alarmsV2:alarm/");
	encode_url(out, a->name);
}
