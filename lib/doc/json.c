#include "doc/json.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/clock.h"
#include "doc/flat.h"
#include "doc/jsonw.h"
#include "doc/native.h"

/*
 * A struct json is json-c's object by another name, or json_read()'s; null is
 * NULL in all.
 */
static json_object *native(const struct json *v)
{
	return (json_object *)(uintptr_t)v;
}

static const struct json *foreign(json_object *o)
{
	return (const struct json *)o;
}

void json_free(struct json *root)
{
	if (flat_of(root))
		flat_free(flat_of(root));
	else if (root)
		json_object_put(native(root));
}

enum json_type json_type(const struct json *v)
{
	if (flat_of(v))
		return flat_of(v)->type;
	switch (json_object_get_type(native(v))) {
	case json_type_boolean:
		return JSON_BOOL;
	case json_type_double:
	case json_type_int:
		return JSON_NUMBER;
	case json_type_string:
		return JSON_STRING;
	case json_type_array:
		return JSON_ARRAY;
	case json_type_object:
		return JSON_OBJECT;
	case json_type_null:
		break;
	}
	return JSON_NULL;
}

bool json_is(const struct json *v, enum json_type type)
{
	return json_type(v) == type;
}

const struct json *json_get(const struct json *v, const char *key)
{
	json_object *member = NULL;

	if (!json_is(v, JSON_OBJECT))
		return NULL;
	if (flat_of(v))
		return flat_get(flat_of(v), str_from(key));
	json_object_object_get_ex(native(v), key, &member);
	return foreign(member);
}

const struct json *json_at(const struct json *v, ...)
{
	const char *key;
	va_list ap;

	va_start(ap, v);
	while (v && (key = va_arg(ap, const char *)))
		v = json_get(v, key);
	va_end(ap);
	return v;
}

struct str json_str(const struct json *v)
{
	if (!json_is(v, JSON_STRING))
		return STR_NONE;
	if (flat_of(v))
		return flat_str(flat_of(v));
	return (struct str){ json_object_get_string(native(v)),
			     (size_t)json_object_get_string_len(native(v)) };
}

struct str json_get_str(const struct json *v, const char *key)
{
	return json_str(json_get(v, key));
}

int64_t json_get_time(const struct json *v, const char *key)
{
	int64_t ms;

	return clock_parse(&ms, json_get_str(v, key)) ? 0 : ms;
}

static const char *type_name(enum json_type type)
{
	static const char *const names[] = {
		[JSON_NULL] = "null",	    [JSON_BOOL] = "true or false",
		[JSON_NUMBER] = "a number", [JSON_STRING] = "a string",
		[JSON_ARRAY] = "an array",  [JSON_OBJECT] = "an object",
	};

	return names[type];
}

static int want_str(enum json_type type, struct str key, struct err *err)
{
	if (type == JSON_NULL)
		return 0;
	if (type == JSON_STRING)
		return 1;
	return err_set(err, -EINVAL,
		       "\"%.*s\" should be a string and is %s", STR_ARG(key),
		       type_name(type));
}

int json_want_str(struct str *out, const struct json *v, const char *key,
		  struct err *err)
{
	const struct json *member = json_get(v, key);
	int r = want_str(json_type(member), str_from(key), err);

	if (r > 0)
		*out = json_str(member);
	return r;
}

int json_member_str(struct str *out, const struct json_member *m,
		    struct err *err)
{
	int r = want_str(m->type, m->key, err);

	if (r > 0)
		*out = m->value;
	return r;
}

/*
 * A number's own digits: short integers are kept as json-c's int, all others
 * as a double that carries its text.
 */
static struct str digits_of(const struct json *v)
{
	if (flat_of(v))
		return flat_str(flat_of(v));
	if (json_object_get_type(native(v)) != json_type_double)
		return STR_NONE;
	return str_from(json_object_get_userdata(native(v)));
}

static double to_double(struct str digits)
{
	char text[JSON_NUMBER_MAX + 1];

	memcpy(text, digits.p, digits.n);
	text[digits.n] = '\0';
	return strtod(text, NULL);
}

double json_double(const struct json *v, double def)
{
	struct str digits;
	double d;

	if (!json_is(v, JSON_NUMBER))
		return def;
	digits = digits_of(v);
	if (!digits.p)
		return (double)json_object_get_int64(native(v));
	d = to_double(digits);
	return isfinite(d) ? d : def;
}

int64_t json_int(const struct json *v, int64_t def)
{
	struct str digits;
	int64_t exact;
	double d;

	if (!json_is(v, JSON_NUMBER))
		return def;
	digits = digits_of(v);
	if (!digits.p)
		return json_object_get_int64(native(v));
	if (str_to_i64(&exact, digits) == 0)
		return exact;
	d = to_double(digits);
	if (d >= 0x1p63)
		return INT64_MAX;
	return d <= -0x1p63 ? INT64_MIN : (int64_t)d;
}

bool json_bool(const struct json *v, bool def)
{
	if (!json_is(v, JSON_BOOL))
		return def;
	return flat_of(v) ? flat_of(v)->text[0] == 't' :
			    json_object_get_boolean(native(v));
}

size_t json_count(const struct json *v)
{
	if (flat_of(v))
		return flat_of(v)->count;
	if (json_is(v, JSON_ARRAY))
		return json_object_array_length(native(v));
	if (json_is(v, JSON_OBJECT))
		return (size_t)json_object_object_length(native(v));
	return 0;
}

const struct json *json_item(const struct json *array, size_t i)
{
	if (!json_is(array, JSON_ARRAY) || i >= json_count(array))
		return NULL;
	if (flat_of(array))
		return flat_item(flat_of(array), i);
	return foreign(json_object_array_get_idx(native(array), i));
}

