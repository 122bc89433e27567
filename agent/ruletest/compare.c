/* What was expected against what happened. */
#include "agent/ruletest/compare.h"

#include <errno.h>
#include <stdlib.h>

#include "base/encode.h"
#include "doc/json.h"

#define SHOWN 400 /* characters of a value */

static struct str priority_word(int p)
{
	static const char *const words[] = { "P1", "P2", "P3", "P4" };

	return p >= 1 && p <= 4 ? str_from(words[p - 1]) : STR_NONE;
}

/* ---- which rule decided a field ---- */

static const struct trace_step *last_step(const struct test_run *run,
					  const char *rule)
{
	for (size_t i = run->trace.count; i-- > 0;)
		if (run->trace.steps[i].matched &&
		    str_starts(run->trace.steps[i].rule, rule))
			return &run->trace.steps[i];
	return NULL;
}

/* A policy's own severity stands above what the rows said. */
static bool row_stands(const struct test_run *run, const struct trace_step *s)
{
	struct str set = STR("sets \""), word;
	ssize_t at = str_find(s->because, set), end;

	if (at < 0)
		return true;
	word = str_sub(s->because, (size_t)at + set.n,
		       s->because.n - (size_t)at - set.n);
	end = str_find_char(word, '"');
	word.n = end < 0 ? word.n : (size_t)end;
	return severity_of(word) == run->last.verdict.severity;
}

static const struct trace_step *step_for(const struct test_run *run,
					 struct str field)
{
	const struct trace_step *s = NULL;

	if (str_ends(field, "severity")) {
		s = last_step(run, "severity");
		return s && row_stands(run, s) ? s : NULL;
	}
	if (str_ends(field, "priority")) {
		s = last_step(run, "guard");
		return s && str_find(s->because, STR("becomes")) >= 0 ? s
								      : NULL;
	}
	if (str_ends(field, "ci_id"))
		return last_step(run, "ci");
	if (str_ends(field, "env"))
		return last_step(run, "env");
	if (str_ends(field, ".team") || str_ends(field, ".file") ||
	    str_ends(field, "catch_all"))
		return last_step(run, "claim");
	return NULL;
}

static void name_rule(const struct test_run *run, struct ruletest_miss *miss)
{
	const struct verdict *v = &run->last.verdict;
	const struct trace_step *s = step_for(run, miss->field);

	if (!run->subject.p)
		return;
	if (s) {
		miss->rule = s->rule;
		miss->where = s->where;
	} else if (str_is(miss->field, "suppressed_by") &&
		   v->hold.kind != HOLD_NONE) {
		miss->rule = arena_printf(run->arena, "suppress %.*s",
					  STR_ARG(v->hold.id));
		miss->where = v->hold.where;
	} else {
		miss->rule = arena_printf(run->arena, "policy %.*s",
					  STR_ARG(v->policy));
		miss->where = v->where;
	}
}

/* ---- misses ---- */

static void add_miss(struct test_run *run, const struct test_moment *m,
		     const struct yaml *at, struct str field,
		     struct str expected, struct str got)
{
	struct ruletest_result *out = run->out;
	size_t n = out->count;

	/* Room for a power of two. */
	if ((n & (n - 1)) == 0) {
		struct ruletest_miss *list =
			arena_array(run->arena, n ? 2 * n : 1, sizeof(*list));

		if (!list)
			return;
		if (n)
			memcpy(list, out->misses, n * sizeof(*list));
		out->misses = list;
	}
	out->misses[n] = (struct ruletest_miss){
		.at = at,
		.when = m->label,
		.field = arena_str(run->arena, field),
		.expected = expected,
		.got = got,
	};
	name_rule(run, &out->misses[n]);
	out->count++;
}

/* A value fit for a line. */
static struct str show(const struct test_run *run, struct str s)
{
	struct buf b = BUF_INIT(4 * SHOWN + 16);
	struct str shown;

	if (!s.p)
		return STR("nothing");
	if (!s.n)
		return STR("\"\"");
	utf8_put_safe(&b, s, SHOWN);
	shown = arena_str(run->arena, buf_str(&b));
	buf_fini(&b);
	return shown;
}

/* `contains` and `glob`, or the value itself; null: there is none. */
static bool holds(const struct yaml *v, struct str got)
{
	if (v->type == YAML_NULL)
		return !got.n;
	if (v->type == YAML_SCALAR)
		return got.p ? str_eq(v->text, got) : !v->text.n;
	if (str_is(v->child->key, "glob"))
		return got.p && str_glob(v->child->text, got);
	return got.p && str_find(got, v->child->text) >= 0;
}

