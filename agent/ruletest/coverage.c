#include "agent/ruletest/coverage.h"

#include <errno.h>
#include <stdlib.h>

#include "base/map.h"
#include "doc/yaml.h"

struct coverage {
	struct arena *arena;
	struct map *files;  /* name: the file is in */
	struct map *places; /* "20-payments.yaml:52": index + 1 */
	struct coverage_entry *list;
	size_t count, cap;
};

struct coverage *coverage_new(void)
{
	struct coverage *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->arena = arena_new(256 << 20);
	c->files = map_new();
	c->places = map_new();
	if (c->arena && c->files && c->places)
		return c;
	coverage_free(c);
	return NULL;
}

void coverage_free(struct coverage *c)
{
	if (!c)
		return;
	arena_free(c->arena);
	map_free(c->files);
	map_free(c->places);
	free(c->list);
	free(c);
}

static int add_entry(struct coverage *c, const char *file,
		     const struct yaml *at, struct str what)
{
	struct str place = arena_printf(c->arena, "%s:%d", file, at->line);
	size_t cap = c->cap ? 2 * c->cap : 64;
	struct coverage_entry *list;

	if (!what.p || !place.p)
		return -ENOMEM;
	if (c->count == c->cap) {
		list = realloc(c->list, cap * sizeof(*list));
		if (!list)
			return -ENOMEM;
		c->list = list;
		c->cap = cap;
	}
	c->list[c->count++] =
		(struct coverage_entry){ file, at->line, at->column, what,
					 false };
	/* Two entries on one line: both count as soon as one decides. */
	if (!map_get(c->places, place) &&
	    map_set(c->places, place, (void *)(uintptr_t)c->count) < 0)
		return -ENOMEM;
	return 0;
}

/* An entry is known by its id; one without by its number, from 1. */
static struct str name_of(struct coverage *c, const char *stage,
			  const struct yaml *at, size_t n)
{
	const struct yaml *id =
		at->type == YAML_MAP ? yaml_get(at, "id") : NULL;

	if (id && id->type == YAML_SCALAR && strcmp(stage, "ci") != 0)
		return arena_printf(c->arena, "%s %.*s", stage,
				    STR_ARG(id->text));
	return arena_printf(c->arena, "%s[%zu]", stage, n);
}

static int add_stage(struct coverage *c, const char *file,
		     const struct yaml *list, const char *stage)
{
	size_t n = 0;
	int rc = 0;

	if (!list || list->type != YAML_LIST)
		return 0;
	for (const struct yaml *v = list->child; v && !rc; v = v->next)
		rc = add_entry(c, file, v, name_of(c, stage, v, ++n));
	return rc;
}

int coverage_add(struct coverage *c, const struct rule_source *source)
{
	static const char *const stages[][2] = {
		{ "claims", "claim" },	    { "env", "env" },
		{ "severity", "severity" }, { "ci", "ci" },
		{ "policies", "policy" },   { "suppress", "suppress" },
		{ "guards", "guard" },
	};
	struct str name = str_from(source->name);
	struct faults quiet;
	struct yaml *root;
	const char *file;
	int rc = 0;

	if (map_get(c->files, name) || !source->text.p)
		return 0;
	file = arena_cstr(c->arena, name);
	if (!file || map_set(c->files, name, c) < 0)
		return -ENOMEM;
	faults_init(&quiet);
	root = yaml_read(c->arena, source->text, file, &quiet);
	faults_fini(&quiet);
	for (size_t i = 0; root && !rc && i < sizeof(stages) / sizeof(*stages);
	     i++)
		rc = add_stage(c, file, yaml_get(root, stages[i][0]),
			       stages[i][1]);
	if (root && !rc && yaml_get(root, "catch_all"))
		rc = add_entry(c, file, yaml_get(root, "catch_all"),
			       STR("catch_all"));
	return rc ? rc : arena_error(c->arena);
}

static void mark(struct coverage *c, const struct trace_step *s)
{
	size_t i = s ? (size_t)(uintptr_t)map_get(c->places, s->where) : 0;

	if (!i)
		return;
	c->list[i - 1].decided = true;
	while (i < c->count && c->list[i].line == c->list[i - 1].line &&
	       c->list[i].file == c->list[i - 1].file)
		c->list[i++].decided = true;
}

/* Of these only the last that matched decides: those before were passed over,
 * as what they set from was missing. */
static int last_decides(struct str rule)
{
	static const char *const stages[] = { "severity", "env", "ci" };

	for (int i = 0; i < 3; i++)
		if (str_starts(rule, stages[i]))
			return i;
	return -1;
}

void coverage_take(const struct trace *t, void *arg)
{
	const struct trace_step *last[3] = { NULL, NULL, NULL };
	struct coverage *c = arg;

	for (size_t i = 0; i < t->count; i++) {
		int stage = last_decides(t->steps[i].rule);

		if (!t->steps[i].matched)
			continue;
		if (stage < 0)
			mark(c, &t->steps[i]);
		else
			last[stage] = &t->steps[i];
	}
	for (int i = 0; i < 3; i++)
		mark(c, last[i]);
}

size_t coverage_count(const struct coverage *c)
{
	return c->count;
}

const struct coverage_entry *coverage_entry(const struct coverage *c, size_t i)
{
	return &c->list[i];
}

size_t coverage_decided(const struct coverage *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++)
		n += c->list[i].decided;
	return n;
}
