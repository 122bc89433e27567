/* Which policies are said to be never reached, and what finding it costs. */
#include <stdlib.h>
#include <time.h>

#include "doc/yaml.h"
#include "rule/set.h"
#include "tests/unit/rule/help.h"

static unsigned long seed = 20261122;

static unsigned chance(unsigned below)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned)(seed >> 33) % below;
}

/* Few enough that one often covers another. */
static void put_value(struct buf *b)
{
	static const char *const values[] = {
		"a",	 "ab",	       "abc",	    "\"a*\"",	   "\"ab*\"",
		"\"*\"", "\"a?\"",     "\"*b\"",    "\"a*c\"",	   "null",
		"b",	 "{re: \"a\"}", "{re: \"ab\"}", "{exists: true}",
		"{gt: 1}", "{gt: 2, lt: 9}", "\"\"", "{exists: false}",
	};
	unsigned n = chance(4) ? 1 : 1 + chance(3);

	buf_puts(b, n > 1 ? "[" : "");
	for (unsigned i = 0; i < n; i++) {
		buf_puts(b, i ? ", " : "");
		buf_puts(b, values[chance(18)]);
	}
	buf_puts(b, n > 1 ? "]" : "");
}

static void put_policy(struct buf *b, unsigned i)
{
	static const char *const fields[] = { "alarm", "tag.x", "threshold" };
	unsigned from = chance(3), n = chance(3) + (chance(8) != 0);

	buf_printf(b, "  - {id: p%u, match: {", i);
	for (unsigned k = 0; k < n && k < 3; k++) {
		buf_printf(b, "%s\"%s\": ", k ? ", " : "",
			   fields[(from + k) % 3]);
		put_value(b);
	}
	if (n && chance(8) == 0)
		buf_puts(b, ", not: {region: x}");
	buf_puts(b, "}}\n");
}

static struct ruleset *load(struct buf *text, struct faults *faults)
{
	const struct rule_source source = { .name = "a.yaml",
					    .text = buf_str(text) };
	struct ruleset *r;

	faults_init(faults);
	r = ruleset_load(&source, 1, faults, NULL);
	assert_non_null(r);
	assert_int_equal(faults->errors, 0);
	return r;
}

/* Each pair held against each other says the same. */
static void test_as_each_against_each(void **state)
{
	size_t shadowed = 0;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct buf b = BUF_INIT(1 << 16);
		struct faults faults;
		struct ruleset *r;
		size_t at = 0;

		buf_puts(&b, "version: 1\nteam: t\nowners: [a]\npolicies:\n");
		for (unsigned i = 0; i < 12; i++)
			put_policy(&b, i);
		buf_puts(&b, "  - {id: last, match: {}}\n");
		r = load(&b, &faults);
		for (size_t i = 0; i < r->policy_count; i++) {
			const struct policy *p = r->policies[i];
			size_t k = 0;
			char want[80];

			if (!p->file)
				continue;
			while (k < i && !match_covers(&r->policies[k]->match,
						      &p->match))
				k++;
			if (k == i)
				continue;
			snprintf(want, sizeof(want),
				 "`%s` is never reached: `%s` in",
				 p->id.p, r->policies[k]->id.p);
			while (at < faults.count &&
			       strcmp(faults.list[at].code, "shadowed-policy"))
				at++;
			assert_true(at < faults.count);
			assert_memory_equal(faults.list[at++].text, want,
					    strlen(want));
			shadowed++;
		}
		for (; at < faults.count; at++)
			assert_string_not_equal(faults.list[at].code,
						"shadowed-policy");
		faults_fini(&faults);
		ruleset_free(r);
		buf_fini(&b);
	}
	assert_true(shadowed > 500);
}

/* ---- what loading costs ---- */

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void put_lists(struct buf *b, int policies)
{
	buf_puts(b, "version: 1\nteam: t\nowners: [a]\npolicies:\n");
	for (int i = 0; i < policies; i++)
		buf_printf(b,
			   "  - {id: p%d, match: {alarm: [svc-%05d-cpu-high, "
			   "svc-%05d-mem-high, \"svc-%05d-disk-*\"]}}\n",
			   i, i, i, i);
	buf_puts(b, "  - {id: last, match: {}}\n");
}

/*
 * A file that holds as many as a file can, against reading its YAML alone in
 * the same moments: comparing each with each took ten times as long.
 */
static void test_load_is_no_square(void **state)
{
	struct buf b = BUF_INIT(1 << 20);
	double read = 1e9, whole = 1e9;

	(void)state;
	put_lists(&b, 5000);
	for (int i = 0; i < 5; i++) {
		struct arena *arena = arena_new(256 << 20);
		struct faults faults;
		double from = cpu_ms(), took;

		faults_init(&faults);
		assert_non_null(yaml_read_on(arena, buf_str(&b), "a", &faults));
		faults_fini(&faults);
		arena_free(arena);
		took = cpu_ms() - from;
		read = took < read ? took : read;
		from = cpu_ms();
		ruleset_free(load(&b, &faults));
		took = cpu_ms() - from;
		whole = took < whole ? took : whole;
		faults_fini(&faults);
	}
	buf_fini(&b);
	print_message("5,000 lists: %.1f ms, of them YAML %.1f\n", whole, read);
	assert_true(whole < 5 * read);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_each_against_each),
		cmocka_unit_test(test_load_is_no_square),
	};

	return cmocka_run_group_tests(tests, NULL, help_end);
}
