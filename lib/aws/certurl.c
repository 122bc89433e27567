#include "aws/sns.h"

#include <errno.h>

#include "aws/partition.h"

int sns_host(struct buf *out, struct str partition, struct str region)
{
	const struct partition *p = partition_find(partition);

	if (!p || !partition_has_region(p, region))
		return -EINVAL;
	buf_printf(out, "sns.%.*s.%s", STR_ARG(region), partition_suffix(p));
	return buf_error(out);
}

/* Cut prefix off *s. */
static bool skip(struct str *s, struct str prefix)
{
	if (s->n < prefix.n || memcmp(s->p, prefix.p, prefix.n) != 0)
		return false;
	*s = str_sub(*s, prefix.n, s->n - prefix.n);
	return true;
}

static bool lower_hex(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') &&
		    !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return true;
}

/*
 * Compared, never parsed: a query that an SNS host would answer with words of
 * the sender's, user names, dots and escapes have no place to stand.
 */
int sns_certificate_url_check(const struct sns_message *m, struct err *err)
{
	struct buf host = BUF_INIT(256);
	struct str url = m->signing_cert_url;
	int r = sns_host(&host, m->partition, m->region);

	if (r == -EINVAL)
		r = err_set(err, r,
			    "no SNS host is known for the topic's "
			    "region");
	else if (r)
		r = err_set(err, r, "out of memory");
	else if (!skip(&url, STR("https://")))
		r = err_set(err, -EINVAL, "SigningCertURL isn't https");
	else if (!skip(&url, buf_str(&host)))
		r = err_set(err, -EINVAL,
			    "SigningCertURL isn't at %s, the "
			    "host of the topic's region",
			    host.p);
	buf_fini(&host);
	if (r)
		return r;
	(void)skip(&url, STR(":443"));
	if (!skip(&url, STR("/SimpleNotificationService-")) || url.n != 36 ||
	    !lower_hex(str_sub(url, 0, 32)) ||
	    !str_is(str_sub(url, 32, 4), ".pem"))
		return err_set(err, -EINVAL,
			       "SigningCertURL isn't "
			       "/SimpleNotificationService-<32 hexadecimal "
			       "digits>.pem at its host");
	return 0;
}
