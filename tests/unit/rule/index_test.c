/* The index finds what trying each policy and claim would. */
#include "rule/index.h"

#include "rule/required.h"
#include "rule/set.h"
#include "tests/unit/rule/help.h"

/* ---- what a pattern needs ---- */

static void gather(struct str piece, const struct ref *ref, void *arg)
{
	struct buf *out = arg;

	(void)ref;
	buf_puts(out, out->n ? " " : "");
	buf_put_str(out, piece);
}

static const char *pieces(struct pattern p)
{
	struct buf b = BUF_INIT(1 << 16);
	const char *s;

	required_each(&p, NULL, gather, &b);
	s = arena_cstr(help_arena(), buf_str(&b));
	buf_fini(&b);
	return s;
}

static void test_pieces_of_globs(void **state)
{
	(void)state;
	assert_string_equal(pieces(pattern_of(STR("pay-api"))), "pay-api");
	assert_string_equal(pieces(pattern_of(STR("pay-*"))), "pay-");
	assert_string_equal(pieces(pattern_of(STR("*-db-?x*cpu"))),
			    "-db- x cpu");
	assert_string_equal(pieces(pattern_of(STR("*"))), "");
}

static void test_pieces_of_regexes(void **state)
{
	static const struct {
		const char *regex, *want;
	} cases[] = {
		{ "^pay-batch-[0-9]+$", "pay-batch-" },
		{ "ab?c", "a c" },
		{ "ab*c", "a c" },
		{ "ab+c", "ab c" },
		{ "ab{0,3}c", "a c" },
		{ "ab{", "a" },
		{ "ab??cd", "a cd" },
		{ "a|b", "" },
		{ "(a|b)cd", "cd" },
		{ "(?:a|b)cd", "cd" },
		{ "(ab)?cd", "cd" },
		{ "(a(b|[)])c)*de", "de" },
		{ "[]a]bc", "bc" },
		{ "[^]a]bc", "bc" },
		{ "[[:alpha:]]bc[\\]x]de", "bc de" },
		{ "a\\.b", "a b" },
		{ "a\\|b", "a b" },
		{ "x\\dab", "x ab" },
		{ "(?i)abc", "" },
		{ "a(?i)bc", "" },
		{ "a(?:(?i)b)c", "" },
		{ "(*ACCEPT)ab", "" },
		{ "(a(*ACCEPT))bc", "" },
		{ "a\\Qb.c\\E", "" },
		{ "a\\x41b", "" },
		{ "(a)\\1bc", "" },
		{ "a\xc3\xa9?bc", "a bc" },
		{ "(?=ab)cd", "" },
		{ "ab", "ab" },
		{ "", "" },
		{ "a[", "a" },
		{ "a(b", "a" },
		{ "a\\", "a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct pattern p = { .kind = PATTERN_REGEX,
				     .text = str_from(cases[i].regex) };

		if (strcmp(pieces(p), cases[i].want))
			fail_msg("%s: %s, not %s", cases[i].regex, pieces(p),
				 cases[i].want);
	}
}

/* ---- by chance: many rules, many alarms ---- */

static unsigned long seed = 20261122;

static unsigned chance(unsigned below)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned)(seed >> 33) % below;
}

static void put_word(struct buf *b)
{
	static const char *const words[] = { "pay", "db",  "cpu", "api",
					     "p99", "eu",  "x",   "queue-deep",
					     "",    "1234" };

	buf_puts(b, words[chance(10)]);
}

/* Names and patterns are of the same few words, so that they often meet. */
static void put_name(struct buf *b)
{
	unsigned n = 1 + chance(4);

	for (unsigned i = 0; i < n; i++) {
		buf_puts(b, i ? "-" : "");
		put_word(b);
	}
}

