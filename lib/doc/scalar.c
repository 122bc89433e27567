#include "doc/yaml.h"

#include <errno.h>

#include "base/clock.h"

const struct yaml *yaml_get(const struct yaml *map, const char *key)
{
	if (!map || map->type != YAML_MAP)
		return NULL;
	for (const struct yaml *v = map->child; v; v = v->next)
		if (str_is(v->key, key))
			return v;
	return NULL;
}

int yaml_text(struct str *out, const struct yaml *v)
{
	if (!v || v->type != YAML_SCALAR)
		return -EINVAL;
	*out = v->text;
	return 0;
}

static bool is_plain(const struct yaml *v)
{
	return v && v->type == YAML_SCALAR && !v->quoted;
}

int yaml_bool(bool *out, const struct yaml *v)
{
	static const char *const words[] = { "true",  "True",  "TRUE",
					     "false", "False", "FALSE" };

	for (size_t i = 0; is_plain(v) && i < 6; i++) {
		if (str_is(v->text, words[i])) {
			*out = i < 3;
			return 0;
		}
	}
	return -EINVAL;
}

int yaml_int(int64_t *out, const struct yaml *v)
{
	return is_plain(v) && str_to_i64(out, v->text) == 0 ? 0 : -EINVAL;
}

int yaml_double(double *out, const struct yaml *v)
{
	return is_plain(v) && str_to_double(out, v->text) == 0 ? 0 : -EINVAL;
}

int yaml_span(int64_t *out_ms, const struct yaml *v)
{
	if (!v || v->type != YAML_SCALAR)
		return -EINVAL;
	return clock_parse_span(out_ms, v->text) ? -EINVAL : 0;
}

int yaml_size(uint64_t *out, const struct yaml *v)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	uint64_t n;

	if (!v || v->type != YAML_SCALAR)
		return -EINVAL;
	/* From the longest on, as all end with a B. */
	for (int i = 4; i >= 0; i--) {
		struct str digits = v->text;

		if (!str_ends(v->text, units[i]))
			continue;
		digits.n -= strlen(units[i]);
		if (str_to_u64(&n, digits) || n > UINT64_MAX >> (10 * i))
			return -EINVAL;
		*out = n << (10 * i);
		return 0;
	}
	return -EINVAL;
}

const char *yaml_type_name(const struct yaml *v)
{
	static const char *const names[] = {
		[YAML_NULL] = "nothing",
		[YAML_SCALAR] = "text",
		[YAML_LIST] = "a list",
		[YAML_MAP] = "a map",
	};

	return v ? names[v->type] : "nothing";
}