static struct str show_expected(const struct test_run *run,
				const struct yaml *v)
{
	if (v->type == YAML_NULL)
		return STR("nothing");
	if (v->type == YAML_SCALAR)
		return show(run, v->text);
	return arena_printf(run->arena, "%.*s \"%.*s\"", STR_ARG(v->child->key),
			    STR_ARG(show(run, v->child->text)));
}

static void compare_value(struct test_run *run, const struct test_moment *m,
			  struct str field, const struct yaml *v,
			  struct str got)
{
	if (!holds(v, got))
		add_miss(run, m, v, field, show_expected(run, v),
			 show(run, got));
}

static struct str count_word(const struct test_run *run, size_t n)
{
	return arena_printf(run->arena, "%zu", n);
}

/* ---- decided_by ---- */

static struct str decided_field(const struct test_run *run, struct str name)
{
	const struct verdict *v = &run->last.verdict;

	if (!run->subject.p)
		return STR_NONE;
	if (str_is(name, "policy"))
		return v->policy;
	if (str_is(name, "team"))
		return v->team;
	if (str_is(name, "file"))
		return v->file;
	if (str_is(name, "severity"))
		return str_from(severity_name(v->severity));
	if (str_is(name, "priority"))
		return priority_word(v->priority);
	if (str_is(name, "env"))
		return v->env;
	if (str_is(name, "dedup_key"))
		return v->dedup_key;
	if (str_is(name, "ci_id"))
		return v->ci_id;
	return v->catch_all ? STR("true") : STR("false");
}

static void compare_decided(struct test_run *run, const struct test_moment *m,
			    const struct yaml *v)
{
	for (const struct yaml *e = v->child; e; e = e->next)
		compare_value(run, m,
			      arena_printf(run->arena, "decided_by.%.*s",
					   STR_ARG(e->key)),
			      e, decided_field(run, e->key));
}

/* ---- actions and notes ---- */

static struct str list_actions(const struct test_run *run)
{
	struct buf b = BUF_INIT(1 << 16);
	struct str s;

	buf_putc(&b, '[');
	for (size_t i = 0; i < memory_actions(run->memory); i++)
		buf_printf(&b, "%s%s", i ? ", " : "",
			   action_name(memory_action(run->memory, i)->action));
	buf_putc(&b, ']');
	s = arena_str(run->arena, buf_str(&b));
	buf_fini(&b);
	return s;
}

static struct str list_words(const struct test_run *run, const struct yaml *v)
{
	struct buf b = BUF_INIT(1 << 16);
	struct str s;

	buf_putc(&b, '[');
	for (const struct yaml *e = v->child; e; e = e->next)
		buf_printf(&b, "%s%.*s", e == v->child ? "" : ", ",
			   STR_ARG(e->text));
	buf_putc(&b, ']');
	s = arena_str(run->arena, buf_str(&b));
	buf_fini(&b);
	return s;
}

static void compare_actions(struct test_run *run, const struct test_moment *m,
			    const struct yaml *v)
{
	struct str expected = list_words(run, v), got = list_actions(run);

	if (!str_eq(expected, got))
		add_miss(run, m, v, v->key, expected, got);
}

/* Of one incident, or of all (0); *last: the newest one's text. */
static size_t count_notes(const struct test_run *run, int64_t incident,
			  struct str *last)
{
	size_t n = 0;

	for (size_t i = 0; i < memory_actions(run->memory); i++) {
		const struct memory_action *a = memory_action(run->memory, i);

		if (a->action != ACTION_NOTE ||
		    (incident && a->incident != incident))
			continue;
		*last = a->text;
		n++;
	}
	return n;
}

static void compare_count(struct test_run *run, const struct test_moment *m,
			  const struct yaml *v, size_t got)
{
	int64_t n = -1;

	(void)yaml_int(&n, v);
	if (n != (int64_t)got)
		add_miss(run, m, v, v->key, show(run, v->text),
			 count_word(run, got));
}

/* ---- suppressed_by ---- */

static struct str held_by(const struct test_run *run)
{
	struct str id = STR_NONE;

	if (run->subject.p)
		id = memory_held_by(run->memory, run->subject);
	for (size_t i = memory_incidents(run->memory); !id.n && i-- > 0;) {
		const struct incident *in = memory_incident(run->memory, i);

		if (in->state == INCIDENT_OPEN &&
		    in->held_ms > memory_now(run->memory))
			id = in->held_by;
	}
	return id.n ? id : STR_NONE;
}

/* ---- incidents ---- */

/* Its text without the lines by which tocsin finds it again. */
static struct str own_text(struct str s)
{
	static const char *const tails[] = { "\ntocsin-event:",
					     "\ntocsin-ref:" };

	for (size_t i = 0; i < 2; i++) {
		ssize_t at = str_find(s, str_from(tails[i]));

		if (at >= 0)
			s.n = (size_t)at;
	}
	return str_trim(s);
}