static void put_glob(struct buf *b)
{
	static const char *const wild[] = { "*", "?", "", "*" };

	buf_puts(b, "\"");
	buf_puts(b, wild[chance(4)]);
	put_name(b);
	buf_puts(b, wild[chance(4)]);
	if (chance(2)) {
		put_name(b);
		buf_puts(b, wild[chance(4)]);
	}
	buf_puts(b, "\"");
}

static void put_regex(struct buf *b)
{
	static const char *const tails[] = { "",	"[0-9]+", "(a|b)?", "?",
					     "*",	"+",	  "|cpu",   ".*",
					     "{0,2}",	"\\\\d",  "(?:pi)*",
					     "$",	"(?i)P" };

	buf_puts(b, "{re: \"");
	buf_puts(b, chance(2) ? "^" : "");
	put_name(b);
	buf_puts(b, "a");	/* something to quantify */
	buf_puts(b, tails[chance(13)]);
	put_name(b);
	buf_puts(b, tails[chance(2) * 11]);
	buf_puts(b, "\"}");
}

static void put_value(struct buf *b)
{
	switch (chance(5)) {
	case 0:
		put_regex(b);
		break;
	case 1:
		buf_puts(b, "[");
		for (unsigned i = 1 + chance(4); i-- > 0;) {
			put_glob(b);
			buf_puts(b, i ? ", " : "");
		}
		buf_puts(b, "]");
		break;
	case 2:
		buf_puts(b, chance(2) ? "{exists: true}" : "null");
		break;
	default:
		put_glob(b);
	}
}

static void put_match(struct buf *b, unsigned depth)
{
	static const char *const fields[] = { "alarm", "tag.service",
					      "payload:/x", "namespace" };
	unsigned from = chance(4);

	buf_puts(b, "{");
	for (unsigned i = 0; i < 1 + chance(2); i++) {
		buf_printf(b, "%s\"%s\": ", i ? ", " : "",
			   fields[(from + i) % 4]);
		put_value(b);
	}
	if (depth < 2 && chance(3) == 0) {
		buf_puts(b, ", any: [");
		put_match(b, depth + 1);
		buf_puts(b, ", ");
		put_match(b, depth + 1);
		buf_puts(b, "]");
	}
	if (depth < 2 && chance(4) == 0) {
		buf_puts(b, ", not: ");
		put_match(b, depth + 1);
	}
	buf_puts(b, "}");
}

static struct ruleset *random_rules(unsigned policies)
{
	struct buf b = BUF_INIT(1 << 20);
	struct ruleset *r;

	buf_puts(&b, "version: 1\nteam: t\npolicies:\n");
	for (unsigned i = 0; i < policies; i++) {
		buf_printf(&b, "  - {id: p%u, match: ", i);
		put_match(&b, 0);
		buf_puts(&b, "}\n");
	}
	buf_puts(&b, "  - {id: last, match: {}}\n");
	r = help_one(buf_str(&b).p);
	buf_fini(&b);
	return r;
}

struct scene {
	struct alarm alarm;
	struct alarm_pair tag;
	struct buf name, service;
};

static void make_alarm(struct scene *s)
{
	s->alarm = help_alarm();
	buf_reset(&s->name);
	buf_reset(&s->service);
	put_name(&s->name);
	put_name(&s->service);
	s->alarm.name = buf_str(&s->name);
	s->tag = (struct alarm_pair){ STR("service"), buf_str(&s->service) };
	s->alarm.tags = &s->tag;
	s->alarm.tag_count = chance(4) != 0;
}

static struct run run_for(const struct ruleset *r, const struct alarm *a,
			  struct facts *facts)
{
	*facts = (struct facts){
		.alarm = a,
		.arena = help_arena(),
		.slots = arena_array(help_arena(), r->slots + 1,
				     sizeof(*facts->slots)),
	};
	return (struct run){ .facts = facts,
			     .pool = (struct regex_pool *)&r->pool };
}