bool json_next(const struct json *object, void **at, struct str *key,
	       const struct json **value)
{
	struct lh_entry *e = *at;

	if (!json_is(object, JSON_OBJECT))
		return false;
	if (flat_of(object))
		return flat_next(flat_of(object), at, key, value);
	e = e ? e->next : json_object_get_object(native(object))->head;
	if (!e)
		return false;
	*at = e;
	*key = str_from(lh_entry_k(e));
	*value = foreign(lh_entry_v(e));
	return true;
}

/* ~1 is a slash and ~0 a tilde; 0, or -EINVAL where neither follows. */
static int pointer_part(struct buf *out, struct str part)
{
	buf_reset(out);
	for (size_t i = 0; i < part.n; i++) {
		char c = part.p[i];

		if (c == '~') {
			c = ++i < part.n ? part.p[i] : '\0';
			if (c != '0' && c != '1')
				return -EINVAL;
			c = c == '0' ? '~' : '/';
		}
		buf_putc(out, c);
	}
	buf_put(out, "", 0);
	return buf_error(out);
}

static const struct json *pointer_step(const struct json *v, struct str part)
{
	uint64_t i;

	if (json_is(v, JSON_OBJECT))
		return memchr(part.p, '\0', part.n) ? NULL
						    : json_get(v, part.p);
	if (!json_is(v, JSON_ARRAY) || str_to_u64(&i, part) ||
	    (part.n > 1 && part.p[0] == '0'))
		return NULL;
	return json_item(v, i);
}

const struct json *json_pointer(const struct json *v, struct str pointer)
{
	struct buf name = BUF_INIT(pointer.n);
	struct str rest = pointer, part;

	if (pointer.n == 0)
		return v;
	if (pointer.p[0] != '/')
		return NULL;
	str_cut(&rest, '/', &part);
	while (v && str_cut(&rest, '/', &part))
		v = pointer_part(&name, part) ? NULL
					      : pointer_step(v, buf_str(&name));
	buf_fini(&name);
	return v;
}

struct str json_text(const struct json *v, struct arena *arena)
{
	struct buf b = BUF_INIT(JSON_TEXT_MAX);
	struct str text;

	switch (json_type(v)) {
	case JSON_NULL:
		return STR_NONE;
	case JSON_STRING:
		return json_str(v);
	case JSON_NUMBER:
		text = digits_of(v);
		if (text.p)
			return text;
		break;
	default:
		break;
	}
	json_put(&b, v);
	text = buf_error(&b) ? STR_NONE : arena_str(arena, buf_str(&b));
	buf_fini(&b);
	return text;
}

static void put_scalar(struct jsonw *w, const struct json *v)
{
	struct str digits;

	switch (json_type(v)) {
	case JSON_BOOL:
		jsonw_bool(w, json_bool(v, false));
		break;
	case JSON_NUMBER:
		digits = digits_of(v);
		if (digits.p)
			jsonw_raw(w, digits);
		else
			jsonw_int(w, json_int(v, 0));
		break;
	case JSON_STRING:
		jsonw_str(w, json_str(v));
		break;
	default:
		jsonw_null(w);
	}
}

/* Where the walk stands in one container. */
struct walk {
	const struct json *in;
	size_t i; /* next item of an array */
	void *at; /* of json_next() */
};

static bool step(struct walk *w, struct str *key, const struct json **value)
{
	if (flat_of(w->in))
		return flat_next(flat_of(w->in), &w->at, key, value);
	if (!json_is(w->in, JSON_ARRAY))
		return json_next(w->in, &w->at, key, value);
	if (w->i >= json_count(w->in))
		return false;
	*value = json_item(w->in, w->i++);
	return true;
}

/* The next value within w, its key written; false (and closed) at the end. */
static bool walk_next(struct jsonw *out, struct walk *w,
		      const struct json **value)
{
	struct str key = STR_NONE;

	if (step(w, &key, value)) {
		if (key.p)
			jsonw_key_str(out, key);
		return true;
	}
	if (json_is(w->in, JSON_ARRAY))
		jsonw_end_array(out);
	else
		jsonw_end_object(out);
	return false;
}

static void wipe_string(const struct json *v)
{
	struct str s = json_str(v);

	if (s.n && !flat_of(v))	/* json-c's own: the tree is ours to spoil */
		explicit_bzero((char *)(uintptr_t)s.p, s.n);
}

void json_free_wiped(struct json *root)
{
	struct walk stack[JSON_DEPTH];
	const struct json *v = root;
	struct str key;
	int depth = 0;

	do {
		if (json_is(v, JSON_OBJECT) || json_is(v, JSON_ARRAY))
			stack[depth++] = (struct walk){ .in = v };
		else
			wipe_string(v);
		while (depth > 0 && !step(&stack[depth - 1], &key, &v))
			depth--;
	} while (depth > 0);
	json_free(root);
}

void json_put(struct buf *out, const struct json *v)
{
	struct walk stack[JSON_DEPTH];
	struct jsonw w = JSONW(out);
	int depth = 0;

	for (;;) {
		if (json_is(v, JSON_OBJECT) || json_is(v, JSON_ARRAY)) {
			stack[depth++] = (struct walk){ .in = v };
			if (json_is(v, JSON_OBJECT))
				jsonw_object(&w);
			else
				jsonw_array(&w);
		} else {
			put_scalar(&w, v);
		}
		while (depth > 0 && !walk_next(&w, &stack[depth - 1], &v))
			depth--;
		if (depth == 0)
			return;
	}
}
