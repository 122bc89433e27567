#include "agent/conf_private.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"

#define NAMES_MAX 32 /* keys of one map of ours */

static size_t path_push(struct conf_walk *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Append ".name" or "[i]" to the path; returns its length before. */
static size_t path_push(struct conf_walk *w, const char *fmt, ...)
{
	size_t n = strlen(w->path);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->path + n, sizeof(w->path) - n, fmt, ap);
	va_end(ap);
	return n;
}

static const char *expected(const struct conf_key *key)
{
	switch (key->kind) {
	case KIND_TEXT:
		return "text";
	case KIND_PATH:
		return "a path";
	case KIND_URL:
		return "a URL";
	case KIND_BOOL:
		return "true or false";
	case KIND_INT:
		return "a whole number";
	case KIND_SPAN:
	case KIND_SPAN_INT:
		return "a duration like 30s";
	case KIND_SPAN_OFF:
		return "a duration like 5m, or off";
	case KIND_SIZE:
	case KIND_SIZE_T:
		return "a size like 256KiB";
	case KIND_CHOICES:
	case KIND_TEXTS:
	case KIND_PATHS:
		return "a list";
	case KIND_MAPS:
		return "a list of maps";
	case KIND_PAIRS:
	case KIND_MAP:
		return "a map";
	default:
		return "something else";
	}
}

/* v is as the file has it, before ${...} is replaced. */
static void wrong(struct conf_walk *w, const struct yaml *v, const char *want)
{
	if (v->type == YAML_SCALAR)
		conf_fault(w, v, "wrong-type",
			   "%s: expected %s, found \"%.*s\"",
			   w->path[0] ? w->path : "the file", want,
			   (int)(v->text.n < 80 ? v->text.n : 80), v->text.p);
	else
		conf_fault(w, v, "wrong-type", "%s: expected %s, found %s",
			   w->path[0] ? w->path : "the file", want,
			   yaml_type_name(v));
}

static void put_number(struct buf *out, const struct conf_key *key, int64_t n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	int unit = 0;

	if (key->kind == KIND_SPAN || key->kind == KIND_SPAN_INT ||
	    key->kind == KIND_SPAN_OFF) {
		if (n < 1000)
			buf_printf(out, "%dms", (int)n);
		else
			clock_put_span(out, n);
		return;
	}
	if (key->kind == KIND_SIZE || key->kind == KIND_SIZE_T)
		for (; n && n % 1024 == 0 && unit < 4; unit++)
			n /= 1024;
	buf_printf(out, "%lld%s", (long long)n,
		   key->kind == KIND_INT ? "" : units[unit]);
}

static void out_of_range(struct conf_walk *w, const struct yaml *v,
			 const struct conf_key *key)
{
	struct buf range = BUF_INIT(200);

	put_number(&range, key, key->min);
	buf_puts(&range, " to ");
	put_number(&range, key, key->max);
	conf_fault(w, v, "out-of-range", "%s: \"%.*s\" is out of its range, %s",
		   w->path, STR_ARG(v->text), buf_str(&range).p);
	buf_fini(&range);
}

static void store_number(const struct conf_key *key, void *base, int64_t n)
{
	char *to = (char *)base + key->offset;
	unsigned u = (unsigned)n;
	bool b = n != 0;
	size_t size = (size_t)n;

	switch (key->kind) {
	case KIND_BOOL:
		memcpy(to, &b, sizeof(b));
		break;
	case KIND_INT:
	case KIND_SPAN_INT:
	case KIND_CHOICE:
		memcpy(to, &u, sizeof(u));
		break;
	case KIND_SIZE_T:
		memcpy(to, &size, sizeof(size));
		break;
	case KIND_CHOICES:
		for (int i = 0; key->list[i]; i++)
			to[i] = (char)(n >> i & 1);
		break;
	default:
		memcpy(to, &n, sizeof(n));
	}
}

static void store_pointer(const struct conf_key *key, void *base, const void *p)
{
	memcpy((char *)base + key->offset, &p, sizeof(p));
}

static void store_count(const struct conf_key *key, void *base, size_t n)
{
	if (key->count)
		memcpy((char *)base + key->count, &n, sizeof(n));
}

void conf_set_defaults(const struct conf_key *keys, void *base)
{
	for (const struct conf_key *key = keys; key->name; key++) {
		switch (key->kind) {
		case KIND_TEXT:
		case KIND_PATH:
		case KIND_URL:
			store_pointer(key, base, key->text);
			break;
		case KIND_TEXTS:
		case KIND_PATHS:
			store_pointer(key, base, key->list);
			break;
		case KIND_MAP:
			conf_set_defaults(key->keys, base);
			break;
		case KIND_MAPS:
		case KIND_PAIRS:
			break;
		default:
			store_number(key, base, key->number);
		}
	}
}

