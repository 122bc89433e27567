/* What may stand under `expect`. Values are compared in compare.c. */
#include "agent/ruletest/internal.h"

#include <errno.h>

#include "base/encode.h"

const char *const test_states[] = { "open", "resolved", "closed", "failed",
				    NULL };

static void check_value(struct loader *l, const struct yaml *v, void *to)
{
	static const char *const words[] = { "contains", "glob", NULL };

	(void)to;
	if (v->type == YAML_SCALAR || v->type == YAML_NULL)
		return;
	if (v->type != YAML_MAP || v->count != 1) {
		load_error(l, v, "wrong-type",
			   "`%.*s` takes a value, null, {contains: TEXT} or "
			   "{glob: PATTERN}, not %s",
			   STR_ARG(utf8_cut(v->key, 60)), yaml_type_name(v));
		return;
	}
	if (!str_is(v->child->key, words[0]) &&
	    !str_is(v->child->key, words[1]))
		load_error_key(l, v->child, "unknown-key",
			       "unknown key `%.*s`: a value is compared by "
			       "`contains` or `glob`",
			       STR_ARG(utf8_cut(v->child->key, 60)));
	load_is(l, v->child, YAML_SCALAR);
}

static void check_priority(struct loader *l, const struct yaml *v, void *to)
{
	int ignored = 0;

	(void)to;
	load_priority(l, v, &ignored);
}

static void check_severity(struct loader *l, const struct yaml *v, void *to)
{
	int ignored = 0;

	(void)to;
	load_severity(l, v, &ignored);
}

static void check_bool(struct loader *l, const struct yaml *v, void *to)
{
	int ignored = 0;

	(void)to;
	load_bool(l, v, &ignored);
}

const struct key test_decided_keys[] = {
	{ "policy", check_value, 0 },	   { "team", check_value, 0 },
	{ "file", check_value, 0 },	   { "severity", check_severity, 0 },
	{ "priority", check_priority, 0 }, { "env", check_value, 0 },
	{ "dedup_key", check_value, 0 },   { "ci_id", check_value, 0 },
	{ "catch_all", check_bool, 0 },	   { NULL, NULL, 0 },
};

static void check_decided(struct loader *l, const struct yaml *v, void *to)
{
	load_keys(l, v, test_decided_keys, to);
}

static void check_actions(struct loader *l, const struct yaml *v, void *to)
{
	static const char *const words[] = { "create", "note",	"resolve",
					     "reopen", "raise", NULL };

	(void)to;
	if (!load_is(l, v, YAML_LIST))
		return;
	for (const struct yaml *e = v->child; e; e = e->next) {
		/* So that a fault names what it stands under. */
		struct yaml named = *e;

		named.key = STR("actions");
		load_word(l, &named, words);
	}
}

/* Other names are fields of a team's own; one nearly known is a slip. */
static void check_incident_field(struct loader *l, const struct yaml *v)
{
	static const char *const known[] = { "priority",
					     "severity",
					     "state",
					     "policy",
					     "team",
					     "dedup_key",
					     "short_description",
					     "description",
					     "category",
					     "subcategory",
					     "assignment_group",
					     "ci_id",
					     "notes",
					     NULL };
	const char *near = NULL;

	for (size_t i = 0; known[i]; i++)
		if (str_is(v->key, known[i]))
			goto value;
	near = fault_nearest(v->key, known);
	if (near)
		load_error_key(l, v, "unknown-key",
			       "unknown field `%.*s`, did you mean `%s`?",
			       STR_ARG(utf8_cut(v->key, 60)), near);
value:
	if (str_is(v->key, "priority"))
		check_priority(l, v, NULL);
	else if (str_is(v->key, "severity"))
		check_severity(l, v, NULL);
	else if (str_is(v->key, "state"))
		load_word(l, v, test_states);
	else
		check_value(l, v, NULL);
}

static void check_incident(struct loader *l, const struct yaml *v, void *to)
{
	(void)to;
	if (v->type == YAML_NULL || !load_is(l, v, YAML_MAP))
		return;
	for (const struct yaml *e = v->child; e; e = e->next)
		check_incident_field(l, e);
}

static void check_count(struct loader *l, const struct yaml *v, void *to)
{
	int64_t n;

	(void)to;
	if (load_is(l, v, YAML_SCALAR) && (yaml_int(&n, v) || n < 0))
		load_error(l, v, "bad-value", "`%.*s` takes a count",
			   STR_ARG(v->key));
}

static void check_incidents(struct loader *l, const struct yaml *v, void *to)
{
	if (v->type != YAML_LIST) {
		check_count(l, v, to);
		return;
	}
	for (const struct yaml *e = v->child; e; e = e->next)
		if (load_is(l, e, YAML_MAP))
			check_incident(l, e, to);
}

const struct key test_expect_keys[] = {
	{ "decided_by", check_decided, 0 },  { "actions", check_actions, 0 },
	{ "suppressed_by", check_value, 0 }, { "incident", check_incident, 0 },
	{ "incidents", check_incidents, 0 }, { "notes", check_count, 0 },
	{ "last_note", check_value, 0 },     { NULL, NULL, 0 },
};

void test_check_expect(struct loader *l, const struct yaml *v)
{
	struct yaml none = { 0 };

	load_keys(l, v, test_expect_keys, &none);
	if (v->type == YAML_MAP && !v->count)
		load_error(l, v, "bad-value", "nothing is expected here");
}