static struct str created_field(const struct test_run *run, size_t i,
				struct str name)
{
	struct json *root = NULL;
	struct str s = STR_NONE;
	char *key = arena_cstr(run->arena, name);

	if (key && json_parse(&root, memory_incident_fields(run->memory, i), 0,
			      NULL) == 0) {
		s = json_text(json_get(root, key), run->arena);
		if (s.p)
			s = arena_str(run->arena, s);
	}
	json_free(root);
	return str_is(name, "description") && s.p ? own_text(s) : s;
}

static struct str incident_field(const struct test_run *run, size_t i,
				 struct str name)
{
	const struct incident *in = memory_incident(run->memory, i);
	struct str ignored;

	if (str_is(name, "priority"))
		return priority_word(in->priority);
	if (str_is(name, "severity"))
		return str_from(severity_name(in->severity));
	if (str_is(name, "state"))
		return str_from(test_states[in->state - INCIDENT_OPEN]);
	if (str_is(name, "policy"))
		return in->policy;
	if (str_is(name, "team"))
		return in->team;
	if (str_is(name, "dedup_key"))
		return in->key;
	if (str_is(name, "notes"))
		return count_word(run, count_notes(run, in->id, &ignored));
	return created_field(run, i, name);
}

static void compare_fields(struct test_run *run, const struct test_moment *m,
			   struct str prefix, const struct yaml *v, size_t i)
{
	for (const struct yaml *e = v->child; e; e = e->next)
		compare_value(run, m,
			      arena_printf(run->arena, "%.*s.%.*s",
					   STR_ARG(prefix), STR_ARG(e->key)),
			      e, incident_field(run, i, e->key));
}

static size_t given(const struct test_run *run)
{
	return run->test->given.incident_count;
}

/* The one opened last; else the given one that something was done to. */
static bool newest(const struct test_run *run, size_t *out)
{
	size_t n = memory_incidents(run->memory);

	if (n > given(run)) {
		*out = n - 1;
		return true;
	}
	for (size_t i = memory_actions(run->memory); i-- > 0;)
		for (size_t k = 0; k < n; k++)
			if (memory_incident(run->memory, k)->id ==
			    memory_action(run->memory, i)->incident) {
				*out = k;
				return true;
			}
	return false;
}

static struct str show_incident(const struct test_run *run, size_t i)
{
	const struct incident *in = memory_incident(run->memory, i);

	return arena_printf(run->arena, "P%d \"%.*s\"", in->priority,
			    STR_ARG(show(run, in->short_description)));
}

static void compare_incident(struct test_run *run, const struct test_moment *m,
			     const struct yaml *v)
{
	size_t i;

	if (!newest(run, &i)) {
		if (v->type != YAML_NULL)
			add_miss(run, m, v, v->key, STR("an incident"),
				 STR("nothing"));
	} else if (v->type == YAML_NULL) {
		add_miss(run, m, v, v->key, STR("nothing"),
			 show_incident(run, i));
	} else {
		compare_fields(run, m, v->key, v, i);
	}
}

static void compare_incidents(struct test_run *run, const struct test_moment *m,
			      const struct yaml *v)
{
	size_t n = memory_incidents(run->memory) - given(run), i = 0;

	if (v->type != YAML_LIST) {
		compare_count(run, m, v, n);
		return;
	}
	if (v->count != n)
		add_miss(run, m, v, v->key, count_word(run, v->count),
			 count_word(run, n));
	for (const struct yaml *e = v->child; e && i < n; e = e->next, i++)
		compare_fields(
			run, m,
			arena_printf(run->arena, "incidents[%zu]", i + 1), e,
			given(run) + i);
}

/* ---- all of it ---- */

static void compare_one(struct test_run *run, const struct test_moment *m,
			const struct yaml *v)
{
	struct str last = STR_NONE;
	size_t notes = count_notes(run, 0, &last);

	if (str_is(v->key, "decided_by"))
		compare_decided(run, m, v);
	else if (str_is(v->key, "actions"))
		compare_actions(run, m, v);
	else if (str_is(v->key, "suppressed_by"))
		compare_value(run, m, v->key, v, held_by(run));
	else if (str_is(v->key, "incident"))
		compare_incident(run, m, v);
	else if (str_is(v->key, "incidents"))
		compare_incidents(run, m, v);
	else if (str_is(v->key, "notes"))
		compare_count(run, m, v, notes);
	else
		compare_value(run, m, v->key, v, last);
}

void test_compare(struct test_run *run, const struct test_moment *m)
{
	for (const struct yaml *v = m->expect->child; v; v = v->next)
		compare_one(run, m, v);
}
