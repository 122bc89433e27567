/* A rule file from bytes: load it, then let it decide a fixed alarm. */
#include <stdlib.h>

#include "doc/json.h"
#include "rule/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum ci_answer find_ci(struct ci *out, struct arena *arena,
			      struct str field, struct str value, void *arg)
{
	(void)arg;
	*out = (struct ci){ .id = arena_str(arena, field), .name = value };
	return (enum ci_answer)(value.n % 4);
}

static void check(const struct verdict *v)
{
	/* What every incident needs, whatever the rules say. */
	if (v->priority < 1 || v->priority > 4 || !v->severity ||
	    !v->dedup_key.n || v->dedup_key.n > 2000 ||
	    !v->short_description.n || !v->description.n || !v->policy.n ||
	    !v->where.n || !v->category.n || !v->assignment_group.n)
		abort();
}

static void decide(const struct ruleset *r, const struct json *payload)
{
	static const struct alarm_pair pairs[] = {
		{ STR("service"), STR("pay") },
		{ STR("x"), STR("") },
	};
	const struct alarm a = {
		.source = "cloudwatch",
		.kind = "metric-alarm",
		.state = ALARM_FIRING,
		.previous_state = ALARM_OK,
		.account = STR("111122223333"),
		.region = STR("us-east-1"),
		.name = STR("pay-db-cpu"),
		.namespace = STR("AWS/RDS"),
		.reason = STR("${alarm} %n \xff\xe2\x80\xae aaaaaaaaaaaaaaaaa"),
		.time_ms = 1795255200000,
		.has_threshold = true,
		.threshold = 95,
		.dims = pairs,
		.dim_count = 2,
		.tags = pairs,
		.tag_count = 2,
		.payload = payload,
	};
	const struct ci_source cis = { find_ci, NULL };
	struct arena *arena = arena_new(256 << 20);
	struct trace trace = { .arena = arena };
	struct decision_input in = { .alarm = &a, .cis = &cis };
	struct verdict v, again;

	if (ruleset_decide(&v, r, &in, arena))
		abort();
	check(&v);
	in.trace = &trace;
	if (ruleset_decide(&again, r, &in, arena) ||
	    !str_eq(v.policy, again.policy) ||
	    !str_eq(v.dedup_key, again.dedup_key))
		abort();
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char platform[] =
		"version: 1\nteam: p\nblocks: {a: {severity: high}}\n"
		"platform: true\nguards: [{id: g, match: {env: x},"
		" max_priority: P3}]\n";
	const struct rule_source sources[] = {
		{ "20-fuzz.yaml", { (const char *)data, size }, NULL },
		{ "00-platform.yaml", STR_NONE, NULL },
		{ "10-pay.yaml",
		  STR("version: 1\nteam: q\nclaims: [{alarm: "
		      "\"pay-*\", account: [\"1*\", \"2\"]}]\n"),
		  NULL },
	};
	struct rule_source all[3];
	struct json *payload = NULL;
	struct faults faults;

	memcpy(all, sources, sizeof(all));
	all[1].text = str_from(platform);
	if (json_parse(&payload, STR("{\"a\":{\"b\":[1,null,\"x\"]}}"), 0,
		       NULL))
		abort();
	for (size_t n = 1; n <= 3; n += 2) {
		struct ruleset *r;

		faults_init(&faults);
		r = ruleset_load(all, n, &faults, NULL);
		if (!r)
			abort();
		decide(r, payload);
		ruleset_free(r);
		faults_fini(&faults);
	}
	json_free(payload);
	return 0;
}
