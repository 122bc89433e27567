#include "aws/topic.h"

#include <errno.h>

#include "aws/sns.h"
#include "base/encode.h"

enum { ARN, PARTITION, SERVICE, REGION, ACCOUNT, TOPIC, FIELDS };

/* How many fields there are; the first FIELDS of them in field. */
static size_t cut_fields(struct str field[FIELDS], struct str s)
{
	struct str part;
	size_t n = 0;

	while (str_cut(&s, ':', &part)) {
		if (n < FIELDS)
			field[n] = part;
		n++;
	}
	return n;
}

static bool digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Up to 256 letters, digits, hyphens, underscores; FIFO ones end in .fifo. */
static bool topic_name(struct str s)
{
	if (s.n == 0 || s.n > 256)
		return false;
	if (str_ends(s, ".fifo"))
		s.n -= 5;
	for (size_t i = 0; i < s.n; i++)
		if (!name_char(s.p[i]))
			return false;
	return s.n > 0;
}

int topic_arn_read(struct topic_arn *out, struct str arn, struct err *err)
{
	struct str f[FIELDS];
	const struct partition *p;

	if (arn.n > 512 || cut_fields(f, arn) != FIELDS ||
	    !str_is(f[ARN], "arn") || !str_is(f[SERVICE], "sns"))
		return err_set(err, -EINVAL,
			       "not the ARN of an SNS topic: "
			       "\"%.*s\"",
			       STR_ARG(utf8_cut(arn, 200)));
	p = partition_find(f[PARTITION]);
	if (!p)
		return err_set(err, -EINVAL, "unknown AWS partition \"%.*s\"",
			       STR_ARG(utf8_cut(f[PARTITION], 64)));
	if (!partition_has_region(p, f[REGION]))
		return err_set(err, -EINVAL,
			       "\"%.*s\" is no region of "
			       "partition %.*s",
			       STR_ARG(utf8_cut(f[REGION], 64)),
			       STR_ARG(f[PARTITION]));
	if (f[ACCOUNT].n != 12 || !digits(f[ACCOUNT]))
		return err_set(err, -EINVAL,
			       "account \"%.*s\" in a topic's "
			       "ARN isn't twelve digits",
			       STR_ARG(utf8_cut(f[ACCOUNT], 64)));
	if (!topic_name(f[TOPIC]))
		return err_set(err, -EINVAL, "\"%.*s\" is no topic name",
			       STR_ARG(utf8_cut(f[TOPIC], 200)));
	*out = (struct topic_arn){ f[PARTITION], f[REGION], f[ACCOUNT],
				   f[TOPIC], p };
	return 0;
}

bool sns_topic_allowed(struct str pattern, struct str arn)
{
	struct str want[FIELDS], have[FIELDS];

	if (cut_fields(want, pattern) != FIELDS ||
	    cut_fields(have, arn) != FIELDS)
		return false;
	for (size_t i = 0; i < FIELDS; i++)
		if (!str_glob(want[i], have[i]))
			return false;
	return true;
}

static bool wild(struct str s)
{
	return str_find_char(s, '*') >= 0 || str_find_char(s, '?') >= 0;
}

/* Only characters that the field of some ARN may hold, and wildcards. */
static int check_chars(struct str s, const char *what, struct err *err)
{
	if (s.n == 0)
		return err_set(err, -EINVAL,
			       "the %s is empty; * stands for "
			       "any",
			       what);
	for (size_t i = 0; i < s.n; i++)
		if (!name_char(s.p[i]) && s.p[i] != '.' && s.p[i] != '*' &&
		    s.p[i] != '?')
			return err_set(err, -EINVAL,
				       "the %s \"%.*s\" holds a "
				       "character that no ARN holds there",
				       what, STR_ARG(utf8_cut(s, 200)));
	return 0;
}

static int check_account(struct str s, struct err *err)
{
	bool good = wild(s) || s.n == 12;

	for (size_t i = 0; i < s.n; i++)
		good = good && ((s.p[i] >= '0' && s.p[i] <= '9') ||
				s.p[i] == '*' || s.p[i] == '?');
	return good ? 0
		    : err_set(err, -EINVAL,
			      "the account \"%.*s\" isn't "
			      "twelve digits",
			      STR_ARG(utf8_cut(s, 64)));
}

static int check_place(struct str partition, struct str region, struct err *err)
{
	const struct partition *p = partition_find(partition);

	if (!p && !wild(partition))
		return err_set(err, -EINVAL,
			       "unknown AWS partition \"%.*s\"; "
			       "aws, aws-cn, aws-us-gov, aws-eusc and the iso "
			       "ones are known",
			       STR_ARG(utf8_cut(partition, 64)));
	if (p && !wild(region) && !partition_has_region(p, region))
		return err_set(err, -EINVAL,
			       "\"%.*s\" is no region of "
			       "partition %.*s",
			       STR_ARG(utf8_cut(region, 64)),
			       STR_ARG(partition));
	return 0;
}

int sns_topic_check(struct str pattern, struct err *err)
{
	static const char *const what[FIELDS] = {
		"first field", "partition", "service",
		"region",      "account",   "topic's name",
	};
	struct str f[FIELDS];
	size_t n = pattern.n <= 1024 ? cut_fields(f, pattern) : 0;
	int r;

	if (n == FIELDS + 1 && str_is(f[ARN], "arn"))
		return err_set(err, -EINVAL,
			       "a topic has six fields, this "
			       "has seven: the ARN of a subscription? Leave "
			       "its last field out");
	if (n != FIELDS || !str_is(f[ARN], "arn") || !str_is(f[SERVICE], "sns"))
		return err_set(err, -EINVAL,
			       "expected six fields as in "
			       "arn:aws:sns:us-east-1:111122223333:alarms-*, "
			       "found \"%.*s\"",
			       STR_ARG(utf8_cut(pattern, 200)));
	for (size_t i = 0; i < FIELDS; i++) {
		r = check_chars(f[i], what[i], err);
		if (r)
			return r;
	}
	r = check_account(f[ACCOUNT], err);
	return r ? r : check_place(f[PARTITION], f[REGION], err);
}
