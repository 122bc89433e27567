/*
 * A rule file from bytes: load it, then let it decide a fixed alarm. The same
 * bytes are a silence's match.
 */
#include <stdlib.h>

#include "doc/json.h"
#include "rule/silence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum ci_answer find_ci(struct ci *out, struct arena *arena,
			      struct str field, struct str value, void *arg)
{
	(void)arg;
	*out = (struct ci){ .id = arena_str(arena, field), .name = value };
	return (enum ci_answer)(value.n % 4);
}

static enum ci_answer find_change(struct rule_change *out, struct arena *arena,
				  struct str ci_id, const struct str *states,
				  size_t count, void *arg)
{
	(void)arg;
	*out = (struct rule_change){ arena_str(arena, ci_id),
				     count ? states[0] : STR_NONE, STR("x") };
	return (enum ci_answer)((ci_id.n + count) % 4);
}

static int find_open(struct str *out, struct arena *arena, struct str policy,
		     const struct field *same, size_t count, void *arg)
{
	(void)arg;
	*out = arena_str(arena, count ? same[count - 1].value : policy);
	return (int)(policy.n % 3) - 1;
}

#define NOW 1795255200000

static void check_times(const struct verdict *v)
{
	if (v->hold.kind != HOLD_NONE &&
	    (v->hold.until_ms <= NOW || !v->hold.id.n || !v->hold.where.n))
		abort();
	if ((v->open_after_ms && v->open_when.count) ||
	    v->open_when.count > COUNT_WITHIN_MAX ||
	    v->flap.count > COUNT_WITHIN_MAX ||
	    (v->flap.count && v->flap_quiet_ms <= 0) ||
	    (v->group_within_ms && !str_starts(v->dedup_key, "group/")) ||
	    v->escalate_count > ESCALATIONS_MAX ||
	    (v->limit.count && v->priority == 1))
		abort();
	for (size_t i = 0; i < v->escalate_count; i++)
		if (v->escalate[i].after_ms <= 0 ||
		    v->escalate[i].raise_to < 0 ||
		    v->escalate[i].raise_to > 4 ||
		    (i &&
		     v->escalate[i].after_ms < v->escalate[i - 1].after_ms))
			abort();
}

static void check_windows(const struct ruleset *r, int64_t now_ms)
{
	struct rule_window w;

	for (size_t i = 0; i < ruleset_windows(r); i++) {
		ruleset_window(r, i, now_ms, &w);
		if (w.begins_ms && w.begins_ms >= w.ends_ms)
			abort();
		if (w.inside != (w.begins_ms && w.begins_ms <= now_ms &&
				 now_ms < w.ends_ms))
			abort();
	}
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

static void decide(const struct ruleset *r, const struct json *payload,
		   const struct silences *silences)
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
	const struct hold_source holds = { .change = find_change,
					   .open = find_open,
					   .silences = silences };
	struct decision_input in = {
		.alarm = &a, .cis = &cis, .holds = &holds, .now_ms = NOW
	};
	struct verdict v, again;

	if (ruleset_decide(&v, r, &in, arena))
		abort();
	check(&v);
	check_times(&v);
	in.trace = &trace;
	if (ruleset_decide(&again, r, &in, arena) ||
	    !str_eq(v.policy, again.policy) ||
	    !str_eq(v.dedup_key, again.dedup_key) ||
	    v.hold.kind != again.hold.kind ||
	    v.hold.until_ms != again.hold.until_ms)
		abort();
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char platform[] =
		"version: 1\nteam: p\nblocks: {a: {severity: high}}\n"
		"platform: true\nguards: [{id: g, match: {env: x},"
		" max_priority: P3}, {id: w, match: {namespace: \"AWS/*\"},"
		" max_window: 4h}, {id: f, match: {priority: P1}, forbid:"
		" suppress}]\nlimits: {open_per_team: 40, within: 10m}\n";
	const struct rule_source sources[] = {
		{ .name = "20-fuzz.yaml",
		  .text = { (const char *)data, size } },
		{ .name = "00-platform.yaml" },
		{ .name = "10-pay.yaml",
		  .text = STR("version: 1\nteam: q\nclaims: [{alarm: "
			      "\"pay-*\", account: [\"1*\", \"2\"]}]\n") },
	};
	struct rule_source all[3];
	struct json *payload = NULL;
	struct faults faults;
	const struct silence silence = {
		.id = STR("s0123456789abc"),
		.match = { (const char *)data, size },
		.begins_ms = NOW - 1,
		.ends_ms = NOW + 1,
	};
	struct silences *silences = silences_new(&silence, 1);

	if (!silences)
		abort();
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
		decide(r, payload, silences);
		check_windows(r, NOW);
		check_windows(r, 1793505600000); /* the day clocks change */
		ruleset_free(r);
		faults_fini(&faults);
	}
	json_free(payload);
	silences_free(silences);
	return 0;
}