static void test_as_one_by_one(void **state)
{
	struct scene s = { .name = BUF_INIT(1000), .service = BUF_INIT(1000) };
	size_t indexed = 0, hits = 0;

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		struct ruleset *r = random_rules(30 + chance(200));
		const struct rule_file *f = &r->files[0];

		indexed += f->index.count > 0;
		for (unsigned i = 0; i < 100; i++) {
			struct facts facts;
			struct run run;
			size_t want = 0;

			make_alarm(&s);
			run = run_for(r, &s.alarm, &facts);
			while (!match_run(&f->policies[want].match, &run))
				want++;
			run_fini(&run);
			hits += want + 1 < f->policy_count;
			assert_string_equal(
				arena_cstr(help_arena(),
					   help_decide(r, &s.alarm, NULL, NULL)
						   .policy),
				f->policies[want].id.p);
		}
		ruleset_free(r);
	}
	buf_fini(&s.name);
	buf_fini(&s.service);
	/* Else nothing was proven. */
	assert_true(indexed > 20);
	assert_true(hits > 2000);
}

static void test_few_have_none(void **state)
{
	struct ruleset *r = random_rules(5);

	(void)state;
	assert_int_equal(r->files[0].index.count, 0);
	ruleset_free(r);
}

/* Claims are found by the index, and by their weight. */
static void test_claims(void **state)
{
	struct buf a = BUF_INIT(1 << 16), b = BUF_INIT(1 << 16);
	const char *files[] = { "a.yaml", NULL, "b.yaml", NULL, NULL };
	struct alarm alarm = help_alarm();
	struct ruleset *r;

	(void)state;
	buf_puts(&a, "version: 1\nteam: a\nclaims:\n");
	buf_puts(&b, "version: 1\nteam: b\nclaims:\n");
	for (int i = 0; i < 30; i++) {
		buf_printf(&a, "  - {alarm: \"svc-%d-*\"}\n", i);
		buf_printf(&b, "  - {tag.team: \"payments-%d\"}\n", i);
	}
	files[1] = buf_str(&a).p;
	files[3] = buf_str(&b).p;
	r = help_load(files);
	assert_int_equal(r->claims.count, 60);
	alarm.name = STR("svc-17-cpu");
	assert_str(help_decide(r, &alarm, NULL, NULL).team, "a");
	assert_int_equal(ruleset_claim_ties(r), 0);
	alarm.tags = &(struct alarm_pair){ STR("team"), STR("payments-9") };
	alarm.tag_count = 1;
	assert_str(help_decide(r, &alarm, NULL, NULL).team, "b");
	assert_int_equal(ruleset_claim_ties(r), 1);
	alarm.name = STR("other");
	assert_str(help_decide(r, &alarm, NULL, NULL).team, "b");
	alarm.tag_count = 0;
	assert_true(help_decide(r, &alarm, NULL, NULL).catch_all);
	ruleset_free(r);
	buf_fini(&a);
	buf_fini(&b);
}

/* ---- what it costs doesn't grow with the rules ---- */

#define MANY 1000

static struct ruleset *many_rules(const char *form)
{
	struct buf b = BUF_INIT(1 << 20);
	struct ruleset *r;

	buf_puts(&b, "version: 1\nteam: t\npolicies:\n");
	for (int i = 0; i < MANY; i++) {
		buf_printf(&b, "  - {id: p%d, match: {alarm: ", i);
		for (const char *c = form; *c; c++)
			if (*c == '#')
				buf_printf(&b, "%05d", i);
			else
				buf_putc(&b, *c);
		buf_puts(&b, "}}\n");
	}
	buf_puts(&b, "  - {id: last, match: {}}\n");
	r = help_one(buf_str(&b).p);
	buf_fini(&b);
	return r;
}

static const char *const forms[] = {
	"\"svc-#-*\"",
	"\"svc-#-*-high\"",
	"[svc-#-cpu-high, \"svc-#-disk-*\"]",
	"{re: \"^svc-#-[a-z]+-(high|low)$\"}",
	"\"*-#-*\"",
};
#define FORMS (sizeof(forms) / sizeof(*forms))

