#include "rule/field.h"

#include <errno.h>
#include <stddef.h>

#include "base/clock.h"
#include "doc/json.h"

static const struct def {
	const char *name;
	enum field_id id;
	size_t offset;
	enum stage known;
	bool passing;
} defs[] = {
	{ "source", FIELD_SOURCE, 0, STAGE_ENV, false },
	{ "kind", FIELD_KIND, 0, STAGE_ENV, false },
	{ "state", FIELD_STATE, 0, STAGE_ENV, true },
	{ "previous_state", FIELD_PREVIOUS_STATE, 0, STAGE_ENV, true },
	{ "time", FIELD_TIME, 0, STAGE_ENV, true },
	{ "threshold", FIELD_THRESHOLD, 0, STAGE_ENV, false },
	{ "env", FIELD_ENV, 0, STAGE_CLAIMS, false },
	{ "severity", FIELD_SEVERITY, 0, STAGE_ENV, true },
	{ "priority", FIELD_PRIORITY, 0, STAGE_GUARD, true },
	{ "team", FIELD_TEAM, 0, STAGE_CI, false },
#define DIRECT(name, member, passing)                                          \
	{                                                                      \
		name, FIELD_DIRECT, offsetof(struct alarm, member), STAGE_ENV, \
			passing                                                \
	}
	DIRECT("account", account, false),
	DIRECT("region", region, false),
	DIRECT("alarm", name, false),
	DIRECT("arn", arn, false),
	DIRECT("namespace", namespace, false),
	DIRECT("metric", metric, false),
	DIRECT("ci_id", ci_id, false),
	DIRECT("contributor", contributor, false),
	DIRECT("description", description, false),
	DIRECT("reason", reason, true),
	DIRECT("resource_arn", resource_arn, false),
	DIRECT("subject", subject, false),
	DIRECT("topic", topic, false),
#undef DIRECT
};

/* Families: what stands behind the prefix is a name of somebody else's. */
static const struct def families[] = {
	{ "dim.", FIELD_DIM, 0, STAGE_ENV, false },
	/* CloudWatch's messages carry no tags: they come from a look-up, and a
	 * key must not change with its luck. */
	{ "tag.", FIELD_TAG, 0, STAGE_ENV, true },
	{ "ci.", FIELD_CI, 0, STAGE_SEVERITY, true },
	{ "payload:", FIELD_PAYLOAD, 0, STAGE_ENV, false },
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void fill(struct ref *out, const struct def *d, struct str path,
		 struct str name)
{
	*out = (struct ref){ .id = d->id,
			     .offset = d->offset,
			     .path = path,
			     .name = name,
			     .known = d->known,
			     .passing = d->passing };
}

static const char *nearest(struct str path)
{
	const char *list[COUNT(defs) + 3];
	size_t n = 0;

	for (size_t i = 0; i < COUNT(defs); i++)
		list[n++] = defs[i].name;
	list[n++] = "ci.id";
	list[n++] = "ci.name";
	list[n] = NULL;
	return fault_nearest(path, list);
}

int ref_parse(struct ref *out, struct str path, const char **near)
{
	*near = NULL;
	for (size_t i = 0; i < COUNT(defs); i++) {
		if (!str_is(path, defs[i].name))
			continue;
		fill(out, &defs[i], path, STR_NONE);
		return 0;
	}
	for (size_t i = 0; i < COUNT(families); i++) {
		size_t n = strlen(families[i].name);
		struct str name;

		if (!str_starts(path, families[i].name))
			continue;
		name = str_sub(path, n, path.n - n);
		/* RFC 6901: a pointer is empty or begins with a slash. */
		if (families[i].id == FIELD_PAYLOAD ? name.n && *name.p != '/'
						    : !name.n)
			return -EINVAL;
		fill(out, &families[i], path, name);
		return 0;
	}
	*near = nearest(path);
	return -EINVAL;
}

const char *stage_name(enum stage s)
{
	static const char *const names[] = {
		[STAGE_ENV] = "env",	     [STAGE_CLAIMS] = "claims",
		[STAGE_CI] = "ci",	     [STAGE_SEVERITY] = "severity",
		[STAGE_POLICY] = "policies", [STAGE_GUARD] = "guards",
		[STAGE_SUPPRESS] = "suppress",
		[STAGE_TEXT] = "a template",
	};

	return names[s];
}

static struct str state_text(const struct alarm *a)
{
	if (a->state == ALARM_UNKNOWN && a->state_text.p)
		return a->state_text;
	return str_from(alarm_state_name(a->state));
}

static struct str time_text(const struct facts *f)
{
	struct buf b = BUF_INIT(64);
	struct str s;

	clock_put(&b, f->alarm->time_ms);
	s = arena_str(f->arena, buf_str(&b));
	buf_fini(&b);
	return s;
}

static struct str severity_text(const struct facts *f)
{
	if (f->severity != SEVERITY_NONE)
		return str_from(severity_name(f->severity));
	return f->alarm->severity;
}

static struct str priority_text(const struct facts *f)
{
	static const char *const names[] = { NULL, "P1", "P2", "P3", "P4" };

	return str_from(f->priority > 0 && f->priority < 5 ? names[f->priority]
							   : NULL);
}

static struct str ci_text(const struct ci *ci, struct str name)
{
	if (!ci)
		return STR_NONE;
	if (str_is(name, "id"))
		return ci->id;
	if (str_is(name, "name"))
		return ci->name;
	for (size_t i = 0; i < ci->field_count; i++)
		if (str_eq(ci->fields[i].name, name))
			return ci->fields[i].value;
	return STR_NONE;
}

/* Fields that change while a decision goes on are never kept in a slot. */
static struct str resolve(struct facts *f, const struct ref *ref)
{
	const struct alarm *a = f->alarm;

	switch (ref->id) {
	case FIELD_DIRECT:
		break;
	case FIELD_SOURCE:
		return str_from(a->source);
	case FIELD_KIND:
		return str_from(a->kind);
	case FIELD_STATE:
		return state_text(a);
	case FIELD_PREVIOUS_STATE:
		return a->previous_state == ALARM_NONE
			       ? STR_NONE
			       : str_from(alarm_state_name(a->previous_state));
	case FIELD_TIME:
		return time_text(f);
	case FIELD_THRESHOLD:
		return a->has_threshold
			       ? arena_printf(f->arena, "%.15g", a->threshold)
			       : STR_NONE;
	case FIELD_ENV:
		return f->env;
	case FIELD_SEVERITY:
		return severity_text(f);
	case FIELD_PRIORITY:
		return priority_text(f);
	case FIELD_TEAM:
		return f->team;
	case FIELD_DIM:
		return alarm_dim(a, ref->name);
	case FIELD_TAG:
		return alarm_tag(a, ref->name);
	case FIELD_CI:
		return ci_text(f->ci, ref->name);
	case FIELD_PAYLOAD:
		return a->payload
			       ? json_text(json_pointer(a->payload, ref->name),
					   f->arena)
			       : STR_NONE;
	}
	return *(const struct str *)((const char *)a + ref->offset);
}

struct str facts_other(struct facts *f, const struct ref *ref)
{
	struct str value = resolve(f, ref);

	if (ref->slot)
		f->slots[ref->slot - 1] = (struct slot){ value, true };
	return value;
}

bool facts_number(struct facts *f, const struct ref *ref, double *out)
{
	if (ref->id == FIELD_THRESHOLD) {
		*out = f->alarm->threshold;
		return f->alarm->has_threshold;
	}
	return str_to_double(out, facts_get(f, ref)) == 0;
}
