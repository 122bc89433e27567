#include "rule/loader.h"

#include <ctype.h>
#include <errno.h>

#include "base/encode.h"
#include "base/map.h"

#define KEYS_MAX 48
#define SPAN_MAX_MS (365 * 86400000LL)
#define TEXT_MAX 65536

static void add(struct loader *l, enum fault_level level, int line, int column,
		const char *code, const char *fmt, va_list ap)
	__attribute__((format(printf, 6, 0)));
static void add(struct loader *l, enum fault_level level, int line, int column,
		const char *code, const char *fmt, va_list ap)
{
	fault_vadd(l->faults, level, code, l->file, line, column, fmt, ap);
	l->errors += level == FAULT_ERROR;
}

void load_error(struct loader *l, const struct yaml *at, const char *code,
		const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(l, FAULT_ERROR, at->line, at->column, code, fmt, ap);
	va_end(ap);
}

void load_error_key(struct loader *l, const struct yaml *at, const char *code,
		    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(l, FAULT_ERROR, at->key_line, at->key_column, code, fmt, ap);
	va_end(ap);
}

void load_warn(struct loader *l, int line, int column, const char *code,
	       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(l, FAULT_WARNING, line, column, code, fmt, ap);
	va_end(ap);
}

static const char *type_words(enum yaml_type type)
{
	switch (type) {
	case YAML_NULL:
		break;
	case YAML_SCALAR:
		return "text";
	case YAML_LIST:
		return "a list";
	case YAML_MAP:
		return "a map";
	}
	return "nothing";
}

bool load_is(struct loader *l, const struct yaml *v, enum yaml_type type)
{
	if (v->type == type)
		return true;
	if (v->key.p)
		load_error(l, v, "wrong-type", "`%.*s` takes %s, not %s",
			   STR_ARG(utf8_cut(v->key, 60)), type_words(type),
			   yaml_type_name(v));
	else
		load_error(l, v, "wrong-type", "%s is needed here, not %s",
			   type_words(type), yaml_type_name(v));
	return false;
}

static void unknown_key(struct loader *l, const struct yaml *v,
			const struct key *keys)
{
	const char *names[KEYS_MAX + 1];
	struct str shown = utf8_cut(v->key, 60);
	const char *near;
	size_t n = 0;

	for (; n < KEYS_MAX && keys[n].name; n++)
		names[n] = keys[n].name;
	names[n] = NULL;
	near = fault_nearest(v->key, names);
	if (near)
		load_error_key(l, v, "unknown-key",
			       "unknown key `%.*s`, did you mean `%s`?",
			       STR_ARG(shown), near);
	else
		load_error_key(l, v, "unknown-key", "unknown key `%.*s`",
			       STR_ARG(shown));
}

void load_keys(struct loader *l, const struct yaml *map, const struct key *keys,
	       void *target)
{
	if (!load_is(l, map, YAML_MAP))
		return;
	for (const struct yaml *v = map->child; v; v = v->next) {
		const struct key *k = keys;

		while (k->name && !str_is(v->key, k->name))
			k++;
		if (k->name)
			k->read(l, v, (char *)target + k->offset);
		else
			unknown_key(l, v, keys);
	}
}

bool load_needs(struct loader *l, const struct yaml *map, const char *name)
{
	if (map->type != YAML_MAP || yaml_get(map, name))
		return true;
	load_error(l, map, "missing-key", "`%s` is missing", name);
	return false;
}

void load_nothing(struct loader *l, const struct yaml *v, void *to)
{
	(void)l;
	(void)v;
	(void)to;
}

static bool is_name(struct str s)
{
	bool good = s.n > 0 && s.n <= 64;

	for (size_t i = 0; good && i < s.n; i++)
		good = isalnum((unsigned char)s.p[i]) ||
		       (s.p[i] && strchr("-_.", s.p[i]));
	return good;
}

#define NAME_WORDS "a name has 1 to 64 letters, digits, `-`, `_` and `.`"

void load_name(struct loader *l, const struct yaml *v, void *to)
{
	if (!load_is(l, v, YAML_SCALAR))
		return;
	if (is_name(v->text))
		*(struct str *)to = arena_str(l->arena, v->text);
	else
		load_error(l, v, "bad-value", NAME_WORDS);
}

struct str load_key_name(struct loader *l, const struct yaml *v)
{
	if (is_name(v->key))
		return arena_str(l->arena, v->key);
	load_error_key(l, v, "bad-value", NAME_WORDS);
	return STR_NONE;
}

static const struct ref *find_ref(struct str path, void *arg, struct err *err)
{
	return load_ref(arg, path, err);
}

const struct template *load_template_text(struct loader *l,
					  const struct yaml *v, struct str text)
{
	const struct template_fields fields = { find_ref, l };
	const struct template *t = NULL;
	struct err err = { "" };

	if (text.n > TEXT_MAX)
		err_set(&err, -E2BIG, "a template has at most %d bytes",
			TEXT_MAX);
	else
		t = template_new(l->arena, text, &fields, &err);
	if (!t)
		load_error(l, v, "bad-template", "%s", err.text);
	return t;
}