/* Names that count up share most of their pieces' bytes: their hashes must not
 * share the slots. */
static void test_slots_stand_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < FORMS; i++) {
		struct ruleset *r = many_rules(forms[i]);
		const struct index *x = &r->files[0].index;
		uint64_t steps = 0, used = 0;

		for (uint64_t k = 0; k <= x->slot_mask; k++) {
			if (!x->slots[k].count)
				continue;
			used++;
			steps += (k - x->slots[k].hash) & x->slot_mask;
		}
		if (used < MANY || steps > used)
			fail_msg("%s: %d pieces stand %d slots too far",
				 forms[i], (int)used, (int)steps);
		ruleset_free(r);
	}
}

/* Wherever they lie in memory: what a process of an agent does, the next one
 * does again. */
static void test_the_same_pieces_each_time(void **state)
{
	struct ruleset *one = many_rules(forms[4]);
	struct ruleset *other = many_rules(forms[4]);
	const struct index *x = &one->files[0].index;
	const struct index *y = &other->files[0].index;

	(void)state;
	assert_int_equal(x->slot_mask, y->slot_mask);
	for (uint64_t k = 0; k <= x->slot_mask; k++)
		assert_int_equal(x->slots[k].hash, y->slots[k].hash);
	ruleset_free(one);
	ruleset_free(other);
}

/* Of a thousand only those that may hold are tried. */
static void test_few_are_tried(void **state)
{
	struct alarm alarm = help_alarm();

	(void)state;
	alarm.name = STR("svc-00417-cpu-high");
	for (size_t i = 0; i < FORMS; i++) {
		struct ruleset *r = many_rules(forms[i]);
		struct facts facts;
		struct run run = run_for(r, &alarm, &facts);
		struct marks marks;

		assert_true(index_mark(&marks, &r->files[0].index, &run));
		assert_null(marks.bits);
		assert_int_equal(marks.count, 2);
		assert_int_equal(marks.few[0], 417);
		assert_int_equal(marks.few[1], MANY);
		run_fini(&run);
		ruleset_free(r);
	}
}

/* A value that holds the pieces of hundreds finds all of them, in order, and
 * hardly any other: counts of pieces may be mixed up, and a less rare one be
 * chosen. */
static void test_many_are_found(void **state)
{
	struct ruleset *r = many_rules("\"*-#-*\"");
	const struct index *x = &r->files[0].index;
	struct alarm alarm = help_alarm();
	struct buf name = BUF_INIT(1 << 16);
	struct facts facts;
	struct marks marks;
	struct run run;
	size_t at = 0, wanted = 0, others = 0;

	(void)state;
	for (int i = 0; i < MANY; i += 3)
		buf_printf(&name, "-%05d-", i);
	alarm.name = buf_str(&name);
	run = run_for(r, &alarm, &facts);
	assert_true(index_mark(&marks, x, &run));
	assert_non_null(marks.bits);
	for (; (at = index_next(x, &marks, at)) < MANY; at++) {
		if (at % 3)
			others++;
		else
			assert_int_equal(at, 3 * wanted++);
	}
	assert_int_equal(at, MANY);
	assert_int_equal(wanted, MANY / 3 + 1);
	assert_in_range(others, 0, 1);
	assert_int_equal(index_first(x, &run), 0);
	run_fini(&run);
	ruleset_free(r);
	buf_fini(&name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots_stand_apart),
		cmocka_unit_test(test_the_same_pieces_each_time),
		cmocka_unit_test(test_few_are_tried),
		cmocka_unit_test(test_many_are_found),
		cmocka_unit_test(test_pieces_of_globs),
		cmocka_unit_test(test_pieces_of_regexes),
		cmocka_unit_test(test_as_one_by_one),
		cmocka_unit_test(test_few_have_none),
		cmocka_unit_test(test_claims),
	};

	return cmocka_run_group_tests(tests, NULL, help_end);
}
