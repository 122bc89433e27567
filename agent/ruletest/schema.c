/* JSON Schema, from the tables that the loaders read by. */
#include "agent/ruletest/schema.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "agent/ruletest/shapes.h"
#include "agent/ruletest/tables.h"
#include "base/str.h"

enum kind { RULES, PLATFORM, TESTS };

static const struct {
	const char *word, *title;
} kinds[] = {
	[RULES] = { "rules", "A team's rule file of tocsin" },
	[PLATFORM] = { "platform", "The platform's rule file of tocsin" },
	[TESTS] = { "tests", "Tests of tocsin's rules" },
};

static const char *find(const struct definition *list, const char *name)
{
	while (list->name && strcmp(list->name, name))
		list++;
	return list->text;
}

static const char *shape_of(const char *place, const char *key)
{
	const struct shape *s = schema_shapes;

	while (s->place && (strcmp(s->place, place) || strcmp(s->key, key)))
		s++;
	return s->shape;
}

static bool platform_only(const char *key)
{
	static const char *const keys[] = { "env", "guards", "catch_all",
					    "blocks", "limits" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (!strcmp(key, keys[i]))
			return true;
	return false;
}

static void put_shape(struct buf *out, const char *shape)
{
	assert(shape);
	if (*shape == '@')
		buf_printf(out, "{\"$ref\":\"#/$defs/%s\"}", shape + 1);
	else if (*shape == '[')
		buf_printf(out, "{\"type\":\"array\",\"items\":{\"$ref\":"
				"\"#/$defs/%s\"}}", shape + 2);
	else
		buf_puts(out, shape);
}

/* The inside of an object's schema: its keys, and what else holds. */
static int put_place(struct buf *out, enum kind kind, const char *name,
		     const struct key *keys, struct err *err)
{
	struct buf place = BUF_INIT(100);
	const char *more;
	bool file = !strcmp(name, "file");
	int n = 0, rc = 0;

	buf_printf(&place, "%s%s", kind == TESTS ? "test:" : "", name);
	buf_puts(out, "\"type\":\"object\",\n\"properties\":{\n");
	for (; keys->name && !rc; keys++) {
		const char *shape = shape_of(buf_str(&place).p, keys->name);

		if (!shape)
			rc = err_set(err, -EINVAL, "%s.%s has no shape",
				     buf_str(&place).p, keys->name);
		if (rc || (file && kind == RULES && platform_only(keys->name)))
			continue;
		buf_printf(out, "%s\"%s\":", n++ ? ",\n" : "", keys->name);
		if (file && kind != TESTS && !strcmp(keys->name, "platform"))
			shape = kind == PLATFORM ? "{\"const\":true}"
						 : "{\"const\":false}";
		put_shape(out, shape);
	}
	buf_puts(out, "\n},\n\"additionalProperties\":false");
	more = find(schema_more, buf_str(&place).p);
	if (file && kind == PLATFORM)
		more = "\"required\":[\"version\",\"team\",\"platform\"]";
	if (more)
		buf_printf(out, ",\n%s", more);
	buf_fini(&place);
	return rc;
}

static int put_places(struct buf *out, enum kind kind,
		      const struct key_table *tables, struct err *err)
{
	int rc = 0;

	for (; tables->name && !rc; tables++) {
		if (!strcmp(tables->name, "file"))
			continue;
		buf_printf(out, ",\n\"%s\":{\n", tables->name);
		rc = put_place(out, kind, tables->name, tables->keys, err);
		buf_puts(out, "\n}");
	}
	return rc;
}

int schema_put(struct buf *out, const char *word, struct err *err)
{
	const struct key_table *tables, *file;
	enum kind kind = RULES;
	int rc;

	while (kind <= TESTS && strcmp(kinds[kind].word, word))
		kind++;
	if (kind > TESTS)
		return err_set(err, -EINVAL,
			       "--schema is rules, platform or tests, not '%s'",
			       word);
	tables = kind == TESTS ? ruletest_tables() : load_tables();
	for (file = tables; strcmp(file->name, "file");)
		file++;
	buf_printf(out,
		   "{\n\"$schema\":\"https://json-schema.org/draft/2020-12/"
		   "schema\",\n\"title\":\"%s\",\n",
		   kinds[kind].title);
	rc = put_place(out, kind, "file", file->keys, err);
	buf_puts(out, ",\n\"$defs\":{");
	for (size_t i = 0; schema_definitions[i].name; i++)
		buf_printf(out, "%s\n\"%s\":%s", i ? "," : "",
			   schema_definitions[i].name,
			   schema_definitions[i].text);
	if (!rc)
		rc = put_places(out, kind, tables, err);
	buf_puts(out, "\n}\n}\n");
	return rc ? rc : buf_error(out);
}
