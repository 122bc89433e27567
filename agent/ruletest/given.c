/* What a test takes as given: CMDB, changes, open incidents, silences. */
#include "agent/ruletest/internal.h"

#include <errno.h>
#include <stddef.h>

#include "base/encode.h"

#define ENTRIES_MAX 200

/* `unavailable` in a list's place: the look-up fails. */
static bool is_down(struct loader *l, const struct yaml *v, bool *down)
{
	static const char *const words[] = { "unavailable", NULL };

	if (v->type != YAML_SCALAR)
		return false;
	*down = load_word(l, v, words) == 0;
	return true;
}

/* ---- cis ---- */

static void read_ci(struct loader *l, const struct yaml *v, void *to)
{
	struct ci *ci = to;
	struct field *fields;
	size_t n = 0;

	if (!load_is(l, v, YAML_MAP))
		return;
	load_needs(l, v, "id");
	fields = arena_array(l->arena, v->count + 1, sizeof(*fields));
	for (const struct yaml *e = v->child; fields && e; e = e->next) {
		if (!load_is(l, e, YAML_SCALAR))
			continue;
		fields[n++] = (struct field){ e->key, e->text };
		if (str_is(e->key, "id"))
			ci->id = e->text;
		else if (str_is(e->key, "name"))
			ci->name = e->text;
	}
	ci->fields = fields;
	ci->field_count = n;
}

static void read_cis(struct loader *l, const struct yaml *v, void *to)
{
	struct test_given *g = to;

	if (!is_down(l, v, &g->cis_down))
		g->cis = test_read_list(l, v, sizeof(*g->cis), &g->ci_count,
					ENTRIES_MAX, read_ci);
}

/* ---- changes ---- */

const struct key test_change_keys[] = {
	{ "id", test_read_text, offsetof(struct test_change, id) },
	{ "title", test_read_text, offsetof(struct test_change, title) },
	{ "state", test_read_text, offsetof(struct test_change, state) },
	{ "ci_id", test_read_text, offsetof(struct test_change, ci_id) },
	{ NULL, NULL, 0 },
};

static void read_change(struct loader *l, const struct yaml *v, void *to)
{
	load_keys(l, v, test_change_keys, to);
	load_needs(l, v, "id");
	load_needs(l, v, "state");
	load_needs(l, v, "ci_id");
}

static void read_changes(struct loader *l, const struct yaml *v, void *to)
{
	struct test_given *g = to;

	if (!is_down(l, v, &g->changes_down))
		g->changes = test_read_list(l, v, sizeof(*g->changes),
					    &g->change_count, ENTRIES_MAX,
					    read_change);
}

/* ---- incidents ---- */

static void read_remote_state(struct loader *l, const struct yaml *v, void *to)
{
	static const char *const words[] = { "new", "in_progress", "resolved",
					     "closed", NULL };

	if (load_word(l, v, words) >= 0)
		*(struct str *)to = v->text;
}

static void read_same(struct loader *l, const struct yaml *v, void *to)
{
	*(const struct yaml **)to = v;
	if (load_is(l, v, YAML_MAP))
		for (const struct yaml *e = v->child; e; e = e->next)
			load_is(l, e, YAML_SCALAR);
}

#define INCIDENT(member) offsetof(struct test_incident, member)
const struct key test_incident_keys[] = {
	{ "id", test_read_text, INCIDENT(id) },
	{ "dedup_key", test_read_text, INCIDENT(key) },
	{ "policy", test_read_text, INCIDENT(policy) },
	{ "team", test_read_text, INCIDENT(team) },
	{ "account", test_read_text, INCIDENT(account) },
	{ "region", test_read_text, INCIDENT(region) },
	{ "alarm", test_read_text, INCIDENT(alarm) },
	{ "short_description", test_read_text, INCIDENT(title) },
	{ "severity", load_severity, INCIDENT(severity) },
	{ "priority", load_priority, INCIDENT(priority) },
	{ "state", read_remote_state, INCIDENT(state) },
	{ "assigned_to", test_read_text, INCIDENT(assigned_to) },
	{ "since", test_read_span, INCIDENT(since_ms) },
	{ "same", read_same, INCIDENT(same) },
	{ NULL, NULL, 0 },
};
#undef INCIDENT

