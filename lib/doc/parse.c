#include "doc/json.h"

#include <errno.h>
#include <stdlib.h>

#include "doc/keyset.h"
#include "doc/listen.h"
#include "doc/native.h"

/*
 * json-c's tree, built from what the scanner has passed: nothing is read
 * twice, and json-c's own tokener, which rounds long integers and forgets
 * digits, never sees foreign bytes.
 */
struct build {
	struct listener listener;
	json_object *root;
	json_object *open[JSON_DEPTH];
	int depth;
	struct names *names;
	struct buf text; /* without escapes */
	struct err *err;
};

/*
 * All names of a document, which json-c would copy one by one. The root holds
 * them as its user data, and goes last.
 */
struct names {
	struct names *next;
	size_t used, size;
	char bytes[];
};

#define NAMES_BLOCK 960 /* not a large one to malloc */

static void free_names(struct names *n)
{
	struct names *next;

	for (; n; n = next) {
		next = n->next;
		free(n);
	}
}

static void drop_names(json_object *root, void *names)
{
	(void)root;
	free_names(names);
}

/* A copy with a NUL, NULL when out of memory. */
static char *keep_name(struct build *b, struct str s)
{
	struct names *n = b->names;
	char *p;

	if (!n || n->size - n->used <= s.n) {
		size_t size = s.n < NAMES_BLOCK ? NAMES_BLOCK : s.n + 1;

		n = malloc(sizeof(*n) + size);
		if (!n)
			return NULL;
		n->next = b->names;
		n->used = 0;
		n->size = size;
		b->names = n;
	}
	p = n->bytes + n->used;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	n->used += s.n + 1;
	return p;
}

/* What a string means, borrowed or in b->text. */
static struct str plain(struct build *b, struct str raw, bool escaped)
{
	if (!escaped)
		return raw;
	buf_reset(&b->text);
	json_unescape(&b->text, raw);
	return buf_str(&b->text);
}

static json_object *new_number(struct build *b, struct str text)
{
	int64_t v;

	/* Up to here an int gives back the digits it came from; "-0" not. */
	if (text.n <= 18 && !str_is(text, "-0") && str_to_i64(&v, text) == 0)
		return json_object_new_int64(v);
	/* json_double() reads the text when asked. */
	buf_reset(&b->text);
	buf_put_str(&b->text, text);
	return buf_error(&b->text) ? NULL
				   : json_object_new_double_s(0, b->text.p);
}

/* NULL: out of memory; but null is NULL too. */
static json_object *new_value(struct build *b, const struct scanned *v)
{
	struct str s;

	switch (v->type) {
	case JSON_OBJECT:
		return json_object_new_object();
	case JSON_ARRAY:
		return json_object_new_array();
	case JSON_STRING:
		s = plain(b, v->text, v->escaped);
		return buf_error(&b->text)
			       ? NULL
			       : json_object_new_string_len(s.p, (int)s.n);
	case JSON_BOOL:
		return json_object_new_boolean(v->text.p[0] == 't');
	case JSON_NUMBER:
		return new_number(b, v->text);
	case JSON_NULL:
		break;
	}
	return NULL;
}

/* Into the innermost open container. Takes value; 0 or -ENOMEM. */
static int attach(struct build *b, const struct scanned *v, json_object *value)
{
	json_object *in = b->depth ? b->open[b->depth - 1] : NULL;
	const char *name;
	struct str key;
	int rc = 0;

	if (!in) {
		b->root = value;
	} else if (v->member) {
		key = plain(b, v->key, v->key_escaped);
		name = buf_error(&b->text) ? NULL : keep_name(b, key);
		rc = name ? json_object_object_add_ex(
				    in, name, value,
				    JSON_C_OBJECT_ADD_KEY_IS_NEW |
					    JSON_C_OBJECT_ADD_CONSTANT_KEY)
			  : -1;
	} else {
		rc = json_object_array_add(in, value);
	}
	if (rc == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

static int add(struct listener *l, const struct scanned *v)
{
	struct build *b = (struct build *)l;
	json_object *value = new_value(b, v);
	int rc = -ENOMEM;

	if (value || v->type == JSON_NULL)
		rc = attach(b, v, value);
	if (rc)
		return err_set(b->err, rc, "out of memory");
	if (v->type == JSON_OBJECT || v->type == JSON_ARRAY)
		b->open[b->depth++] = value;
	return 0;
}

static void leave(struct listener *l)
{
	((struct build *)l)->depth--;
}

int json_parse(struct json **out, struct str text, unsigned flags,
	       struct err *err)
{
	struct build b = { .listener = { add, leave }, .err = err };
	int rc;

	buf_init(&b.text, JSON_TEXT_MAX);
	rc = json_scan_to(&b.listener, text, flags, err);
	if (flags & JSON_SECRET)
		buf_wipe(&b.text);
	buf_fini(&b.text);
	if (rc) {
		if (flags & JSON_SECRET)
			json_free_wiped((struct json *)b.root);
		else
			json_object_put(b.root);
		free_names(b.names);
		return rc;
	}
	if (b.names)
		json_object_set_userdata(b.root, b.names, drop_names);
	*out = (struct json *)b.root;
	return 0;
}
