/* A file of rule tests from bytes: load it, then run it on fixed rules. */
#include "agent/ruletest/run.h"
#include "must.h"

static const char rules[] =
	"version: 1\n"
	"team: payments\n"
	"severity:\n"
	"  - {when: {alarm: \"*-SEV1*\"}, set: critical}\n"
	"  - {else: medium}\n"
	"windows:\n"
	"  patching: {every: \"Sun 02:00-05:00\", tz: UTC, owner: dba}\n"
	"policies:\n"
	"  - {id: slow, match: {alarm: \"slow*\"}, open_after: 3m}\n"
	"  - {id: flaps, match: {alarm: \"flap*\"}, flap: {transitions: 4, "
	"within: 30m, quiet_for: 20m}}\n"
	"  - {id: rest, match: {}, escalate: [{after: 15m, raise_to: P1}]}\n"
	"suppress:\n"
	"  - {id: held, match: {alarm: \"db*\"}, during: patching}\n"
	"  - {id: change, match: {severity: medium}, when_change: {state: "
	"[implement]}}\n";

static bool enough(void *arg)
{
	unsigned *asked = arg;

	return ++*asked > 2000;
}

static void run(const struct ruletest *file, const struct ruleset *set)
{
	struct arena *arena = arena_new(64 << 20);

	MUST(arena);
	for (size_t i = 0; i < file->count && i < 8; i++) {
		unsigned asked = 0;
		const struct ruletest_options options = { .stop = enough,
							  .arg = &asked };
		struct ruletest_result result;

		arena_reset(arena);
		MUST(ruletest_run(&result, &file->tests[i], set, &options,
				  arena) == 0);
		for (size_t k = 0; k < result.count; k++)
			MUST(result.misses[k].at && result.misses[k].field.n &&
			     result.misses[k].got.p);
	}
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ruleset *set;
	struct ruletest *file;
	struct faults faults;
	int rc;

	faults_init(&faults);
	if (!set) {
		const struct rule_source source = { .name = "fuzz.yaml",
						    .text = str_from(rules) };

		set = ruleset_load(&source, 1, &faults, NULL);
		MUST(set && !faults.errors);
	}
	/* A folder that isn't there: no sample is ever found. */
	rc = ruletest_load(&file, "/nonexistent/fuzz_test.yaml",
			   (struct str){ (const char *)data, size }, &faults);
	MUST(rc == 0 ? !faults.errors : faults.errors > 0);
	if (rc == 0) {
		run(file, set);
		ruletest_free(file);
	}
	faults_fini(&faults);
	return 0;
}