static void put_line(struct buf *out, struct str name, struct str value)
{
	if (value.n)
		buf_printf(out, "%.*s=%.*s\n", STR_ARG(name), STR_ARG(value));
}

/* As a verdict's: what `while_open` may compare. */
static void make_context(struct loader *l, struct test_incident *i)
{
	struct buf b = BUF_INIT(1 << 20);

	put_line(&b, STR("account"), i->account);
	put_line(&b, STR("region"), i->region);
	put_line(&b, STR("alarm"), i->alarm);
	for (const struct yaml *v = i->same ? i->same->child : NULL; v;
	     v = v->next)
		put_line(&b, v->key, v->text);
	i->context = arena_str(l->arena, buf_str(&b));
	buf_fini(&b);
}

static void read_incident(struct loader *l, const struct yaml *v, void *to)
{
	struct test_incident *i = to;

	*i = (struct test_incident){ .id = STR("INC0000001"),
				     .priority = 3,
				     .severity = SEVERITY_MEDIUM,
				     .state = STR("new") };
	load_keys(l, v, test_incident_keys, i);
	load_needs(l, v, "policy");
	if (!i->key.n && i->account.n && i->region.n && i->alarm.n)
		i->key = arena_printf(l->arena, "%.*s/%.*s/%.*s",
				      STR_ARG(i->account), STR_ARG(i->region),
				      STR_ARG(i->alarm));
	if (v->type == YAML_MAP && !i->key.n)
		i->key = arena_printf(l->arena, "given/%d", v->line);
	make_context(l, i);
}

static void read_incidents(struct loader *l, const struct yaml *v, void *to)
{
	struct test_given *g = to;

	g->incidents =
		test_read_list(l, v, sizeof(*g->incidents), &g->incident_count,
			       ENTRIES_MAX, read_incident);
}

/* ---- silences ---- */

static void read_match(struct loader *l, const struct yaml *v, void *to)
{
	struct buf b = BUF_INIT(SILENCE_MATCH_MAX + 1);
	struct faults quiet;

	faults_init(&quiet);
	test_put_json(&b, v);
	if (buf_error(&b) || silence_check(buf_str(&b), &quiet))
		load_error(l, v, "bad-value", "`match` of a silence: %s",
			   quiet.count ? quiet.list[0].text
				       : "it is longer than a silence may be");
	*(struct str *)to = arena_str(l->arena, buf_str(&b));
	faults_fini(&quiet);
	buf_fini(&b);
}

const struct key test_silence_keys[] = {
	{ "id", load_name, offsetof(struct silence, id) },
	{ "match", read_match, offsetof(struct silence, match) },
	{ "owner", test_read_text, offsetof(struct silence, owner) },
	{ "reason", test_read_text, offsetof(struct silence, reason) },
	{ "for", test_read_span, offsetof(struct silence, ends_ms) },
	{ NULL, NULL, 0 },
};

static void read_silence(struct loader *l, const struct yaml *v, void *to)
{
	struct silence *s = to;

	*s = (struct silence){ .id = arena_printf(l->arena, "silence-%d",
						  v->line),
			       .owner = STR("test"),
			       .reason = STR("test") };
	load_keys(l, v, test_silence_keys, s);
	load_needs(l, v, "match");
	load_needs(l, v, "for");
}

static void read_silences(struct loader *l, const struct yaml *v, void *to)
{
	struct test_given *g = to;

	g->silences =
		test_read_list(l, v, sizeof(*g->silences), &g->silence_count,
			       ENTRIES_MAX, read_silence);
}

const struct key test_given_keys[] = {
	{ "cis", read_cis, 0 },
	{ "changes", read_changes, 0 },
	{ "incidents", read_incidents, 0 },
	{ "silences", read_silences, 0 },
	{ NULL, NULL, 0 },
};

void test_read_given(struct loader *l, const struct yaml *v, void *to)
{
	load_keys(l, v, test_given_keys, to);
}