void load_template(struct loader *l, const struct yaml *v, void *to)
{
	if (load_is(l, v, YAML_SCALAR))
		*(const struct template **)to =
			load_template_text(l, v, v->text);
}

void load_span(struct loader *l, const struct yaml *v, void *to)
{
	int64_t ms;

	if (!load_is(l, v, YAML_SCALAR))
		return;
	if (yaml_span(&ms, v) || ms < 0 || ms > SPAN_MAX_MS)
		load_error(l, v, "bad-value",
			   "`%.*s` takes a time like 30s, "
			   "5m, 24h or 7d, not \"%.*s\"",
			   STR_ARG(v->key), STR_ARG(utf8_cut(v->text, 40)));
	else
		*(int64_t *)to = ms;
}

void load_span_some(struct loader *l, const struct yaml *v, void *to)
{
	int64_t ms = -1;

	load_span(l, v, &ms);
	if (ms == 0)
		load_error(l, v, "bad-value", "`%.*s` takes more than no time",
			   STR_ARG(v->key));
	else if (ms > 0)
		*(int64_t *)to = ms;
}

void load_number(struct loader *l, const struct yaml *v, int64_t low,
		 int64_t high, void *to)
{
	int64_t n;

	if (yaml_int(&n, v) || n < low || n > high)
		load_error(l, v, "bad-value",
			   "`%.*s` takes a number from %lld to %lld",
			   STR_ARG(v->key), (long long)low, (long long)high);
	else
		*(int64_t *)to = n;
}

void load_bool(struct loader *l, const struct yaml *v, void *to)
{
	bool b;

	if (yaml_bool(&b, v))
		load_error(l, v, "wrong-type",
			   "`%.*s` takes true or false, "
			   "not %s",
			   STR_ARG(v->key), yaml_type_name(v));
	else
		*(int *)to = b;
}

int load_word(struct loader *l, const struct yaml *v, const char *const *words)
{
	struct buf all = BUF_INIT(500);
	const char *near;

	if (!load_is(l, v, YAML_SCALAR))
		return -1;
	for (int i = 0; words[i]; i++)
		if (str_is(v->text, words[i]))
			return i;
	for (int i = 0; words[i]; i++) {
		buf_puts(&all, !i ? "" : words[i + 1] ? ", " : " or ");
		buf_puts(&all, words[i]);
	}
	near = v->text.n > 2 ? fault_nearest(v->text, words) : NULL;
	load_error(l, v, "bad-value", "`%.*s` is %.*s, not \"%.*s\"%s%s%s",
		   STR_ARG(v->key), STR_ARG(buf_str(&all)),
		   STR_ARG(utf8_cut(v->text, 40)),
		   near ? ", did you mean `" : "", near ? near : "",
		   near ? "`?" : "");
	buf_fini(&all);
	return -1;
}

void load_severity(struct loader *l, const struct yaml *v, void *to)
{
	static const char *const words[] = { "critical", "high", "medium",
					     "low", NULL };
	int i = load_word(l, v, words);

	if (i >= 0)
		*(int *)to = SEVERITY_CRITICAL + i;
}

void load_priority(struct loader *l, const struct yaml *v, void *to)
{
	static const char *const words[] = { "P1", "P2", "P3", "P4", NULL };
	int i = load_word(l, v, words);

	if (i >= 0)
		*(int *)to = i + 1;
}

void *load_no_memory(struct loader *l)
{
	/* More than there can be: the arena remembers the failure. */
	return arena_alloc(l->arena, SIZE_MAX);
}

static bool cached(const struct ref *ref)
{
	return ref->id == FIELD_TIME || ref->id == FIELD_THRESHOLD ||
	       ref->id == FIELD_DIM || ref->id == FIELD_TAG ||
	       ref->id == FIELD_PAYLOAD;
}

const struct ref *load_ref(struct loader *l, struct str path, struct err *err)
{
	struct ref *ref = map_get(l->refs, path), parsed;
	const char *near = NULL;
	int rc = 0;

	if (!ref) {
		rc = ref_parse(&parsed, path, &near);
		if (rc) {
			err_set(err, rc, "unknown field `%.*s`%s%s%s",
				STR_ARG(utf8_cut(path, 60)),
				near ? ", did you mean `" : "",
				near ? near : "", near ? "`?" : "");
			return NULL;
		}
		ref = arena_alloc(l->arena, sizeof(*ref));
		path = arena_str(l->arena, path);
		if (!ref || !path.p || ref_parse(ref, path, &near))
			return NULL;
		if (cached(ref))
			ref->slot = ++*l->slots;
		if (map_set(l->refs, path, ref) < 0)
			return load_no_memory(l);
	}
	if (ref->known > l->stage) {
		err_set(err, -EINVAL, "`%.*s` is not known yet in `%s`",
			STR_ARG(utf8_cut(path, 60)), stage_name(l->stage));
		return NULL;
	}
	return ref;
}