static int read_number(int64_t *out, const struct conf_key *key,
		       const struct yaml *v)
{
	uint64_t size;
	bool b;
	int rc;

	switch (key->kind) {
	case KIND_BOOL:
		rc = yaml_bool(&b, v);
		*out = rc == 0 && b;
		return rc;
	case KIND_INT:
		return yaml_int(out, v);
	case KIND_SPAN:
	case KIND_SPAN_INT:
	case KIND_SPAN_OFF:
		return yaml_span(out, v);
	default:
		rc = yaml_size(&size, v);
		if (rc == 0)
			*out = size > INT64_MAX ? INT64_MAX : (int64_t)size;
		return rc;
	}
}

static bool is_off(const struct yaml *v)
{
	return v->type == YAML_SCALAR &&
	       (str_is(v->text, "off") || str_is(v->text, "false"));
}

static void take_number(struct conf_walk *w, const struct conf_key *key,
			const struct yaml *v, void *base)
{
	struct yaml value;
	int64_t n = 0;

	if (conf_expand(w, v, &value))
		return;
	if (key->kind == KIND_SPAN_OFF && is_off(&value))
		store_number(key, base, 0);
	else if (read_number(&n, key, &value))
		wrong(w, v, expected(key));
	else if (key->kind != KIND_BOOL && (n < key->min || n > key->max))
		out_of_range(w, v, key);
	else
		store_number(key, base, n);
}

/* The text of a scalar, kept; NULL where a fault says why not. */
static const char *take_one_text(struct conf_walk *w,
				 const struct conf_key *key,
				 const struct yaml *v, const char *want)
{
	const char *problem;
	struct yaml value;
	struct str text;

	if (conf_expand(w, v, &value))
		return NULL;
	if (yaml_text(&text, &value)) {
		wrong(w, v, want);
		return NULL;
	}
	if (text.n == 0 || memchr(text.p, '\0', text.n)) {
		conf_fault(w, v, "bad-value", "%s: %s", w->path,
			   text.n ? "it holds a NUL" : "it is empty");
		return NULL;
	}
	if (key->kind == KIND_PATH || key->kind == KIND_PATHS)
		return conf_keep_path(w, text);
	problem = key->kind == KIND_URL ? conf_url_problem(text) : NULL;
	if (problem) {
		conf_fault(w, v, "bad-url", "%s: %s", w->path, problem);
		return NULL;
	}
	return conf_keep(w, text);
}

static void take_texts(struct conf_walk *w, const struct conf_key *key,
		       const struct yaml *v, void *base)
{
	const char **list = NULL;
	size_t n = 0, i = 0;

	if (v->type == YAML_LIST)
		list = conf_alloc(w, (v->count + 1) * sizeof(*list));
	else
		wrong(w, v, expected(key));
	if (!list)
		return;
	for (const struct yaml *item = v->child; item; item = item->next) {
		size_t mark = path_push(w, "[%zu]", i++);

		list[n] = take_one_text(w, key, item,
					key->kind == KIND_PATHS ? "a path"
								: "text");
		n += list[n] != NULL;
		w->path[mark] = '\0';
	}
	store_pointer(key, base, list);
	store_count(key, base, n);
}

static void wrong_choice(struct conf_walk *w, const struct conf_key *key,
			 const struct yaml *v)
{
	const char *near = v->type == YAML_SCALAR && v->text.n
				   ? fault_nearest(v->text, key->list)
				   : NULL;
	struct buf all = BUF_INIT(1000);

	for (int i = 0; key->list[i]; i++)
		if (key->list[i][0])
			buf_printf(&all, "%s%s", all.n ? ", " : "one of ",
				   key->list[i]);
	if (near && near[0])
		buf_printf(&all, " (did you mean \"%s\"?)", near);
	wrong(w, v, buf_str(&all).p);
	buf_fini(&all);
}

/* Index of v's text in the choices, or -1 and a fault. */
static int choice(struct conf_walk *w, const struct conf_key *key,
		  const struct yaml *v)
{
	struct yaml value;

	if (conf_expand(w, v, &value))
		return -1;
	for (int i = 0; key->list[i] && value.type == YAML_SCALAR; i++)
		if (value.text.n && str_is(value.text, key->list[i]))
			return i;
	wrong_choice(w, key, v);
	return -1;
}

