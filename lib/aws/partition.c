#include "aws/partition.h"

struct partition {
	const char *name;
	const char *suffix;
	/* How its regions begin: each is followed by -letters-digits. */
	const char *const *prefixes;
	/* Its signing certificate: signer + region (or fixed) + "." + suffix */
	const char *signer;
	const char *signer_region; /* NULL: the region itself */
};

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct partition partitions[] = {
	{ "aws", "amazonaws.com",
	  LIST("us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"),
	  "sns-signing.", NULL },
	{ "aws-cn", "amazonaws.com.cn", LIST("cn"), "sns-", NULL },
	{ "aws-us-gov", "amazonaws.com", LIST("us-gov"), "sns-",
	  "us-gov-west-1" },
	{ "aws-eusc", "amazonaws.eu", LIST("eusc-de"), "sns-signing.", NULL },
	{ "aws-iso", "c2s.ic.gov", LIST("us-iso"), "sns-", NULL },
	{ "aws-iso-b", "sc2s.sgov.gov", LIST("us-isob"), "sns-", NULL },
	{ "aws-iso-e", "cloud.adc-e.uk", LIST("eu-isoe"), "sns-signing.",
	  NULL },
	{ "aws-iso-f", "csp.hci.ic.gov", LIST("us-isof"), "sns-signing.",
	  NULL },
};

/* Regions of partition aws that share one certificate, sns.amazonaws.com. */
static const char *const shared[] = {
	"us-east-1",	  "us-east-2",	    "us-west-1",
	"us-west-2",	  "ca-central-1",   "sa-east-1",
	"eu-west-1",	  "eu-west-2",	    "eu-west-3",
	"eu-central-1",	  "eu-north-1",	    "ap-south-1",
	"ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
	"ap-southeast-1", "ap-southeast-2", NULL,
};

/* Regions that an account has to ask for; each has its own certificate. */
static const char *const opt_in[] = {
	"af-south-1",	  "ap-east-1",	    "ap-east-2",
	"ap-south-2",	  "ap-southeast-3", "ap-southeast-4",
	"ap-southeast-5", "ap-southeast-6", "ap-southeast-7",
	"ca-west-1",	  "eu-central-2",   "eu-south-1",
	"eu-south-2",	  "il-central-1",   "me-central-1",
	"me-south-1",	  "mx-central-1",   NULL,
};

static bool listed(const char *const *list, struct str s)
{
	for (; *list; list++)
		if (str_is(s, *list))
			return true;
	return false;
}

const struct partition *partition_find(struct str name)
{
	size_t count = sizeof(partitions) / sizeof(partitions[0]);

	for (size_t i = 0; i < count; i++)
		if (str_is(name, partitions[i].name))
			return &partitions[i];
	return NULL;
}

const char *partition_suffix(const struct partition *p)
{
	return p->suffix;
}

/* letters-digits: "east-1", "northeast-3" */
static bool place(struct str s)
{
	size_t i = 0, dash;

	while (i < s.n && s.p[i] >= 'a' && s.p[i] <= 'z')
		i++;
	dash = i;
	if (dash == 0 || dash > 16 || i >= s.n || s.p[i] != '-')
		return false;
	for (i++; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n - dash >= 2 && s.n - dash <= 3 && s.p[dash + 1] != '0';
}

bool partition_has_region(const struct partition *p, struct str region)
{
	for (const char *const *at = p->prefixes; *at; at++) {
		size_t n = strlen(*at);

		if (str_starts(region, *at) && region.n > n + 1 &&
		    region.p[n] == '-' &&
		    place(str_sub(region, n + 1, region.n - n - 1)))
			return true;
	}
	return false;
}

const struct partition *partition_of_region(struct str region)
{
	size_t count = sizeof(partitions) / sizeof(partitions[0]);

	for (size_t i = 0; i < count; i++)
		if (partition_has_region(&partitions[i], region))
			return &partitions[i];
	return NULL;
}

/* Is name signer + region + "." + suffix? */
static bool signer_is(const struct partition *p, struct str region,
		      struct str name)
{
	size_t before = strlen(p->signer), after = strlen(p->suffix);

	if (p->signer_region)
		region = str_from(p->signer_region);
	return name.n == before + region.n + 1 + after &&
	       str_starts(name, p->signer) &&
	       str_eq(str_sub(name, before, region.n), region) &&
	       name.p[before + region.n] == '.' && str_ends(name, p->suffix);
}

bool partition_signs(const struct partition *p, struct str region,
		     struct str name)
{
	bool aws = p == &partitions[0];

	if (aws && listed(shared, region))
		return str_is(name, "sns.amazonaws.com");
	if (signer_is(p, region, name))
		return true;
	/* A region that opened after this was written may be of either kind. */
	return aws && !listed(opt_in, region) &&
	       str_is(name, "sns.amazonaws.com");
}
