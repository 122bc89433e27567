#include <stdint.h>
#include <stdlib.h>

#include "aws/call.h"
#include "aws/cloudwatch.h"
#include "doc/json.h"

/*
 * CloudWatch's and STS's answers: whatever comes, what is read of it lies
 * within bounds, and no answer that can't be read looks like an empty list.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static int each(const struct cw_alarm *a, void *arg)
{
	struct cw_arn arn;

	check(a->name.n && a->arn.n && a->state.n && a->json);
	check(a->changed_ms >= 0);
	if (cloudwatch_arn_read(&arn, a->arn))
		check(arn.region.n && arn.account.n == 12 && arn.name.n);
	for (size_t i = 0; i < json_count(a->on_alarm); i++)
		json_str(json_item(a->on_alarm, i));
	return ++*(int *)arg > 1000 ? -1 : 0;
}

static int each_contributor(const struct cw_contributor *c, void *arg)
{
	check(c->id.n && c->id.n <= CLOUDWATCH_ID_MAX && c->json);
	check(c->changed_ms >= 0);
	check(!c->attributes || json_is(c->attributes, JSON_OBJECT));
	return ++*(int *)arg > 1000 ? -1 : 0;
}

static void use(const struct json *v)
{
	struct arena *arena = arena_new(1 << 20);
	const struct cw_tag *tags;
	struct str next;
	struct err err;
	int n = 0, count;

	check(arena != NULL);
	if (cloudwatch_page_read(&next, v, each, &n, &err) == 0)
		check(json_get(v, "MetricAlarms") ||
		      json_get(v, "CompositeAlarms") ||
		      json_get(v, "LogAlarms"));
	if (cloudwatch_contributors_read(&next, v, each_contributor, &n,
					 &err) == 0)
		check(json_is(json_get(v, "AlarmContributors"), JSON_ARRAY));
	count = cloudwatch_tags_read(&tags, v, arena);
	check(count <= CLOUDWATCH_TAGS_MAX);
	for (int i = 0; i < count; i++)
		check(tags[i].key.n && tags[i].value.p);
	check(cloudwatch_muted_read(v) <= 1);
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct buf account = BUF_INIT(64);
	struct json *v;

	aws_xml_text(&account, text, "Account");
	check(account.n <= 64);
	buf_fini(&account);
	if (json_parse(&v, text, 0, NULL))
		return 0;
	use(v);
	json_free(v);
	return 0;
}