static void take_choices(struct conf_walk *w, const struct conf_key *key,
			 const struct yaml *v, void *base)
{
	int64_t set = 0;

	if (v->type != YAML_LIST) {
		wrong(w, v, expected(key));
		return;
	}
	for (const struct yaml *item = v->child; item; item = item->next) {
		int i = choice(w, key, item);

		set |= i < 0 ? 0 : INT64_C(1) << i;
	}
	store_number(key, base, set);
}

static void take_maps(struct conf_walk *w, const struct conf_key *key,
		      const struct yaml *v, void *base)
{
	char *items = NULL;
	size_t i = 0;

	if (v->type == YAML_LIST)
		items = conf_alloc(w, (v->count + 1) * key->item);
	else
		wrong(w, v, expected(key));
	if (!items)
		return;
	for (const struct yaml *item = v->child; item; item = item->next) {
		size_t mark = path_push(w, "[%zu]", i);

		conf_set_defaults(key->keys, items + i * key->item);
		conf_walk_map(w, key->keys, item, items + i * key->item);
		w->path[mark] = '\0';
		i++;
	}
	store_pointer(key, base, items);
	store_count(key, base, i);
}

static void take_pairs(struct conf_walk *w, const struct conf_key *key,
		       const struct yaml *v, void *base)
{
	struct conf_cmdb_filter *pairs = NULL;
	size_t n = 0;

	if (v->type == YAML_MAP)
		pairs = conf_alloc(w, (v->count + 1) * sizeof(*pairs));
	else
		wrong(w, v, expected(key));
	if (!pairs)
		return;
	for (const struct yaml *item = v->child; item; item = item->next) {
		size_t mark = path_push(w, ".%.*s", STR_ARG(item->key));

		pairs[n].field = conf_keep(w, item->key);
		pairs[n].parameter = take_one_text(w, key, item, "text");
		n += pairs[n].field && pairs[n].parameter;
		w->path[mark] = '\0';
	}
	store_pointer(key, base, pairs);
	store_count(key, base, n);
}

static void take_value(struct conf_walk *w, const struct conf_key *key,
		       const struct yaml *v, void *base)
{
	const char *text;
	int i;

	switch (key->kind) {
	case KIND_TEXT:
	case KIND_PATH:
	case KIND_URL:
		text = take_one_text(w, key, v, expected(key));
		if (text)
			store_pointer(key, base, text);
		break;
	case KIND_TEXTS:
	case KIND_PATHS:
		take_texts(w, key, v, base);
		break;
	case KIND_CHOICE:
		i = choice(w, key, v);
		if (i >= 0)
			store_number(key, base, i);
		break;
	case KIND_CHOICES:
		take_choices(w, key, v, base);
		break;
	case KIND_MAP:
		conf_walk_map(w, key->keys, v, base);
		break;
	case KIND_MAPS:
		take_maps(w, key, v, base);
		break;
	case KIND_PAIRS:
		take_pairs(w, key, v, base);
		break;
	default:
		take_number(w, key, v, base);
	}
}

static void unknown(struct conf_walk *w, const struct conf_key *keys,
		    const struct yaml *v)
{
	struct yaml at = { .line = v->key_line, .column = v->key_column };
	const char *names[NAMES_MAX + 1] = { NULL }, *near;

	for (size_t i = 0; i < NAMES_MAX && keys[i].name; i++)
		names[i] = keys[i].name;
	near = fault_nearest(v->key, names);
	conf_fault(w, &at, "unknown-key", "unknown key \"%.*s\"%s%s%s%s%s",
		   STR_ARG(v->key), w->path[0] ? " in " : "", w->path,
		   near ? ", did you mean \"" : "", near ? near : "",
		   near ? "\"?" : "");
}

/* The depth of this recursion is that of our own tables, not of the input. */
void conf_walk_map(struct conf_walk *w, const struct conf_key *keys,
		   const struct yaml *v, void *base)
{
	const struct conf_key *key;

	if (v->type != YAML_MAP) {
		wrong(w, v, "a map");
		return;
	}
	for (const struct yaml *m = v->child; m; m = m->next) {
		size_t mark;

		for (key = keys; key->name && !str_is(m->key, key->name); key++)
			;
		if (!key->name) {
			unknown(w, keys, m);
			continue;
		}
		mark = path_push(w, "%s%s", w->path[0] ? "." : "", key->name);
		/* null stands for the default. */
		if (m->type != YAML_NULL)
			take_value(w, key, m, base);
		w->path[mark] = '\0';
	}
	for (key = keys; key->name; key++) {
		const struct yaml *m = yaml_get(v, key->name);

		if (key->required && (!m || m->type == YAML_NULL))
			conf_fault(w, v, "missing-key", "%s needs \"%s\"",
				   w->path, key->name);
	}
}
