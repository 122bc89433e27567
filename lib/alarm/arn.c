#include "alarm/recognise.h"

bool arn_cut(struct arn *out, struct str text)
{
	struct str arn;

	return str_cut(&text, ':', &arn) && str_is(arn, "arn") &&
	       str_cut(&text, ':', &out->partition) &&
	       str_cut(&text, ':', &out->service) &&
	       str_cut(&text, ':', &out->region) &&
	       str_cut(&text, ':', &out->account) &&
	       (out->resource = text).n > 0;
}

/* Letters, then words of letters, then a number, with dashes between. */
bool region_looks(struct str s)
{
	struct str word, rest = s;
	size_t words = 0;
	bool digits = false;

	if (s.n > 32)
		return false;
	while (str_cut(&rest, '-', &word)) {
		if (digits || !word.n)
			return false;
		digits = word.p[0] >= '0' && word.p[0] <= '9';
		for (size_t i = 0; i < word.n; i++)
			if (digits ? word.p[i] < '0' || word.p[i] > '9'
				   : word.p[i] < 'a' || word.p[i] > 'z')
				return false;
		words++;
	}
	return digits && words >= 3;
}

bool account_looks(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n == 12;
}

const char *region_partition(struct str region)
{
	static const char *const by_prefix[][2] = {
		{ "cn-", "aws-cn" },	     { "us-gov-", "aws-us-gov" },
		{ "eusc-", "aws-eusc" },     { "us-isob-", "aws-iso-b" },
		{ "us-isof-", "aws-iso-f" }, { "us-iso-", "aws-iso" },
		{ "eu-isoe-", "aws-iso-e" },
	};

	for (size_t i = 0; i < sizeof(by_prefix) / sizeof(by_prefix[0]); i++)
		if (str_starts(region, by_prefix[i][0]))
			return by_prefix[i][1];
	return "aws";
}

/*
 * Region names as CloudWatch shows them. The place alone is unique, but for
 * "Central"; the area before it changed over the years ("EU", "Europe").
 */
static const struct {
	const char *area, *place, *code;
} places[] = {
	{ NULL, "N. Virginia", "us-east-1" },
	{ NULL, "Virginia", "us-east-1" },
	{ NULL, "Ohio", "us-east-2" },
	{ NULL, "N. California", "us-west-1" },
	{ NULL, "Oregon", "us-west-2" },
	{ "Canada", "Central", "ca-central-1" },
	{ NULL, "Calgary", "ca-west-1" },
	{ "Mexico", "Central", "mx-central-1" },
	{ NULL, "Sao Paulo", "sa-east-1" },
	{ NULL, "S\xc3\xa3o Paulo", "sa-east-1" },
	{ NULL, "Ireland", "eu-west-1" },
	{ NULL, "London", "eu-west-2" },
	{ NULL, "Paris", "eu-west-3" },
	{ NULL, "Frankfurt", "eu-central-1" },
	{ NULL, "Zurich", "eu-central-2" },
	{ NULL, "Stockholm", "eu-north-1" },
	{ NULL, "Milan", "eu-south-1" },
	{ NULL, "Spain", "eu-south-2" },
	{ NULL, "Cape Town", "af-south-1" },
	{ NULL, "Bahrain", "me-south-1" },
	{ NULL, "UAE", "me-central-1" },
	{ NULL, "Tel Aviv", "il-central-1" },
	{ NULL, "Hong Kong", "ap-east-1" },
	{ NULL, "Taipei", "ap-east-2" },
	{ NULL, "Tokyo", "ap-northeast-1" },
	{ NULL, "Seoul", "ap-northeast-2" },
	{ NULL, "Osaka", "ap-northeast-3" },
	{ NULL, "Osaka-Local", "ap-northeast-3" },
	{ NULL, "Singapore", "ap-southeast-1" },
	{ NULL, "Sydney", "ap-southeast-2" },
	{ NULL, "Jakarta", "ap-southeast-3" },
	{ NULL, "Melbourne", "ap-southeast-4" },
	{ NULL, "Malaysia", "ap-southeast-5" },
	{ NULL, "New Zealand", "ap-southeast-6" },
	{ NULL, "Thailand", "ap-southeast-7" },
	{ NULL, "Mumbai", "ap-south-1" },
	{ NULL, "Hyderabad", "ap-south-2" },
	{ NULL, "Beijing", "cn-north-1" },
	{ NULL, "Ningxia", "cn-northwest-1" },
	{ NULL, "US-East", "us-gov-east-1" },
	{ NULL, "US-West", "us-gov-west-1" },
	{ "AWS GovCloud", "US", "us-gov-west-1" },
	{ NULL, "Germany", "eusc-de-east-1" },
};

struct str region_of_display(struct str text)
{
	ssize_t at = str_find_char(text, '(');
	struct str place;

	if (at >= 0 && str_ends(text, ")")) {
		place = str_sub(text, (size_t)at + 1, text.n - (size_t)at - 2);
	} else {
		at = str_find(text, STR(" - "));
		if (at < 0)
			return STR_NONE;
		place = str_sub(text, (size_t)at + 3, text.n - (size_t)at - 3);
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (str_is(place, places[i].place) &&
		    (!places[i].area || str_starts(text, places[i].area)))
			return str_from(places[i].code);
	return STR_NONE;
}

struct str alarm_partition(const struct alarm *a)
{
	struct arn arn;

	if (arn_cut(&arn, a->arn) && str_starts(arn.partition, "aws"))
		return arn.partition;
	return str_from(region_partition(a->region));
}

void alarm_complete(struct decoder *d, struct alarm *a, struct str display)
{
	struct arn arn;

	if (arn_cut(&arn, a->arn)) {
		if (region_looks(arn.region))
			a->region = arn.region;
		if (!a->account.p && account_looks(arn.account))
			a->account = arn.account;
	}
	if (!a->region.p && region_looks(display))
		a->region = display;
	/* An alarm can only act on a topic of its own region. */
	if (!a->region.p && arn_cut(&arn, d->in->topic) &&
	    region_looks(arn.region))
		a->region = arn.region;
	if (!a->region.p)
		a->region = region_of_display(display);
}

void alarm_derive_arn(struct decoder *d, struct alarm *a)
{
	if (a->arn.p || !a->region.p || !account_looks(a->account))
		return;
	a->arn = field_join(d->arena,
			    (struct str[]){ STR("arn:"), alarm_partition(a),
					    STR(":cloudwatch:"), a->region,
					    STR(":"), a->account,
					    STR(":alarm:"), a->name },
			    8);
}
